// Everything one session tab knows, and the socket it comes through.

import { batch, computed, signal } from "./lib.js";
import { readMessage, writeMessage } from "./messages.js";
import { Socket } from "./socket.js";
import { askPassphrase } from "./step_up.js";
import { Chat } from "./features/chat.js";
import { Company } from "./features/company.js";
import { Drawing } from "./features/drawing.js";
import { Clipboard } from "./features/clipboard.js";
import { Diagnostics } from "./features/diagnostics.js";
import { Files } from "./features/files.js";
import { Fixes } from "./features/fixes.js";
import { Forwards } from "./features/forwards.js";
import { Notes, Recording, Restart } from "./features/recording.js";
import { LinkHistory } from "./features/link.js";
import { Live } from "./features/live.js";
import { LongText } from "./features/long_text.js";
import { Logs } from "./features/logs.js";
import { Side } from "./features/side.js";
import { Sticky } from "./features/sticky.js";
import { Terminals } from "./features/terminal.js";

export class SessionStore {
  /** @param {string} name */
  constructor(name) {
    this.name = name;
    // Begins somewhere else after a reload, so that late answers to the old page's requests are not taken for the new one's.
    this.lastRequest = Math.floor(Math.random() * 2 ** 31);
    /** @type {import("../vendor/signals.js").Signal<SessionSnapshot | null>} */
    this.session = signal(null);
    this.receivedAt = signal(0);
    /** @type {import("../vendor/signals.js").Signal<"joining" | "up" | "down" | "replaced" | "unknown">} */
    this.link = signal("joining");
    /** @type {import("../vendor/signals.js").Signal<string[]>} */
    this.granted = signal([]);
    /** @type {import("../vendor/signals.js").Signal<string | null>} by whom */
    this.paused = signal(null);
    /** @type {import("../vendor/signals.js").Signal<Stats | null>} */
    this.stats = signal(null);
    this.linkHistory = new LinkHistory();
    /** @type {import("../vendor/signals.js").Signal<any>} the newest screen.layout */
    this.layout = signal(null);
    this.stream = signal({ state: "", text: "" });
    /** Counts on when the picture, which was refused, is to be asked for again. */
    this.pictures = signal(0);
    /** @type {import("../vendor/signals.js").Signal<any>} the newest screen.report */
    this.report = signal(null);
    /** @type {import("../vendor/signals.js").Signal<{id: number, text: string, level: "poor" | "good"}[]>} */
    this.notices = signal([]);
    /** @type {import("../vendor/signals.js").Signal<Set<string>>} capabilities that the user is being asked for */
    this.asking = signal(new Set());
    this.open = computed(() => this.session.value?.phase === "open");
    this.reconnecting = computed(() => this.session.value?.phase === "reconnecting");
    const send = this.send.bind(this);
    const newRequest = () => (this.lastRequest = (this.lastRequest % (2 ** 32 - 1)) + 1);
    this.diagnostics = new Diagnostics(send, newRequest);
    this.live = new Live(send, newRequest);
    this.fixes = new Fixes(send, newRequest, (result) => this.diagnose(result));
    this.chat = new Chat(send);
    this.company = new Company(send, newRequest, (text, level) => this.notify(text, level));
    this.files = new Files(name);
    this.clipboard = new Clipboard(name, send);
    const say = (/** @type {string} */ text) => this.socket.send(text);
    this.recording = new Recording(say, this.notify.bind(this));
    this.notes = new Notes(say);
    this.forwards = new Forwards(say, askPassphrase, () => {
      const request = newRequest();
      send("forward.ask", { request });
      return request;
    });
    this.restart = new Restart(send, newRequest);
    this.restarting = signal(false);
    this.logs = new Logs(send, newRequest);
    this.terminals = new Terminals(send, newRequest, (text) => this.notify(text));
    this.drawing = new Drawing(send);
    this.longText = new LongText(send, newRequest);
    /** @type {import("../vendor/signals.js").Signal<{layouts: string, caps: boolean | null, num: boolean | null} | null>} the keyboard there; null: not told yet */
    this.keyboard = signal(null);
    /** @type {import("../vendor/signals.js").Signal<import("./features/locks.js").Locks | null>} Caps Lock and Num Lock here, once seen */
    this.locks = signal(null);
    /** Ctrl and its like on the screen. */
    this.sticky = new Sticky();
    /** Which panel is shown where. */
    this.side = new Side("findings");
    /** @type {import("./features/screen.js").Screen | null} set by the stage once its canvas exists */
    this.screen = null;
    this.begun = false;
    this.socket = new Socket(`/api/v1/sessions/${encodeURIComponent(name)}/socket`, {
      onText: (value) => batch(() => (Array.isArray(value) ? this.hearAgent(value) : this.hearConsole(value))),
      onBinary: (buffer) => this.screen?.receive(buffer),
      onOpen: () => {
        this.link.value = "up";
      },
      onDown: (code) => this.down(code),
    });
  }

  /** @param {string} capability */
  may(capability) {
    return this.granted.value.includes(capability);
  }

  /**
   * Say something to the agent.
   * @param {string} tag
   * @param {Record<string, unknown>} [fields]
   */
  send(tag, fields) {
    return this.socket.send(writeMessage(tag, fields));
  }

  /** @param {string} capability @param {string} [reason] */
  ask(capability, reason = "") {
    this.asking.value = new Set(this.asking.value).add(capability);
    this.socket.send(JSON.stringify({ type: "ask", capability, reason }));
  }

  /** @param {string} capability */
  giveBack(capability) {
    this.send("session.capability_return", { capability });
  }

  end() {
    this.socket.send(JSON.stringify({ type: "end" }));
  }

