import type { Asset, AssetPage, MediaKind } from '../types/asset';
import { getJson } from './http';

const PER_PAGE = 60;

export const SORTS = {
  newest: { label: 'Newest', sort: 'created_at', order: 'desc' },
  changed: { label: 'Changed', sort: 'updated_at', order: 'desc' },
  title: { label: 'Title', sort: 'title', order: 'asc' },
  largest: { label: 'Largest', sort: 'file_size', order: 'desc' },
  longest: { label: 'Longest', sort: 'duration', order: 'desc' },
} as const;

export type SortName = keyof typeof SORTS;

/** What of the library is wanted, and in which order. */
export interface LibraryQuery {
  q: string;
  type: MediaKind | 'all';
  sort: SortName;
}

/** The path and query string of one page of the list. */
export function listPath(query: LibraryQuery, page: number): string {
  const { sort, order } = SORTS[query.sort];
  const params = new URLSearchParams({ page: String(page), per_page: String(PER_PAGE), sort, order });
  if (query.q.trim() !== '') params.set('q', query.q.trim());
  if (query.type !== 'all') params.set('type', query.type);
  return `/api/v1/assets?${params.toString()}`;
}

/** Fetches one page of the list. */
export const listAssets = (query: LibraryQuery, page: number, signal: AbortSignal): Promise<AssetPage> =>
  getJson<AssetPage>(listPath(query, page), signal);

/** Fetches one asset. */
export const getAsset = (id: number, signal: AbortSignal): Promise<Asset> =>
  getJson<Asset>(`/api/v1/assets/${id}`, signal);

/** Where the file itself is streamed from. */
export const streamUrl = (id: number): string => `/api/v1/assets/${id}/stream`;
