// Who else helps on this device, who has mouse and keyboard, and calling in a further one. The agent decides and
// asks its user; this is what it last said.

import { ask, plainly } from "../ask.js";
import { computed, signal } from "../lib.js";

/**
 * @typedef {{number: number, name: string, tier: number, granted: string[], you: boolean, lost_at: number}} Colleague `lost_at` 0: connected,
 *   else the seconds since 1970 at which the connection was lost
 * @typedef {{peer: string, name: string, tier: number}} Online a technician who is logged in, as the organisation has signed them
 * @typedef {{name: string, tier: number, note: string, called_at: number, enough: boolean}} CallNotes
 * @typedef {{people: Colleague[], called: number, called_peer: string, called_stage: CallStage, called_for: number | null, asking: {number: number, name: string}[], notes: CallNotes | null}} CompanyState
 * @typedef {"" | "told" | "joining"} CallStage of one who is called by name: their console has shown them the call, or they ask to come in
 * @typedef {{request: number, what: "invite" | "hand_over" | "control_ask", stage: "sent" | "asking_user" | "asking_holder"}} Pending
 */

const MOST_NOTE = 2000;
const TAGS = /** @type {Readonly<Record<string, Pending["what"]>>} */ ({
  "colleagues.invite": "invite",
  "colleagues.hand_over": "hand_over",
  "colleagues.control_ask": "control_ask",
});

/** What to tell of a colleague who is, or was not, among those here before. @param {Colleague | undefined} before @param {Colleague} now */
function changed(before, now) {
  if (before === undefined) return now.lost_at > 0 ? `${now.name} has lost the connection and may come back.` : `${now.name} (tier ${now.tier}) is here too.`;
  if (before.lost_at === 0 && now.lost_at > 0) return `${now.name} has lost the connection and may come back.`;
  return before.lost_at > 0 && now.lost_at === 0 ? `${now.name} is back.` : "";
}

export class Company {
  /**
   * @param {(tag: string, fields?: Record<string, unknown>) => unknown} send
   * @param {() => number} newRequest
   * @param {(text: string, level?: "poor" | "good") => void} notify
   */
  constructor(send, newRequest, notify) {
    this.send = send;
    this.newRequest = newRequest;
    this.notify = notify;
    /** @type {import("../../vendor/signals.js").Signal<Colleague[]>} empty while nobody told of others */
    this.people = signal([]);
    /** The tier of the technician who is being called, or 0. */
    this.called = signal(0);
    /** The id of the one colleague who is meant, or "": whoever has the tier. */
    this.calledPeer = signal("");
    /** @type {import("../../vendor/signals.js").Signal<CallStage>} how far one who is called by name has come */
    this.calledStage = signal("");
    /** When the call runs out, by `performance.now()`; null while nobody is called. */
    this.calledUntil = signal(/** @type {number | null} */ (null));
    /** @type {import("../../vendor/signals.js").Signal<{level: "good" | "quiet" | "poor", text: string} | null>} how the last call ended */
    this.outcome = signal(null);
    /** @type {import("../../vendor/signals.js").Signal<Online[] | null>} who is logged in; null: not known yet */
    this.online = signal(null);
    /** Why nobody can say who is logged in. */
    this.onlineFault = signal("");
    /** @type {import("../../vendor/signals.js").Signal<{number: number, name: string}[]>} who asks for mouse and keyboard */
    this.asking = signal([]);
    /** @type {import("../../vendor/signals.js").Signal<CallNotes | null>} */
    this.notes = signal(null);
    /** @type {import("../../vendor/signals.js").Signal<Pending | null>} what was asked for and is not answered yet */
    this.pending = signal(null);
    /** What the last answer said, when it was a no. */
    this.fault = signal("");
    /** Somebody came, went or asks since the panel was last looked at. */
    this.news = signal(0);
    this.shown = false;
    this.others = computed(() => this.people.value.filter(({ you }) => !you));
    /** @type {import("../../vendor/signals.js").ReadonlySignal<Colleague | null>} another technician with mouse and keyboard */
    this.holder = computed(() => this.others.value.find(({ granted, lost_at }) => lost_at === 0 && granted.includes("control")) ?? null);
  }

  /** @param {CompanyState} state what the console keeps */
  restore({ people, called, called_peer, called_stage, called_for, asking, notes }) {
    this.people.value = people;
    this.called.value = called;
    this.calledPeer.value = called_peer;
    this.calledStage.value = called_stage;
    this.calledUntil.value = called_for === null ? null : performance.now() + called_for * 1000;
    this.asking.value = asking;
    this.notes.value = notes;
  }

  /** @param {boolean} shown the panel */
  show(shown) {
    this.shown = shown;
    if (shown) this.news.value = 0;
  }

  /** @param {number} tier @param {string} note @param {string} [peer] */
  invite(tier, note, peer = "") {
    this.outcome.value = null;
    this.calledPeer.value = peer;
    this.ask("colleagues.invite", { tier, note: note.trim().slice(0, MOST_NOTE), peer });
  }

