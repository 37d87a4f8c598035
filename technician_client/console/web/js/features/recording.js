// The recording of this session, the technician's notes, and a restart of the computer: what the page knows of each.

import { signal } from "../lib.js";

/** @typedef {{stage: "off" | "announcing" | "on" | "held", name: string, seconds: number | null, reason: string, text: string}} RecordingState */

const REASONS = /** @type {Record<string, string>} */ ({
  technician: "",
  user: "The user ended the recording.",
  policy: "The organisation's policy does not allow a recording.",
  expiry: "The time for which recording was allowed is over.",
  session_over: "",
  too_large: "The recording has reached its size.",
  disk_full: "The disk is full.",
  failed: "The recording failed.",
});

export class Recording {
  /** @param {(text: string) => unknown} say to the console @param {(text: string, level?: "poor" | "good") => void} notify */
  constructor(say, notify) {
    this.say = say;
    this.notify = notify;
    /** @type {import("../../vendor/signals.js").Signal<RecordingState | null>} null: nothing can be kept here */
    this.state = signal(null);
    /** performance.now() at which `state.seconds` was said */
    this.toldAt = 0;
    /** To begin as soon as the user has said yes. */
    this.wished = false;
  }

  /** @param {RecordingState | null} state */
  restore(state) {
    this.state.value = state;
    this.toldAt = performance.now();
  }

  /** @param {RecordingState} state */
  hear(state) {
    const before = this.state.value?.stage ?? "off";
    this.restore(state);
    if (state.stage === "on" && before !== "on") this.notify("The session is being recorded. The user sees it.", "good");
    if (state.stage === "off" && before !== "off") {
      const text = [REASONS[state.reason] ?? "", state.text].filter(Boolean).join(" ");
      if (text) this.notify(text);
      else if (before !== "announcing") this.notify("The recording is kept; it is among the recordings.", "good");
    }
  }

  /** Begin, or end. @param {boolean} on */
  record(on) {
    this.wished = false;
    this.say(JSON.stringify({ type: "record", on }));
  }

  /** Whether it goes on, so that pressing ends it. */
  get running() {
    return (this.state.value?.stage ?? "off") !== "off";
  }

  /** How long it has been going, in seconds. @param {number} now performance.now() */
  elapsed(now) {
    const seconds = this.state.value?.seconds ?? null;
    return seconds === null ? 0 : seconds + (now - this.toldAt) / 1000;
  }
}

export class Notes {
  /** @param {(text: string) => boolean} say to the console */
  constructor(say) {
    this.say = say;
    this.text = signal("");
    /** @type {import("../../vendor/signals.js").Signal<"" | "waiting" | "kept" | "failed">} */
    this.state = signal("");
    this.fault = signal("");
    /** @type {ReturnType<typeof setTimeout> | undefined} */
    this.timer = undefined;
  }

  /** @param {string} text what the console keeps; nothing that is being typed is lost to it */
  restore(text) {
    if (this.state.value !== "waiting") this.text.value = text;
  }

  /** @param {string} text */
  type(text) {
    this.text.value = text;
    this.state.value = "waiting";
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.keep(), 600);
  }

  keep() {
    clearTimeout(this.timer);
    if (this.state.value === "waiting" && !this.say(JSON.stringify({ type: "note", text: this.text.value }))) this.timer = setTimeout(() => this.keep(), 2000);
  }

  /** @param {{text: string}} told "" when they are kept */
  hear({ text }) {
    this.fault.value = text;
    this.state.value = text ? "failed" : "kept";
  }
}

export class Restart {
  /**
   * @param {(tag: string, fields: Record<string, unknown>) => unknown} send
   * @param {() => number} newRequest
   */
  constructor(send, newRequest) {
    this.send = send;
    this.newRequest = newRequest;
    /** `away`: the connection is lost, and it is waited for; `back`: for so many seconds after the restart the session may go on
     * @type {import("../../vendor/signals.js").Signal<{stage: "sent" | "asking" | "restarting" | "away" | "back" | "gone" | "refused", text: string, back: number} | null>} */
    this.state = signal(null);
    this.request = 0;
  }

  /**
   * Where the session stands now: what that says of the restart.
   * @param {string} phase
   * @returns {boolean} whether the computer has just come back
   */
  follow(phase) {
    const state = this.state.value;
    if (state === null || !["sent", "asking", "restarting", "away"].includes(state.stage)) return false;
    if (phase === "over") this.state.value = state.stage === "restarting" || state.stage === "away" ? { ...state, stage: "gone" } : null;
    else if (phase === "reconnecting") this.state.value = state.stage === "restarting" || state.stage === "away" ? { ...state, stage: "away" } : null;
    else if (phase === "open" && state.stage === "away") {
      this.state.value = { ...state, stage: "back" };
      return true;
    }
    return false;
  }

  /** Whether the computer is on its way down or up. */
  get underway() {
    return ["restarting", "away"].includes(this.state.value?.stage ?? "");
  }

  /** @param {string} reason */
  order(reason) {
    this.request = this.newRequest();
    this.state.value = { stage: "sent", text: "", back: 0 };
    this.send("power.reboot", { request: this.request, reason });
  }

  /** @param {{tag: string, [field: string]: any}} message */
  hear(message) {
    if (message.request !== this.request || this.request === 0) return;
    if (message.tag === "power.state") this.state.value = { stage: message.stage, text: "", back: message.back_within };
    if (message.tag === "session.refusal") this.state.value = { stage: "refused", text: message.text, back: 0 };
  }

  forget() {
    this.state.value = null;
    this.request = 0;
  }
}
