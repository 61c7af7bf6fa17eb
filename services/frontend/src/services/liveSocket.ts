/**
 * The connection to the backend's WebSocket, kept open for as long as the page lives.
 *
 *   connecting --open--> live --close, or no sign of life--> waiting --backoff, or wake--> connecting
 *
 * A ping goes out every 25 s. Whatever arrives counts as life; a ping that nothing follows within 10 s
 * means that the connection is dead although nobody closed it (a laptop that slept, a stopped backend).
 * The backoff starts anew only after 10 s of life: a backend that accepts and drops is not healthy.
 */
import type { LiveMessage, LiveStatus } from '../types/live';
import { backoffMs } from './backoff';

const PING_EVERY_MS = 25_000;
const PONG_WITHIN_MS = 10_000;
const HANDSHAKE_MS = 10_000;
const STABLE_AFTER_MS = 10_000;

export interface LiveListener {
  onStatus: (status: LiveStatus) => void;
  onMessage: (message: LiveMessage) => void;
}

/** The part of a WebSocket that is used here. */
export type Socket = Pick<WebSocket, 'onopen' | 'onmessage' | 'onclose' | 'send' | 'close'>;

function parse(text: unknown): LiveMessage | null {
  if (typeof text !== 'string') return null;
  try {
    const message: unknown = JSON.parse(text);
    const typed = message !== null && typeof message === 'object' && 'type' in message;
    return typed && typeof message.type === 'string' ? (message as LiveMessage) : null;
  } catch {
    return null;
  }
}

export class LiveSocket {
  readonly #open: () => Socket;
  readonly #listener: LiveListener;
  readonly #random: () => number;
  #socket: Socket | null = null;
  #status: LiveStatus = { phase: 'connecting' };
  #attempt = 0;
  #openedAt: number | null = null;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(open: () => Socket, listener: LiveListener, random: () => number = Math.random) {
    this.#open = open;
    this.#listener = listener;
    this.#random = random;
  }

  /** Opens the connection. */
  start(): void {
    this.#connect();
  }

  /** Closes it for good. */
  stop(): void {
    this.#drop();
  }

  /** Tries again now instead of waiting: the network came back, or somebody looks at the page. */
  wake(): void {
    if (this.#status.phase === 'waiting') this.#connect();
  }

  #connect(): void {
    this.#drop();
    this.#setStatus({ phase: 'connecting' });
    const socket = this.#open();
    this.#socket = socket;
    socket.onopen = () => {
      this.#opened();
    };
    socket.onmessage = (event: MessageEvent) => {
      this.#received(event.data);
    };
    socket.onclose = () => {
      this.#lost();
    };
    this.#after(HANDSHAKE_MS, () => {
      this.#lost();
    });
  }

  #opened(): void {
    this.#openedAt = Date.now();
    this.#setStatus({ phase: 'live' });
    this.#pingLater();
  }

  #received(text: unknown): void {
    this.#pingLater();
    const message = parse(text);
    if (message !== null) this.#listener.onMessage(message);
  }

  #pingLater(): void {
    this.#after(PING_EVERY_MS, () => {
      this.#socket?.send(JSON.stringify({ type: 'ping' }));
      this.#after(PONG_WITHIN_MS, () => {
        this.#lost();
      });
    });
  }

  #lost(): void {
    const stable = this.#openedAt !== null && Date.now() - this.#openedAt >= STABLE_AFTER_MS;
    if (stable) this.#attempt = 0;
    this.#drop();
    const delay = backoffMs(this.#attempt, this.#random);
    this.#attempt += 1;
    this.#setStatus({ phase: 'waiting', retryAt: Date.now() + delay });
    this.#after(delay, () => {
      this.#connect();
    });
  }

  #drop(): void {
    clearTimeout(this.#timer);
    const socket = this.#socket;
    this.#socket = null;
    this.#openedAt = null;
    if (socket === null) return;
    socket.onopen = socket.onmessage = socket.onclose = null;
    socket.close();
  }

  /** There is only ever one thing to wait for; a new one replaces the old. */
  #after(ms: number, then: () => void): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(then, ms);
  }

  #setStatus(status: LiveStatus): void {
    this.#status = status;
    this.#listener.onStatus(status);
  }
}