  /** Learn who is logged in. */
  async lookWhoIsOnline() {
    try {
      this.online.value = (await ask("GET", "/api/v1/colleagues")).colleagues;
      this.onlineFault.value = "";
    } catch (error) {
      this.onlineFault.value = plainly(error);
    }
  }

  /** What the colleague of this id is called. @param {string} peer */
  nameOf(peer) {
    return this.online.value?.find((one) => one.peer === peer)?.name ?? "";
  }

  cancelInvitation() {
    this.send("colleagues.invite_cancel", {});
  }

  /** @param {number} number */
  handOver(number) {
    this.ask("colleagues.hand_over", { number });
  }

  askForControl() {
    this.ask("colleagues.control_ask", {});
  }

  /** @param {number} number */
  keep(number) {
    this.send("colleagues.control_keep", { number });
    this.asking.value = this.asking.value.filter((one) => one.number !== number);
  }

  /** @param {string} tag @param {Record<string, unknown>} fields */
  ask(tag, fields) {
    const request = this.newRequest();
    this.fault.value = "";
    if (this.send(tag, { request, ...fields })) this.pending.value = { request, what: TAGS[tag], stage: "sent" };
  }

  /** @param {{tag: string, [field: string]: any}} message */
  hear(message) {
    switch (message.tag) {
      case "colleagues.people":
        this.heardPeople(message);
        break;
      case "colleagues.notes":
        this.notes.value = { name: message.name, tier: message.tier, note: message.note, called_at: message.called_at, enough: message.enough };
        this.noteNews(1);
        break;
      case "colleagues.control_asked": {
        const others = this.asking.value.filter(({ number }) => number !== message.number);
        this.asking.value = message.open ? [...others, { number: message.number, name: message.name }] : others;
        if (message.open) {
          this.noteNews(1);
          this.notify(`${message.name} asks for mouse and keyboard. Answer in the panel People.`, "good");
        }
        break;
      }
      case "colleagues.state":
        this.heardState(message);
        break;
      case "session.refusal":
        if (this.pending.value !== null && message.request === this.pending.value.request && message.refused in TAGS) {
          this.pending.value = null;
          this.fault.value = message.text || "The answer was No.";
        } else if (message.refused.startsWith("colleagues.")) this.fault.value = message.text;
        break;
    }
  }

  /** @param {{[field: string]: any}} message */
  heardPeople({ people, called }) {
    const before = this.people.value;
    this.people.value = people.map((/** @type {any[]} */ [number, name, tier, granted, you, lost_at]) => ({ number, name, tier, granted, you: you === true, lost_at: lost_at ?? 0 }));
    this.called.value = called;
    if (called === 0) this.calledUntil.value = null;
    const here = new Set(this.people.value.map(({ number }) => number));
    this.asking.value = this.asking.value.filter(({ number }) => here.has(number));
    const known = new Map(before.map((one) => [one.number, one]));
    for (const one of this.others.value) {
      const words = changed(known.get(one.number), one);
      if (words === "") continue;
      this.noteNews(1);
      this.notify(words, one.lost_at > 0 ? "poor" : "good");
    }
    for (const one of before) {
      if (!one.you && !here.has(one.number)) {
        this.noteNews(1);
        this.notify(`${one.name} has left.`, "good");
      }
    }
  }

  /** @param {{[field: string]: any}} message */
  heardState({ request, state, text, seconds }) {
    const pending = this.pending.value;
    const ours = pending !== null && pending.request === request;
    if (state === "asking_user" || state === "asking_holder") {
      if (ours) this.pending.value = { ...pending, stage: state };
      return;
    }
    if (ours) this.pending.value = null;
    if (state === "told" || state === "joining") {
      this.calledStage.value = state;
      if (seconds > 0) this.calledUntil.value = performance.now() + seconds * 1000;
      return;
    }
    this.calledStage.value = "";
    if (state === "called") this.calledUntil.value = performance.now() + seconds * 1000;
    else if (state === "came") this.outcome.value = { level: "good", text: `${text} came and has your note.` };
    else if (state === "declined" || state === "no_answer") {
      this.outcome.value = { level: "poor", text };
      this.noteNews(1);
      this.notify(text);
    } else if (state === "ended") this.outcome.value = { level: "quiet", text: `Nobody is called any more. ${text}`.trim() };
    if (state === "handed_over") {
      this.asking.value = [];
      this.noteNews(1);
    } else if (state === "came") this.notify(`${text} came and has your note.`, "good");
    else if (state === "ended" && text) this.notify(`Nobody is called any more. ${text}`);
  }

  /** @param {number} count */
  noteNews(count) {
    if (!this.shown) this.news.value += count;
  }

  /** The connection is gone: who is there is told anew. */
  lost() {
    this.pending.value = null;
  }
}
