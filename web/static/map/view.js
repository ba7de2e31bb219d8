// What part of the map is seen: its middle, in steps of the points, and how many pixels a step has.
import { SIDE } from "./points.js";

const MOST_SCALE = 4;

export class View {
  constructor() { this.width = this.height = 1; this.x = this.y = SIDE / 2; this.scale = 0; }

  get wholeScale() { return Math.min(this.width, this.height) * 0.96 / SIDE; }

  resize(width, height) {
    const share = this.scale ? this.scale / this.wholeScale : 1;
    this.width = width;
    this.height = height;
    this.scale = share * this.wholeScale;
  }

  whole() { this.x = this.y = SIDE / 2; this.scale = this.wholeScale; }

  placeAt(left, top) { return [this.x + (left - this.width / 2) / this.scale, this.y - (top - this.height / 2) / this.scale]; }

  pixelOf(x, y) { return [(x - this.x) * this.scale + this.width / 2, (this.y - y) * this.scale + this.height / 2]; }

  move(right, down) {
    this.x = Math.min(SIDE, Math.max(0, this.x - right / this.scale));
    this.y = Math.min(SIDE, Math.max(0, this.y + down / this.scale));
  }

  // So many times as close, while what is at a pixel stays there.
  zoom(times, left = this.width / 2, top = this.height / 2) {
    const [x, y] = this.placeAt(left, top);
    this.scale = Math.min(MOST_SCALE, Math.max(this.wholeScale / 2, this.scale * times));
    const [newX, newY] = this.placeAt(left, top);
    this.x += x - newX;
    this.y += y - newY;
  }

  show(x, y, times) { this.x = x; this.y = y; this.scale = Math.min(MOST_SCALE, this.wholeScale * times); }
}