  close() {
    this.socket.close();
  }

  /** @param {string} text @param {"poor" | "good"} [level] */
  notify(text, level = "poor") {
    const id = performance.now();
    this.notices.value = [...this.notices.value.slice(-2), { id, text, level }];
    setTimeout(() => this.dismiss(id), 9000);
  }

  /** @param {number} id */
  dismiss(id) {
    this.notices.value = this.notices.value.filter((notice) => notice.id !== id);
  }

  /** @param {number} code */
  down(code) {
    this.begun = false;
    this.stats.value = null;
    this.terminals.lost();
    this.logs.lost();
    this.forwards.lost();
    if (code === 4001) this.link.value = "replaced";
    else this.link.value = this.session.value === null ? "unknown" : "down";
  }

  /** @param {any} value */
  hearConsole(value) {
    switch (value.type) {
      case "session":
        this.session.value = value;
        this.receivedAt.value = performance.now();
        this.granted.value = value.granted;
        this.paused.value = value.paused;
        this.chat.restore(value.chat);
        this.company.restore(value.company);
        this.recording.restore(value.recording);
        this.notes.restore(value.note);
        this.forwards.restore(value.forwards);
        if (value.phase === "reconnecting") this.lost();
        if (this.restart.follow(value.phase)) {
          this.restarting.value = false;
          this.notify("The computer is back after its restart. The session goes on.", "good");
        }
        this.begin();
        break;
      case "granted":
        this.granted.value = value.granted;
        this.begin();
        break;
      case "asked":
        this.asking.value = new Set([...this.asking.value].filter((capability) => capability !== value.capability));
        if (value.reason === "step_up") {
          askPassphrase().then((proved) => proved && this.ask(value.capability));
          break;
        }
        if (!value.granted) this.notify(value.text || "The answer was No.");
        break;
      case "step_up":
        askPassphrase().then((proved) => this.fixes.stepUp(value.request, proved));
        break;
      case "stats":
        this.stats.value = value;
        this.linkHistory.counted(value, performance.now());
        break;
      case "transfer":
        this.files.hear(value);
        break;
      case "chat":
        this.chat.hear(value);
        break;
      case "recording":
        this.recording.hear(value);
        if (value.stage === "on" && this.stream.value.state === "unavailable") {
          this.stream.value = { state: "", text: "" };
          this.pictures.value += 1;
        }
        break;
      case "forwards":
      case "forward_started":
        this.forwards.hear(value);
        break;
      case "noted":
        this.notes.hear(value);
        break;
      case "notice":
        this.notify(value.text);
        break;
    }
  }

  /** The first look at the machine, as soon as it is allowed. */
  begin() {
    if (this.open.value && this.may("terminal")) this.terminals.begin();
    else if (this.open.value) this.terminals.lost();
    if (this.begun || !this.open.value || !this.may("diagnostics")) return;
    this.begun = true;
    this.diagnostics.collect();
    this.fixes.list();
    this.live.begin();
  }

  /** The connection to the device is lost: what ran there has ended, and begins anew when it is back. */
  lost() {
    this.begun = false;
    this.longText.stop("refused");
    this.stats.value = null;
    this.asking.value = new Set();
    this.fixes.lost();
    this.company.lost();
    this.clipboard.lost();
    this.terminals.lost();
    this.logs.lost();
    this.live.lost();
  }

  /** @param {unknown[]} array */
  hearAgent(array) {
    const message = readMessage(array);
    if (message === null) return;
    switch (message.tag) {
      case "screen.layout":
        this.layout.value = message;
        this.screen?.hear(message);
        break;
      case "screen.cursor_move":
        this.screen?.hear(message);
        break;
      case "screen.state":
        this.stream.value = { state: message.state, text: message.text };
        break;
      case "screen.report":
        this.report.value = message;
        break;
      case "power.state":
        this.restart.hear(message);
        break;
      case "session.paused":
        this.paused.value = message.paused ? message.by : null;
        this.terminals.pause(message.paused && message.by === "user");
        break;
      case "input.keyboard":
        this.keyboard.value = { layouts: message.layouts, caps: message.caps, num: message.num };
        break;
      case "input.typed":
        this.longText.hear(message);
        break;
      case "pointer.state":
        this.drawing.hear(message);
        break;
      case "clipboard.changed":
        this.clipboard.hear(message);
        break;
      case "session.refusal":
        this.refused(message);
        break;
      default:
        this.company.hear(message);
        this.forwards.hearDevice(message);
        this.diagnostics.hear(message);
        this.live.hear(message);
        this.fixes.hear(message);
        this.terminals.hear(message);
        this.logs.hear(message);
    }
  }

  /** @param {{tag: string, [field: string]: any}} message */
  refused(message) {
    this.longText.hear(message);
    this.company.hear(message);
    this.diagnostics.hear(message);
    this.live.hear(message);
    this.fixes.hear(message);
    this.terminals.hear(message);
    this.logs.hear(message);
    this.restart.hear(message);
    if (message.refused.startsWith("terminal.") || message.refused.startsWith("colleagues.") || message.refused.startsWith("forward.")) return;
    if (message.refused.startsWith("screen.")) {
      this.stream.value = { state: "unavailable", text: message.text || "The picture was refused." };
    } else if (message.request === 0 && message.reason !== "paused") {
      this.notify(message.text || `The device refused ${message.refused} (${message.reason}).`);
    }
  }

  /** What a fix changed shows in a new look at the whole machine. @param {any} result */
  diagnose(result) {
    if (result.outcome !== "refused" && this.may("diagnostics")) this.diagnostics.collect();
  }
}
