import { afterEach, beforeEach, expect, test, vi } from 'vitest';

import { FakeSockets } from '../test/fakeSocket';
import { LiveUpdates } from './liveUpdates';

let sockets: FakeSockets;
let refetch: ReturnType<typeof vi.fn<() => void>>;
let live: LiveUpdates;
let stop: () => void;

const update = (seq: number, data: object) => {
  sockets.last.say({ type: 'processing_update', seq, data });
};

beforeEach(() => {
  vi.useFakeTimers();
  sockets = new FakeSockets();
  refetch = vi.fn<() => void>();
  live = new LiveUpdates(sockets.open, refetch);
  stop = live.start();
  sockets.last.accept();
});

afterEach(() => {
  stop();
  vi.useRealTimers();
});

test('the progress of an asset can be read until it ends', () => {
  update(1, { asset_id: 7, progress: 40, stage: 'thumbnail', status: 'thumbnailing' });
  expect(live.progressOf(7)).toEqual({ percent: 40, stage: 'thumbnail', status: 'thumbnailing' });
  update(2, { asset_id: 7, progress: 100, status: 'ready' });
  expect(live.progressOf(7)).toBeUndefined();
});

test('a progress beyond its bounds is brought within them', () => {
  update(1, { asset_id: 7, progress: 250 });
  expect(live.progressOf(7)?.percent).toBe(100);
});

test('a thousand updates in a second are one refetch', () => {
  for (let seq = 1; seq <= 1000; seq += 1) update(seq, { asset_id: seq, status: 'ready' });
  expect(refetch).not.toHaveBeenCalled();
  vi.advanceTimersByTime(1000);
  expect(refetch).toHaveBeenCalledTimes(1);
});

test('progress alone asks for nothing again', () => {
  update(1, { asset_id: 7, progress: 10 });
  vi.advanceTimersByTime(1000);
  update(2, { asset_id: 7, progress: 20 });
  vi.advanceTimersByTime(5000);
  expect(refetch).toHaveBeenCalledTimes(1);
});

test('a missing number means that an update was lost, and the lists are fetched again', () => {
  update(1, { asset_id: 7, progress: 10 });
  vi.advanceTimersByTime(1000);
  update(4, { asset_id: 7, progress: 20 });
  vi.advanceTimersByTime(1000);
  expect(refetch).toHaveBeenCalledTimes(2);
});

test('after a reconnect the lists are fetched again and old progress is forgotten', () => {
  update(1, { asset_id: 7, progress: 10 });
  vi.advanceTimersByTime(1000);
  sockets.last.drop();
  vi.advanceTimersByTime(500);
  sockets.last.accept();
  expect(live.progressOf(7)).toBeUndefined();
  vi.advanceTimersByTime(1000);
  expect(refetch).toHaveBeenCalledTimes(2);
});

test('a first connection needs no refetch', () => {
  vi.advanceTimersByTime(5000);
  expect(refetch).not.toHaveBeenCalled();
});

test('the network coming back ends a wait at once', () => {
  sockets.last.drop();
  window.dispatchEvent(new Event('online'));
  expect(sockets.all).toHaveLength(2);
});

test('updates without an asset are survived', () => {
  sockets.last.say({ type: 'processing_update' });
  update(1, {});
  expect(live.status()).toEqual({ phase: 'live' });
});
