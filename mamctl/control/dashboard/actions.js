// Starts, stops, restarts and scales services, and tells what became of it.

import { change } from "./api.js";
import { h } from "./dom.js";
import { count } from "./format.js";
import { ask, tell } from "./notices.js";
import { why } from "./state.js";

const GIVE_UP_MS = 120_000;
const MOST_REPLICAS = 1000;
const DONE = { start: "is up", restart: "was restarted", stop: "is stopped" };
const GOOD = ["ready", "completed"];
const BAD = ["failed", "unhealthy"];

/** Does what buttons say. */
export class Actions {
  #stack;
  #pending = new Map();

  constructor(stack) {
    this.#stack = stack;
    stack.addEventListener("status", () => this.#watch());
  }

  /** Returns what can be done with a service now. */
  verbs(row) {
    if (row.wanted === "down") return ["start"];
    if (row.state === "failed") return ["start", "stop"];
    return row.state === "completed" ? ["restart"] : ["restart", "stop"];
  }

  /** Returns the buttons for that. */
  buttons(row) {
    const button = (verb) => {
      const run = () => this.run(verb, row.name);
      return h(
        "button",
        { class: "act", "data-verb": verb, "aria-label": `${title(verb)} ${row.name}`, click: run },
        title(verb),
      );
    };
    return this.verbs(row).map(button);
  }

  /** Starts, stops or restarts a service; asks first where something would end. */
  async run(verb, name) {
    const row = this.#row(name);
    if (!row || this.#pending.has(name)) return;
    if (verb !== "start" && !(await ask(`${title(verb)} ${name}?`, this.#consequence(verb, name)))) return;
    const done = await this.#send(`/v1/services/${encodeURIComponent(name)}/${verb}`, {}, `${verb} ${name}`);
    if (!done) return;
    this.#pending.set(name, { verb, generation: row.generation, until: Date.now() + GIVE_UP_MS });
    this.#stack.look();
  }

  /** Asks how many replicas a service is to have, and lets it have them. */
  async scale(service) {
    const now = this.#stack.status.replicas[service];
    const wish = {
      verb: "Scale",
      number: { now: now.number, most: MOST_REPLICAS },
      detail: `It holds until the next up. The manifest says ${now.manifest}.`,
    };
    const number = await ask(`How many replicas of ${service}?`, wish);
    if (number === null || number === now.number) return;
    const done = await this.#send(
      `/v1/services/${encodeURIComponent(service)}/scale`,
      { replicas: number },
      `scale ${service}`,
    );
    if (done) tell(`${service} has ${count(number, "replica")} now`);
    this.#stack.look();
  }

  async #send(path, body, what) {
    try {
      return await change(path, body);
    } catch (problem) {
      tell(`could not ${what}: ${problem.message}`, { error: true, hint: problem.hint });
      return null;
    }
  }

  #consequence(verb, name) {
    const dependants = this.#stack.status.services.filter(
      (row) => row.depends_on.includes(name) && row.wanted === "up",
    );
    const names = dependants.map((row) => row.name).join(", ");
    const detail = !names
      ? null
      : verb === "stop"
        ? `These need it, and run on without it: ${names}.`
        : `These need it: ${names}.`;
    return { verb: title(verb), danger: verb === "stop", detail };
  }

  #row(name) {
    return this.#stack.status?.services.find((row) => row.name === name);
  }

  #watch() {
    for (const [name, wish] of this.#pending) {
      const row = this.#row(name);
      const end = !row || Date.now() > wish.until ? "" : outcome(wish, row);
      if (end === null) continue;
      this.#pending.delete(name);
      if (end === "good") tell(`${name} ${DONE[wish.verb]}`);
      if (end === "bad") tell(`could not ${wish.verb} ${name}: ${why(row) || row.state}`, { error: true });
    }
  }
}

/** Tells what became of a wish: good, bad, or null while it is not decided. */
function outcome({ verb, generation }, row) {
  if (verb === "stop") return ["stopped", ...GOOD.slice(1), "failed"].includes(row.state) ? "good" : null;
  if (verb === "restart" && row.generation === generation && row.state !== "failed") return null;
  if (GOOD.includes(row.state)) return "good";
  return BAD.includes(row.state) ? "bad" : null;
}

function title(verb) {
  return verb[0].toUpperCase() + verb.slice(1);
}
