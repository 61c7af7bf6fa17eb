/**
 * The built pages: files of dist/ with their types, and index.html for the paths the app routes itself.
 *
 * Files are looked up on each request, so that a rebuild shows without a restart. Vite puts a content
 * hash into the names below assets/, which is why those may be kept for ever and nothing else may.
 */
import { open, realpath } from 'node:fs/promises';
import path from 'node:path';
import { pipeline } from 'node:stream/promises';

import { sendError } from './replies.js';

/** @typedef {import('node:http').IncomingMessage} IncomingMessage */
/** @typedef {import('node:http').ServerResponse} ServerResponse */
/** @typedef {{ handle: import('node:fs/promises').FileHandle, stats: import('node:fs').Stats, name: string }} Page */

/** @type {Record<string, string>} */
const TYPES = {
  '.css': 'text/css; charset=utf-8',
  '.html': 'text/html; charset=utf-8',
  '.ico': 'image/x-icon',
  '.js': 'text/javascript; charset=utf-8',
  '.json': 'application/json; charset=utf-8',
  '.map': 'application/json; charset=utf-8',
  '.png': 'image/png',
  '.svg': 'image/svg+xml; charset=utf-8',
  '.txt': 'text/plain; charset=utf-8',
  '.webmanifest': 'application/manifest+json; charset=utf-8',
  '.woff2': 'font/woff2',
};

/** @param {string} name  @returns {string} */
const cacheControl = (name) =>
  name.startsWith('assets/') ? 'public, max-age=31536000, immutable' : 'no-cache';

/**
 * Opens a file that truly lies below the root (symbolic links followed), or null.
 * @param {string} root
 * @param {string} name
 * @returns {Promise<Page | null>}
 */
async function openPage(root, name) {
  let handle;
  try {
    const base = await realpath(root);
    const file = await realpath(path.join(base, name));
    if (!file.startsWith(base + path.sep)) return null;
    handle = await open(file, 'r');
    const stats = await handle.stat();
    if (stats.isFile()) return { handle, stats, name };
  } catch {
    // Missing and unreadable look the same from outside: there is no such page.
  }
  await handle?.close();
  return null;
}

/** @param {Page} page  @returns {Record<string, string | number>} */
const pageHeaders = ({ stats, name }) => ({
  'Content-Type': TYPES[path.extname(name).toLowerCase()] ?? 'application/octet-stream',
  'Cache-Control': cacheControl(name),
  ETag: `"${stats.size.toString(16)}-${Math.floor(stats.mtimeMs).toString(16)}"`,
});

/** @param {IncomingMessage} req  @param {ServerResponse} res  @param {Page} page */
async function sendPage(req, res, page) {
  const headers = pageHeaders(page);
  const known = req.headers['if-none-match'] === headers.ETag;
  res.writeHead(known ? 304 : 200, known ? headers : { ...headers, 'Content-Length': page.stats.size });
  if (known || req.method === 'HEAD') {
    res.end();
    return;
  }
  await pipeline(page.handle.createReadStream(), res);
}

/** @param {IncomingMessage} req  @param {string} name  @returns {boolean} the app itself may know this path */
const isAppRoute = (req, name) =>
  path.extname(name) === '' && (req.headers.accept ?? '').includes('text/html');

/**
 * Serves one request for a page.
 * @param {string} root the folder of the built pages
 * @param {IncomingMessage} req
 * @param {ServerResponse} res
 */
export async function servePage(root, req, res) {
  if (req.method !== 'GET' && req.method !== 'HEAD') {
    sendError(res, 405, 'only GET and HEAD are possible here', { Allow: 'GET, HEAD' });
    return;
  }
  const name = decodeURIComponent((req.url ?? '/').split(/[?#]/, 1)[0] ?? '/').slice(1) || 'index.html';
  const page =
    (await openPage(root, name)) ?? (isAppRoute(req, name) ? await openPage(root, 'index.html') : null);
  if (page === null) {
    sendError(res, 404, 'there is no such page');
    return;
  }
  try {
    await sendPage(req, res, page);
  } finally {
    await page.handle.close();
  }
}
