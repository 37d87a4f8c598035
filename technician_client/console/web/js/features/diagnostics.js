// What state the machine is in: tables as they come in and the findings made from them.

import { computed, signal } from "../lib.js";

/**
 * @typedef {object} Table
 * @property {string} name
 * @property {"ok" | "unsupported" | "failed"} status
 * @property {number} duration_ms
 * @property {number} budget_ms
 * @property {Record<string, Cell>[]} rows
 * @property {string} reason
 * @property {number} truncated
 */

const ORDER = { critical: 0, warning: 1, notice: 2 };

/** @param {Finding[]} findings */
export function bySeverity(findings) {
  return [...findings].sort((a, b) => ORDER[a.severity] - ORDER[b.severity] || a.title.localeCompare(b.title));
}

export class Diagnostics {
  /**
   * @param {(tag: string, fields: Record<string, unknown>) => void} send
   * @param {() => number} newRequest
   */
  constructor(send, newRequest) {
    this.send = send;
    this.newRequest = newRequest;
    this.request = 0;
    /** @type {import("../../vendor/signals.js").Signal<"none" | "collecting" | "done" | "refused">} */
    this.state = signal("none");
    this.refusal = signal("");
    /** @type {import("../../vendor/signals.js").Signal<Map<string, Table>>} */
    this.tables = signal(new Map());
    /** @type {import("../../vendor/signals.js").Signal<Finding[]>} */
    this.findings = signal([]);
    this.takenAt = signal(0);
    this.durationMs = signal(0);
    this.urgent = computed(() => this.findings.value.filter(({ severity }) => severity !== "notice").length);
  }

  collect() {
    this.request = this.newRequest();
    this.state.value = "collecting";
    this.send("diagnostics.collect", { request: this.request, tables: [] });
  }

  /** @param {{tag: string, [field: string]: any}} message */
  hear(message) {
    if (message.request !== this.request) return;
    if (message.tag === "diagnostics.table") {
      const { tag: _tag, request: _request, ...table } = message;
      this.tables.value = new Map(this.tables.value).set(table.name, /** @type {any} */ (table));
    } else if (message.tag === "diagnostics.done") {
      this.findings.value = bySeverity(message.findings);
      this.takenAt.value = message.taken_at;
      this.durationMs.value = message.duration_ms;
      this.state.value = "done";
    } else if (message.tag === "session.refusal") {
      this.refusal.value = message.text || message.reason;
      this.state.value = "refused";
    }
  }
}
