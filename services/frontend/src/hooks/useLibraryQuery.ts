import { useCallback, useState } from 'react';

import { type LibraryQuery, SORTS, type SortName } from '../services/assetApi';

const isSort = (text: string | null): text is SortName => text !== null && Object.hasOwn(SORTS, text);

/** Reads the query out of the address, so that a reload or a shared link shows the same. */
export function readQuery(search: string): LibraryQuery {
  const params = new URLSearchParams(search);
  const type = params.get('type');
  const sort = params.get('sort');
  return {
    q: params.get('q') ?? '',
    type: type === 'video' || type === 'image' ? type : 'all',
    sort: isSort(sort) ? sort : 'newest',
  };
}

/** Writes the query as the address' search part; what is at its default is left out. */
export function writeQuery(query: LibraryQuery): string {
  const params = new URLSearchParams();
  if (query.q !== '') params.set('q', query.q);
  if (query.type !== 'all') params.set('type', query.type);
  if (query.sort !== 'newest') params.set('sort', query.sort);
  const text = params.toString();
  return text === '' ? '' : `?${text}`;
}

/** What the library shows, kept in the address. */
export function useLibraryQuery(): [LibraryQuery, (change: Partial<LibraryQuery>) => void] {
  const [query, setQuery] = useState(() => readQuery(window.location.search));
  const change = useCallback(
    (part: Partial<LibraryQuery>) => {
      const next = { ...query, ...part };
      window.history.replaceState(null, '', window.location.pathname + writeQuery(next));
      setQuery(next);
    },
    [query],
  );
  return [query, change];
}
