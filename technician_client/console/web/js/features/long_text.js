// Typing a long text over there, piece by piece: the next one when the one before has been typed, so that it can be stopped.

import { signal } from "../lib.js";

const PIECE = 40;

export class LongText {
  /**
   * @param {(tag: string, fields: Record<string, unknown>) => unknown} send
   * @param {() => number} newRequest
   */
  constructor(send, newRequest) {
    this.send = send;
    this.newRequest = newRequest;
    /** @type {string[]} */
    this.pieces = [];
    this.request = 0;
    /** @type {import("../../vendor/signals.js").Signal<null | {done: number, all: number, missed: number, over: "" | "typed" | "stopped" | "refused"}>} */
    this.progress = signal(null);
  }

  get busy() {
    return this.progress.value !== null && this.progress.value.over === "";
  }

  /** @param {string} text */
  start(text) {
    if (this.busy || text === "") return;
    this.pieces = cut(text);
    this.progress.value = { done: 0, all: this.pieces.reduce((sum, piece) => sum + piece.length, 0), missed: 0, over: "" };
    this.next();
  }

  next() {
    const piece = this.pieces[0];
    const progress = this.progress.value;
    if (progress === null) return;
    if (piece === undefined) {
      this.progress.value = { ...progress, over: "typed" };
      return;
    }
    this.request = this.newRequest();
    this.send("input.type_piece", { request: this.request, text: piece });
  }

  /** @param {{tag: string, [field: string]: any}} message */
  hear(message) {
    const progress = this.progress.value;
    if (progress === null || message.request !== this.request || !this.busy) return;
    if (message.tag === "input.typed") {
      const piece = this.pieces.shift() ?? "";
      this.progress.value = { ...progress, done: progress.done + piece.length, missed: progress.missed + message.missed };
      this.next();
    } else if (message.tag === "session.refusal") {
      this.stop("refused");
    }
  }

  /** Type nothing more. @param {"stopped" | "refused"} [why] */
  stop(why = "stopped") {
    if (!this.busy || this.progress.value === null) return;
    this.pieces = [];
    this.progress.value = { ...this.progress.value, over: why };
  }

  forget() {
    if (!this.busy) this.progress.value = null;
  }
}

/**
 * A text in pieces, none of which ends in the middle of a character (an emoji may be many code points: it may be cut between them,
 * not inside one). Pure.
 * @param {string} text
 * @returns {string[]}
 */
export function cut(text) {
  const points = [...text.replaceAll("\r\n", "\n")];
  const pieces = [];
  for (let at = 0; at < points.length; at += PIECE) pieces.push(points.slice(at, at + PIECE).join(""));
  return pieces;
}
