// The terminals of a session: what is typed and printed, counted, so that neither is lost or doubled over a cut or a reload
// (protocol/messages/terminal.py). How they look is in terminal_view.js.

import { base64Of, bytesOf } from "../base64.js";
import { signal } from "../lib.js";

/** Bytes that may be typed ahead of what has arrived; as in protocol/messages/terminal.py. */
export const INPUT_WINDOW = 32 * 1024;
const PIECE_BYTES = 8 * 1024;
const MOST = 8;
const INTERRUPTS = new Set([0x03, 0x1a, 0x1c]);

/** @typedef {(tag: string, fields: Record<string, unknown>) => boolean} Send */
/** @typedef {{write(data: Uint8Array, shown: () => void): void, columns: number, rows: number, dispose(): void}} View */
/** @typedef {"opening" | "open" | "waiting" | "ended"} State */

export class Terminal {
  /**
   * @param {Send} send
   * @param {{request: number, number: number, user: string, asRoot: boolean}} about
   */
  constructor(send, { request, number, user, asRoot }) {
    this.send = send;
    this.request = request;
    this.number = number;
    this.user = signal(user);
    this.asRoot = asRoot;
    /** @type {import("../../vendor/signals.js").Signal<State>} */
    this.state = signal(number === 0 ? "opening" : "waiting");
    /** @type {import("../../vendor/signals.js").Signal<string>} how it ended, or what was left out */
    this.note = signal("");
    /** @type {View | null} */
    this.view = null;
    /** @type {Uint8Array[]} printed before there was anything to show it on; bounded by what is not acknowledged */
    this.early = [];
    this.received = 0;
    this.shown = 0;
    /** Up to here it is shown again, to a page that was reloaded: what it asks the terminal was answered then. */
    this.replayed = 0;
    /** @type {HTMLElement | null} where it lives on the page, once it was shown */
    this.host = null;
    /** What was typed and is not known to have arrived, and how many bytes of it were sent. */
    this.typed = new Uint8Array(0);
    this.sent = 0;
    this.arrived = 0;
  }

  /** From now on it is shown there. @param {View} view */
  show(view) {
    this.view = view;
    for (const data of this.early.splice(0)) this.write(data);
    this.resized();
  }

  /** @param {Uint8Array} data */
  write(data) {
    if (this.view === null) {
      this.early.push(data);
      return;
    }
    this.view.write(data, () => {
      this.shown += data.length;
      this.send("terminal.ack", { terminal: this.number, offset: this.shown });
    });
  }

  /** A piece of what the program printed. @param {number} offset @param {Uint8Array} data */
  print(offset, data) {
    const end = offset + data.length;
    // What is ahead of us was on its way to the page before it was reloaded, and comes again in its turn.
    if (end <= this.received || offset > this.received) return;
    const fresh = data.subarray(this.received - offset);
    this.received = end;
    this.write(fresh);
  }

  /** Something was typed or pasted. @param {Uint8Array} data */
  type(data) {
    if (this.state.value === "ended" || this.shown < this.replayed) return;
    const interrupt = data.length === 1 && INTERRUPTS.has(data[0]);
    // What was pasted and not sent yet does not follow an interrupt.
    const before = interrupt ? this.typed.subarray(0, this.sent) : this.typed;
    const whole = new Uint8Array(before.length + data.length);
    whole.set(before);
    whole.set(data, before.length);
    this.typed = whole;
    this.flush(interrupt);
  }

  /** Send what may be sent. @param {boolean} [urgent] whatever the window says */
  flush(urgent = false) {
    if (this.state.value !== "open") return;
    const end = urgent ? this.typed.length : Math.min(this.typed.length, INPUT_WINDOW);
    while (this.sent < end) {
      const piece = this.typed.subarray(this.sent, Math.min(end, this.sent + PIECE_BYTES));
      if (!this.send("terminal.input", { terminal: this.number, data: base64Of(piece), end: false })) return;
      this.sent += piece.length;
    }
  }

  /** So many typed bytes have arrived. @param {number} offset */
  taken(offset) {
    const size = Math.min(offset - this.arrived, this.typed.length);
    if (size <= 0) return;
    this.arrived += size;
    this.typed = this.typed.slice(size);
    this.sent = Math.max(0, this.sent - size);
    this.flush();
  }

  /** The device says that it has this terminal: go on where we were, or where what it has kept begins. @param {{user: string, typed: number, first: number, next: number}} row */
  goOn({ user, typed, first, next }) {
    if (this.received === 0) this.replayed = next;
    if (first > this.received) {
      this.shown += first - this.received;
      this.received = first;
    }
    this.user.value = user;
    if (this.arrived === 0 && this.typed.length === 0) this.arrived = typed;
    this.taken(typed);
    this.sent = 0;
    this.state.value = "open";
    this.send("terminal.attach", { terminal: this.number, offset: this.received });
    this.resized();
    this.flush();
  }

