/** The server itself: guard, then health, stack, backend, pages, in this order. */
import { createServer } from 'node:http';

import { refusal } from './guard.js';
import { servePage } from './pages.js';
import { BackendProxy, isBackendPath, isSocketPath, refuseUpgrade } from './proxy.js';
import { securityHeaders, sendError, sendJson } from './replies.js';
import { StackHealth } from './stack.js';

/** @typedef {import('node:http').IncomingMessage} IncomingMessage */
/** @typedef {import('node:http').ServerResponse} ServerResponse */
/** @typedef {import('./config.js').Config} Config */

const HEADERS_TIMEOUT_MS = 10_000;
const IDLE_TIMEOUT_MS = 120_000;
const MAX_CONNECTIONS = 1024;
const STATUS_WORDS = /** @type {Record<number, string>} */ ({
  400: '400 Bad Request',
  403: '403 Forbidden',
  421: '421 Misdirected Request',
});

/** @param {string | undefined} url  @returns {string} */
const pathOf = (url = '/') => url.split(/[?#]/, 1)[0] ?? '/';

/** @param {IncomingMessage} req  @param {ServerResponse} res  @param {() => unknown} answer */
async function sendOwn(req, res, answer) {
  if (req.method === 'GET' || req.method === 'HEAD') {
    sendJson(res, 200, JSON.stringify(await answer()));
    return;
  }
  sendError(res, 405, 'only GET and HEAD are possible here', { Allow: 'GET, HEAD' });
}

/** The frontend's HTTP server: listens, answers, and closes within its grace. */
export class FrontendServer {
  /** @param {Config} config */
  constructor(config) {
    this.config = config;
    this.stack = new StackHealth(config.targets);
    this.proxy = new BackendProxy(config);
    this.headers = Object.entries(securityHeaders(config.backend));
    this.http = createServer({ requestTimeout: 0, headersTimeout: HEADERS_TIMEOUT_MS });
    this.http.maxConnections = MAX_CONNECTIONS;
    // Uploads may take as long as they move; only silence is bounded.
    this.http.setTimeout(IDLE_TIMEOUT_MS);
    this.http.on('request', (req, res) => void this.#request(req, res));
    this.http.on('upgrade', (req, socket, head) => this.#upgrade(req, socket, head));
  }

  /** Starts to listen. @returns {Promise<number>} the port */
  listen() {
    const { host, port } = this.config;
    return new Promise((resolve, reject) => {
      this.http.once('error', reject);
      this.http.listen(port, host, () => {
        this.http.off('error', reject);
        const address = this.http.address();
        resolve(typeof address === 'object' && address !== null ? address.port : port);
      });
    });
  }

  /** Stops accepting, lets answers finish for `graceMs`, then closes what is left. @param {number} graceMs */
  async close(graceMs) {
    this.proxy.closeTunnels();
    const closed = new Promise((resolve) => this.http.close(resolve));
    this.http.closeIdleConnections();
    const timer = setTimeout(() => {
      this.proxy.closeTunnels();
      this.http.closeAllConnections();
    }, graceMs);
    await closed;
    clearTimeout(timer);
  }

  /** @param {IncomingMessage} req  @param {ServerResponse} res */
  async #request(req, res) {
    for (const [name, value] of this.headers) res.setHeader(name, value);
    try {
      await this.#route(req, res);
    } catch (error) {
      if (req.destroyed || res.destroyed || res.headersSent) {
        res.destroy(); // The browser went away, or half an answer is out: nothing can be said any more.
        return;
      }
      console.error(`${req.method} ${pathOf(req.url)} failed: ${error}`);
      sendError(res, 500, 'the frontend server failed');
    }
  }

  /** @param {IncomingMessage} req  @param {ServerResponse} res */
  async #route(req, res) {
    const refused = refusal(req, this.config.allowedHosts);
    if (refused !== null) return sendError(res, refused.status, refused.error);
    const path = pathOf(req.url);
    if (path === '/api/health') return sendOwn(req, res, () => ({ status: 'healthy' }));
    if (path === '/api/stack') return sendOwn(req, res, () => this.stack.read());
    if (isBackendPath(path)) return this.proxy.forward(req, res);
    if (isSocketPath(path))
      return sendError(res, 426, 'this path speaks WebSocket', { Upgrade: 'websocket' });
    if (path.startsWith('/api/')) return sendError(res, 404, 'there is no such path');
    return servePage(this.config.distDir, req, res);
  }

  /** @param {IncomingMessage} req  @param {import('node:stream').Duplex} socket  @param {Buffer} head */
  #upgrade(req, socket, head) {
    // A browser that goes away while it is refused must not end the server.
    socket.on('error', () => socket.destroy());
    const refused = refusal(req, this.config.allowedHosts);
    if (refused !== null) {
      return refuseUpgrade(socket, STATUS_WORDS[refused.status] ?? '400 Bad Request', refused.error);
    }
    if (!isSocketPath(req.url)) return refuseUpgrade(socket, '404 Not Found', 'no WebSocket lives here');
    try {
      return this.proxy.upgrade(req, socket, head);
    } catch (error) {
      console.error(`the WebSocket could not be passed on: ${error}`);
      return refuseUpgrade(socket, '500 Internal Server Error', 'the frontend server failed');
    }
  }
}
