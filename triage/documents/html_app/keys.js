// What keys do.

import { el } from "./dom.js";

const HELP = [
  ["/", "search tests"],
  ["j k", "next, previous"],
  ["o", "open what is chosen"],
  ["e", "evidence: the experiments of the cause"],
  ["g", "back to the causes"],
  ["?", "this help"],
  ["Esc", "leave the search, close this help"],
];

/** The dialog that lists them. */
export function helpDialog() {
  const close = (event) => event.target.closest("dialog").close();
  return el(
    "dialog",
    { "aria-label": "Keys" },
    el("h2", {}, "Keys"),
    el("dl", { class: "facts" }, HELP.map(([key, words]) => [el("dt", {}, el("kbd", {}, key)), el("dd", {}, words)])),
    el("button", { type: "button", on: { click: close } }, "close"),
  );
}

/** Listens for keys; `actions` has a function for each. A field that is typed into keeps its keys. */
export function listen(actions) {
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const isTyping = event.target instanceof HTMLInputElement || event.target instanceof HTMLSelectElement;
    if (isTyping && event.key !== "Escape") return;
    const action = actions[event.key];
    if (!action) return;
    event.preventDefault();
    action(event);
  });
}
