// Who depends on whom, as a drawing and as text.

import { get, Refused } from "./api.js";
import { h, s, setAttribute, setText } from "./dom.js";
import { layout, NODE, pathOf } from "./layout.js";
import { sign } from "./state.js";

const MARGIN = 12;
const LONGEST_NAME = 17;

/** Shows the graph. */
export class GraphView {
  title = "Graph";
  #stack;
  #names = null;
  #nodes = new Map();

  constructor(stack) {
    this.#stack = stack;
    this.place = h("div", { class: "scroll graph", tabindex: 0, role: "group", "aria-label": "Dependency graph" });
    this.words = h("ul", {});
    this.element = h(
      "section",
      { "aria-label": "Graph" },
      h(
        "p",
        { class: "aside" },
        "What stands on the left starts first. A line goes from a service to the one that needs it; a dashed one is not required.",
      ),
      this.place,
      h("details", {}, h("summary", {}, "As text"), this.words),
    );
  }

  /** Draws what has changed. */
  update() {
    const services = this.#stack.status?.services;
    if (!services) return;
    const names = services.map((row) => row.name).join("\n");
    if (names !== this.#names) {
      this.#names = names;
      this.#fetch();
    }
    for (const row of services) this.#show(row);
  }

  async #fetch() {
    try {
      this.#draw(await get("/v1/graph"));
      this.update();
    } catch (problem) {
      if (!(problem instanceof Refused)) throw problem;
      this.#names = null;
    }
  }

  #draw(graph) {
    const { nodes, lines, width, height } = layout(graph);
    const paths = lines.map((line) =>
      s(
        "path",
        {
          class: line.required ? "edge" : "edge optional-edge",
          d: pathOf(line.through),
          "marker-end": "url(#arrow)",
          "data-from": line.from,
          "data-to": line.to,
        },
        s("title", {}, needs(line)),
      ),
    );
    const arrow = s(
      "marker",
      {
        id: "arrow",
        viewBox: "0 0 8 8",
        refX: 7.5,
        refY: 4,
        markerWidth: 7,
        markerHeight: 7,
        orient: "auto-start-reverse",
      },
      s("path", { d: "M0,0L8,4L0,8Z", class: "arrow" }),
    );
    this.#nodes = new Map(nodes.map((node) => [node.name, this.#node(node, paths)]));
    const elements = [...this.#nodes.values()].map((one) => one.element);
    const box = [-MARGIN, -MARGIN, width + 2 * MARGIN, height + 2 * MARGIN];
    const drawing = s(
      "svg",
      { viewBox: box.join(" "), width: box[2], height: box[3] },
      s("defs", {}, arrow),
      s("g", {}, ...paths),
      s("g", {}, ...elements),
    );
    this.place.replaceChildren(drawing);
    this.words.replaceChildren(...graph.edges.map((edge) => h("li", {}, needs(edge))));
  }

  #node({ name, x, y }, paths) {
    const state = s("text", { x: 12, y: 36, class: "node-state" });
    const label = s(
      "text",
      { x: 12, y: 19, class: "node-name" },
      name.length > LONGEST_NAME ? `${name.slice(0, LONGEST_NAME - 1)}…` : name,
    );
    const mine = paths.filter((path) => path.dataset.from === name || path.dataset.to === name);
    const light = (lit) => () => mine.forEach((path) => path.classList.toggle("lit", lit));
    const element = s(
      "a",
      {
        class: "node",
        href: `#/service/${encodeURIComponent(name)}`,
        transform: `translate(${x},${y - NODE.height / 2})`,
        pointerenter: light(true),
        pointerleave: light(false),
        focus: light(true),
        blur: light(false),
      },
      s("title", {}, name),
      s("rect", { width: NODE.width, height: NODE.height, rx: 6 }),
      label,
      state,
    );
    return { element, state };
  }

  #show(row) {
    const node = this.#nodes.get(row.name);
    if (!node) return;
    setAttribute(node.element, "data-state", row.state);
    setAttribute(node.element, "aria-label", `${row.name}, ${row.state}`);
    setText(node.state, `${sign(row.state)} ${row.state}`);
  }
}

function needs({ from, to, condition, required }) {
  return `${from} needs ${to} (${condition}${required ? "" : ", not required"})`;
}
