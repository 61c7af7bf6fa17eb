// Requests to the control API: each shows the key of this visit, and the browser adds its cookie.

const KEY = "mamctl-key";
const PATIENCE = 8000;
const TRIES = 3;

/** An answer that is an error. `status` is 0 when there was none. */
export class Refused extends Error {
  constructor(status, document = {}) {
    super(document.error ?? (status ? `the supervisor answered ${status}` : "the supervisor does not answer"));
    this.status = status;
    this.hint = document.hint ?? null;
  }
}

let key = "";

/** Keeps the key that came with the page, and takes the used link out of the address.
 *
 * A visit that begins in another window of this browser replaces the cookie of all, so its key is taken over;
 * `renewed` is called then.
 */
export function signIn(renewed) {
  addEventListener("storage", (event) => {
    if (event.key !== KEY || !event.newValue) return;
    key = event.newValue;
    renewed();
  });
  const given = document.querySelector('meta[name="mamctl-key"]').content;
  try {
    if (given) localStorage.setItem(KEY, given);
    key = given || localStorage.getItem(KEY) || "";
  } catch {
    key = given; // storage may be forbidden: then the visit ends with the page
  }
  if (location.search) history.replaceState(null, "", location.pathname + location.hash);
}

async function ask(path, options = {}) {
  const headers = { "X-Mamctl-Dashboard": key || "none", ...options.headers };
  let answer;
  try {
    answer = await fetch(path, { ...options, headers, cache: "no-store", credentials: "same-origin" });
  } catch (problem) {
    if (options.signal?.aborted && options.signal.reason?.name !== "TimeoutError") throw problem;
    throw new Refused(0);
  }
  if (answer.ok) return answer;
  throw new Refused(answer.status, await answer.json().catch(() => ({})));
}

async function read(path, kind) {
  const answer = await ask(path, { signal: AbortSignal.timeout(PATIENCE) });
  try {
    return await answer[kind]();
  } catch {
    throw new Refused(0);
  }
}

/** Returns the document at a path. Throws Refused. */
export const get = (path) => read(path, "json");

/** Returns the text at a path. Throws Refused. */
export const text = (path) => read(path, "text");

/** Makes a change once, however often it has to be asked for. Throws Refused. */
export async function change(path, body = {}) {
  const identity = Array.from(crypto.getRandomValues(new Uint8Array(12)), (byte) => byte.toString(16).padStart(2, "0"));
  const headers = { "Content-Type": "application/json", "X-Request-Id": identity.join("") };
  for (let tries = 1; ; tries += 1) {
    try {
      const signal = AbortSignal.timeout(PATIENCE);
      return await (await ask(path, { method: "POST", headers, body: JSON.stringify(body), signal })).json();
    } catch (problem) {
      if (!(problem instanceof Refused) || problem.status !== 0 || tries === TRIES) throw problem;
    }
  }
}

async function next(reader, signal) {
  try {
    return await reader.read();
  } catch (problem) {
    throw signal.aborted ? problem : new Refused(0);
  }
}

/** Yields the complete lines of an endless answer, as many at a time as have come. Throws Refused. */
export async function* lines(path, { signal, accept }) {
  const answer = await ask(path, { signal, headers: { Accept: accept } });
  const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  try {
    for (;;) {
      const { done, value } = await next(reader, signal);
      if (done) return;
      const parts = (rest + value).split("\n");
      rest = parts.pop();
      yield parts;
    }
  } finally {
    reader.cancel().catch(() => {});
  }
}
