// What happened, newest first.

import { h, setText } from "./dom.js";
import { clock, duration, plain } from "./format.js";

const COLOURS = {
  started: "ready",
  healthy: "ready",
  completed: "completed",
  adopted: "ready",
  failed: "failed",
  error: "failed",
  "api-error": "failed",
  "port-conflict": "failed",
  unhealthy: "unhealthy",
  warning: "unhealthy",
  backoff: "backoff",
  waiting: "waiting",
  starting: "starting",
  restarting: "starting",
  stopping: "stopping",
  stopped: "stopped",
};
const SHOWN = 400;

/** A list of events, of which only what is new is drawn. */
export class EventList {
  #elements = new Map();

  element = h("ol", { class: "events" });

  /** Shows events that come oldest first. */
  show(events) {
    const shown = events.slice(-SHOWN).reverse();
    const elements = shown.map((event) => this.#elements.get(event.seq) ?? newItem(event));
    this.#elements = new Map(shown.map((event, index) => [event.seq, elements[index]]));
    if (
      elements.length === this.element.children.length &&
      elements[0] === this.element.firstElementChild &&
      elements.at(-1) === this.element.lastElementChild
    )
      return;
    this.element.replaceChildren(...elements);
  }
}

function newItem(event) {
  const name = event.service ?? "the stack";
  const service = event.service
    ? h("a", { href: `#/service/${encodeURIComponent(event.service)}` }, name)
    : h("span", {}, name);
  return h(
    "li",
    { "data-state": COLOURS[event.type] ?? "none", "data-seq": event.seq },
    h("time", { datetime: event.at, title: new Date(event.at).toLocaleString() }, clock(event.at)),
    service,
    h("span", { class: "type" }, event.type),
    h("span", { class: "told" }, sentence(event)),
  );
}

/** Returns what an event has to say beside its type. */
export function sentence({ type, data }) {
  const told = data.detail ?? data.message;
  if (told) return plain(told);
  if (type === "started" && data.ready_after_s !== undefined) return `ready after ${duration(data.ready_after_s)}`;
  if (data.ending) return `exit code ${data.ending.code ?? 0}`;
  const words = (text) => plain(text).replaceAll("_", " ");
  return Object.entries(data)
    .filter(([key, value]) => key !== "state" && value !== null && typeof value !== "object")
    .map(([key, value]) => `${words(key)} ${key === "reason" ? words(value) : plain(value)}`)
    .join(", ");
}

/** Shows what happened to all services. */
export class EventsView {
  title = "Events";
  #stack;
  #list = new EventList();

  constructor(stack) {
    this.#stack = stack;
    this.search = h("input", {
      type: "search",
      placeholder: "Filter by service, type or text",
      "aria-label": "Filter events",
      input: () => this.update(),
    });
    this.aside = h("span", { class: "aside" });
    this.empty = h("p", { class: "empty" }, "No event matches.");
    this.element = h(
      "section",
      { "aria-label": "Events" },
      h("div", { class: "bar" }, this.search, this.aside),
      h("div", { class: "scroll", tabindex: 0, role: "group", "aria-label": "List of events" }, this.#list.element),
      this.empty,
    );
  }

  /** Draws what has changed. */
  update() {
    const wanted = this.search.value.trim().toLowerCase();
    const found = this.#stack.events.filter(
      (event) => !wanted || `${event.service ?? ""} ${event.type} ${sentence(event)}`.toLowerCase().includes(wanted),
    );
    this.#list.show(found);
    this.empty.hidden = found.length > 0;
    setText(
      this.aside,
      found.length > SHOWN ? `the newest ${SHOWN} of ${found.length}; mamctl events has all` : "newest first",
    );
  }
}
