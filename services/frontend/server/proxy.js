/**
 * The way to the backend, so that the browser talks to one origin only.
 *
 * Bodies are streamed both ways and never held; ranges, ETags and status codes pass unchanged. The
 * backend sees its own Host and an Origin from its list: the guard has already refused foreign pages.
 */
import { Agent, request } from 'node:http';
import { Socket } from 'node:net';
import { pipeline } from 'node:stream';

import { errorBody, sendError } from './replies.js';

/** @typedef {import('node:http').IncomingMessage} IncomingMessage */
/** @typedef {import('node:http').ServerResponse} ServerResponse */
/** @typedef {import('node:http').OutgoingHttpHeaders} Headers */
/** @typedef {import('node:stream').Duplex} Duplex */
/** @typedef {{ backend: URL, backendOrigin: string, answerMs?: number, handshakeMs?: number, silenceMs?: number }} ProxyOptions */

// `expect` is with them because our own server has already answered it.
const HOP_BY_HOP = [
  'connection',
  'expect',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
];

const LATE = 'no answer in time';

/** @param {string | undefined} url  @returns {boolean} */
export const isBackendPath = (url = '') => url.startsWith('/api/v1/') || url.startsWith('/thumbnails/');

/** @param {string | undefined} url  @returns {boolean} */
export const isSocketPath = (url = '') => /^\/ws(\?|$)/.test(url);

/** @param {Headers} headers  @returns {Headers} a copy without what concerns one connection only */
const endToEnd = (headers) => {
  const copy = { ...headers };
  const named = String(headers.connection ?? '')
    .toLowerCase()
    .split(/\s*,\s*/);
  for (const name of [...HOP_BY_HOP, ...named]) delete copy[name];
  return copy;
};

/**
 * @param {Duplex} socket
 * @param {string} status for example "502 Bad Gateway"
 * @param {string} error
 */
export function refuseUpgrade(socket, status, error) {
  const body = errorBody(error);
  const head = [
    `HTTP/1.1 ${status}`,
    'Content-Type: application/json; charset=utf-8',
    `Content-Length: ${Buffer.byteLength(body)}`,
    'Connection: close',
  ];
  socket.end(`${head.join('\r\n')}\r\n\r\n${body}`);
}

/** @param {IncomingMessage} answer  @returns {string} the head of an upgrade answer, as it was sent */
const rawHead = (answer) => {
  const lines = [`HTTP/1.1 ${answer.statusCode} ${answer.statusMessage}`];
  for (let i = 0; i < answer.rawHeaders.length; i += 2) {
    lines.push(`${answer.rawHeaders[i]}: ${answer.rawHeaders[i + 1]}`);
  }
  return `${lines.join('\r\n')}\r\n\r\n`;
};

/** Passes requests and WebSockets on to one backend. */
export class BackendProxy {
  // A fresh connection each time: on loopback it costs 0.1 ms, and a kept one may be closed by the
  // backend just as we reuse it, which would look like a failure to the browser.
  #agent = new Agent({ keepAlive: false, maxSockets: 256 });
  /** @type {Set<Duplex>} */
  #tunnels = new Set();
  #reachable = true;

  /** @param {ProxyOptions} options */
  constructor({ backend, backendOrigin, answerMs = 60_000, handshakeMs = 5_000, silenceMs = 120_000 }) {
    this.backend = backend;
    this.backendOrigin = backendOrigin;
    this.answerMs = answerMs;
    this.handshakeMs = handshakeMs;
    // The page pings every 25 s and the backend ends after 60 s; this is for ends that just vanished.
    this.silenceMs = silenceMs;
  }

