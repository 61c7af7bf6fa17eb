import { expect, test } from 'vitest';

import { readQuery, writeQuery } from '../hooks/useLibraryQuery';
import { listPath } from './assetApi';

test('the list is asked for with page, order and only the filters that are set', () => {
  expect(listPath({ q: '  ', type: 'all', sort: 'newest' }, 1)).toBe(
    '/api/v1/assets?page=1&per_page=60&sort=created_at&order=desc',
  );
  expect(listPath({ q: ' sun & sea ', type: 'video', sort: 'title' }, 3)).toBe(
    '/api/v1/assets?page=3&per_page=60&sort=title&order=asc&q=sun+%26+sea&type=video',
  );
});

test('a query survives the way through the address', () => {
  const query = { q: 'sun & sea', type: 'image', sort: 'largest' } as const;
  expect(readQuery(writeQuery(query))).toEqual(query);
});

test('an address with nonsense in it shows everything, newest first', () => {
  expect(readQuery('?type=music&sort=toString')).toEqual({ q: '', type: 'all', sort: 'newest' });
  expect(writeQuery({ q: '', type: 'all', sort: 'newest' })).toBe('');
});
