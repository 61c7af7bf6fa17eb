/**
 * Who may talk to this server, decided before any routing.
 *
 * A local server is reachable from every page that the user has open. Two checks keep those pages out:
 * the Host must be one of ours (against DNS rebinding), and whatever changes something or opens a
 * WebSocket must come from our own pages (against cross-site requests). The backend checks Origin too,
 * but behind this proxy it only ever sees ours, so the check has to happen here.
 */

/** @typedef {import('node:http').IncomingMessage} IncomingMessage */
/** @typedef {{ status: number, error: string }} Refusal */

const SAFE_METHODS = new Set(['GET', 'HEAD', 'OPTIONS']);

/** @param {string | undefined} host  @returns {string | null} the name without its port, lower case */
const hostName = (host) => {
  const match = /^(\[[0-9a-f:.]+\]|[^:\s/@]+)(?::\d{1,5})?$/i.exec(host ?? '');
  return match?.[1]?.toLowerCase() ?? null;
};

/** @param {string} target  @returns {boolean} the path climbs, or hides a NUL or backslash */
export const isHostilePath = (target) => {
  try {
    const path = decodeURIComponent(target.split(/[?#]/, 1)[0] ?? '');
    return !path.startsWith('/') || /[\0\\]/.test(path) || path.split('/').includes('..');
  } catch {
    return true; // A broken percent escape names no file and no route.
  }
};

/** @param {IncomingMessage} req  @returns {boolean} */
const isOurOwnPage = (req) => {
  const { origin, host } = req.headers;
  if (req.headers['sec-fetch-site'] === 'cross-site') return false;
  return origin === undefined || origin === `http://${host}`;
};

/**
 * The reason to refuse this request, or null when it may go on.
 * @param {IncomingMessage} req
 * @param {Set<string>} allowedHosts
 * @returns {Refusal | null}
 */
export function refusal(req, allowedHosts) {
  const name = hostName(req.headers.host);
  if (name === null || !allowedHosts.has(name)) {
    return { status: 421, error: 'this server does not answer for that Host' };
  }
  if (isHostilePath(req.url ?? '')) return { status: 400, error: 'the path is not acceptable' };
  const changesSomething = !SAFE_METHODS.has(req.method ?? '') || req.headers.upgrade !== undefined;
  if (changesSomething && !isOurOwnPage(req)) {
    return { status: 403, error: 'requests from other sites are refused' };
  }
  return null;
}
