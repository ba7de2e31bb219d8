// Keys on the picture: arrows walk to the nearest node in their direction, Enter and space pin, Escape lets go.
const STEPS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

export function nearest(nodes, from, [right, down]) {
  let found = null, least = Infinity;
  for (const node of nodes) {
    const x = node.x - from.x, y = node.y - from.y, along = x * right + y * down, aside = Math.abs(x * down) + Math.abs(y * right);
    if (node === from || along < 1) continue;
    const far = along + 2 * aside;
    if (far < least) { least = far; found = node; }
  }
  return found;
}

export function listen(picture, { nodes, at, walk, pin, leave }) {
  picture.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.altKey || event.metaKey) return;
    const step = STEPS[event.key], isPin = event.key === "Enter" || event.key === " ";
    if (!step && !isPin && event.key !== "Escape") return;
    event.preventDefault();
    event.stopPropagation();
    if (step) { const next = nearest(nodes(), at(), step); if (next) walk(next); }
    else if (isPin) pin(at());
    else leave();
  });
}