  /**
   * Passes one request on and its answer back.
   * @param {IncomingMessage} req
   * @param {ServerResponse} res
   */
  forward(req, res) {
    const upstream = request(this.#target(req, endToEnd(req.headers)));
    upstream.setTimeout(this.answerMs, () => upstream.destroy(new Error(LATE)));
    upstream.on('response', (answer) => {
      // From here on the browser's side has the deadline: a film that somebody has paused is no fault.
      upstream.setTimeout(0);
      this.#answer(answer, res);
    });
    upstream.on('error', (error) => this.#failed(error, res));
    upstream.on('close', () => {
      if (!res.headersSent) this.#failed(new Error('it hung up'), res);
    });
    res.on('close', () => upstream.destroy());
    req.pipe(upstream);
  }

  /**
   * Opens a tunnel for a WebSocket.
   * @param {IncomingMessage} req
   * @param {Duplex} socket
   * @param {Buffer} head what the browser sent after its request
   */
  upgrade(req, socket, head) {
    const headers = { ...endToEnd(req.headers), connection: 'Upgrade', upgrade: 'websocket' };
    const upstream = request(this.#target(req, headers));
    upstream.setTimeout(this.handshakeMs, () => upstream.destroy(new Error(LATE)));
    upstream.on('upgrade', (answer, other, rest) => {
      this.#noteReachable();
      socket.write(rawHead(answer));
      socket.write(rest);
      other.write(head);
      this.#join(socket, other);
    });
    upstream.on('response', (answer) => {
      answer.resume();
      const { statusCode = 0, statusMessage } = answer;
      const status = statusCode < 400 ? '502 Bad Gateway' : `${statusCode} ${statusMessage}`;
      refuseUpgrade(socket, status, 'the backend refused the WebSocket');
    });
    upstream.on('error', (error) => {
      this.#noteUnreachable(error);
      refuseUpgrade(socket, '502 Bad Gateway', 'the backend cannot be reached');
    });
    this.#hold(socket, upstream);
    upstream.end();
  }

  /** Ends every open WebSocket; the browsers reconnect by themselves. */
  closeTunnels() {
    for (const socket of this.#tunnels) socket.destroy();
  }

  /** @param {IncomingMessage} req  @param {Headers} headers  @returns {import('node:http').RequestOptions} */
  #target(req, headers) {
    const { hostname, port, host } = this.backend;
    const origin = headers.origin === undefined ? {} : { origin: this.backendOrigin };
    const forwarded = {
      'x-forwarded-host': req.headers.host,
      'x-forwarded-proto': 'http',
      'x-forwarded-for': req.socket.remoteAddress ?? '',
    };
    return {
      agent: headers.upgrade === undefined ? this.#agent : false,
      hostname: hostname.replace(/^\[(.*)\]$/, '$1'),
      port: port || 80,
      method: req.method,
      path: req.url,
      headers: { ...headers, ...forwarded, ...origin, host },
    };
  }

  /** @param {IncomingMessage} answer  @param {ServerResponse} res */
  #answer(answer, res) {
    const { statusCode = 0, headers } = answer;
    if (statusCode < 200) {
      answer.destroy(new Error(`an impossible status, ${statusCode}`));
      sendError(res, 502, 'the backend gave an answer that makes no sense');
      return;
    }
    this.#noteReachable();
    res.writeHead(statusCode, endToEnd(headers));
    // A body that breaks off must break off for the browser too, or half a film would look whole.
    pipeline(answer, res, (error) => error && res.destroy());
  }

  /** @param {Error} error  @param {ServerResponse} res */
  #failed(error, res) {
    if (res.destroyed || res.writableEnded) return;
    if (res.headersSent) {
      res.destroy();
      return;
    }
    this.#noteUnreachable(error);
    const late = error.message === LATE;
    sendError(
      res,
      late ? 504 : 502,
      late ? 'the backend did not answer in time' : 'the backend cannot be reached',
    );
  }

  /** @param {Duplex} browser  @param {Duplex} backend */
  #join(browser, backend) {
    this.#hold(backend, browser);
    browser.on('close', () => backend.destroy());
    browser.pipe(backend);
    backend.pipe(browser);
  }

  /**
   * Keeps one end of a tunnel until it closes or falls silent; the other end goes with it.
   * @param {Duplex} socket
   * @param {{ destroy: () => unknown }} other
   */
  #hold(socket, other) {
    this.#tunnels.add(socket);
    if (socket instanceof Socket) socket.setTimeout(this.silenceMs, () => socket.destroy());
    socket.on('error', () => socket.destroy());
    socket.on('close', () => {
      this.#tunnels.delete(socket);
      other.destroy();
    });
  }

  #noteReachable() {
    if (this.#reachable) return;
    this.#reachable = true;
    console.log(`backend ${this.backend.origin} answers again`);
  }

  /** @param {Error} error  One line per outage: a page that retries must not fill the log. */
  #noteUnreachable(error) {
    if (!this.#reachable) return;
    this.#reachable = false;
    console.error(`backend ${this.backend.origin} cannot be reached: ${error.message || error.name}`);
  }
}
