// What was measured while the page was open. The supervisor keeps no such history: looking costs only who looks.

const MOST = 450; // a quarter of an hour at one sample in two seconds
const PROBES = /^mamctl_probe_duration_seconds_(sum|count)\{(.*)\} (\S+)$/;
const LABEL = /(\w+)="((?:[^"\\]|\\.)*)"/g;

/** Series by metric and service: `cpu` in percent of a core, `memory` in bytes, `probe` in seconds. */
export class History {
  #series = { cpu: new Map(), memory: new Map(), probe: new Map() };
  #before = new Map();

  /** Returns the samples of a service, oldest first: {at, value}; value is null where there was nothing. */
  of(metric, service) {
    return this.#series[metric].get(service) ?? [];
  }

  /** Takes what a status document measured. */
  sample(status) {
    const at = Date.now();
    for (const row of status.services) {
      this.#push("cpu", row.name, at, row.cpu_percent);
      this.#push("memory", row.name, at, row.memory_bytes);
    }
    this.#forget(new Set(status.services.map((row) => row.name)));
  }

  /** Takes what /metrics says of probes: their mean since the last time. */
  measure(exposition) {
    const at = Date.now();
    const now = totals(exposition);
    for (const [service, total] of now) {
      const before = this.#before.get(service) ?? total;
      const probes = total.count - before.count;
      if (probes > 0) this.#push("probe", service, at, Math.max(0, total.sum - before.sum) / probes);
    }
    this.#before = now;
  }

  #push(metric, service, at, value) {
    const all = this.#series[metric];
    const series = all.get(service) ?? [];
    if (!series.length && (value === null || value === undefined)) return;
    series.push({ at, value: value ?? null });
    if (series.length > MOST) series.shift();
    all.set(service, series);
  }

  #forget(known) {
    for (const all of Object.values(this.#series)) {
      for (const name of all.keys()) if (!known.has(name)) all.delete(name);
    }
  }
}

/** Returns how long the probes of each service took, and how many there were. */
function totals(exposition) {
  const found = new Map();
  for (const line of exposition.split("\n")) {
    const [, what, labels, value] = PROBES.exec(line) ?? [];
    if (!what) continue;
    const service = labelled(labels, "service");
    const total = found.get(service) ?? { sum: 0, count: 0 };
    total[what] += Number(value);
    found.set(service, total);
  }
  return found;
}

function labelled(labels, wanted) {
  for (const [, name, value] of labels.matchAll(LABEL)) {
    if (name === wanted) return value.replace(/\\(.)/g, (_, mark) => (mark === "n" ? "\n" : mark));
  }
  return "";
}
