// What is under the pointer, in words beside it, inside the frame of the picture.
import { name, place } from "./graph.js";
import { element, number } from "./text.js";

export function showTip(tip, drawing, node) {
  tip.hidden = !node;
  if (!node) return;
  const influence = node.kind === "logit" ? "" : ` · influence ${number(node.influence)}`;
  tip.replaceChildren(element("strong", {}, name(node, 120)), ` ${place(node)}${influence}`);
  const left = node.x - drawing.scrollLeft, below = node.y + 14, height = tip.offsetHeight;
  tip.style.left = `${Math.max(0, Math.min(left + 12, drawing.clientWidth - tip.offsetWidth))}px`;
  tip.style.top = `${below + height + 4 > drawing.clientHeight ? Math.max(0, node.y - height - 14) : below}px`;
}
