// The device's log, live. Lines are kept up to a bound; the oldest go first.

import { signal } from "../lib.js";

const MOST = 3000;
export const PRIORITIES = Object.freeze(["Emergency", "Alert", "Critical", "Error", "Warning", "Notice", "Info", "Debug"]);

/** @typedef {{at: number, priority: number, unit: string, text: string}} LogLine */
/** @typedef {{source: string, unit: string, priority: number, text: string}} Filter */
/** @typedef {{kind: "line", line: LogLine} | {kind: "loss", count: number}} Row a line, or lines that were left out */
/** @typedef {{key: number, row: Row}} Entry */

export class Logs {
  /**
   * @param {(tag: string, fields: Record<string, unknown>) => boolean} send
   * @param {() => number} newRequest
   */
  constructor(send, newRequest) {
    this.send = send;
    this.newRequest = newRequest;
    /** @type {import("../../vendor/signals.js").Signal<{name: string, why_not: string}[]>} */
    this.sources = signal([]);
    /** @type {import("../../vendor/signals.js").Signal<Entry[]>} */
    this.rows = signal([]);
    /** @type {import("../../vendor/signals.js").Signal<"idle" | "following" | "ended">} */
    this.state = signal("idle");
    this.note = signal("");
    this.request = 0;
    this.listing = 0;
    this.count = 0;
  }

  /** Ask what there is. */
  list() {
    this.listing = this.newRequest();
    this.send("logs.sources", { request: this.listing });
  }

  /** @param {Filter} filter */
  follow({ source, unit, priority, text }) {
    this.stop();
    this.rows.value = [];
    this.note.value = "";
    this.request = this.newRequest();
    if (this.send("logs.follow", { request: this.request, source, unit, priority, text, lines: 200, follow: true })) this.state.value = "following";
  }

  stop() {
    if (this.state.value === "following") this.send("logs.stop", { request: this.request });
    this.request = 0;
    this.state.value = "idle";
  }

  /** The connection is lost, and what was followed with it. */
  lost() {
    if (this.state.value !== "following") return;
    this.state.value = "ended";
    this.note.value = "The connection was lost.";
    this.request = 0;
  }

  /** @param {Row[]} rows */
  add(rows) {
    const fresh = rows.map((row) => ({ key: (this.count += 1), row }));
    this.rows.value = [...this.rows.value, ...fresh].slice(-MOST);
  }

  /** @param {{tag: string, [field: string]: any}} message */
  hear(message) {
    if (message.tag === "logs.listing" && message.request === this.listing) this.sources.value = message.sources;
    if (message.request !== this.request || this.request === 0) return;
    switch (message.tag) {
      case "logs.lines": {
        /** @type {Row[]} */
        const loss = message.left_out > 0 ? [{ kind: "loss", count: message.left_out }] : [];
        this.add([...loss, ...message.lines.map((/** @type {LogLine} */ line) => ({ kind: /** @type {const} */ ("line"), line }))]);
        break;
      }
      case "logs.ended":
      case "session.refusal":
        this.state.value = "ended";
        this.note.value = message.text || "Nothing more comes.";
        this.request = 0;
        break;
    }
  }
}
