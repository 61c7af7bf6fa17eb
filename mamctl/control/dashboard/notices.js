// What the page says about what was done, and what it asks before it does it.

import { h } from "./dom.js";

const SHOWN_MS = 6000;
const MOST = 5;

/** Shows a note for a while; an error stays until it is closed. */
export function tell(message, { error = false, hint = null } = {}) {
  const place = document.getElementById(error ? "errors" : "notes");
  const close = h("button", { class: "quiet", "aria-label": "Close", click: () => note.remove() }, "×");
  const body = h("p", {}, message, hint && h("small", {}, hint));
  const note = h("div", { class: error ? "note error" : "note" }, body, close);
  place.append(note);
  while (place.children.length > MOST) place.firstElementChild.remove();
  if (!error) setTimeout(() => note.remove(), SHOWN_MS);
}

/** Asks, and gives what was answered: null for no, the number where one was asked for, else true. */
export function ask(question, { detail, verb, danger = false, number = null }) {
  return new Promise((answer) => {
    const field =
      number &&
      h("input", { type: "number", min: 0, max: number.most, step: 1, value: number.now, "aria-label": "How many" });
    const yes = h(
      "button",
      { class: danger ? "danger" : "primary", click: () => end(field ? chosen(field) : true) },
      verb,
    );
    const no = h("button", { click: () => end(null) }, "Cancel");
    const title = h("h2", { id: "question" }, question);
    const dialog = h(
      "dialog",
      { "aria-labelledby": "question" },
      title,
      detail && h("p", {}, detail),
      field,
      h("div", { class: "buttons" }, no, yes),
    );
    const end = (value) => {
      if (value === undefined) return;
      answer(value);
      dialog.close();
    };
    field?.addEventListener("keydown", (event) => event.key === "Enter" && end(chosen(field)));
    dialog.addEventListener("close", () => (answer(null), dialog.remove()));
    document.body.append(dialog);
    dialog.showModal();
    (field ?? (danger ? no : yes)).focus();
    field?.select();
  });
}

/** Returns the number in a field; undefined, and says why, when there is none. */
function chosen(field) {
  return field.value !== "" && field.reportValidity() ? Number(field.value) : undefined;
}
