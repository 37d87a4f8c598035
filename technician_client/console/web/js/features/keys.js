// Key events of the browser to messages for the agent. Pure: events in, messages out; what is held is remembered here so that
// every press has its release.

/**
 * @typedef {"auto" | "text" | "physical"} KeyMode "auto": the device presses the same place where that makes the same there
 * @typedef {{code: string, key: string, pressed: boolean, mode: KeyMode}} KeyMessage
 * @typedef {{code: string, key: string, repeat?: boolean, isComposing?: boolean, keyCode?: number, timeStamp?: number}} KeyLike
 */

/** Keys that are words of an input method or of nothing at all: what they make arrives as text. */
const NOT_KEYS = new Set(["Dead", "Process", "Unidentified", "Compose"]);

/** Keys whose place has their name. The keyboards of telephones tell no places. */
const NAMED = /^(Enter|Tab|Backspace|Escape|Delete|Insert|Home|End|PageUp|PageDown|Arrow(Up|Down|Left|Right)|F([1-9]|1[0-9]|2[0-4]))$/;

const MODIFIERS = new Set(["Shift", "Control", "Alt", "Meta"]);

/** Windows sends a left Ctrl that nobody pressed just before AltGr. */
const FAKE_CONTROL_MS = 30;

/** The way out of the picture by keyboard. */
export const LEAVE = Object.freeze({ code: "KeyX", words: "Ctrl+Alt+Shift+X" });

/** @param {{code: string, ctrlKey: boolean, altKey: boolean, shiftKey: boolean}} event */
export function isLeave({ code, ctrlKey, altKey, shiftKey }) {
  return code === LEAVE.code && ctrlKey && altKey && shiftKey;
}

/** @param {KeyLike} event */
function placeOf({ code, key }) {
  if (code !== "" && code !== "Unidentified") return code;
  return NAMED.test(key) ? key : "";
}

export class Keys {
  constructor() {
    /** @type {KeyMode} */
    this.mode = "auto";
    /** @type {Map<string, KeyMessage>} by code */
    this.held = new Map();
    this.controlAt = -Infinity;
  }

  /**
   * @param {KeyLike} event
   * @returns {{messages: KeyMessage[], swallow: boolean}} swallow: the browser must not act on it as well
   */
  down(event) {
    const { key } = event;
    const code = placeOf(event);
    if (this.mode !== "physical" && (event.isComposing || event.keyCode === 229 || NOT_KEYS.has(key))) {
      return { messages: [], swallow: false };
    }
    if (code === "" || code.length > 32) return { messages: [], swallow: false };
    // In physical mode the key stays down over there and repeats by itself; otherwise it is this keyboard that repeats.
    if (event.repeat && this.held.has(code) && (this.mode === "physical" || MODIFIERS.has(key))) {
      return { messages: [], swallow: true };
    }
    const time = event.timeStamp ?? 0;
    if (this.mode !== "physical" && key === "AltGraph") {
      // AltGr chooses a character here; the character itself travels, not the way it was made.
      const control = this.held.get("ControlLeft");
      const fake = control !== undefined && time - this.controlAt <= FAKE_CONTROL_MS;
      return { messages: fake ? this.release("ControlLeft") : [], swallow: true };
    }
    if (code === "ControlLeft") this.controlAt = time;
    /** @type {KeyMessage} */
    const message = { code, key: key.slice(0, 32), pressed: true, mode: this.mode };
    this.held.set(code, message);
    return { messages: [message], swallow: true };
  }

  /**
   * @param {KeyLike} event
   * @returns {{messages: KeyMessage[], swallow: boolean}}
   */
  up(event) {
    const { key } = event;
    const messages = this.release(placeOf(event));
    // macOS tells of no key that is let go while Command is held.
    if (key === "Meta") {
      for (const other of [...this.held.keys()]) messages.push(...this.release(other));
    }
    return { messages, swallow: messages.length > 0 };
  }

