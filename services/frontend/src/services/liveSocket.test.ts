import { afterEach, beforeEach, expect, test, vi } from 'vitest';

import { FakeSockets } from '../test/fakeSocket';
import type { LiveMessage, LiveStatus } from '../types/live';
import { backoffMs } from './backoff';
import { LiveSocket } from './liveSocket';

let sockets: FakeSockets;
let statuses: LiveStatus['phase'][];
let messages: LiveMessage[];
let socket: LiveSocket;

beforeEach(() => {
  vi.useFakeTimers();
  [sockets, statuses, messages] = [new FakeSockets(), [], []];
  const listener = {
    onStatus: ({ phase }: LiveStatus) => statuses.push(phase),
    onMessage: (message: LiveMessage) => messages.push(message),
  };
  socket = new LiveSocket(sockets.open, listener, () => 1);
  socket.start();
});

afterEach(() => {
  socket.stop();
  vi.useRealTimers();
});

test('the waits double up to half a minute, and half of each is random', () => {
  expect([0, 1, 2, 6, 50].map((attempt) => backoffMs(attempt, () => 1))).toEqual([
    500, 1000, 2000, 30_000, 30_000,
  ]);
  expect(backoffMs(2, () => 0)).toBe(1000);
});

test('it pings every 25 seconds for as long as it is answered', () => {
  sockets.last.accept();
  for (let i = 0; i < 3; i += 1) {
    vi.advanceTimersByTime(25_000);
    sockets.last.say({ type: 'pong' });
  }
  expect(sockets.last.sent).toEqual(Array(3).fill('{"type":"ping"}'));
  expect(statuses).toEqual(['connecting', 'live']);
});

test('a ping that nothing follows within 10 seconds ends the connection', () => {
  sockets.last.accept();
  vi.advanceTimersByTime(34_999);
  expect(statuses.at(-1)).toBe('live');
  vi.advanceTimersByTime(1);
  expect(statuses.at(-1)).toBe('waiting');
  expect(sockets.last.isClosed).toBe(true);
});

test('each failed attempt is followed by a longer wait', () => {
  const waits = [500, 1000, 2000];
  for (const [attempt, wait] of waits.entries()) {
    sockets.last.drop();
    vi.advanceTimersByTime(wait - 1);
    expect(sockets.all).toHaveLength(attempt + 1);
    vi.advanceTimersByTime(1);
    expect(sockets.all).toHaveLength(attempt + 2);
  }
});

test('the waits start anew after 10 seconds of life, and not after an accept alone', () => {
  sockets.last.accept();
  sockets.last.drop();
  vi.advanceTimersByTime(500);
  sockets.last.accept();
  sockets.last.drop();
  vi.advanceTimersByTime(999);
  expect(sockets.all).toHaveLength(2);
  vi.advanceTimersByTime(1);
  sockets.last.accept();
  vi.advanceTimersByTime(10_000);
  sockets.last.drop();
  vi.advanceTimersByTime(500);
  expect(sockets.all).toHaveLength(4);
});

test('a handshake that does not end is given up', () => {
  vi.advanceTimersByTime(10_000);
  expect(statuses).toEqual(['connecting', 'waiting']);
});

test('being woken cuts a wait short, and changes nothing while it is live', () => {
  sockets.last.drop();
  socket.wake();
  expect(sockets.all).toHaveLength(2);
  sockets.last.accept();
  socket.wake();
  expect(sockets.all).toHaveLength(2);
});

test('what is not a message with a type is ignored', () => {
  sockets.last.accept();
  for (const text of ['{', '7', 'null', '{"type":3}', '[]']) sockets.last.say(text);
  sockets.last.say({ type: 'connection' });
  expect(messages).toEqual([{ type: 'connection' }]);
});

test('once stopped it stays closed', () => {
  const { last } = sockets;
  socket.stop();
  last.drop();
  vi.advanceTimersByTime(120_000);
  expect([last.isClosed, sockets.all.length]).toEqual([true, 1]);
});
