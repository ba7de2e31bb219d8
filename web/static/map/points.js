// The points of a map, column by column, as `map/points` sends them: features, x and y in 65,536 steps, clusters.
export const NO_CLUSTER = 4294967295;
export const SIDE = 65535;

export class Points {
  constructor(buffer) {
    const n = this.n = new DataView(buffer).getUint32(0, true);
    this.feature = new Uint32Array(buffer, 4, n);
    this.x = new Uint16Array(buffer, 4 + 4 * n, n);
    this.y = new Uint16Array(buffer, 4 + 6 * n, n);
    this.cluster = new Uint32Array(buffer, 4 + 8 * n, n);
    this.lit = new Uint8Array(n);
    this.nLit = 0;
  }

  // Where a feature stands among the points, -1 if nowhere: they are sorted by feature.
  indexOf(feature) {
    let low = 0, high = this.n - 1;
    while (low <= high) {
      const middle = (low + high) >> 1;
      if (this.feature[middle] === feature) return middle;
      if (this.feature[middle] < feature) low = middle + 1; else high = middle - 1;
    }
    return -1;
  }

  light(features) {
    this.lit.fill(0);
    this.nLit = 0;
    for (const feature of features) {
      const at = this.indexOf(feature);
      if (at >= 0) { this.lit[at] = 1; this.nLit++; }
    }
  }

  // The point nearest to a place of the view, -1 if none is within so many pixels.
  nearest(view, left, top, most) {
    let found = -1, least = most * most;
    const [x, y] = view.placeAt(left, top), scale = view.scale;
    for (let i = 0; i < this.n; i++) {
      const right = (this.x[i] - x) * scale, up = (this.y[i] - y) * scale, far = right * right + up * up;
      if (far < least) { least = far; found = i; }
    }
    return found;
  }
}
