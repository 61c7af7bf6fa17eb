// How states look: a sign, a word and a colour, so that none of them has to be seen alone.

import { h, setAttribute, setText } from "./dom.js";
import { clock, duration, plain } from "./format.js";

// Those of the terminal (ui/paint.py).
const SIGNS = {
  ready: "●",
  completed: "✓",
  starting: "◌",
  waiting: "○",
  unhealthy: "◐",
  backoff: "↻",
  stopping: "◍",
  stopped: "○",
  failed: "✗",
};

/** The states in the order in which people want to hear of them. */
export const STATES = [
  "failed",
  "unhealthy",
  "backoff",
  "waiting",
  "starting",
  "stopping",
  "ready",
  "completed",
  "stopped",
];

/** Makes a badge; `showState` changes it. */
export function badge() {
  return h("span", { class: "state" }, h("span", { class: "sign", "aria-hidden": "true" }), h("span"));
}

/** Lets a badge show a state. */
export function showState(element, state) {
  setAttribute(element, "data-state", state);
  setText(element.firstChild, SIGNS[state] ?? "?");
  setText(element.lastChild, state);
}

/** Returns the sign of a state. */
export const sign = (state) => SIGNS[state] ?? "?";

/** Returns why a service is as it is, as a sentence; "" where there is nothing to say. */
export function why(row) {
  const parts = [row.detail ? plain(row.detail) : (row.reason ?? "").replaceAll("_", " ")];
  if (row.waits_for?.length && !row.detail) parts.push(`waits for ${row.waits_for.join(", ")}`);
  if (row.next_attempt_in_s !== null) parts.push(`next try in ${duration(row.next_attempt_in_s)}`);
  const between = ["completed", "failed"].includes(row.state);
  if (row.next_run_at && between) parts.push(`next run at ${clock(row.next_run_at)}`);
  if (row.ownership === "adopted") parts.push("adopted");
  if (row.ownership === "external" && row.state === "ready") parts.push("started by hand");
  return parts.filter(Boolean).join("; ");
}

/** Returns how many services are in which state: 3 ready, 1 failed. */
export function summary(services) {
  const counted = STATES.map((state) => [services.filter((row) => row.state === state).length, state]);
  return counted
    .filter(([number]) => number)
    .map(([number, state]) => `${number} ${state}`)
    .join(" · ");
}
