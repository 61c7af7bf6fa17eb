// The table of services, by the layers in which they start.

import { h, setAttribute, setChildren, setText, webAddress } from "./dom.js";
import { duration, percent, plain, size } from "./format.js";
import { badge, showState, why } from "./state.js";

const COLUMNS = ["Service", "State", "Why", "Ports", "Up for", "Restarts", "CPU", "Memory", "Actions"];
const NARROW = matchMedia("(max-width: 820px)"); // the style sheet has the same number
const OPTIONAL = new Set(["Why", "Ports", "Up for", "Restarts", "CPU", "Memory"]);

/** Shows all services. */
export class ServicesView {
  title = "Services";
  #stack;
  #actions;
  #rows = new Map();
  #layers = new Map();
  #families = new Map();
  #wanted = "";

  constructor(stack, actions) {
    this.#stack = stack;
    this.#actions = actions;
    NARROW.addEventListener("change", () => this.update());
    this.search = h("input", {
      type: "search",
      placeholder: "Filter by name, state or reason",
      "aria-label": "Filter services",
      input: () => this.#filter(),
    });
    this.empty = h("p", { class: "empty", hidden: true });
    this.table = h("table", { class: "services" }, h("caption", { class: "hidden" }, "Services by layer"), head());
    this.element = h(
      "section",
      { "aria-label": "Services" },
      h("div", { class: "bar" }, this.search),
      h("div", { class: "scroll", tabindex: 0, role: "group", "aria-label": "Table of services" }, this.table),
      this.empty,
    );
  }

  /** Draws what has changed. */
  update() {
    const status = this.#stack.status;
    if (!status) return;
    const shown = status.services.filter((row) => matches(row, this.#wanted));
    const layers = Map.groupBy(shown, (row) => row.layer);
    const bodies = [...layers.keys()]
      .sort((a, b) => a - b)
      .map((layer) => this.#layer(layer, layers.get(layer), status));
    setChildren(this.table, [this.table.caption, this.table.tHead, ...bodies]);
    const known = new Set(status.services.map((row) => row.name));
    for (const name of this.#rows.keys()) if (!known.has(name)) this.#rows.delete(name);
    this.empty.hidden = shown.length > 0;
    setText(this.empty, status.services.length ? "No service matches." : "The manifest has no services.");
  }

  #filter() {
    this.#wanted = this.search.value.trim().toLowerCase();
    this.update();
  }

  #layer(number, rows, status) {
    const known =
      this.#layers.get(number) ?? h("tbody", {}, h("tr", { class: "layer" }, h("th", { scope: "rowgroup" })));
    this.#layers.set(number, known);
    const heading = known.firstChild.firstChild;
    setText(heading, `Layer ${number + 1}`);
    setAttribute(heading, "colspan", span());
    const elements = rows.flatMap((row, index) => {
      const first = row.name !== row.service && rows[index - 1]?.service !== row.service;
      const replicas = first && status.replicas[row.service];
      return replicas ? [this.#family(row.service, replicas), this.#row(row)] : [this.#row(row)];
    });
    setChildren(known, [known.firstChild, ...elements]);
    return known;
  }

  #family(service, count) {
    const known = this.#families.get(service) ?? this.#newFamily(service);
    this.#families.set(service, known);
    const manifest = count.number === count.manifest ? "" : ` (manifest: ${count.manifest})`;
    setText(known.text, `${service}: ${count.number} replicas${manifest} `);
    setAttribute(known.cell, "colspan", span());
    return known.element;
  }

  #newFamily(service) {
    const text = h("span");
    const cell = h("th", { scope: "row" }, text, this.#scaleButton(service));
    return { text, cell, element: h("tr", { class: "family" }, cell) };
  }

  #scaleButton(service) {
    const scale = () => this.#actions.scale(service);
    return h("button", { class: "act", "data-verb": "scale", "aria-label": `Scale ${service}`, click: scale }, "Scale");
  }

  #row(row) {
    const cells = this.#rows.get(row.name) ?? newRow(row);
    this.#rows.set(row.name, cells);
    setAttribute(cells.element, "data-state", row.state);
    showState(cells.state, row.state);
    const reason = why(row);
    setText(cells.why, reason);
    setText(cells.below, reason);
    showPorts(cells.ports, row);
    setText(cells.up, row.pid ? duration(row.uptime_s) : "");
    setText(cells.restarts, row.restarts ? String(row.restarts) : "");
    setText(cells.cpu, percent(row.cpu_percent));
    setText(cells.memory, size(row.memory_bytes));
    this.#showButtons(cells, row);
    return cells.element;
  }

  #showButtons(cells, row) {
    const kind = this.#actions.verbs(row).join();
    if (cells.kind === kind) return;
    const focused = cells.actions.contains(document.activeElement);
    cells.kind = kind;
    const alone = this.#stack.status.replicas[row.service] && row.name === row.service;
    const more = alone ? [this.#scaleButton(row.service)] : [];
    cells.actions.replaceChildren(...this.#actions.buttons(row), ...more);
    if (focused) cells.actions.firstElementChild?.focus();
  }
}

function span() {
  return NARROW.matches ? COLUMNS.length - OPTIONAL.size : COLUMNS.length;
}

function head() {
  const cell = (name) => h("th", { scope: "col", class: OPTIONAL.has(name) ? "optional" : null }, name);
  return h("thead", {}, h("tr", {}, ...COLUMNS.map(cell)));
}

function newRow(row) {
  const cells = { state: badge(), kind: "" };
  const name = h("a", { href: `#/service/${encodeURIComponent(row.name)}` }, row.name);
  cells.below = h("small", { class: "below" });
  for (const cell of ["why", "ports", "up", "restarts", "cpu", "memory"])
    cells[cell] = h("td", { class: `optional ${cell}` });
  cells.actions = h("td", { class: "actions" });
  const { why: reason, ports, up, restarts, cpu, memory, actions } = cells;
  cells.element = h(
    "tr",
    { "data-service": row.name },
    h("th", { scope: "row" }, name, cells.below),
    h("td", {}, cells.state),
    reason,
    ports,
    up,
    restarts,
    cpu,
    memory,
    actions,
  );
  return cells;
}

function showPorts(cell, row) {
  const numbers = Object.values(row.ports).join(", ");
  const address = row.url && row.state === "ready" ? webAddress(row.url) : null;
  if (cell.dataset.shown === `${numbers} ${address}`) return;
  cell.dataset.shown = `${numbers} ${address}`;
  const link =
    address &&
    h(
      "a",
      {
        href: address,
        target: "_blank",
        rel: "noopener noreferrer",
        "aria-label": `Open ${row.name}, port ${numbers}`,
      },
      numbers,
    );
  cell.replaceChildren(link ?? numbers);
}

function matches(row, wanted) {
  return (
    !wanted ||
    plain(`${row.name} ${row.state} ${row.reason ?? ""} ${row.detail ?? ""}`)
      .toLowerCase()
      .includes(wanted)
  );
}
