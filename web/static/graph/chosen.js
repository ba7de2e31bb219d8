// What is known of one node: label, place, where its feature fires, what acts on it and on what it acts.
import { called, name, place } from "./graph.js";
import { element, number, percent } from "./text.js";

const MOST_ROWS = 12, FACTORS = [[0, "ablate"], [2, "× 2"], [-1, "× −1"]], pages = new Map();

export function showChosen(panel, graph, node, { isPinned, pin, point, changes }) {
  panel.replaceChildren();
  if (!node) return;
  const address = graph.address(node), title = address ? element("a", { href: address }, name(node, 200)) : name(node, 200);
  panel.append(element("h3", {}, title), element("p", { class: "place" }, facts(node)));
  const buttons = element("p", { class: "graph-buttons" }, element("button", { type: "button", "aria-pressed": String(isPinned), onclick: () => pin(node) }, isPinned ? "Unpin" : "Pin"));
  panel.append(buttons);
  if (node.kind === "feature" && changes) panel.append(changeButtons(node, changes, buttons));
  const tables = element("div", { class: "graph-neighbours" });
  tables.append(neighbours("What acts on it", node.inputs, ({ source }) => source, { pin, point }));
  if (node.kind !== "logit") tables.append(neighbours("On what it acts", node.outputs, ({ target }) => target, { pin, point }));
  panel.append(tables);
  if (address) panel.append(firings(address));
}

function facts(node) {
  const parts = [place(node)];
  if (node.kind === "feature") parts.unshift(called(node)), node.activation !== null && parts.push(`activation ${number(node.activation)}`);
  if (node.kind !== "logit") parts.push(`influence ${number(node.influence)}`);
  if (node.error_share !== null) parts.push(`${percent(node.error_share)} of what acts on it is left out by transcoders`);
  if (node.supernode) parts.push(`of ${node.supernode}`);
  return parts.join(" · ");
}

function neighbours(caption, edges, end, { pin, point }) {
  const rows = edges.slice(0, MOST_ROWS).map((edge) => {
    const node = end(edge);
    const go = element("button", {
      type: "button", class: "graph-go", "data-node": node.node_id, onclick: () => pin(node, true),
      onmouseenter: () => point(node), onmouseleave: () => point(null), onfocus: () => point(node), onblur: () => point(null),
    }, name(node, 48));
    return element("tr", {}, element("th", { scope: "row" }, go, element("span", { class: "place" }, ` ${node.layer === null ? "" : `L${node.layer} `}at ${node.position}`)),
      element("td", {}, number(edge.weight)), element("td", {}, percent(edge.share)));
  });
  const heads = ["node", "weight", "share"].map((text) => element("th", { scope: "col" }, text));
  const rest = edges.length > MOST_ROWS ? `, the strongest ${MOST_ROWS} of ${edges.length}` : "";
  const body = rows.length ? rows : [element("tr", {}, element("td", { colspan: 3, class: "none" }, "nothing that is kept"))];
  return element("table", {}, element("caption", {}, caption + rest), element("thead", {}, element("tr", {}, ...heads)), element("tbody", {}, ...body));
}

// Runs the model with the feature changed, where there is something that runs models; shows what its page would show.
function changeButtons(node, address, buttons) {
  const told = element("div", { class: "graph-changed", role: "status" });
  const ask = async (factor) => {
    told.replaceChildren("waiting for the model…");
    const answer = await fetch(`${address}?${new URLSearchParams({ node: node.node_id, factor })}`);
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const found = page.querySelector("#graph-change table, #graph-change .problem, .problem");
    told.replaceChildren(found ? document.importNode(found, true) : `the model did not answer (${answer.status})`);
  };
  for (const [factor, text] of FACTORS)
    buttons.append(" ", element("button", { type: "button", title: "Run the model with this feature changed", onclick: () => ask(factor).catch(() => told.replaceChildren("the server does not answer")) }, text));
  return told;
}

// The feature page's own panels, as its address gives them to pages of others.
function firings(address) {
  const box = element("div", { class: "graph-firings" });
  if (!pages.has(address)) pages.set(address, fetch(`${address}?embed=logits,examples`).then((answer) => (answer.ok ? answer.text() : "")));
  pages.get(address).then((text) => {
    const page = new DOMParser().parseFromString(text, "text/html");
    for (const section of page.querySelectorAll("main section")) {
      section.querySelector(".sql")?.remove();
      const title = section.querySelector("h2");
      title?.replaceWith(element("h4", {}, title.textContent));
      section.removeAttribute("aria-labelledby");
      box.append(document.importNode(section, true));
    }
    if (!box.childElementCount) box.append(element("p", { class: "none" }, "no windows of it are kept"));
  }).catch(() => pages.delete(address));
  return box;
}
