// Ctrl, Alt and their like as keys on the screen: once for the next key or click, or locked until they are pressed again. Pure.

import { signal } from "../lib.js";

/** @typedef {import("./keys.js").KeyMessage} KeyMessage */
/** @typedef {"off" | "once" | "locked"} StickyState */

export const STICKY = Object.freeze([
  { name: "ctrl", words: "Ctrl", label: "Ctrl, control", code: "ControlLeft", key: "Control" },
  { name: "alt", words: "Alt", label: "Alt", code: "AltLeft", key: "Alt" },
  { name: "shift", words: "Shift", label: "Shift", code: "ShiftLeft", key: "Shift" },
  { name: "super", words: "Super", label: "Super", code: "MetaLeft", key: "Meta" },
  { name: "altgr", words: "AltGr", label: "AltGr, alt graph", code: "AltRight", key: "AltGraph" },
]);

const NEXT = /** @type {const} */ ({ off: "once", once: "locked", locked: "off" });

export class Sticky {
  constructor() {
    /** @type {import("../../vendor/signals.js").Signal<Record<string, StickyState>>} by name; those that are off are not there */
    this.states = signal({});
    /** @type {string[]} pressed for one stroke at this moment */
    this.around = [];
  }

  /** @param {string} name @returns {StickyState} */
  state(name) {
    return this.states.value[name] ?? "off";
  }

  /** Whether any of them is to be pressed for the next stroke, or is held. */
  get any() {
    return Object.keys(this.states.value).length > 0;
  }

  /** Those that wait for a stroke. @returns {Record<string, StickyState>} */
  get waiting() {
    return Object.fromEntries(Object.entries(this.states.value).filter(([, state]) => state === "once"));
  }

  /** The key was pressed on the screen. What is locked is held over there until it is let go. @param {string} name @returns {KeyMessage[]} */
  tap(name) {
    const next = NEXT[this.state(name)];
    this.put({ [name]: next });
    if (next === "once") return [];
    return [message(name, next === "locked")];
  }

  /** Before a stroke. @returns {KeyMessage[]} */
  begin() {
    const once = STICKY.filter(({ name }) => this.state(name) === "once" && !this.around.includes(name)).map(({ name }) => name);
    this.around = [...this.around, ...once];
    return once.map((name) => message(name, true));
  }

  /** After it. @returns {KeyMessage[]} */
  end() {
    const used = [...this.around].reverse();
    this.around = [];
    if (used.length > 0) this.put(Object.fromEntries(used.map((name) => [name, "off"])));
    return used.map((name) => message(name, false));
  }

  /** Let go of what is held. @returns {KeyMessage[]} */
  release() {
    const held = STICKY.filter(({ name }) => this.state(name) === "locked").map(({ name }) => name);
    this.put(Object.fromEntries(held.map((name) => [name, "off"])));
    return held.map((name) => message(name, false));
  }

  /** Everything over there was let go of. Returns whether anything was held. */
  clear() {
    const held = this.around.length > 0 || Object.values(this.states.value).includes("locked");
    this.around = [];
    if (this.any) this.states.value = {};
    return held;
  }

  /** @param {Record<string, StickyState>} change */
  put(change) {
    this.states.value = Object.fromEntries(Object.entries({ ...this.states.value, ...change }).filter(([, state]) => state !== "off"));
  }
}

/** @param {string} name @param {boolean} pressed @returns {KeyMessage} */
function message(name, pressed) {
  const found = STICKY.find((one) => one.name === name);
  if (found === undefined) throw new RangeError(`no such key: ${name}`);
  return { code: found.code, key: found.key, pressed, mode: "physical" };
}

/** The key at which a character stands on most keyboards, "" where that cannot be said. @param {string} character */
export function placeOf(character) {
  if (/^[a-z]$/i.test(character)) return `Key${character.toUpperCase()}`;
  return /^[0-9]$/.test(character) ? `Digit${character}` : "";
}
