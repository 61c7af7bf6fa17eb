/**
 * The health of the stack as one document: every service's own health URL, asked in parallel.
 *
 * Each question has one second; one answer serves everybody for one second, so that many open tabs
 * cost the services no more than one. `since` is when this server first saw the present state.
 */
import { request } from 'node:http';

/** @typedef {import('./config.js').HealthTarget} HealthTarget */
/** @typedef {'healthy' | 'degraded' | 'unhealthy' | 'down'} State */
/** @typedef {{ state: State, status_code: number | null, latency_ms: number | null, detail: string | null }} Verdict */
/** @typedef {Verdict & { name: string, url: string, since: string }} ServiceHealth */
/** @typedef {{ timeoutMs: number, freshMs: number, now: () => number }} Timing */

const MAX_BODY = 64 * 1024;

/** @type {Record<string, State>} */
const BODY_STATES = {
  healthy: 'healthy',
  ok: 'healthy',
  pass: 'healthy',
  degraded: 'degraded',
  warn: 'degraded',
};

/** @param {string} body  @returns {string | null} the word a health body gives for itself */
const statusWord = (body) => {
  try {
    const word = JSON.parse(body)?.status;
    return typeof word === 'string' ? word.toLowerCase() : null;
  } catch {
    return null;
  }
};

/** @param {number} code  @param {string} body  @returns {State} */
export const judge = (code, body) => {
  if (code < 200 || code > 299) return 'unhealthy';
  const word = statusWord(body);
  return word === null ? 'healthy' : (BODY_STATES[word] ?? 'unhealthy');
};

/** @param {unknown} error  @returns {string} why a service could not be asked, in a few words */
const because = (error) => {
  const { code, name, message } = /** @type {NodeJS.ErrnoException} */ (error);
  if (name === 'AbortError' || name === 'TimeoutError') return 'no answer in time';
  if (code === 'ECONNREFUSED') return 'nothing listens there';
  return code ?? message;
};

/**
 * One GET, whole body, bounded in time and size.
 * @param {string} url
 * @param {number} timeoutMs
 * @returns {Promise<{ code: number, body: string }>}
 */
const fetchHealth = (url, timeoutMs) =>
  new Promise((resolve, reject) => {
    const signal = AbortSignal.timeout(timeoutMs);
    const req = request(url, { signal, agent: false, headers: { Accept: 'application/json' } }, (res) => {
      let body = '';
      res.setEncoding('utf8');
      res.on('data', (chunk) => {
        body += chunk;
        if (body.length > MAX_BODY) req.destroy(new Error('the answer is too long'));
      });
      res.on('end', () => resolve({ code: res.statusCode ?? 0, body }));
      res.on('error', reject);
    });
    req.on('error', reject);
    req.end();
  });

/**
 * Asks one service.
 * @param {HealthTarget} target
 * @param {number} timeoutMs
 * @returns {Promise<Verdict>}
 */
async function ask(target, timeoutMs) {
  const started = performance.now();
  try {
    const { code, body } = await fetchHealth(target.url, timeoutMs);
    const latency = Math.round((performance.now() - started) * 10) / 10;
    return { state: judge(code, body), status_code: code, latency_ms: latency, detail: null };
  } catch (error) {
    return { state: 'down', status_code: null, latency_ms: null, detail: because(error) };
  }
}

/** Remembers the states of a fixed list of services and answers for them. */
export class StackHealth {
  /** @type {Promise<{ services: ServiceHealth[] }> | null} */
  #answer = null;
  #askedAt = -Infinity;
  /** @type {Map<string, { state: State, since: string }>} */
  #seen = new Map();

  /** @param {HealthTarget[]} targets  @param {Partial<Timing>} [timing] */
  constructor(targets, timing = {}) {
    this.targets = targets;
    /** @type {Timing} */
    this.timing = { timeoutMs: 1000, freshMs: 1000, now: () => performance.now(), ...timing };
  }

  /** The state of every service, at most `freshMs` old. @returns {Promise<{ services: ServiceHealth[] }>} */
  read() {
    const now = this.timing.now();
    if (this.#answer !== null && now - this.#askedAt < this.timing.freshMs) return this.#answer;
    this.#askedAt = now;
    this.#answer = this.#askAll();
    return this.#answer;
  }

  async #askAll() {
    const services = await Promise.all(
      this.targets.map(async (target) => this.#record(target, await ask(target, this.timing.timeoutMs))),
    );
    return { services };
  }

  /** @param {HealthTarget} target  @param {Verdict} verdict  @returns {ServiceHealth} */
  #record(target, verdict) {
    const before = this.#seen.get(target.name);
    const since = before?.state === verdict.state ? before.since : new Date().toISOString();
    this.#seen.set(target.name, { state: verdict.state, since });
    return { name: target.name, url: target.url, ...verdict, since };
  }
}
