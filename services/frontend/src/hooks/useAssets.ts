import { keepPreviousData, useInfiniteQuery, useQuery, type UseQueryResult } from '@tanstack/react-query';
import { useMemo } from 'react';

import { getAsset, type LibraryQuery, listAssets } from '../services/assetApi';
import type { Asset, AssetPage } from '../types/asset';

const nextPage = ({ meta }: AssetPage): number | undefined =>
  meta.page < meta.pages ? meta.page + 1 : undefined;

const RETRY_MS = 10_000;

/** Rows that were added while somebody scrolled shift the pages; nobody wants to see one asset twice. */
export function flatten(pages: AssetPage[]): Asset[] {
  const byId = new Map<number, Asset>();
  for (const asset of pages.flatMap((page) => page.items)) byId.set(asset.id, asset);
  return [...byId.values()];
}

/** The assets that a query wants, page after page as the user scrolls. */
export function useAssets(query: LibraryQuery) {
  const result = useInfiniteQuery({
    queryKey: ['assets', query],
    queryFn: ({ pageParam, signal }) => listAssets(query, pageParam, signal),
    initialPageParam: 1,
    getNextPageParam: nextPage,
    placeholderData: keepPreviousData,
    // An error ends by itself: nobody should have to find out when the backend is well again.
    refetchInterval: ({ state }) => (state.status === 'error' ? RETRY_MS : false),
  });
  const pages = result.data?.pages;
  const assets = useMemo(() => flatten(pages ?? []), [pages]);
  return { ...result, assets, total: pages?.[0]?.meta.total ?? 0 };
}

/** One asset, shown from the list at once and fetched anew. */
export function useAsset(known: Asset): UseQueryResult<Asset> {
  return useQuery({
    queryKey: ['asset', known.id],
    queryFn: ({ signal }) => getAsset(known.id, signal),
    placeholderData: known,
  });
}
