// The newest lines of logs, those of them that are looked for, and the stream that they come from.

import { lines, Refused } from "./api.js";
import { plain } from "./format.js";
import { pause } from "./stack.js";

export const MOST_LINES = 10_000;
const TAIL = 2000;
const LONGEST_LINE = 8000;
const PAUSES = [300, 1000, 3000];

/** Lines, at most `MOST_LINES`. `shown` are those that match; `held` came while it was paused. */
export class LogStore extends EventTarget {
  shown = [];
  held = [];
  paused = false;
  pattern = null;
  #all = [];
  #ending = null;

  /** Begins to follow the logs of a service, or of all for "". */
  follow(service) {
    this.leave();
    this.#ending = new AbortController();
    this.#run(service, this.#ending.signal);
  }

  /** Ends the stream; what came stays. */
  leave() {
    this.#ending?.abort();
    this.#ending = null;
  }

  /** Forgets all lines. */
  clear() {
    this.#all = [];
    this.held = [];
    this.shown = [];
    this.#tell({ anew: true });
  }

  /** Shows only lines in which a pattern is found; null: all. */
  look(pattern) {
    this.pattern = pattern;
    this.shown = this.#all.filter((line) => this.#matches(line));
    this.#tell({ anew: true });
  }

  /** Holds back what comes, or shows what was held back. */
  pause(paused) {
    this.paused = paused;
    const held = this.held;
    this.held = [];
    if (!paused) this.#append(held);
    this.#tell({});
  }

  async #run(service, signal) {
    for (let failures = 0; !signal.aborted; failures += 1) {
      const fresh = new Newcomers(this.held.at(-1) ?? this.#all.at(-1), [...this.#all.slice(-TAIL), ...this.held]);
      const path = `/v1/logs?follow=true&tail=${TAIL}${service ? `&service=${encodeURIComponent(service)}` : ""}`;
      try {
        for await (const batch of lines(path, { signal, accept: "application/x-ndjson" })) {
          failures = 0;
          const records = batch.filter((text) => text.startsWith("{")).map((text) => JSON.parse(text));
          this.#take(records.flatMap((record) => fresh.of(record)).map(lineOf));
        }
      } catch (problem) {
        if (signal.aborted) return;
        if (!(problem instanceof Refused)) throw problem;
        if (problem.status === 401) return;
      }
      await pause(PAUSES[Math.min(failures, PAUSES.length - 1)], signal);
    }
  }

  #take(fresh) {
    if (!fresh.length) return;
    if (!this.paused) return this.#append(fresh);
    this.held.push(...fresh);
    if (this.held.length > MOST_LINES) this.held.splice(0, this.held.length - MOST_LINES);
    this.#tell({});
  }

  #append(fresh) {
    for (const line of fresh) this.#all.push(line);
    for (const line of fresh) if (this.#matches(line)) this.shown.push(line);
    const gone = this.#all.splice(0, Math.max(0, this.#all.length - MOST_LINES));
    const dropped = gone.filter((line) => this.#matches(line)).length;
    this.shown.splice(0, dropped);
    this.#tell({ dropped });
  }

  #matches(line) {
    // Not `test`, which leaves in the pattern where it ended: who marks the matches would begin there.
    return !this.pattern || line.text.search(this.pattern) >= 0;
  }

  #tell(detail) {
    this.dispatchEvent(new CustomEvent("lines", { detail }));
  }
}

/** Tells which records of a stream that was begun again are new: it begins with lines that are known. */
class Newcomers {
  #last;
  #same = new Map();
  #first = true;

  constructor(last, known) {
    this.#last = last?.at ?? null;
    for (const line of known) {
      if (line.at === this.#last) this.#same.set(line.key, (this.#same.get(line.key) ?? 0) + 1);
    }
  }

  /** Returns the record if it is new; with a mark before it where lines may be missing. */
  of(record) {
    if (this.#last === null || record.at === undefined) return [record];
    const gap = this.#first && record.at > this.#last;
    this.#first = false;
    if (record.at < this.#last) return [];
    const left = record.at === this.#last ? (this.#same.get(keyOf(record)) ?? 0) : 0;
    if (left) {
      this.#same.set(keyOf(record), left - 1);
      return [];
    }
    if (record.at > this.#last) this.#last = null;
    return gap ? [{ gap: true }, record] : [record];
  }
}

function keyOf(record) {
  return `${record.service} ${record.line}`;
}

function lineOf(record) {
  if (record.gap) return { note: true, text: "lines may be missing here; mamctl logs has them" };
  if (record.skipped !== undefined)
    return { note: true, text: `${record.skipped} lines were skipped: they came faster than they could be sent` };
  const text = plain(record.line.slice(0, LONGEST_LINE)) + (record.line.length > LONGEST_LINE ? "…" : "");
  return { at: record.at, service: record.service, stream: record.stream, text, key: keyOf(record) };
}
