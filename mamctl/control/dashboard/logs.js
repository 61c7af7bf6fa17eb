// Live logs. However many lines there are, only those that can be seen are elements.

import { h, setAttribute, setChildren, setText } from "./dom.js";
import { clock, count } from "./format.js";
import { LogStore, MOST_LINES } from "./logstore.js";
import { tell } from "./notices.js";

const ROW = 20; // pixels; the style sheet has the same number
const AROUND = 12;
const MOST_MARKS = 40;
const HUES = 8;

/** Shows the logs of a service, or of all. */
export class LogsView {
  title = "Logs";
  #stack;
  #store = new LogStore();
  #elements = new Map();
  #atEnd = true;
  #drawing = 0;

  constructor(stack, service) {
    this.#stack = stack;
    this.service = service;
    this.search = h("input", {
      type: "search",
      placeholder: "Search: text or /regular expression/",
      "aria-label": "Search logs",
      input: () => this.#look(),
    });
    this.only = h("input", { type: "checkbox", checked: true, change: () => this.#look() });
    this.select = h("select", {
      "aria-label": "Service",
      change: () => (location.hash = this.select.value ? `#/logs/${encodeURIComponent(this.select.value)}` : "#/logs"),
    });
    this.pauseButton = h(
      "button",
      { "data-verb": "pause", "aria-pressed": "false", click: () => this.pause() },
      "Pause",
    );
    this.aside = h("span", { class: "aside", role: "status" });
    this.end = h("button", { class: "end", hidden: true, click: () => this.#toEnd() }, "Newest lines ↓");
    this.space = h("div", { class: "space" });
    this.list = h(
      "div",
      { class: "log", tabindex: 0, role: "region", "aria-label": "Log lines", scroll: () => this.#scrolled() },
      this.space,
    );
    this.empty = h("p", { class: "empty" }, "No lines yet.");
    const only = h("label", {}, this.only, " only matches");
    const bar = h(
      "div",
      { class: "bar" },
      this.search,
      only,
      this.select,
      this.pauseButton,
      h("button", { click: () => this.#store.clear() }, "Clear"),
      h("button", { click: () => this.#copy() }, "Copy"),
      this.aside,
    );
    this.element = h(
      "section",
      { class: "logs", "aria-label": "Logs" },
      bar,
      this.empty,
      h("div", { class: "frame" }, this.list, this.end),
    );
    this.#store.addEventListener("lines", (event) => this.#changed(event.detail));
    this.watching = new ResizeObserver(() => this.#soon());
  }

  /** Begins the stream, while the page can be seen. */
  enter() {
    this.visibility = () => (document.hidden ? this.#store.leave() : this.#store.follow(this.service));
    document.addEventListener("visibilitychange", this.visibility);
    this.watching.observe(this.list);
    this.visibility();
  }

  /** Ends the stream. */
  leave() {
    document.removeEventListener("visibilitychange", this.visibility);
    this.watching.disconnect();
    this.#store.leave();
    cancelAnimationFrame(this.#drawing);
  }

  /** Draws what has changed: the names to choose from. */
  update() {
    const names = ["", ...(this.#stack.status?.services ?? []).filter((row) => row.log).map((row) => row.name)];
    if (this.service && !names.includes(this.service)) names.push(this.service);
    if (this.select.dataset.names === names.join("\n")) return;
    this.select.dataset.names = names.join("\n");
    this.select.replaceChildren(
      ...names.map((name) => h("option", { value: name, selected: name === this.service }, name || "All services")),
    );
  }

  /** Pauses, or goes on. */
  pause() {
    this.#store.pause(!this.#store.paused);
    this.pauseButton.setAttribute("aria-pressed", String(this.#store.paused));
    setText(this.pauseButton, this.#store.paused ? "Resume" : "Pause");
  }

  #look() {
    this.wanted = pattern(this.search.value);
    setAttribute(this.search, "aria-invalid", this.wanted?.broken ? "true" : null);
    this.#store.look(this.only.checked ? (this.wanted?.found ?? null) : null);
  }

  #changed({ dropped = 0, anew = false }) {
    if (anew) this.#elements.clear();
    else if (dropped && !this.#atEnd) this.list.scrollTop -= dropped * ROW;
    this.#soon();
  }

  #scrolled() {
    this.#atEnd = this.list.scrollTop + this.list.clientHeight >= this.list.scrollHeight - ROW * 1.5;
    this.end.hidden = this.#atEnd;
    this.#soon();
  }

  #toEnd() {
    this.#atEnd = true;
    this.end.hidden = true;
    this.#soon();
    this.list.focus();
  }

  #soon() {
    if (!this.#drawing) this.#drawing = requestAnimationFrame(() => this.#draw());
  }

  #draw() {
    this.#drawing = 0;
    const all = this.#store.shown;
    this.space.style.height = `${all.length * ROW}px`;
    if (this.#atEnd) this.list.scrollTop = all.length * ROW;
    const first = Math.max(0, Math.floor(this.list.scrollTop / ROW) - AROUND);
    const last = Math.min(all.length, Math.ceil((this.list.scrollTop + this.list.clientHeight) / ROW) + AROUND);
    const seen = new Map();
    for (let index = first; index < last; index += 1) {
      const element = this.#elements.get(all[index]) ?? this.#line(all[index]);
      element.style.top = `${index * ROW}px`;
      seen.set(all[index], element);
    }
    this.#elements = seen;
    setChildren(this.space, [...seen.values()]);
    this.#say(all.length);
  }

  #say(shown) {
    const held = this.#store.held.length;
    const lines = `${count(shown, "line")}${shown >= MOST_LINES ? ", older ones are in the files" : ""}`;
    setText(this.aside, held ? `${lines}, ${held.toLocaleString("en")} held back` : lines);
    this.empty.hidden = shown > 0;
    setText(this.empty, this.search.value && this.only.checked ? "No line matches." : "No lines yet.");
  }

  #line(line) {
    if (line.note) return h("div", { class: "line skip" }, line.text);
    const name = this.service ? null : h("span", { class: `name hue-${hue(line.service)}` }, line.service);
    return h(
      "div",
      { class: "line", "data-stream": line.stream },
      h("time", { datetime: line.at }, clock(line.at)),
      name,
      h("span", { class: "text" }, ...marked(line.text, this.wanted?.found)),
    );
  }

  async #copy() {
    const lines = this.#store.shown.map((line) =>
      line.note ? `[${line.text}]` : `${line.at} ${line.service}  ${line.text}`,
    );
    try {
      await navigator.clipboard.writeText(`${lines.join("\n")}\n`);
      tell(`copied ${count(lines.length, "line")}`);
    } catch {
      tell("the browser lets no page write to the clipboard here", {
        error: true,
        hint: "mamctl logs writes them to a file",
      });
    }
  }
}

/** Returns what is looked for; null for nothing. What is no regular expression is looked for as it is written. */
function pattern(written) {
  if (!written) return null;
  const [, source, flags] = /^\/(.+)\/(i?)$/.exec(written) ?? [];
  try {
    if (source) return { found: new RegExp(source, `g${flags}`), broken: false };
  } catch {
    return { found: new RegExp(RegExp.escape?.(written) ?? escaped(written), "gi"), broken: true };
  }
  return { found: new RegExp(escaped(written), "gi"), broken: false };
}

function escaped(text) {
  return text.replace(/[.*+?^${}()|[\]\\/]/g, "\\$&");
}

/** Returns a line as texts and marks. */
function marked(text, found) {
  if (!found) return [text];
  const parts = [];
  let at = 0;
  for (const match of text.matchAll(found)) {
    if (!match[0] || parts.length > MOST_MARKS * 2) continue;
    parts.push(text.slice(at, match.index), h("mark", {}, match[0]));
    at = match.index + match[0].length;
  }
  return [...parts, text.slice(at)];
}

function hue(name) {
  let sum = 0;
  for (const letter of name) sum = (sum * 31 + letter.codePointAt(0)) >>> 0;
  return sum % HUES;
}
