// The map of a dictionary: fetches its points, draws them, and says what is under the pointer.
import { draw, palette } from "./drawing.js";
import { listen } from "./gestures.js";
import { NO_CLUSTER, Points, SIDE } from "./points.js";
import { View } from "./view.js";

const NEAR = 14, FINGER = 24;
const map = document.getElementById("feature-map"), canvas = map.querySelector("canvas"), tip = map.querySelector(".map-tip");
const status = map.querySelector(".map-found"), search = map.querySelector(".map-search");
const context = canvas.getContext("2d"), view = new View(), labels = new Map();
const clusters = [...document.querySelectorAll("a[data-cluster]")].map((link) => ({
  id: Number(link.dataset.cluster), name: link.querySelector("span")?.textContent, n: Number(link.dataset.n),
  x: (Number(link.dataset.x) + 1) * SIDE / 2, y: (Number(link.dataset.y) + 1) * SIDE / 2,
}));
const clusterNames = new Map(clusters.map(({ id, name }) => [id, name]));
let points = null, colours = palette(map), chosen = -1, hovering = -1, waiting = false;

function redraw() {
  if (waiting || !points) return;
  waiting = true;
  requestAnimationFrame(() => {
    waiting = false;
    map.dataset.seen = draw(context, devicePixelRatio || 1, view, points, clusters, colours, chosen);
  });
}

function fit() {
  const box = canvas.getBoundingClientRect(), ratio = devicePixelRatio || 1;
  canvas.width = Math.round(box.width * ratio);
  canvas.height = Math.round(box.height * ratio);
  view.resize(box.width, box.height);
  redraw();
}

async function json(part, parameters) {
  const answer = await fetch(`${map.dataset.address}/${part}?${new URLSearchParams(parameters)}`);
  if (!answer.ok) throw new Error(`${answer.status} of ${part}`);
  return answer.json();
}

const feature = (at) => `${map.dataset.featuresAddress}/${points.feature[at]}`;

async function hover(left, top) {
  const at = points ? points.nearest(view, left, top, NEAR) : -1;
  if (at === hovering) return;
  hovering = at;
  tip.hidden = true;
  canvas.style.cursor = at < 0 ? "" : "pointer";
  if (at < 0) return;
  const number = points.feature[at];
  if (!labels.has(number)) {
    await new Promise((later) => setTimeout(later, 60));
    if (at !== hovering) return;
    labels.set(number, (await json("labels", { features: number }))[number] || {});
  }
  if (at === hovering) tell(at, labels.get(number));
}

function tell(at, { label, tokens }) {
  const cluster = points.cluster[at], name = clusterNames.get(cluster);
  const link = Object.assign(document.createElement("a"), { href: feature(at), textContent: `Feature ${points.feature[at]}` });
  const where = cluster === NO_CLUSTER ? "in no cluster" : `cluster ${cluster}${name ? `: ${name}` : ""}`;
  tip.replaceChildren(link, ` ${label || "no label"}${tokens?.length ? ` · ${tokens.join(" ")}` : ""} · ${where}`);
  tip.hidden = false;
  const [left, top] = view.pixelOf(points.x[at], points.y[at]);
  tip.style.left = `${Math.max(0, Math.min(left + 12, view.width - tip.offsetWidth))}px`;
  tip.style.top = `${top + 12 + tip.offsetHeight > view.height ? Math.max(0, top - tip.offsetHeight - 12) : top + 12}px`;
}

// A finger has no hovering: its first touch says what is there, and the link leads on.
function choose(left, top, byFinger) {
  const at = points ? points.nearest(view, left, top, byFinger ? FINGER : NEAR) : -1;
  if (byFinger) hover(left, top);
  else if (at >= 0) location.assign(feature(at));
}

async function light(text) {
  const { features, is_whole: isWhole } = text ? await json("found", { text }) : { features: [], is_whole: true };
  points.light(features);
  const n = features.length.toLocaleString("en");
  status.textContent = text ? `${isWhole ? n : `the first ${n}`} of ${points.n.toLocaleString("en")} features light up` : "";
  redraw();
}

function look() {
  const cluster = map.dataset.cluster && clusters.find(({ id }) => id === Number(map.dataset.cluster));
  if (cluster) view.show(cluster.x, cluster.y, 5);
  if (!map.dataset.feature) return;
  chosen = points.indexOf(Number(map.dataset.feature));
  if (chosen >= 0) view.show(points.x[chosen], points.y[chosen], 5);
  else status.textContent = `feature ${map.dataset.feature} has no place: it never fired, or has no direction`;
}

async function start() {
  fit();
  const answer = await fetch(`${map.dataset.address}/points`);
  if (!answer.ok) throw new Error(`${answer.status} of points`);
  points = new Points(await answer.arrayBuffer());
  look();
  redraw();
  new ResizeObserver(fit).observe(canvas);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => { colours = palette(map); redraw(); });
  listen(canvas, view, { changed: () => { tip.hidden = true; hovering = -1; redraw(); }, hovered: hover, chosen: choose });
  const buttons = { closer: () => view.zoom(1.5), farther: () => view.zoom(1 / 1.5), whole: () => view.whole() };
  for (const button of map.querySelectorAll("[data-do]"))
    button.addEventListener("click", () => { buttons[button.dataset.do](); redraw(); });
  search.addEventListener("submit", (event) => { event.preventDefault(); light(search.elements.text.value.trim()).catch(fail); });
  if (search.elements.text.value.trim()) await light(search.elements.text.value.trim());
  map.dataset.ready = "yes";
}

function fail(error) { status.textContent = `The map could not be drawn (${error.message}): load the page again`; }

start().catch(fail);
