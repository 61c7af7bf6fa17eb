/** The answers that this server writes itself: JSON bodies, the error body, security headers. */

/** @typedef {import('node:http').ServerResponse} ServerResponse */

/**
 * The headers that every page of ours carries: nothing but our own files runs, and pictures, films
 * and requests may go to us or to the backend.
 * @param {URL} backend
 * @returns {Record<string, string>}
 */
export function securityHeaders(backend) {
  const api = backend.origin;
  const socket = `ws://${backend.host}`;
  const policy = [
    "default-src 'self'",
    `img-src 'self' data: blob: ${api}`,
    `media-src 'self' blob: ${api}`,
    `connect-src 'self' ${api} ${socket}`,
    "object-src 'none'",
    "base-uri 'none'",
    "form-action 'self'",
    "frame-ancestors 'none'",
  ];
  return {
    'Content-Security-Policy': policy.join('; '),
    'Cross-Origin-Opener-Policy': 'same-origin',
    'Cross-Origin-Resource-Policy': 'same-origin',
    'Permissions-Policy': 'camera=(), microphone=(), geolocation=()',
    'Referrer-Policy': 'no-referrer',
    'X-Content-Type-Options': 'nosniff',
    'X-Frame-Options': 'DENY',
  };
}

/** @param {string} error  @returns {string} the error body of the whole stack, as JSON */
export const errorBody = (error) => JSON.stringify({ error, timestamp: new Date().toISOString() });

/**
 * Answers with JSON that nobody may keep.
 * @param {ServerResponse} res
 * @param {number} status
 * @param {string} body
 * @param {Record<string, string>} [headers]
 */
export function sendJson(res, status, body, headers = {}) {
  res.writeHead(status, {
    'Content-Type': 'application/json; charset=utf-8',
    'Content-Length': Buffer.byteLength(body),
    'Cache-Control': 'no-store',
    ...headers,
  });
  res.end(body);
}

/**
 * Answers with the error body.
 * @param {ServerResponse} res
 * @param {number} status
 * @param {string} error
 * @param {Record<string, string>} [headers]
 */
export function sendError(res, status, error, headers) {
  sendJson(res, status, errorBody(error), headers);
}
