// What is pinned, by itself: a box for each node, or for all of a group, and the weights between them.
import { name } from "./graph.js";
import { svg } from "./drawing.js";
import { cut, element, number, percent, visibleText } from "./text.js";

const WIDE = 168, TALL = 40, BETWEEN = 44, ASIDE = 16, LEAST_DETOUR = 0.01;

// Boxes {title, nodes}: nodes of one group are one box; tokens and logits stand by themselves.
export function boxesOf(nodes, groups) {
  const boxes = new Map();
  for (const node of nodes) {
    const group = groups.get(node.node_id) || node.supernode;
    const key = group ? `group ${group}` : `node ${node.node_id}`;
    if (!boxes.has(key)) boxes.set(key, { title: group ? visibleText(group, 60) : name(node), isGroup: Boolean(group), nodes: [] });
    boxes.get(key).nodes.push(node);
  }
  return [...boxes.values()];
}

export function weights(boxes) {
  const boxOf = new Map(boxes.flatMap((box) => box.nodes.map((node) => [node.node_id, box]))), sums = new Map();
  for (const [id, target] of boxOf) {
    for (const edge of target.nodes.find((node) => node.node_id === id).inputs) {
      const source = boxOf.get(edge.source.node_id);
      if (!source || source === target) continue;
      if (!sums.has(source)) sums.set(source, new Map());
      sums.get(source).set(target, (sums.get(source).get(target) || 0) + edge.weight);
    }
  }
  return [...sums].flatMap(([source, targets]) => [...targets].map(([target, weight]) => ({ source, target, weight })));
}

// What reaches a box from another through nodes that are not pinned, as a share of all that acts on it.
export function detours(graph, boxes) {
  const boxOf = new Map(boxes.flatMap((box) => box.nodes.map((node) => [node.node_id, box]))), stops = new Set(boxOf.keys()), sums = new Map();
  for (const [id, target] of boxOf) {
    for (const [from, share] of graph.reaching(graph.nodes.get(id), stops)) {
      const source = boxOf.get(from), part = share / target.nodes.length;
      if (source === target) continue;
      if (!sums.has(source)) sums.set(source, new Map());
      sums.get(source).set(target, (sums.get(source).get(target) || 0) + part);
    }
  }
  return [...sums].flatMap(([source, targets]) => [...targets].map(([target, share]) => ({ source, target, share }))).filter(({ share }) => share >= LEAST_DETOUR);
}

const height = (box, layers) => Math.max(...box.nodes.map((node) => (node.kind === "logit" ? layers : node.layer ?? -1)));

export function showSubgraph(place, graph, nodes, groups, controls) {
  place.replaceChildren();
  if (nodes.length < 2) return;
  const boxes = boxesOf(nodes, groups), rows = [...new Set(boxes.map((box) => height(box, graph.layers)))].sort((a, b) => b - a);
  rows.forEach((row, down) => {
    const inRow = boxes.filter((box) => height(box, graph.layers) === row).sort((a, b) => a.nodes[0].position - b.nodes[0].position);
    inRow.forEach((box, along) => Object.assign(box, { x: along * (WIDE + ASIDE), y: 6 + down * (TALL + BETWEEN), n: inRow.length }));
  });
  const most = Math.max(...boxes.map(({ n }) => n)), width = most * (WIDE + ASIDE) + 60;
  for (const box of boxes) box.x += 30 + ((most - box.n) * (WIDE + ASIDE)) / 2;
  const tall = rows.length * (TALL + BETWEEN), links = weights(boxes), largest = Math.max(1e-12, ...links.map(({ weight }) => Math.abs(weight)));
  const picture = svg("svg", { width, height: tall, viewBox: `0 0 ${width} ${tall}`, role: "img", "aria-label": `${boxes.length} pinned nodes and groups, and ${links.length} weights between them` });
  const around = detours(graph, boxes);
  for (const link of around) picture.append(...drawLink(link, "detour", 1 + 4 * link.share, percent(link.share), 10));
  for (const link of links) picture.append(...drawLink(link, link.weight < 0 ? "lowers" : "raises", 1 + 4 * Math.abs(link.weight) / largest, number(link.weight), -6));
  for (const box of boxes) picture.append(drawBox(box));
  const key = element("p", { class: "key" }, "Numbers on solid and dashed curves are weights of edges. Dotted: the share of what acts on the upper node that comes from the lower through nodes that are not pinned.");
  place.append(element("h3", {}, "What is pinned, by itself"), key, element("div", { class: "graph-boxes wide", tabindex: 0, role: "region", "aria-label": "Subgraph of pinned nodes" }, picture), controls);
}

// From the top of a box to the foot of another; `aside` keeps two curves between the same boxes apart.
function drawLink({ source, target }, kind, width, text, aside) {
  const from = [source.x + WIDE / 2 + aside * 3, source.y], to = [target.x + WIDE / 2 + aside * 3, target.y + TALL];
  const bend = Math.max(18, Math.abs(from[1] - to[1]) / 2), middle = [(from[0] + to[0]) / 2, (from[1] + to[1]) / 2 + 4];
  const line = svg("path", { class: kind, "stroke-width": width, d: `M${from}C${from[0]} ${from[1] - bend} ${to[0]} ${to[1] + bend} ${to}` });
  return [line, svg("text", { class: "graph-weight", x: middle[0], y: middle[1], "text-anchor": "middle" }, text)];
}

function drawBox(box) {
  const kind = box.isGroup ? "group" : box.nodes[0].kind, many = box.nodes.length > 1 ? ` (${box.nodes.length})` : "";
  const group = svg("g", { class: `graph-box ${kind}` }, svg("rect", { x: box.x, y: box.y, width: WIDE, height: TALL, rx: 6 }));
  const words = lines(box.title + many, 24);
  words.forEach((text, at) => group.append(svg("text", { x: box.x + WIDE / 2, y: box.y + (words.length > 1 ? 17 : 24) + at * 15, "text-anchor": "middle" }, text)));
  group.append(svg("title", {}, box.title));
  return group;
}

// Two lines at most, broken between words where that can be.
function lines(text, most) {
  if ([...text].length <= most) return [text];
  const space = text.slice(0, most).lastIndexOf(" "), end = space > most / 2 ? space : most;
  return [text.slice(0, end), cut(text.slice(end).trimStart(), most - 1)];
}
