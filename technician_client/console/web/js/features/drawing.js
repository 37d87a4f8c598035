// Pointing and drawing on the user's screen without control: what the mouse does becomes messages, thinned out and bounded.

import { signal } from "../lib.js";
import { MoveThinner } from "./pointer.js";

/** @typedef {"point" | "pen" | "arrow" | "rectangle" | "ellipse"} Tool */
/** @typedef {{x: number, y: number}} Point */
/** @typedef {{shape: Exclude<Tool, "point">, colour: number, points: Point[]}} Preview */

/** As the device paints them (agent/desktop/drawing_model.py). */
export const COLOURS = Object.freeze([
  { words: "Red", value: "#d92d20" },
  { words: "Orange", value: "#e8720c" },
  { words: "Green", value: "#1f8a3b" },
  { words: "Blue", value: "#1366d6" },
  { words: "Violet", value: "#8a3ffc" },
  { words: "Black", value: "#16181d" },
]);

const MOST_POINTS = 512;
const IN_ONE_MESSAGE = 64;
const STEP_MS = 40;
const LEAST_STEP = 3;
const PREVIEW_MS = 800;

export class Drawing {
  /**
   * @param {(tag: string, fields?: Record<string, unknown>) => unknown} send
   * @param {object} [clock]
   * @param {() => number} [clock.now] milliseconds
   * @param {(run: () => void, ms: number) => unknown} [clock.later]
   */
  constructor(send, { now = () => performance.now(), later = (run, ms) => setTimeout(run, ms) } = {}) {
    this.send = send;
    this.now = now;
    this.later = later;
    /** @type {import("../../vendor/signals.js").Signal<Tool>} */
    this.tool = signal("point");
    this.colour = signal(0);
    this.stays = signal(false);
    /** @type {import("../../vendor/signals.js").Signal<null | {shown: boolean, text: string}>} what the device says of it */
    this.state = signal(null);
    /** @type {import("../../vendor/signals.js").Signal<Preview | null>} the stroke under the hand, until the picture shows it */
    this.preview = signal(null);
    this.moves = new MoveThinner((x, y) => this.send("pointer.place", { x, y }), { now, later });
    this.number = 0;
    this.sent = 0;
    this.sentAt = -Infinity;
    this.drawing = false;
    this.armed = false;
  }

  /** @param {{tag: string, [field: string]: any}} message */
  hear(message) {
    if (message.tag === "pointer.state") this.state.value = { shown: message.shown, text: message.text };
  }

  /** @param {Point} point */
  press(point) {
    const shape = this.tool.value;
    if (shape === "point") {
      this.moves.flush();
      this.send("pointer.click", { ...point });
      return;
    }
    this.number = (this.number + 1) % 65536;
    this.sent = 0;
    this.drawing = true;
    this.preview.value = { shape, colour: this.colour.value, points: [point] };
    this.pass();
  }

  /** @param {Point} point */
  move(point) {
    this.moves.move(point);
    const stroke = this.preview.value;
    if (!this.drawing || stroke === null) return;
    const last = stroke.points[stroke.points.length - 1];
    if (Math.hypot(point.x - last.x, point.y - last.y) < LEAST_STEP) return;
    const grows = stroke.shape === "pen";
    if (grows && stroke.points.length >= MOST_POINTS) return;
    this.preview.value = { ...stroke, points: grows ? [...stroke.points, point] : [stroke.points[0], point] };
    if (!grows) this.sent = Math.min(this.sent, 1);
    const rest = this.sentAt + STEP_MS - this.now();
    if (rest <= 0) this.pass();
    else if (!this.armed) {
      this.armed = true;
      this.later(() => {
        this.armed = false;
        this.pass();
      }, rest);
    }
  }

  release() {
    if (!this.drawing) return;
    this.pass();
    this.drawing = false;
    const number = this.number;
    this.later(() => {
      if (!this.drawing && this.number === number) this.preview.value = null;
    }, PREVIEW_MS);
  }

  /** The pointer has left the picture, or may not point any more. */
  leave() {
    this.release();
    this.send("pointer.away");
  }

  clear() {
    this.preview.value = null;
    this.send("pointer.clear");
  }

  /** The points that have not gone out yet. */
  pass() {
    const stroke = this.preview.value;
    if (stroke === null || !this.drawing) return;
    this.sentAt = this.now();
    while (this.sent < stroke.points.length) {
      const points = stroke.points.slice(this.sent, this.sent + IN_ONE_MESSAGE).map(({ x, y }) => [x, y]);
      this.send("pointer.stroke", { stroke: this.number, shape: stroke.shape, colour: stroke.colour, stays: this.stays.value, start: this.sent, points });
      this.sent += points.length;
    }
  }
}

/**
 * The outline of a stroke as an SVG path, in source pixels. Pure.
 * @param {Preview} stroke
 */
export function outline({ shape, points }) {
  const [first] = points;
  const last = points[points.length - 1];
  if (shape === "rectangle") return `M${first.x} ${first.y}H${last.x}V${last.y}H${first.x}Z`;
  if (shape === "ellipse") {
    const [rx, ry] = [Math.abs(last.x - first.x) / 2, Math.abs(last.y - first.y) / 2];
    const [left, right, middle] = [Math.min(first.x, last.x), Math.max(first.x, last.x), (first.y + last.y) / 2];
    return `M${left} ${middle}A${rx} ${ry} 0 1 1 ${right} ${middle}A${rx} ${ry} 0 1 1 ${left} ${middle}`;
  }
  const line = points.map(({ x, y }, index) => `${index === 0 ? "M" : "L"}${x} ${y}`).join("");
  if (shape === "pen") return points.length === 1 ? `${line}l0.1 0` : line;
  const towards = Math.atan2(first.y - last.y, first.x - last.x);
  const head = [-0.45, 0.45].map((turn) => `M${last.x} ${last.y}l${Math.cos(towards + turn) * 22} ${Math.sin(towards + turn) * 22}`);
  return line + head.join("");
}
