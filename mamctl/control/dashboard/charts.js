// Small charts of one series each, as drawings.

import { h, s, setAttribute, setText } from "./dom.js";
import { latency, percent, size } from "./format.js";

const WIDTH = 300;
const HEIGHT = 72;
const SPAN_MS = 15 * 60_000;
const SHORTEST_MS = 60_000;

/** What is measured: what it is called, how its values read, and the least top of its scale. */
export const METRICS = {
  cpu: { name: "CPU", show: percent, top: 5 },
  memory: { name: "Memory", show: size, top: 16 * 1024 * 1024 },
  probe: { name: "Probe latency", show: latency, top: 0.01 },
};

/** A chart of one metric of one service. */
export class Chart {
  #metric;
  #series = [];
  #from = 0;
  #until = 1;
  #top = 1;

  constructor(metric, label, title) {
    this.#metric = METRICS[metric];
    this.label = label;
    this.name = title;
    this.area = s("path", { class: "area" });
    this.line = s("path", { class: "line" });
    this.mark = s("line", { class: "mark", y1: 0, y2: HEIGHT, visibility: "hidden" });
    this.drawing = s(
      "svg",
      {
        viewBox: `0 0 ${WIDTH} ${HEIGHT}`,
        preserveAspectRatio: "none",
        role: "img",
        pointermove: (event) => this.#point(event),
        pointerleave: () => this.#unpoint(),
      },
      this.area,
      this.line,
      this.mark,
    );
    this.value = h("span", { class: "value" });
    this.scale = h("span", { class: "scale" });
    this.element = h(
      "figure",
      { class: "chart", "data-metric": metric },
      h("figcaption", {}, title, this.value),
      this.drawing,
      this.scale,
    );
  }

  /** Draws a series. */
  update(series) {
    this.#series = series;
    const values = series.map((sample) => sample.value ?? 0);
    this.#until = Date.now();
    this.#from = Math.max(this.#until - SPAN_MS, Math.min(series[0]?.at ?? this.#until, this.#until - SHORTEST_MS));
    const most = values.length ? Math.max(...values) : 0;
    this.#top = Math.max(this.#metric.top, most * 1.1);
    const runs = this.#runs();
    setAttribute(this.line, "d", runs.map(drawn).join(""));
    setAttribute(this.area, "d", runs.map(closed).join(""));
    this.#say(most);
  }

  #say(most) {
    const last = this.#series.at(-1)?.value ?? null;
    const now = last === null ? "no figures" : this.#metric.show(last);
    if (this.mark.getAttribute("visibility") === "hidden") setText(this.value, now);
    setText(this.scale, last === null ? "" : `most ${this.#metric.show(most)}`);
    setAttribute(
      this.drawing,
      "aria-label",
      `${this.label}: ${last === null ? now : `now ${now}, most ${this.#metric.show(most)}`}`,
    );
  }

  /** Returns the points of each stretch without a gap. */
  #runs() {
    const runs = [];
    let run = null;
    for (const { at, value } of this.#series) {
      if (at < this.#from || value === null) {
        run = null;
        continue;
      }
      if (!run) runs.push((run = []));
      run.push(`${this.#x(at).toFixed(1)},${this.#y(value).toFixed(1)}`);
    }
    return runs;
  }

  #x(at) {
    return ((at - this.#from) / (this.#until - this.#from)) * WIDTH;
  }

  #y(value) {
    return HEIGHT - 1 - (value / this.#top) * (HEIGHT - 3);
  }

  #point(event) {
    const box = this.drawing.getBoundingClientRect();
    const at = this.#from + ((event.clientX - box.left) / box.width) * (this.#until - this.#from);
    const near = this.#series.reduce(
      (best, one) => (Math.abs(one.at - at) < Math.abs(best.at - at) ? one : best),
      this.#series[0] ?? { at: 0, value: null },
    );
    if (near.value === null) return;
    for (const end of ["x1", "x2"]) setAttribute(this.mark, end, this.#x(near.at).toFixed(1));
    setAttribute(this.mark, "visibility", "visible");
    setText(this.value, `${this.#metric.show(near.value)}, ${Math.round((this.#until - near.at) / 1000)} s ago`);
  }

  #unpoint() {
    setAttribute(this.mark, "visibility", "hidden");
    this.update(this.#series);
  }
}

// One figure alone would be a line without a length, which nobody sees: it is a short dash.
function drawn(run) {
  return run.length > 1 ? `M${run.join("L")}` : `M${run[0]}h-4`;
}

function closed(run) {
  const [first, last] = [run[0], run.at(-1)].map((point) => point.split(",")[0]);
  return `M${first},${HEIGHT}L${run.join("L")}L${last},${HEIGHT}Z`;
}

/** Shows one metric of every service. */
export class ChartsView {
  title = "Charts";
  #stack;
  #metric = "cpu";
  #charts = new Map();

  constructor(stack) {
    this.#stack = stack;
    this.choice = h(
      "div",
      { class: "choice", role: "group", "aria-label": "What is shown" },
      ...Object.entries(METRICS).map(([key, metric]) =>
        h(
          "button",
          { "data-metric": key, "aria-pressed": String(key === this.#metric), click: () => this.#choose(key) },
          metric.name,
        ),
      ),
    );
    this.grid = h("div", { class: "charts" });
    this.empty = h("p", { class: "empty" });
    this.element = h(
      "section",
      { "aria-label": "Charts" },
      h(
        "div",
        { class: "bar" },
        this.choice,
        h("span", { class: "aside" }, "since this page was opened, at most 15 minutes"),
      ),
      this.grid,
      this.empty,
    );
  }

  /** Draws what has changed. */
  update() {
    const services = (this.#stack.status?.services ?? []).filter(
      (row) => this.#stack.history.of(this.#metric, row.name).length,
    );
    const charts = services.map((row) => this.#chart(row.name));
    const elements = charts.map((chart) => chart.element);
    if (
      elements.length !== this.grid.children.length ||
      elements.some((one, index) => this.grid.children[index] !== one)
    )
      this.grid.replaceChildren(...elements);
    this.empty.hidden = charts.length > 0;
    setText(
      this.empty,
      this.#metric === "probe"
        ? "No probe has run since this page was opened."
        : "Nothing runs that could be measured.",
    );
  }

  #chart(name) {
    const key = `${this.#metric} ${name}`;
    const chart = this.#charts.get(key) ?? new Chart(this.#metric, `${METRICS[this.#metric].name} of ${name}`, name);
    this.#charts.set(key, chart);
    chart.update(this.#stack.history.of(this.#metric, name));
    return chart;
  }

  #choose(metric) {
    this.#metric = metric;
    for (const button of this.choice.children)
      button.setAttribute("aria-pressed", String(button.dataset.metric === metric));
    this.update();
  }
}
