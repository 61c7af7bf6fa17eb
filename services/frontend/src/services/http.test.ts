import { afterEach, expect, test, vi } from 'vitest';

import { ApiError, getJson } from './http';

const { signal } = new AbortController();
const answer = (status: number, body: string) => {
  vi.stubGlobal('fetch', () => Promise.resolve(new Response(body, { status })));
};

afterEach(() => {
  vi.unstubAllGlobals();
});

test('a body is returned as it was sent', async () => {
  answer(200, '{"items":[]}');
  expect(await getJson('/api', signal)).toEqual({ items: [] });
});

test.each([
  [404, '{"error":"no such asset"}', 'no such asset'],
  [500, '<html>', 'the server answered 500'],
  [200, 'not json', 'the server did not answer with JSON'],
])('an answer of %s with %s is an error that says "%s"', async (status, body, message) => {
  answer(status, body);
  await expect(getJson('/api', signal)).rejects.toEqual(new ApiError(message, status));
});

test.each([
  [new TypeError('Failed to fetch'), 'the server cannot be reached'],
  [new DOMException('late', 'TimeoutError'), 'no answer in time'],
])('no answer is an error without a status', async (cause, message) => {
  vi.stubGlobal('fetch', () => Promise.reject(cause));
  await expect(getJson('/api', signal)).rejects.toEqual(new ApiError(message, null));
});
