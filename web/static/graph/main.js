// The page of an attribution graph: fetches the graph, draws it, and keeps what is pointed at, chosen and pinned.
import { showChosen } from "./chosen.js";
import { curves, draw, names } from "./drawing.js";
import { Graph } from "./graph.js";
import { groupControls } from "./groups.js";
import { listen } from "./keyboard.js";
import { LABEL, layOut } from "./layout.js";
import { listenToPaths, pathOf } from "./paths.js";
import { showSubgraph } from "./subgraph.js";
import { cut, percent, visibleToken } from "./text.js";
import { showTip } from "./tip.js";

const LEAST_SHARE = 0.001, LEAST_HEIGHT = 440, SHOWN_PATHS = 3, MOST_AT_FIRST = 500, MOST_ON_A_PHONE = 120, PHONE = 600;
const root = document.getElementById("attribution-graph"), one = (selector) => root.querySelector(selector);
const tip = one(".graph-tip"), status = one(".graph-status"), slider = one(".graph-threshold");
const picture = document.createElementNS("http://www.w3.org/2000/svg", "svg"), drawing = one(".graph-drawing");
const pathRows = [...document.querySelectorAll("tr[data-nodes]")], pinned = new Set(), groups = new Map();
let graph = null, drawn = null, shown = new Map(), chosen = null, pointed = null, path = null, walked = null, found = null;

const edgesOf = (ids) => ids.slice(1).map((target, at) => graph.edge(ids[at], target)).filter(Boolean);
const pinnedNodes = () => [...pinned].map((id) => graph.nodes.get(id));

// Everything anew: which nodes there are room and influence for, and where they stand.
function redraw() {
  const nodes = graph.shown(Number(slider.value), pinned);
  for (const node of graph.logits) node.text = `${visibleToken(cut(node.token, LABEL))} ${(100 * node.probability).toPrecision(3)} %`;
  shown = new Map(nodes.map((node) => [node.node_id, node]));
  drawn = draw(picture, graph, nodes, layOut(nodes, graph.logits, drawing.clientWidth, LEAST_HEIGHT));
  walked = shown.get(walked?.node_id) || graph.logits[0] || nodes[0];
  drawn.marks.get(walked?.node_id)?.setAttribute("tabindex", 0);
  update();
}

// What depends on pointing, choosing, pinning and searching alone.
function update() {
  drawn.edges.replaceChildren();
  drawn.names.replaceChildren();
  const focus = pointed || (pinned.size > 1 || path ? null : chosen?.kind !== "logit" && chosen);
  const lit = new Set(pinnedNodes());
  if (path) edgesOf(path).forEach(({ source, target }) => lit.add(source).add(target));
  if (!path && !pinned.size && !focus) for (const row of pathRows.slice(0, SHOWN_PATHS)) edgesOf(pathOf(row)).forEach(({ source, target }) => lit.add(source).add(target));
  if (focus) {
    curves(drawn.edges, focus.inputs, shown, "input");
    curves(drawn.edges, focus.outputs, shown, "output");
    for (const edge of [...focus.inputs, ...focus.outputs]) lit.add(edge.source).add(edge.target);
    lit.add(focus);
  } else if (path) curves(drawn.edges, edgesOf(path), shown, "path");
  else if (pinned.size) curves(drawn.edges, pinnedNodes().flatMap(({ inputs }) => inputs.filter(({ source }) => pinned.has(source.node_id))), shown, "pinned");
  else for (const row of pathRows.slice(0, SHOWN_PATHS)) curves(drawn.edges, edgesOf(pathOf(row)), shown, "path");
  picture.classList.toggle("focused", lit.size > 0 || found !== null);
  for (const [id, mark] of drawn.marks) {
    const node = graph.nodes.get(id);
    mark.classList.toggle("near", found ? found.has(node) : lit.has(node));
    mark.classList.toggle("chosen", node === chosen);
    mark.setAttribute("aria-pressed", String(pinned.has(id)));
  }
  const named = focus ? [focus, ...pinnedNodes()] : path ? edgesOf(path).map(({ source }) => source) : [...lit];
  names(drawn.names, named.filter((node) => shown.has(node.node_id)), Number(picture.getAttribute("width")));
  root.dataset.edges = drawn.edges.childElementCount;
}

function point(node) {
  if (pointed === node) return;
  pointed = node;
  showTip(tip, drawing, node);
  update();
}

function choose(node) { chosen = node; showChosen(one(".graph-chosen"), graph, node, { isPinned: Boolean(node) && pinned.has(node.node_id), pin, point, changes: root.dataset.changes }); }