  /** Tell the program how large its window is. */
  resized() {
    if (this.view === null || this.state.value !== "open") return;
    this.send("terminal.resize", { terminal: this.number, columns: this.view.columns, rows: this.view.rows });
  }

  /** @param {string} note */
  end(note) {
    this.state.value = "ended";
    this.note.value = note;
  }
}

export class Terminals {
  /**
   * @param {Send} send
   * @param {() => number} newRequest
   * @param {(text: string) => void} notify
   */
  constructor(send, newRequest, notify) {
    this.send = send;
    this.newRequest = newRequest;
    this.notify = notify;
    /** @type {import("../../vendor/signals.js").Signal<Terminal[]>} */
    this.tabs = signal([]);
    /** @type {import("../../vendor/signals.js").Signal<Terminal | null>} */
    this.current = signal(null);
    /** Whether the device has said which terminals there are. */
    this.known = signal(false);
    this.listing = 0;
    this.paused = false;
  }

  /** The session is open (again) and terminals are allowed: ask what there is. */
  begin() {
    if (this.listing !== 0 || this.paused) return;
    this.listing = this.newRequest();
    this.send("terminal.list", { request: this.listing });
  }

  /** The connection is lost, or terminals are not allowed any more. */
  lost() {
    this.listing = 0;
    this.known.value = false;
    for (const tab of this.tabs.value) {
      if (tab.state.value === "open") tab.state.value = "waiting";
      else if (tab.state.value === "opening") tab.end("It was not opened before the connection was lost.");
    }
  }

  /** What is typed while the user holds everything back waits here. @param {boolean} paused */
  pause(paused) {
    this.paused = paused;
    if (paused) this.lost();
    else this.begin();
  }

  /** @param {boolean} asRoot @param {{columns: number, rows: number}} size */
  open(asRoot, { columns, rows }) {
    if (this.tabs.value.length >= MOST) {
      this.notify(`${MOST} terminals are open. Close one first.`);
      return;
    }
    const request = this.newRequest();
    const tab = new Terminal(this.send, { request, number: 0, user: "", asRoot });
    this.add(tab);
    this.current.value = tab;
    this.send(asRoot ? "terminal.open_root" : "terminal.open", { request, columns, rows, command: "", tty: true });
  }

  /** @param {Terminal} tab */
  add(tab) {
    this.tabs.value = [...this.tabs.value, tab];
    this.current.value ??= tab;
  }

  /** End its program and forget it. @param {Terminal} tab */
  close(tab) {
    if (tab.number !== 0) this.send("terminal.close", { terminal: tab.number });
    const at = this.tabs.value.indexOf(tab);
    this.tabs.value = this.tabs.value.filter((one) => one !== tab);
    if (this.current.value === tab) this.current.value = this.tabs.value[Math.max(0, at - 1)] ?? null;
    tab.view?.dispose();
  }

  /** @param {number} number */
  find(number) {
    return this.tabs.value.find((tab) => tab.number === number);
  }

  /** @param {{tag: string, [field: string]: any}} message */
  hear(message) {
    const tab = this.find(message.terminal);
    switch (message.tag) {
      case "terminal.listing":
        if (message.request === this.listing) this.listed(message.terminals);
        break;
      case "terminal.opened":
        this.opened(message);
        break;
      case "terminal.output":
        tab?.print(message.offset, bytesOf(message.data));
        break;
      case "terminal.taken":
        tab?.taken(message.offset);
        break;
      case "terminal.ended":
        tab?.end(message.text || (message.status === 0 ? "The program has ended." : `The program has ended with ${message.status}.`));
        break;
      case "session.refusal":
        this.refused(message);
        break;
    }
  }

  /** @param {any} message terminal.opened */
  opened({ request, terminal, user, as_root: asRoot }) {
    const tab = this.tabs.value.find((one) => one.number === 0 && one.request === request);
    if (tab === undefined) return; // closed meanwhile, or another page's
    tab.number = terminal;
    tab.asRoot = asRoot;
    tab.user.value = user;
    tab.state.value = "open";
    tab.resized();
    tab.flush();
  }

  /** @param {any[]} rows */
  listed(rows) {
    for (const row of rows) {
      let tab = this.find(row.terminal);
      if (tab === undefined) {
        tab = new Terminal(this.send, { request: 0, number: row.terminal, user: row.user, asRoot: row.as_root });
        this.add(tab);
      }
      if (tab.state.value !== "ended") tab.goOn(row);
    }
    for (const tab of this.tabs.value) {
      if (tab.state.value === "waiting") tab.end("The device has ended it.");
    }
    this.known.value = true;
  }

  /** @param {{tag: string, [field: string]: any}} message */
  refused({ refused, request, reason, text }) {
    if (!refused.startsWith("terminal.")) return;
    const tab = this.tabs.value.find((one) => one.number === 0 && one.request === request);
    if (refused.startsWith("terminal.open") && tab !== undefined) tab.end(text || "The device refused it.");
    else if (refused === "terminal.list") this.listing = 0;
    else if (refused === "terminal.input" && reason === "limit") this.notify(text);
  }
}
