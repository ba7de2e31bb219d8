// Groups of pinned features by hand, and the part of an experiment's card that keeps them as supernodes.
import { name } from "./graph.js";
import { element } from "./text.js";

export function groupControls(pinned, groups, changed) {
  const features = pinned.filter(({ kind }) => kind === "feature"), chosen = new Set();
  if (!features.length) return element("div");
  const list = element("ul", { class: "prompts" }, ...features.map((node) => element("li", {}, element("label", {},
    element("input", { type: "checkbox", onchange: (event) => (event.target.checked ? chosen.add(node) : chosen.delete(node)) }),
    ` ${name(node)}${groups.get(node.node_id) ? ` (${groups.get(node.node_id)})` : ""}`))));
  const text = element("input", { name: "group", maxlength: 60, required: true });
  const form = element("form", { onsubmit: (event) => {
    event.preventDefault();
    for (const node of chosen) groups.set(node.node_id, text.value.trim());
    changed();
  } }, element("label", {}, "Name ", text), element("button", {}, "Group those"), element("button", { type: "button", onclick: () => { groups.clear(); changed(); } }, "Ungroup all"));
  const card = element("pre", { class: "snippet" }, element("code", {}, cardOf(features, groups)));
  const kept = groups.size > 0 && features.some(({ recipe_id }) => recipe_id !== null); // an imported graph has no card
  return element("details", {}, element("summary", {}, "Group features that mean one thing"), list, form,
    kept ? element("p", { class: "key" }, "As settings of the experiment's card, which keep the groups:") : null, kept ? card : null);
}

function cardOf(features, groups) {
  const byName = new Map();
  for (const node of features) {
    const group = groups.get(node.node_id) || node.supernode;
    if (group && node.recipe_id !== null) byName.set(group, [...(byName.get(group) || []), `${node.recipe_id}/${node.feature_id}`]);
  }
  const lines = [...byName].map(([group, ids]) => `    ${JSON.stringify(group)}: [${[...new Set(ids)].join(", ")}]`);
  return `settings:\n  supernodes:\n${lines.join("\n")}`;
}