// Pins a node and shows it; one that is pinned and shown already is let go, unless it is only to be shown.
function pin(node, keep = false) {
  if (!node) return;
  if (pinned.has(node.node_id) && node === chosen && !keep) pinned.delete(node.node_id);
  else pinned.add(node.node_id);
  pointed = null;
  tip.hidden = true;
  pinsChanged(node);
}

function pinsChanged(node) {
  const wasShown = pinnedNodes().every(({ node_id: id }) => shown.has(id));
  choose(node);
  if (wasShown) update(); else redraw();
  one(".graph-clear").hidden = !pinned.size;
  showSubgraph(one(".graph-subgraph"), graph, pinnedNodes(), groups, groupControls(pinnedNodes(), groups, () => pinsChanged(chosen)));
  const query = new URLSearchParams(location.search);
  if (pinned.size) query.set("pin", [...pinned].join(",")); else query.delete("pin");
  history.replaceState(null, "", `${location.pathname}${query.size ? `?${query}` : ""}`);
  tell();
}

function tell() {
  const n = shown.size - graph.logits.length, covered = graph.ranked.slice(0, Number(slider.value)).reduce((sum, { influence }) => sum + influence, 0);
  const all = graph.ranked.reduce((sum, { influence }) => sum + influence, 0) || 1;
  slider.setAttribute("aria-valuetext", `${n} nodes`);
  status.textContent = [`${n.toLocaleString("en")} of ${graph.ranked.length.toLocaleString("en")} nodes, ${percent(covered / all)} of their influence`,
    pinned.size ? `${pinned.size} pinned` : "", found ? `${found.size} found` : ""].filter(Boolean).join(" · ");
}

function walk(node) {
  drawn.marks.get(walked?.node_id)?.setAttribute("tabindex", -1);
  walked = node;
  const mark = drawn.marks.get(node.node_id);
  mark.setAttribute("tabindex", 0);
  mark.focus();
}

function listenToPicture() {
  const nodeOf = (event) => graph.nodes.get(Number(event.target.closest?.("[data-node]")?.dataset.node));
  picture.addEventListener("pointerover", (event) => event.pointerType === "mouse" && point(nodeOf(event) || null));
  picture.addEventListener("pointerleave", () => point(null));
  picture.addEventListener("focusin", (event) => { walked = nodeOf(event) || walked; if (event.target.matches(":focus-visible")) point(nodeOf(event) || null); });
  picture.addEventListener("focusout", () => point(null));
  picture.addEventListener("click", (event) => pin(nodeOf(event)));
  listen(picture, { nodes: () => [...shown.values()], at: () => walked, walk, pin, leave: () => { point(null); if (pinned.size) choose(graph.logits[0]); update(); } });
}

function showPath(ids) {
  path = ids;
  update();
}

function pinPath(ids) {
  for (const id of ids) if (graph.nodes.has(id)) pinned.add(id);
  path = null;
  pinsChanged(graph.nodes.get(ids.at(-1)));
}

async function start() {
  const answer = await fetch(`${root.dataset.address}?least_share=${LEAST_SHARE}`);
  if (!answer.ok) throw new Error(`${answer.status}`);
  graph = new Graph(await answer.json(), root.dataset.model);
  slider.max = graph.ranked.length;
  slider.value = Math.min(innerWidth < PHONE ? MOST_ON_A_PHONE : MOST_AT_FIRST, graph.ranked.length);
  slider.disabled = !graph.ranked.length;
  picture.setAttribute("role", "group");
  picture.setAttribute("aria-label", "Nodes of the graph");
  picture.setAttribute("aria-describedby", "graph-keys");
  drawing.append(picture);
  for (const id of (new URLSearchParams(location.search).get("pin") || "").split(",")) if (id && graph.nodes.has(Number(id))) pinned.add(Number(id));
  redraw();
  pinsChanged(pinned.size === 1 ? pinnedNodes()[0] : graph.nodes.get(Number(root.dataset.target)));
  listenToPicture();
  listenToPaths(pathRows, showPath, pinPath);
  slider.addEventListener("input", () => { redraw(); tell(); });
  one(".graph-clear").addEventListener("click", () => { pinned.clear(); groups.clear(); pinsChanged(graph.nodes.get(Number(root.dataset.target))); });
  const search = one(".graph-search");
  search.addEventListener("submit", (event) => event.preventDefault());
  search.addEventListener("input", () => { const text = search.elements.text.value.trim(); found = text ? graph.found(text) : null; update(); tell(); });
  let width = drawing.clientWidth;
  new ResizeObserver(() => { if (drawing.clientWidth !== width) { width = drawing.clientWidth; redraw(); } }).observe(drawing);
  root.dataset.ready = "yes";
}

start().catch((error) => { status.textContent = `The graph could not be drawn (${error.message}): load the page again`; });
