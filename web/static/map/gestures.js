// Mouse, fingers and keys on the canvas: they move the view, and tell of hovering and of choosing.
const STEP = 60;

export function listen(canvas, view, { changed, hovered, chosen }) {
  const fingers = new Map();
  let moved = 0, apart = 0;
  const at = (event) => { const box = canvas.getBoundingClientRect(); return [event.clientX - box.left, event.clientY - box.top]; };
  const spread = () => { const [a, b] = [...fingers.values()]; return Math.hypot(a[0] - b[0], a[1] - b[1]); };

  canvas.addEventListener("pointerdown", (event) => {
    if (event.button) return;
    canvas.setPointerCapture(event.pointerId);
    if (!fingers.size) moved = 0;
    fingers.set(event.pointerId, at(event));
    if (fingers.size === 2) apart = spread();
  });
  canvas.addEventListener("pointermove", (event) => {
    const now = at(event), before = fingers.get(event.pointerId);
    if (!before) return hovered(...now);
    fingers.set(event.pointerId, now);
    moved += Math.hypot(now[0] - before[0], now[1] - before[1]);
    view.move((now[0] - before[0]) / fingers.size, (now[1] - before[1]) / fingers.size);
    if (fingers.size === 2) {
      const wide = spread(), [a, b] = [...fingers.values()];
      view.zoom(wide / apart, (a[0] + b[0]) / 2, (a[1] + b[1]) / 2);
      apart = wide;
    }
    changed();
  });
  canvas.addEventListener("pointerup", (event) => {
    if (fingers.delete(event.pointerId) && !fingers.size && moved < 6) chosen(...at(event), event.pointerType !== "mouse");
  });
  canvas.addEventListener("pointercancel", (event) => fingers.delete(event.pointerId));
  canvas.addEventListener("pointerleave", (event) => { if (event.pointerType === "mouse") hovered(-1e6, -1e6); });
  canvas.addEventListener("wheel", (event) => {
    event.preventDefault();
    view.zoom(Math.exp(-event.deltaY * (event.deltaMode ? 0.05 : 0.002)), ...at(event));
    changed();
  }, { passive: false });

  const keys = {
    ArrowLeft: () => view.move(STEP, 0), ArrowRight: () => view.move(-STEP, 0),
    ArrowUp: () => view.move(0, STEP), ArrowDown: () => view.move(0, -STEP),
    "+": () => view.zoom(1.5), "=": () => view.zoom(1.5), "-": () => view.zoom(1 / 1.5), 0: () => view.whole(),
  };
  canvas.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.altKey || event.metaKey) return;
    if (event.key === "Enter") return chosen(view.width / 2, view.height / 2, false);
    if (!keys[event.key]) return;
    event.preventDefault();
    event.stopPropagation();
    keys[event.key]();
    changed();
    hovered(view.width / 2, view.height / 2);
  });
}
