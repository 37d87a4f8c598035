// The picture of the assisted machine: messages in, strokes on a canvas and acknowledgements out.

import { readBinary } from "../wire.js";
import { Cursor } from "./cursor.js";
import { PaintQueue } from "./paint_queue.js";
import { LatencyEstimate } from "./quality.js";
import { MemorySurface } from "./surface.js";
import { VideoStreams } from "./video.js";

const REFRESH_PAUSE_MS = 1000;

export class Screen {
  /**
   * @param {object} parts
   * @param {HTMLCanvasElement} parts.canvas
   * @param {HTMLCanvasElement} parts.pointer
   * @param {(tag: string, fields?: Record<string, unknown>) => void} parts.send
   * @param {(layout: any) => void} parts.onLayout
   * @param {(late: number, now: number) => void} [parts.onPainted] a change was painted so many milliseconds later than the fastest
   */
  constructor({ canvas, pointer, send, onLayout, onPainted = () => {} }) {
    this.send = send;
    this.onPainted = onPainted;
    this.onLayout = onLayout;
    this.cursor = new Cursor(pointer);
    this.latency = new LatencyEstimate();
    /** Smoothed milliseconds from an update's arrival to its last stroke. */
    this.decodeMs = 0;
    this.exact = false;
    this.askedAnew = -Infinity;
    this.queue = new PaintQueue(new MemorySurface(canvas), new VideoStreams(() => this.askAnew()), {
      onPainted: (painted) => this.report(painted),
      onLost: () => this.askAnew(),
    });
  }

  /** @param {ArrayBuffer} buffer */
  receive(buffer) {
    const message = readBinary(buffer);
    if (message.kind === "cursor") this.cursor.shape(message);
    else this.queue.add(message);
  }

  /** @param {{tag: string, [field: string]: any}} message */
  hear(message) {
    if (message.tag === "screen.cursor_move") this.cursor.moved(message.x, message.y);
    if (message.tag !== "screen.layout") return;
    this.queue.layout(/** @type {any} */ (message));
    this.latency.reset();
    this.onLayout(message);
  }

  /** @param {import("./paint_queue.js").Painted} painted */
  report({ update, milliseconds, waiting, stale }) {
    this.send("screen.ack", { sequence: update.sequence, decode_ms: Math.round(milliseconds * 100) / 100, queue: waiting });
    if (stale) return;
    const now = performance.now();
    this.decodeMs += (milliseconds - this.decodeMs) / 8;
    this.exact = update.exact;
    this.onPainted(this.latency.painted(update.capturedAt / 1000, now), now);
  }

  askAnew() {
    const now = performance.now();
    if (now - this.askedAnew < REFRESH_PAUSE_MS) return;
    this.askedAnew = now;
    this.send("screen.refresh");
  }
}
