// What the machine does at this moment: samples for graphs, the busiest programs, the services. Asked for only while it is looked at.

import { signal } from "../lib.js";

/** Samples kept, one a second: five minutes. */
export const MOST_SAMPLES = 300;
const PROCESS = ["pid", "name", "user", "cpu", "memory", "state", "threads", "started_at", "own"];
const SERVICE = ["id", "description", "active", "sub"];

/**
 * @typedef {object} Sample
 * @property {number} taken_at
 * @property {number} cpu
 * @property {number[]} cores
 * @property {number} memory_used
 * @property {number} memory_total
 * @property {number} swap_used
 * @property {number} swap_total
 * @property {number} disk_read
 * @property {number} disk_write
 * @property {number} received
 * @property {number} sent
 * @property {number} load
 */
/** @typedef {{pid: number, name: string, user: string, cpu: number, memory: number, state: string, threads: number, started_at: number, own: boolean}} Process */
/** @typedef {{id: string, description: string, active: string, sub: string}} Service */
/** @typedef {"graphs" | "processes" | "services"} View */

/** A row that came as an array. @param {readonly string[]} names @param {unknown[]} array @returns {any} */
function row(names, array) {
  return Object.fromEntries(names.map((name, index) => [name, array[index]]));
}

export class Live {
  /**
   * @param {(tag: string, fields?: Record<string, unknown>) => unknown} send
   * @param {() => number} newRequest
   */
  constructor(send, newRequest) {
    this.send = send;
    this.newRequest = newRequest;
    this.request = 0;
    this.watched = false;
    /** @type {import("../../vendor/signals.js").Signal<Sample[]>} oldest first */
    this.samples = signal([]);
    /** @type {import("../../vendor/signals.js").Signal<null | {running: number, total: number, rows: Process[]}>} null: none yet */
    this.processes = signal(null);
    /** @type {import("../../vendor/signals.js").Signal<null | {status: string, reason: string, total: number, rows: Service[]}>} */
    this.services = signal(null);
    this.refusal = signal("");
    /** @type {import("../../vendor/signals.js").Signal<View>} */
    this.view = signal("graphs");
    /** @type {import("../../vendor/signals.js").Signal<"cpu" | "memory">} */
    this.order = signal("cpu");
    this.text = signal("");
  }

  /** Ask for what is shown now; again after each change of it. */
  watch() {
    this.watched = true;
    this.request = this.newRequest();
    this.refusal.value = "";
    const view = this.view.value;
    this.send("live.start", {
      request: this.request,
      interval: 1,
      processes: view === "processes",
      services: view === "services",
      order: this.order.value,
      text: view === "graphs" ? "" : this.text.value.slice(0, 100),
    });
  }

  /** Nobody looks any more. */
  leave() {
    this.watched = false;
    this.send("live.stop");
  }

  /** The session is open (again): go on where somebody looks. */
  begin() {
    if (this.watched) this.watch();
  }

  /** The connection to the device is lost. */
  lost() {
    this.request = 0;
  }

  /** @param {View} view */
  show(view) {
    this.view.value = view;
    this.text.value = "";
    this.watch();
  }

  /** @param {"cpu" | "memory"} order */
  sort(order) {
    this.order.value = order;
    this.watch();
  }

  /** @param {string} text */
  search(text) {
    this.text.value = text;
    this.watch();
  }

  /** @param {{tag: string, [field: string]: any}} message */
  hear(message) {
    if (message.request !== this.request || this.request === 0) return;
    switch (message.tag) {
      case "live.sample": {
        const { tag: _tag, request: _request, skipped: _skipped, ...sample } = message;
        this.samples.value = [...this.samples.value, /** @type {any} */ (sample)].slice(-MOST_SAMPLES);
        break;
      }
      case "live.processes":
        this.processes.value = { running: message.running, total: message.total, rows: message.rows.map((/** @type {unknown[]} */ one) => row(PROCESS, one)) };
        break;
      case "live.services":
        this.services.value = {
          status: message.status,
          reason: message.reason ?? "",
          total: message.total,
          rows: message.rows.map((/** @type {unknown[]} */ one) => row(SERVICE, one)),
        };
        break;
      case "session.refusal":
        this.refusal.value = message.text || message.reason;
        break;
    }
  }
}
