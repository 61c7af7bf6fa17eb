// What is known of the stack: its status, its events, and what was measured while this page was open.

import { get, lines, Refused, text } from "./api.js";
import { History } from "./history.js";

const STATUS_MS = 2000;
const FIGURES_MS = 6000;
const SOON_MS = 60;
const MOST_EVENTS = 2000;
const PAUSES = [300, 600, 1200, 2500, 5000];

/** Tells `status`, `events`, `figures`, and `link`: whether the supervisor answers (see `link`). */
export class Stack extends EventTarget {
  status = null;
  events = [];
  history = new History();
  /** new, here, away, signed-out */
  link = "new";
  #running = null;
  #asking = false;
  #again = false;
  #failures = 0;

  /** Begins to follow the stack while the page can be seen, and only then. */
  start() {
    document.addEventListener("visibilitychange", () => (document.hidden ? this.#stop() : this.#go()));
    if (!document.hidden) this.#go();
  }

  /** Looks at once, for something was just done. */
  look() {
    if (this.#running) this.#later(this.#running, "status", SOON_MS, () => this.#askStatus());
  }

  /** Whether the page can be seen and follows the stack. */
  get following() {
    return this.#running !== null && this.link !== "signed-out";
  }

  #go() {
    if (this.#running || this.link === "signed-out") return;
    this.#running = { ending: new AbortController(), timers: new Map() };
    this.#askStatus();
    this.#askFigures();
    this.#follow(this.#running);
  }

  #stop() {
    this.#running?.ending.abort();
    this.#running?.timers.forEach(clearTimeout);
    this.#running = null;
  }

  #later(running, what, after, act) {
    clearTimeout(running.timers.get(what));
    running.timers.set(what, setTimeout(act, after));
  }

  async #askStatus() {
    if (!this.#running) return;
    if (this.#asking) {
      this.#again = true;
      return;
    }
    this.#asking = true;
    try {
      this.status = await get("/v1/status");
      this.#failures = 0;
      this.history.sample(this.status);
      this.#linked("here");
      this.#tell("status");
    } catch (problem) {
      this.#failures += 1;
      this.#missed(problem);
    }
    this.#asking = false;
    // The page may have been hidden and shown again since: then it is the new run that goes on.
    if (!this.#running || this.link === "signed-out") return;
    const pause = this.#failures ? PAUSES[Math.min(this.#failures, PAUSES.length) - 1] : STATUS_MS;
    this.#later(this.#running, "status", this.#again ? SOON_MS : pause, () => this.#askStatus());
    this.#again = false;
  }

  async #askFigures() {
    const running = this.#running;
    if (!running) return;
    try {
      this.history.measure(await text("/metrics"));
      this.#tell("figures");
    } catch {
      // The status says already that nobody answers.
    }
    if (this.#running === running) this.#later(running, "figures", FIGURES_MS, () => this.#askFigures());
  }

  async #follow(running) {
    const signal = running.ending.signal;
    for (let failures = 0; !signal.aborted && this.link !== "signed-out"; failures += 1) {
      try {
        const page = (await get("/v1/events")).events;
        this.#begin(page);
        const since = page.at(-1)?.seq ?? 0;
        for await (const batch of lines(`/v1/events?since=${since}`, { signal, accept: "text/event-stream" })) {
          failures = 0;
          this.#add(batch.filter((line) => line.startsWith("data:")).map((line) => JSON.parse(line.slice(5))));
        }
      } catch (problem) {
        if (signal.aborted) return;
        this.#missed(problem);
      }
      await pause(PAUSES[Math.min(failures, PAUSES.length - 1)], signal);
    }
  }

  /** Takes the newest page; numbers that have gone back are those of another history. */
  #begin(page) {
    const known = this.events.at(-1)?.seq ?? 0;
    const newest = page.at(-1)?.seq ?? 0;
    if (newest < known || (page[0]?.seq ?? 0) > known + 1) this.events = [];
    const last = this.events.at(-1)?.seq ?? 0;
    this.#keep(
      page.filter((event) => event.seq > last),
      true,
    );
  }

  #add(fresh) {
    if (!fresh.length) return;
    this.#keep(fresh, false);
    this.look();
  }

  #keep(fresh, old) {
    this.events.push(...fresh);
    if (this.events.length > MOST_EVENTS) this.events.splice(0, this.events.length - MOST_EVENTS);
    this.#tell("events", { fresh, old });
  }

  #missed(problem) {
    if (!(problem instanceof Refused)) throw problem;
    if (problem.status === 401) {
      this.#linked("signed-out");
      this.#stop();
    } else if (this.link !== "signed-out") {
      this.#linked("away");
    }
  }

  #linked(link) {
    if (this.link === link) return;
    this.link = link;
    this.#tell("link");
  }

  #tell(what, detail) {
    this.dispatchEvent(new CustomEvent(what, { detail }));
  }
}

/** Waits so long, or until it is no use any more. */
export function pause(milliseconds, signal) {
  return new Promise((done) => {
    const timer = setTimeout(done, milliseconds);
    signal.addEventListener("abort", () => (clearTimeout(timer), done()), { once: true });
  });
}
