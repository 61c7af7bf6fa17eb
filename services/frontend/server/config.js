/**
 * What the server is told by its environment, checked once, before anything is opened.
 *
 * PORT, HOST       where it listens (3001, 127.0.0.1); only loopback addresses are accepted
 * BACKEND_URL      the media API that /api/v1, /thumbnails and /ws are passed on to
 * BACKEND_ORIGIN   the Origin shown to the backend, one of its FRONTEND_ORIGIN list
 * STACK_HEALTH     comma list of name=url: the health URLs behind GET /api/stack
 * ALLOWED_HOSTS    comma list of further host names that browsers may use for this server
 * DIST_DIR         the built pages (dist beside this folder)
 */
import { fileURLToPath } from 'node:url';

/** The environment holds a value that cannot work; retrying cannot help (exit 78). */
export class ConfigError extends Error {
  /** @param {string} message  @param {string} hint */
  constructor(message, hint) {
    super(message);
    this.hint = hint;
  }
}

/**
 * @typedef {{ name: string, url: string }} HealthTarget
 * @typedef {object} Config
 * @property {string} host
 * @property {number} port
 * @property {URL} backend
 * @property {string} backendOrigin
 * @property {HealthTarget[]} targets
 * @property {Set<string>} allowedHosts
 * @property {string} distDir
 */

const LOOPBACK = new Set(['127.0.0.1', 'localhost', '::1', '[::1]']);

/** @param {string} host  @returns {string} a host as it stands in a URL */
export const inUrl = (host) => (host.includes(':') ? `[${host}]` : host);

/** @param {string} host  @param {number} port  @returns {string} */
const defaultTargets = (host, port) =>
  [
    'backend=http://127.0.0.1:5001/api/v1/health/ready',
    `frontend=http://${inUrl(host)}:${port}/api/health`,
    'lmstudio=http://127.0.0.1:1234/health',
    'agent=http://127.0.0.1:5000/health',
    'api=http://127.0.0.1:8080/health',
    'django=http://127.0.0.1:8000/api/health/',
  ].join(',');

/** @param {string | undefined} text  @returns {string[]} */
const commaList = (text) =>
  (text ?? '')
    .split(',')
    .map((part) => part.trim())
    .filter(Boolean);

/** @param {string} text  @returns {number} */
const readPort = (text) => {
  const port = Number(text);
  if (/^\d+$/.test(text) && port <= 65535) return port;
  throw new ConfigError(`PORT is not a port number: ${text}`, 'use a number from 0 to 65535');
};

/** @param {string} text  @returns {string} */
const readHost = (text) => {
  if (LOOPBACK.has(text)) return text.replace(/^\[(.*)\]$/, '$1');
  throw new ConfigError(`HOST is not a loopback address: ${text}`, 'use 127.0.0.1, ::1 or localhost');
};

/** @param {string} name  @param {string} text  @returns {URL} */
const readUrl = (name, text) => {
  const url = URL.canParse(text) ? new URL(text) : null;
  if (url?.protocol === 'http:') return url;
  throw new ConfigError(`${name} is not an http:// URL: ${text}`, 'for example http://127.0.0.1:5001');
};

/** @param {string} item  @returns {HealthTarget} */
const readTarget = (item) => {
  const cut = item.indexOf('=');
  if (cut < 1) {
    throw new ConfigError(
      `STACK_HEALTH has an entry without a name: ${item}`,
      'write name=url, for example backend=http://127.0.0.1:5001/api/v1/health/ready',
    );
  }
  const name = item.slice(0, cut);
  return { name, url: readUrl(`STACK_HEALTH ${name}`, item.slice(cut + 1)).href };
};

/**
 * Reads and checks the whole environment.
 * @param {NodeJS.ProcessEnv} env
 * @returns {Config}
 * @throws {ConfigError}
 */
export function readConfig(env) {
  const host = readHost(env.HOST || '127.0.0.1');
  const port = readPort(env.PORT || '3001');
  return {
    host,
    port,
    backend: readUrl('BACKEND_URL', env.BACKEND_URL || 'http://127.0.0.1:5001'),
    backendOrigin: readUrl('BACKEND_ORIGIN', env.BACKEND_ORIGIN || 'http://127.0.0.1:3001').origin,
    targets: commaList(env.STACK_HEALTH || defaultTargets(host, port)).map(readTarget),
    allowedHosts: new Set([...LOOPBACK, ...commaList(env.ALLOWED_HOSTS)].map((host) => host.toLowerCase())),
    distDir: env.DIST_DIR || fileURLToPath(new URL('../dist', import.meta.url)),
  };
}
