// The picture: points where few are in view, else a pixel for all that fall on it; names of clusters; what is lit.
import { NO_CLUSTER } from "./points.js";

const MOST_POINTS = 20000, MOST_NAMES = 40;

// The style sheet has the colours, so that light and dark are its business.
export function palette(element) {
  const style = getComputedStyle(element), colour = (name) => style.getPropertyValue(name).trim();
  return {
    clusters: Array.from({ length: 7 }, (_, i) => colour(`--map-${i}`)),
    none: colour("--map-none"), ink: colour("--ink"), paper: colour("--paper"), mark: colour("--mark"),
  };
}

export function draw(context, ratio, view, points, clusters, colours, chosen) {
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  context.clearRect(0, 0, view.width, view.height);
  const seen = inView(view, points);
  context.globalAlpha = points.nLit ? 0.3 : 0.85;
  if (seen.length > MOST_POINTS) density(context, ratio, view, points, seen, colours);
  else dots(context, view, points, seen, colours, radius(view, seen.length));
  context.globalAlpha = 1;
  if (points.nLit) lights(context, view, points, seen, colours);
  names(context, view, clusters, colours);
  if (chosen >= 0) ring(context, view.pixelOf(points.x[chosen], points.y[chosen]), 9, colours.mark);
  return seen.length;
}

function inView(view, points) {
  const [left, top] = view.placeAt(-8, -8), [right, bottom] = view.placeAt(view.width + 8, view.height + 8);
  const seen = new Uint32Array(points.n), { x, y, n } = points;
  let count = 0;
  for (let i = 0; i < n; i++) if (x[i] >= left && x[i] <= right && y[i] >= bottom && y[i] <= top) seen[count++] = i;
  return seen.subarray(0, count);
}

const radius = (view, n) => Math.min(7, Math.max(1.5, Math.sqrt(view.width * view.height / Math.max(n, 1)) / 8));
const place = (cluster) => (cluster === NO_CLUSTER ? 7 : cluster % 7);

function dots(context, view, points, seen, colours, size) {
  const byColour = Array.from({ length: 8 }, () => []);
  for (const i of seen) byColour[place(points.cluster[i])].push(i);
  [...colours.clusters, colours.none].forEach((colour, at) => {
    context.fillStyle = colour;
    context.beginPath();
    for (const i of byColour[at]) {
      const [left, top] = view.pixelOf(points.x[i], points.y[i]);
      context.moveTo(left + size, top);
      context.arc(left, top, size, 0, 2 * Math.PI);
    }
    context.fill();
  });
}

// The more points on a pixel, the less of the paper is seen through it.
function density(context, ratio, view, points, seen, colours) {
  const width = Math.ceil(view.width * ratio), height = Math.ceil(view.height * ratio);
  const counts = new Uint16Array(width * height), image = new ImageData(width, height);
  const bytes = image.data, rgb = [...colours.clusters, colours.none].map(components);
  const scale = view.scale * ratio, alpha = points.nLit ? 0.35 : 1;
  for (const i of seen) {
    const left = Math.floor((points.x[i] - view.x) * scale + width / 2);
    const top = Math.floor((view.y - points.y[i]) * scale + height / 2);
    if (left < 0 || top < 0 || left >= width || top >= height) continue;
    const at = top * width + left, colour = rgb[place(points.cluster[i])];
    if (counts[at] < 65535) counts[at]++;
    bytes[4 * at] = colour[0]; bytes[4 * at + 1] = colour[1]; bytes[4 * at + 2] = colour[2];
    bytes[4 * at + 3] = alpha * (255 - 165 / counts[at]);
  }
  context.putImageData(image, 0, 0);
}

const components = (hex) => [1, 3, 5].map((at) => parseInt(hex.slice(at, at + 2), 16));

function lights(context, view, points, seen, colours) {
  context.fillStyle = colours.mark;
  context.strokeStyle = colours.paper;
  context.beginPath();
  for (const i of seen) {
    if (!points.lit[i]) continue;
    const [left, top] = view.pixelOf(points.x[i], points.y[i]);
    context.moveTo(left + 4, top);
    context.arc(left, top, 4, 0, 2 * Math.PI);
  }
  context.fill();
  context.stroke();
}

function ring(context, [left, top], size, colour) {
  context.strokeStyle = colour;
  context.lineWidth = 2;
  context.beginPath();
  context.arc(left, top, size, 0, 2 * Math.PI);
  context.stroke();
  context.lineWidth = 1;
}

// Largest clusters first; a name that would lie on another is left out until one comes closer.
function names(context, view, clusters, colours) {
  const taken = [];
  context.font = "600 12px system-ui, sans-serif";
  context.textAlign = "center";
  context.lineJoin = "round";
  for (const { name, x, y } of clusters) {
    if (!name || taken.length >= MOST_NAMES) continue;
    const [left, top] = view.pixelOf(x, y), half = context.measureText(name).width / 2 + 4;
    if (left < half || top < 10 || left > view.width - half || top > view.height - 10) continue;
    if (taken.some((box) => Math.abs(box.left - left) < box.half + half && Math.abs(box.top - top) < 18)) continue;
    taken.push({ left, top, half });
    context.strokeStyle = colours.paper;
    context.lineWidth = 4;
    context.strokeText(name, left, top + 4);
    context.lineWidth = 1;
    context.fillStyle = colours.ink;
    context.fillText(name, left, top + 4);
  }
}
