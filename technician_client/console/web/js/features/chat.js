// Text between the technicians and the user. The console keeps the lines, so that a reload of the tab loses none.

import { signal } from "../lib.js";

const MOST_CHARS = 4000;

export class Chat {
  /** @param {(tag: string, fields: Record<string, unknown>) => boolean} send */
  constructor(send) {
    this.send = send;
    /** @type {import("../../vendor/signals.js").Signal<ChatLine[]>} */
    this.lines = signal([]);
    this.unread = signal(0);
    this.shown = false;
  }

  /** @param {ChatLine[]} lines everything said so far */
  restore(lines) {
    this.lines.value = lines;
  }

  /** @param {ChatLine} line */
  hear({ from, name, text, at }) {
    this.lines.value = [...this.lines.value, { from, name, text, at }];
    if (from !== "technician" && !this.shown) this.unread.value += 1;
  }

  /** @param {boolean} shown */
  show(shown) {
    this.shown = shown;
    if (shown) this.unread.value = 0;
  }

  /** @param {string} typed @param {number} now seconds since 1970 @returns {boolean} whether something was sent */
  say(typed, now) {
    const text = typed.trim().slice(0, MOST_CHARS);
    return text !== "" && this.send("chat.message", { text, sent_at: now, name: "" });
  }
}
