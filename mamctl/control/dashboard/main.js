// The page: which view is shown, the line about the connection, keys and colours.

import { Actions } from "./actions.js";
import { signIn } from "./api.js";
import { ChartsView } from "./charts.js";
import { h, setText } from "./dom.js";
import { EventsView } from "./events.js";
import { GraphView } from "./graph.js";
import { LogsView } from "./logs.js";
import { ServiceView } from "./service.js";
import { ServicesView } from "./services.js";
import { Stack } from "./stack.js";
import { summary } from "./state.js";

const THEMES = ["auto", "light", "dark"];
const KEYS = { 1: "services", 2: "logs", 3: "events", 4: "charts", 5: "graph" };
const AWAY = "The supervisor does not answer. What you see is how it was; this page tries again by itself.";
const SIGNED_OUT =
  "This browser is not signed in, or its day is over. Say `mamctl dashboard` in a terminal: it makes a new link.";

const stack = new Stack();
signIn(() => stack.link === "signed-out" && location.reload());
const actions = new Actions(stack);
const kept = {};
let view = null;

function routed() {
  const [name, argument = ""] = location.hash.replace(/^#\//, "").split("/");
  let service = "";
  try {
    service = decodeURIComponent(argument);
  } catch {
    service = argument;
  }
  switch (name) {
    case "service":
      return new ServiceView(stack, actions, service);
    case "logs":
      return new LogsView(stack, service);
    case "events":
      return (kept.events ??= new EventsView(stack));
    case "charts":
      return (kept.charts ??= new ChartsView(stack));
    case "graph":
      return (kept.graph ??= new GraphView(stack));
    default:
      return (kept.services ??= new ServicesView(stack, actions));
  }
}

function show() {
  view?.leave?.();
  view = routed();
  document.getElementById("view").replaceChildren(view.element);
  const section = view instanceof ServiceView ? "services" : view.title.toLowerCase();
  for (const link of document.querySelectorAll("nav a")) {
    if (link.hash === `#/${section}`) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  view.enter?.();
  redraw();
}

function redraw() {
  view.update();
  const status = stack.status;
  if (!status) return;
  setText(document.getElementById("stack"), status.name);
  setText(document.getElementById("summary"), summary(status.services));
  const failed = status.services.filter((row) => row.state === "failed").length;
  document.title = `${failed ? `(${failed} failed) ` : ""}${view.title} · ${status.name}`;
}

function showLink() {
  const banner = document.getElementById("banner");
  banner.hidden = stack.link !== "away" && stack.link !== "signed-out";
  setText(banner, stack.link === "away" ? AWAY : stack.link === "signed-out" ? SIGNED_OUT : "");
  document.body.dataset.link = stack.link;
}

function showTheme(theme) {
  document.documentElement.dataset.theme = theme;
  setText(document.getElementById("theme"), `Colours: ${theme}`);
}

function nextTheme() {
  const theme = THEMES[(THEMES.indexOf(document.documentElement.dataset.theme) + 1) % THEMES.length];
  showTheme(theme);
  try {
    localStorage.setItem("mamctl-theme", theme);
  } catch {
    // Then it holds until the page is closed.
  }
}

function themeBefore() {
  try {
    return localStorage.getItem("mamctl-theme") ?? "auto";
  } catch {
    return "auto";
  }
}

function help() {
  const rows = [
    ["1 to 5", "services, logs, events, charts, graph"],
    ["/", "search"],
    ["p", "pause the logs, or go on"],
    ["?", "this list"],
  ];
  const close = h("button", { class: "primary", click: () => dialog.close() }, "Close");
  const dialog = h(
    "dialog",
    { "aria-labelledby": "keys-title", close: () => dialog.remove() },
    h("h2", { id: "keys-title" }, "Keys"),
    h(
      "dl",
      { class: "keys" },
      ...rows.map(([key, does]) => h("div", {}, h("dt", {}, h("kbd", {}, key)), h("dd", {}, does))),
    ),
    h("div", { class: "buttons" }, close),
  );
  document.body.append(dialog);
  dialog.showModal();
}

function typed(event) {
  if (event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]")) return;
  if (event.target.matches("input, select, textarea")) {
    if (event.key === "Escape") event.target.blur();
    return;
  }
  if (KEYS[event.key]) location.hash = `#/${KEYS[event.key]}`;
  else if (event.key === "/" && view.search) view.search.focus();
  else if (event.key === "p" && view.pause) view.pause();
  else if (event.key === "?") help();
  else return;
  event.preventDefault();
}

window.addEventListener("hashchange", show);
document.addEventListener("keydown", typed);
document.getElementById("theme").addEventListener("click", nextTheme);
document.querySelector(".skip-link").addEventListener("click", (event) => {
  event.preventDefault(); // the address says which view is shown
  document.getElementById("view").focus();
});
document.getElementById("keys").addEventListener("click", help);
for (const what of ["status", "events", "figures"]) stack.addEventListener(what, redraw);
stack.addEventListener("link", showLink);
showTheme(THEMES.includes(themeBefore()) ? themeBefore() : "auto");
show();
stack.start();
