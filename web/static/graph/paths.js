// The rows of the strongest paths: one that is pointed at is drawn alone, and its button pins its nodes.
import { element } from "./text.js";

export const pathOf = (row) => row.dataset.nodes.split(",").map(Number);

export function listenToPaths(rows, show, pin) {
  for (const row of rows) {
    const ids = pathOf(row);
    for (const event of ["mouseenter", "focusin"]) row.addEventListener(event, () => show(ids));
    for (const event of ["mouseleave", "focusout"]) row.addEventListener(event, () => show(null));
    row.lastElementChild.append(" ", element("button", { type: "button", class: "graph-pin-path", onclick: () => pin(ids) }, "pin"));
  }
}
