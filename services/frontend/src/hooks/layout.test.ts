import { expect, test } from 'vitest';

import { layoutFor } from '../components/MediaLibrary/AssetGrid';
import type { Asset, AssetPage } from '../types/asset';
import { flatten } from './useAssets';
import { stepFor } from './useRovingFocus';
import { summarize } from './useStackHealth';

test.each([
  [0, 1],
  [358, 2],
  [559, 3],
  [1192, 4],
  [2000, 7],
])('a grid of %s pixels has %s columns', (width, columns) => {
  expect(layoutFor(width).columns).toBe(columns);
});

// Seven items in three columns: rows 0-2, 3-5, 6.
test.each([
  ['ArrowRight', 0, 1],
  ['ArrowRight', 6, 6],
  ['ArrowLeft', 0, 0],
  ['ArrowDown', 1, 4],
  ['ArrowDown', 4, 6],
  ['ArrowDown', 6, 6],
  ['ArrowUp', 4, 1],
  ['ArrowUp', 1, 1],
  ['Home', 5, 0],
  ['End', 0, 6],
  ['a', 3, null],
])('%s leads from item %s to %s', (key, from, to) => {
  expect(stepFor(key, from, 3, 7)).toBe(to);
});

test('an asset that two pages hold is shown once, in its newer form', () => {
  const page = (...items: [number, string][]) =>
    ({ items: items.map(([id, title]) => ({ id, title }) as Asset) }) as AssetPage;
  const assets = flatten([page([1, 'a'], [2, 'old']), page([2, 'new'], [3, 'c'])]);
  expect(assets.map((asset) => asset.title)).toEqual(['a', 'new', 'c']);
});

test('the worst service is the one that is named', () => {
  const service = (name: string, state: 'healthy' | 'degraded' | 'down') => ({
    name,
    state,
    url: '',
    status_code: null,
    latency_ms: null,
    detail: null,
    since: '',
  });
  const services = [service('a', 'healthy'), service('b', 'degraded'), service('c', 'down')];
  expect(summarize(services)).toEqual({ healthy: 1, worst: services[2], more: 1 });
  expect(summarize([service('a', 'healthy')])).toEqual({ healthy: 1, worst: undefined, more: 0 });
});
