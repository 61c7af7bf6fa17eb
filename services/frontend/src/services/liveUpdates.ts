/**
 * What the WebSocket tells, in the form that the pages read: the state of the connection, the progress
 * of single assets, and one call when lists have to be fetched again.
 *
 * Lists are refetched when an asset appears or ends its processing, after every reconnect, and when a
 * sequence number is missing: updates may be lost while nobody is connected. Refetches are bundled, so a
 * scan of a thousand files costs one request a second and not a thousand.
 */
import type { LiveMessage, LiveStatus, Progress } from '../types/live';
import { LiveSocket, type Socket } from './liveSocket';

const BUNDLE_MS = 1000;
const MAX_TRACKED = 1000;
const ENDINGS = new Set(['ready', 'completed', 'complete', 'done', 'failed', 'error', 'offline']);
const LIST_CHANGES = new Set(['asset_created', 'asset_updated', 'asset_deleted', 'resync_required']);

type Data = NonNullable<LiveMessage['data']>;

const toProgress = (data: Data): Progress => ({
  percent: typeof data.progress === 'number' ? Math.min(100, Math.max(0, data.progress)) : null,
  stage: data.stage ?? null,
  status: data.status ?? null,
});

export class LiveUpdates {
  readonly #socket: LiveSocket;
  readonly #refetch: () => void;
  readonly #listeners = new Set<() => void>();
  readonly #progress = new Map<number, Progress>();
  #status: LiveStatus = { phase: 'connecting' };
  /** Updates may have passed unheard since the last time the lists were fetched. */
  #missed = false;
  #lastSeq: number | null = null;
  #bundle: ReturnType<typeof setTimeout> | undefined;

  /** `refetch` is called when lists may be out of date. */
  constructor(open: () => Socket, refetch: () => void) {
    this.#refetch = refetch;
    this.#socket = new LiveSocket(open, {
      onStatus: (status) => {
        this.#changedStatus(status);
      },
      onMessage: (message) => {
        this.#received(message);
      },
    });
  }

  /** Connects, and returns what ends it. */
  start(): () => void {
    const wake = () => {
      if (document.visibilityState === 'visible') this.wake();
    };
    window.addEventListener('online', wake);
    document.addEventListener('visibilitychange', wake);
    this.#socket.start();
    return () => {
      window.removeEventListener('online', wake);
      document.removeEventListener('visibilitychange', wake);
      clearTimeout(this.#bundle);
      this.#bundle = undefined;
      this.#socket.stop();
    };
  }

  /** Reconnects now if the connection is waiting for its next attempt. */
  wake(): void {
    this.#socket.wake();
  }

  readonly subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };

  readonly status = (): LiveStatus => this.#status;

  /** The progress of one asset, or undefined when it is not being processed. */
  progressOf(id: number): Progress | undefined {
    return this.#progress.get(id);
  }

  #changedStatus(status: LiveStatus): void {
    this.#status = status;
    if (status.phase === 'waiting') this.#missed = true;
    if (status.phase === 'live') this.#startAfresh();
    this.#tell();
  }

  #startAfresh(): void {
    this.#lastSeq = null;
    this.#progress.clear();
    if (this.#missed) this.#refetchSoon();
    this.#missed = false;
  }

  #received(message: LiveMessage): void {
    this.#noteSeq(message);
    if (message.type === 'processing_update' && message.data !== undefined) this.#processed(message.data);
    if (LIST_CHANGES.has(message.type)) this.#refetchSoon();
  }

  #noteSeq({ type, seq }: LiveMessage): void {
    if (type !== 'processing_update' || typeof seq !== 'number') return;
    if (this.#lastSeq !== null && seq > this.#lastSeq + 1) this.#refetchSoon();
    this.#lastSeq = seq;
  }

  #processed(data: Data): void {
    const id = data.asset_id;
    if (typeof id !== 'number') return;
    const ended = ENDINGS.has(data.status ?? '');
    if (ended || !this.#progress.has(id)) this.#refetchSoon();
    if (ended) this.#progress.delete(id);
    else this.#track(id, toProgress(data));
    this.#tell();
  }

  #track(id: number, progress: Progress): void {
    const oldest = this.#progress.keys().next().value;
    if (this.#progress.size >= MAX_TRACKED && oldest !== undefined) this.#progress.delete(oldest);
    this.#progress.set(id, progress);
  }

  #refetchSoon(): void {
    this.#bundle ??= setTimeout(() => {
      this.#bundle = undefined;
      this.#refetch();
    }, BUNDLE_MS);
  }

  #tell(): void {
    for (const listener of this.#listeners) listener();
  }
}
