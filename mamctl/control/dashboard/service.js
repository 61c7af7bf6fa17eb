// One service: what it is, its charts, and what happened to it lately.

import { Chart, METRICS } from "./charts.js";
import { h, setText, webAddress } from "./dom.js";
import { EventList } from "./events.js";
import { duration, percent, plain, size } from "./format.js";
import { badge, showState, why } from "./state.js";

const LATEST = 40;

/** Shows one service. */
export class ServiceView {
  #stack;
  #actions;
  #kind = "";

  constructor(stack, actions, name) {
    this.#stack = stack;
    this.#actions = actions;
    this.name = name;
    this.title = name;
    this.state = badge();
    this.why = h("p", { class: "why" });
    this.buttons = h("div", { class: "buttons" });
    this.facts = h("dl", { class: "facts" });
    this.charts = Object.entries(METRICS).map(([key, metric]) => [
      key,
      new Chart(key, `${metric.name} of ${name}`, metric.name),
    ]);
    this.events = new EventList();
    const logs = h("a", { href: `#/logs/${encodeURIComponent(name)}` }, "Logs");
    this.found = h(
      "div",
      {},
      this.why,
      this.buttons,
      this.facts,
      h("div", { class: "charts" }, ...this.charts.map(([, chart]) => chart.element)),
      h("h3", {}, "What happened"),
      this.events.element,
    );
    this.missing = h("p", { class: "empty", hidden: true }, "The stack has no service of this name now.");
    this.element = h(
      "section",
      { class: "service", "aria-label": name },
      h("div", { class: "bar" }, h("a", { href: "#/services" }, "All services"), logs),
      h("div", { class: "heading" }, h("h2", {}, name), this.state),
      this.found,
      this.missing,
    );
  }

  /** Draws what has changed. */
  update() {
    if (!this.#stack.status) return;
    const row = this.#stack.status.services.find((one) => one.name === this.name);
    this.found.hidden = !row;
    this.state.hidden = !row;
    this.missing.hidden = Boolean(row);
    if (!row) return;
    showState(this.state, row.state);
    setText(this.why, why(row));
    this.#showButtons(row);
    this.#showFacts(row);
    for (const [key, chart] of this.charts) chart.update(this.#stack.history.of(key, this.name));
    this.events.show(this.#stack.events.filter((event) => event.service === this.name).slice(-LATEST));
  }

  #showButtons(row) {
    const replicas = this.#stack.status.replicas[row.service];
    const kind = `${this.#actions.verbs(row)} ${Boolean(replicas)}`;
    if (kind === this.#kind) return;
    this.#kind = kind;
    const scale =
      replicas &&
      h(
        "button",
        { class: "act", "data-verb": "scale", click: () => this.#actions.scale(row.service) },
        `Scale ${row.service}`,
      );
    this.buttons.replaceChildren(...this.#actions.buttons(row), ...(scale ? [scale] : []));
  }

  #showFacts(row) {
    const facts = Object.entries(factsOf(row)).filter(
      ([, value]) => value !== "" && value !== null && value !== undefined,
    );
    const names = facts.map(([name]) => name).join();
    if (this.facts.dataset.names !== names) {
      this.facts.dataset.names = names;
      this.facts.replaceChildren(...facts.map(([name]) => h("div", {}, h("dt", {}, name), h("dd"))));
    }
    facts.forEach(([name, value], index) => showFact(this.facts.children[index].lastChild, name, value));
  }
}

function factsOf(row) {
  return {
    Address: row.url ?? "",
    Ports: Object.entries(row.ports)
      .map(([name, port]) => `${name} ${port}`)
      .join(", "),
    Process: row.pid ? `pid ${row.pid}` : "",
    "Up for": row.pid ? duration(row.uptime_s) : "",
    "Ready for": row.ready_s === null ? "" : duration(row.ready_s),
    Started: row.generation > 1 ? `${row.generation} times` : "",
    Restarts: row.restarts
      ? `${row.restarts}${row.max_attempts === null ? "" : `; ${row.attempt} of ${row.max_attempts} count`}`
      : "",
    "Last end": row.exit_signal ? `signal ${row.exit_signal}` : row.exit_code !== null ? `code ${row.exit_code}` : "",
    "Next run": row.next_run_at ? new Date(row.next_run_at).toLocaleString() : "",
    CPU: percent(row.cpu_percent),
    Memory: size(row.memory_bytes),
    Kind: row.kind === "service" ? "" : row.kind,
    "Depends on": row.depends_on.join(", "),
    Log: row.log ?? "",
  };
}

function showFact(cell, name, value) {
  const address = name === "Address" ? webAddress(value) : null;
  if (cell.textContent === plain(value)) return;
  cell.replaceChildren(
    address ? h("a", { href: address, target: "_blank", rel: "noopener noreferrer" }, plain(value)) : plain(value),
  );
}
