// The picture as SVG: marks by kind, curves by weight and sign, and the names of what is pinned.
import { name, place } from "./graph.js";
import { cut, visibleToken } from "./text.js";

const SVG = "http://www.w3.org/2000/svg", MOST_EDGES = 60;

export function svg(tag, attributes = {}, ...inside) {
  const made = document.createElementNS(SVG, tag);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...inside);
  return made;
}

export const radius = (node, largest) => (node.kind === "token" ? 5 : 3 + 4.5 * Math.sqrt(node.influence / largest));

// All marks anew; returns them by the number of their node.
export function draw(picture, graph, nodes, layout) {
  const largest = Math.max(1e-12, ...graph.ranked.filter(({ kind }) => kind !== "token").map(({ influence }) => influence));
  picture.setAttribute("viewBox", `0 0 ${layout.width} ${layout.height}`);
  picture.setAttribute("width", layout.width);
  picture.setAttribute("height", layout.height);
  const marks = new Map(nodes.map((node) => [node.node_id, mark(node, radius(node, largest))]));
  const edges = svg("g", { class: "graph-edges" }), names = svg("g", { class: "graph-names", "aria-hidden": "true" });
  picture.replaceChildren(axes(graph, layout), edges, svg("g", {}, ...marks.values()), names);
  return { marks, edges, names };
}

function axes(graph, layout) {
  const made = svg("g", { class: "graph-axes", "aria-hidden": "true" });
  for (const { layer, y } of layout.rows) {
    made.append(svg("line", { x1: 30, x2: layout.width, y1: y, y2: y }));
    made.append(svg("text", { x: 4, y: y + 4 }, `L${layer}`));
  }
  for (const column of layout.columns) {
    const text = visibleToken(graph.tokens[column.position] ?? "", layout.turned ? 11 : Math.max(3, Math.floor(column.width / 7.4)));
    const x = column.left + column.width / 2, y = layout.bottom + (layout.turned ? 26 : 32);
    const turn = layout.turned ? { transform: `rotate(-52 ${x + 4} ${y})`, "text-anchor": "end", x: x + 4 } : { "text-anchor": "middle", x };
    made.append(svg("text", { class: "graph-token", y, ...turn }, text));
  }
  return made;
}

function mark(node, size) {
  const { x, y } = node, group = svg("g", {
    class: `graph-mark ${node.kind}`, "data-node": node.node_id, role: "button", tabindex: -1, "aria-pressed": "false",
    "aria-label": `${name(node)}, ${place(node)}`,
  });
  if (node.kind === "logit") {
    group.append(svg("rect", { x: x - node.width / 2, y: y - 12, width: node.width, height: 24, rx: 6 }));
    group.append(svg("text", { x, y: y + 4, "text-anchor": "middle" }, node.text));
    return group;
  }
  group.append(svg("circle", { class: "graph-reach", cx: x, cy: y, r: Math.max(8, size) }));
  if (node.kind === "feature") group.append(svg("circle", { cx: x, cy: y, r: size }));
  if (node.kind === "token") group.append(svg("rect", { x: x - size, y: y - size, width: 2 * size, height: 2 * size }));
  if (node.kind === "error") {
    const half = size + 1;
    group.append(svg("path", { d: `M${x} ${y - half}L${x + half} ${y}L${x} ${y + half}L${x - half} ${y}Z` }));
  }
  return group;
}

// Curves of edges whose ends are shown; `of` names what they are drawn for.
export function curves(layer, edges, shown, of) {
  const made = edges.filter(({ source, target }) => shown.has(source.node_id) && shown.has(target.node_id)).slice(0, MOST_EDGES);
  layer.append(...made.map(({ source, target, weight, share }) => {
    const bend = Math.max(20, Math.abs(source.y - target.y) * 0.5), foot = target.kind === "logit" ? 12 : 0;
    return svg("path", {
      class: `${of} ${weight < 0 ? "lowers" : "raises"}`, "stroke-width": (0.8 + 5.2 * Math.sqrt(share)).toFixed(2),
      "stroke-opacity": (0.35 + 0.65 * Math.sqrt(share)).toFixed(2),
      d: `M${source.x} ${source.y}C${source.x} ${source.y - bend} ${target.x} ${target.y + bend} ${target.x} ${target.y + foot}`,
    });
  }));
}

// Names beside nodes, those given first; a name that would lie on another, or on the edge of the picture, is left out.
export function names(layer, nodes, width) {
  const taken = nodes.map(({ x, y }) => ({ left: x - 7, right: x + 7, top: y - 7, bottom: y + 7 }));
  for (const node of nodes) {
    if (node.kind !== "feature" && node.kind !== "error") continue;
    const text = cut(name(node), 34), long = text.length * 6.3;
    const box = [[node.x + 11, node.y], [node.x - 11 - long, node.y], [node.x - long / 2, node.y - 17], [node.x - long / 2, node.y + 17]]
      .map(([left, y]) => ({ left, right: left + long, top: y - 8, bottom: y + 8 }))
      .find((each) => each.left > 30 && each.right < width && !taken.some((other) => overlap(each, other)));
    if (!box) continue;
    taken.push(box);
    layer.append(svg("text", { x: box.left, y: box.bottom - 4 }, text));
  }
}

const overlap = (a, b) => a.left < b.right && b.left < a.right && a.top < b.bottom && b.top < a.bottom;
