// Where each node stands: columns are positions of the prompt, rows are layers, tokens below and logits above.
const PITCH = 15, LEFT = 44, GAP = 9, LEAST_COLUMN = 26, LEAST_ROW = 26, MOST_ROWS = 8, CHIP = 24, CHARACTER = 7.2;
export const LABEL = 22;

// Sets x and y of nodes; returns size, columns {position, left, width}, rows {layer, y} and whether token texts are turned.
export function layOut(nodes, logits, room, least) {
  const inside = nodes.filter(({ kind }) => kind !== "logit"), cells = new Map();
  for (const node of inside) {
    const key = `${node.position} ${node.layer ?? -1}`;
    if (!cells.has(key)) cells.set(key, []);
    cells.get(key).push(node);
  }
  const positions = [...new Set(inside.map(({ position }) => position))].sort((a, b) => a - b);
  const layers = [...new Set(inside.map(({ layer }) => layer ?? -1))].filter((layer) => layer >= 0).sort((a, b) => a - b);
  const count = (position, layer) => cells.get(`${position} ${layer}`)?.length || 0;
  const widths = (rows) => positions.map((position) =>
    Math.max(LEAST_COLUMN, ...layers.map((layer) => Math.ceil(count(position, layer) / rows) * PITCH + GAP)));
  let rows = 1;
  while (rows < MOST_ROWS && sum(widths(rows)) > room - LEFT) rows++;
  const spare = Math.max(0, room - LEFT - sum(widths(rows))) / Math.max(1, positions.length);
  let left = LEFT;
  const columns = widths(rows).map((width, at) => {
    const column = { position: positions[at], left, width: width + spare };
    left += column.width;
    return column;
  });
  const turned = columns.some(({ width }) => width < 46), width = Math.max(room, left);
  const top = chips(logits, width), heights = layers.map((layer) =>
    Math.max(LEAST_ROW, Math.min(rows, Math.max(...positions.map((position) => count(position, layer)))) * PITCH + GAP));
  const below = turned ? 74 : 40, stretched = Math.max(0, least - top - below - sum(heights)) / Math.max(1, layers.length);
  let y = top + 14 + sum(heights) + stretched * layers.length;
  const bottom = y, lines = layers.map((layer, at) => {
    y -= heights[at] + stretched;
    return { layer, y: y + (heights[at] + stretched) / 2 };
  });
  for (const column of columns) {
    for (const line of lines) pack(cells.get(`${column.position} ${line.layer}`) || [], column, line.y, rows);
    for (const node of cells.get(`${column.position} -1`) || []) { node.x = column.left + column.width / 2; node.y = bottom + 12; }
  }
  return { width, height: bottom + below, columns, rows: lines, bottom, turned };
}

// The most influential of a cell stand in its middle.
function pack(nodes, column, y, rows) {
  const wide = Math.ceil(nodes.length / rows), tall = Math.min(rows, nodes.length);
  const places = nodes.map((_, at) => [Math.floor(at / tall) - (wide - 1) / 2, (at % tall) - (tall - 1) / 2]);
  places.sort((a, b) => Math.hypot(...a) - Math.hypot(...b));
  [...nodes].sort((a, b) => b.influence - a.influence).forEach((node, at) => {
    node.x = column.left + column.width / 2 + places[at][0] * PITCH;
    node.y = y + places[at][1] * PITCH;
  });
}

// Logits are words along the top, the likeliest at the right, in as many lines as they need; returns their height.
function chips(logits, width) {
  let right = width - 4, line = 0;
  for (const node of logits) {
    node.width = Math.min(150, node.text.length * CHARACTER + 18);
    if (right - node.width < LEFT && right < width - 4) { right = width - 4; line++; }
    node.x = right - node.width / 2;
    node.y = 4 + CHIP / 2 + line * (CHIP + 4);
    right -= node.width + 6;
  }
  return 8 + (line + 1) * (CHIP + 4);
}

const sum = (values) => values.reduce((total, value) => total + value, 0);
