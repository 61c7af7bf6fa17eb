/**
 * The way to the backend, so that the browser talks to one origin only.
 *
 * Bodies are streamed both ways and never held; ranges, ETags and status codes pass unchanged. The
 * backend sees its own Host and an Origin from its list: the guard has already refused foreign pages.
 */
import { Agent, request } from 'node:http';
import { pipeline } from 'node:stream';

import { errorBody, sendError } from './replies.js';

/** @typedef {import('node:http').IncomingMessage} IncomingMessage */
/** @typedef {import('node:http').ServerResponse} ServerResponse */
/** @typedef {import('node:http').OutgoingHttpHeaders} Headers */
/** @typedef {import('node:stream').Duplex} Duplex */
/** @typedef {{ backend: URL, backendOrigin: string, idleMs?: number, handshakeMs?: number }} ProxyOptions */

const HOP_BY_HOP = [
  'connection',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
];

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
  constructor({ backend, backendOrigin, idleMs = 60_000, handshakeMs = 5_000 }) {
    this.backend = backend;
    this.backendOrigin = backendOrigin;
    this.idleMs = idleMs;
    this.handshakeMs = handshakeMs;
  }

  /**
   * Passes one request on and its answer back.
   * @param {IncomingMessage} req
   * @param {ServerResponse} res
   */
  forward(req, res) {
    const upstream = request(this.#target(req, endToEnd(req.headers)));
    upstream.setTimeout(this.idleMs, () => upstream.destroy(new Error('no answer in time')));
    upstream.on('response', (answer) => this.#answer(answer, res));
    upstream.on('error', (error) => this.#failed(error, res));
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
    upstream.setTimeout(this.handshakeMs, () => upstream.destroy(new Error('no answer in time')));
    upstream.on('upgrade', (answer, other, rest) => {
      this.#noteReachable();
      socket.write(rawHead(answer));
      socket.write(rest);
      other.write(head);
      this.#join(socket, other);
    });
    upstream.on('response', (answer) => {
      answer.resume();
      refuseUpgrade(
        socket,
        `${answer.statusCode} ${answer.statusMessage}`,
        'the backend refused the WebSocket',
      );
    });
    upstream.on('error', (error) => {
      this.#noteUnreachable(error);
      refuseUpgrade(socket, '502 Bad Gateway', 'the backend cannot be reached');
    });
    socket.on('close', () => upstream.destroy());
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
      'x-forwarded-for': req.socket.remoteAddress,
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
    this.#noteReachable();
    res.writeHead(answer.statusCode ?? 502, endToEnd(answer.headers));
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
    const late = error.message === 'no answer in time';
    sendError(
      res,
      late ? 504 : 502,
      late ? 'the backend did not answer in time' : 'the backend cannot be reached',
    );
  }

  /** @param {Duplex} browser  @param {Duplex} backend */
  #join(browser, backend) {
    for (const [from, to] of /** @type {const} */ ([
      [browser, backend],
      [backend, browser],
    ])) {
      this.#tunnels.add(from);
      from.on('error', () => to.destroy());
      from.on('close', () => {
        this.#tunnels.delete(from);
        to.destroy();
      });
      from.pipe(to);
    }
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