  /**
   * The release of a key as it was pressed: `key` may have changed meanwhile, because Shift was let go first.
   * @param {string} code
   * @returns {KeyMessage[]}
   */
  release(code) {
    const pressed = this.held.get(code);
    if (pressed === undefined) return [];
    this.held.delete(code);
    return [{ ...pressed, pressed: false }];
  }

  /** Whether a key of this name is down. @param {string} name */
  holds(name) {
    return [...this.held.values()].some(({ key }) => key === name);
  }

  /** Forget everything (the agent is told by `input.release_all`). Returns whether anything was held. */
  clear() {
    const any = this.held.size > 0;
    this.held.clear();
    return any;
  }
}

/**
 * Key combinations that a browser or its operating system keeps for itself, as buttons.
 * @type {readonly {name: string, keys: readonly (readonly [string, string])[]}[]}
 */
export const COMBINATIONS = Object.freeze([
  { name: "Ctrl+Alt+Del", keys: [["ControlLeft", "Control"], ["AltLeft", "Alt"], ["Delete", "Delete"]] },
  { name: "Ctrl+Shift+Esc", keys: [["ControlLeft", "Control"], ["ShiftLeft", "Shift"], ["Escape", "Escape"]] },
  { name: "Super", keys: [["MetaLeft", "Meta"]] },
  { name: "Alt+Tab", keys: [["AltLeft", "Alt"], ["Tab", "Tab"]] },
  { name: "Shift+Alt+Tab", keys: [["ShiftLeft", "Shift"], ["AltLeft", "Alt"], ["Tab", "Tab"]] },
  { name: "Super+L", keys: [["MetaLeft", "Meta"], ["KeyL", "l"]] },
  { name: "Super+R", keys: [["MetaLeft", "Meta"], ["KeyR", "r"]] },
  { name: "Alt+F4", keys: [["AltLeft", "Alt"], ["F4", "F4"]] },
  { name: "Ctrl+Alt+T", keys: [["ControlLeft", "Control"], ["AltLeft", "Alt"], ["KeyT", "t"]] },
  { name: "Print screen", keys: [["PrintScreen", "PrintScreen"]] },
  { name: "Esc", keys: [["Escape", "Escape"]] },
  { name: "Context menu", keys: [["ContextMenu", "ContextMenu"]] },
]);

/** The function keys, as buttons. @type {readonly {name: string, keys: readonly (readonly [string, string])[]}[]} */
export const FUNCTION_KEYS = Object.freeze(
  Array.from({ length: 12 }, (_, index) => ({ name: `F${index + 1}`, keys: /** @type {[string, string][]} */ ([[`F${index + 1}`, `F${index + 1}`]]) })),
);

/**
 * The messages of one combination: pressed in order, released in reverse.
 * @param {readonly (readonly [string, string])[]} keys
 * @returns {KeyMessage[]}
 */
export function press(keys) {
  /** @type {KeyMessage[]} */
  const down = keys.map(([code, key]) => ({ code, key, pressed: true, mode: "physical" }));
  return [...down, ...[...down].reverse().map((message) => ({ ...message, pressed: false }))];
}

/** Characters of the keys by which common layouts can be told from one another: Q, Y, A, Semicolon. */
const SIGNS = /** @type {Readonly<Record<string, string>>} */ ({ "qya;": "us", "qzaö": "de", "ayqm": "fr", "йнфж": "ru", "qyañ": "es", "qyaö": "se", "qyaç": "br", "qyaæ": "dk", "qyaø": "no", "qyaò": "it" });

/**
 * The name of this computer's layout, "" where it cannot be told. Pure.
 * @param {{get(code: string): string | undefined}} map KeyboardLayoutMap
 */
export function layoutOf(map) {
  const sign = ["KeyQ", "KeyY", "KeyA", "Semicolon"].map((code) => map.get(code) ?? "").join("");
  return SIGNS[sign] ?? "";
}
