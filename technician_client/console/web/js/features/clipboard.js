// The clipboard of the device and that of this computer. Contents go through the console's HTTP; the session's socket only says that
// something changed. What came from here is never brought back, so that no loop arises.

import { plainly, reach } from "../ask.js";
import { signal } from "../lib.js";

export const TEXT_BYTES = 1024 * 1024;
export const IMAGE_BYTES = 16 * 1024 * 1024;

/** @typedef {{serial: number, kinds: string[], concealed: boolean, ours: boolean}} There */

export class Clipboard {
  /** @param {string} session @param {(tag: string, fields?: Record<string, unknown>) => boolean} send */
  constructor(session, send) {
    this.top = `/api/v1/sessions/${encodeURIComponent(session)}/clipboard`;
    this.send = send;
    /** @type {import("../../vendor/signals.js").Signal<There | null>} what is there, without its contents */
    this.there = signal(null);
    /** @type {import("../../vendor/signals.js").Signal<string | null>} text that was fetched from there */
    this.text = signal(null);
    /** @type {import("../../vendor/signals.js").Signal<Blob | null>} */
    this.image = signal(null);
    this.status = signal({ text: "", level: "" });
    this.busy = signal(false);
    /** Bring what changes there to this computer by itself, while this page has the focus. Off until somebody says so. */
    this.follow = signal(false);
    this.watching = false;
    /** Whether this computer's clipboard may be newer than the one there: it changes while another window has the focus. */
    this.fresh = true;
    /** @type {string | null} the text of this computer that went there last */
    this.mine = null;
  }

  /** The keyboard is the picture's again. */
  returned() {
    this.fresh = true;
  }

  /** What is pasted into the picture goes there first, unless what was copied there is newer. @param {Blob | string | null} what
   * @returns {Promise<boolean>} whether what is there now is what was meant */
  async paste(what) {
    if (what === null || !this.fresh || what === this.mine) return true;
    const done = await this.put(what);
    if (done) this.fresh = false;
    return done;
  }

  /** Say once per connection that changes are wanted. */
  watch() {
    if (!this.watching) this.watching = this.send("clipboard.watch");
  }

  lost() {
    this.watching = false;
    this.there.value = null;
  }

  /** @param {any} message clipboard.changed */
  hear({ serial, kinds, concealed, ours }) {
    const first = this.there.value === null; // how things stand, and nothing that somebody has done
    this.there.value = { serial, kinds, concealed, ours };
    if (!ours && !first) {
      this.fresh = false;
      this.mine = null;
    }
    this.text.value = null;
    this.image.value = null;
    if (this.follow.value && !ours && !concealed && kinds.length > 0) this.bring(true);
  }

  /** @param {string} text @param {string} [level] */
  say(text, level = "") {
    this.status.value = { text, level };
  }

  /** Put text or an image there. @param {Blob | string} what @returns {Promise<boolean>} whether it is there now */
  async put(what) {
    const image = typeof what !== "string";
    const body = image ? what : new Blob([what]);
    const most = image ? IMAGE_BYTES : TEXT_BYTES;
    if (body.size === 0) return false;
    if (body.size > most) {
      this.say(`That is more than ${most / 1024 / 1024} MiB. Put it there as a file.`, "poor");
      return false;
    }
    this.busy.value = true;
    const done = await this.ask(image ? "image" : "text", { method: "POST", body });
    this.busy.value = false;
    if (done !== null) this.mine = image ? null : what;
    if (done !== null) this.say(image ? "The image is on the clipboard there." : "The text is on the clipboard there.", "good");
    return done !== null;
  }

  /** What this computer's clipboard holds goes there. */
  async putOwn() {
    try {
      for (const item of await navigator.clipboard.read()) {
        if (item.types.includes("text/plain")) return await this.put(await (await item.getType("text/plain")).text());
        if (item.types.includes("image/png")) return await this.put(await item.getType("image/png"));
      }
      this.say("There is neither text nor an image on your clipboard.");
    } catch (error) {
      this.say("The browser does not let this page read your clipboard. Press Ctrl+V in the field instead.", "poor");
      if (!(error instanceof DOMException)) throw error;
    }
    return false;
  }

  /** Fetch what is there, to be shown. @param {boolean} [onward] and put it on this computer's clipboard */
  async bring(onward = false) {
    const kind = this.there.value?.kinds.includes("text") ? "text" : "image";
    this.busy.value = true;
    const answer = await this.ask(kind);
    this.busy.value = false;
    if (answer === null) return;
    if (kind === "text") this.text.value = await answer.text();
    else this.image.value = new Blob([await answer.arrayBuffer()], { type: "image/png" });
    this.say("");
    if (onward) await this.copy();
  }

  /** What was fetched goes onto this computer's clipboard. The browser itself reads and rewrites an image. */
  async copy() {
    try {
      if (this.text.value !== null) await navigator.clipboard.writeText(this.text.value);
      else if (this.image.value !== null) await navigator.clipboard.write([new ClipboardItem({ "image/png": this.image.value })]);
      this.say("It is on your clipboard.", "good");
    } catch (error) {
      this.say("The browser does not let this page write your clipboard. Click into the page and try again.", "poor");
      if (!(error instanceof DOMException)) throw error;
    }
  }

  /** @param {string} kind @param {RequestInit} [request] @returns {Promise<Response | null>} */
  async ask(kind, request) {
    try {
      return await reach(`${this.top}/${kind}`, request);
    } catch (error) {
      this.say(plainly(error), "poor");
      return null;
    }
  }
}

/** What a paste brought: an image, or text; null for neither. @param {DataTransfer | null} data @returns {Blob | string | null} */
export function pasted(data) {
  if (data === null) return null;
  const text = data.getData("text/plain");
  if (text !== "") return text;
  return [...data.files].find(({ type }) => type === "image/png") ?? null;
}
