// Fingers on the picture: which mode they are in, what zooms and where it stays, and the bar of keys that telephones lack.

import { html, useEffect, useLayoutEffect, useRef, useState } from "../lib.js";
import { scaleOf } from "../features/geometry.js";
import { FUNCTION_KEYS } from "../features/keys.js";
import { STICKY } from "../features/sticky.js";
import { Touch } from "../features/touch.js";
import { Icon } from "../icons.js";
import { choose, preferences } from "../preferences.js";
import { Menu, Segmented } from "./controls.js";

/** @typedef {import("../session_store.js").SessionStore} SessionStore */
/** @typedef {import("../features/input.js").Input} Input */
/** @typedef {import("../features/geometry.js").View} View */
/** @typedef {{words: string, label: string, code: string, repeats?: boolean}} ScreenKey */

/** Percent. */
const LARGEST = 400;
const REPEAT_AFTER_MS = 400;
const REPEAT_MS = 60;
/** A keyboard on the screen is at least so high, CSS pixels. */
const KEYBOARD_LEAST = 100;

const MODES = [
  { value: "direct", words: html`<${Icon} name="finger" /><span class="keybar-word">Direct</span>`, title: "What you touch is clicked" },
  { value: "touchpad", words: html`<${Icon} name="touchpad" /><span class="keybar-word">Touchpad</span>`, title: "Your finger moves the pointer, wherever it is on the picture" },
];

/** @type {Readonly<Record<"direct" | "touchpad", readonly (readonly [string, string])[]>>} */
const GESTURES = Object.freeze({
  direct: [
    ["Tap", "Click there"],
    ["Tap twice", "Double click"],
    ["Long touch, or two fingers", "The right button"],
    ["Hold, or tap and hold, then move", "Drag"],
    ["Move a finger", "Drag; moves the picture where it is larger than its room"],
    ["Move two fingers", "Scroll"],
    ["Spread two fingers", "Zoom the picture"],
    ["Tap with three fingers", "The middle button"],
  ],
  touchpad: [
    ["Move a finger", "Move the pointer"],
    ["Tap", "Click where the pointer is"],
    ["Long touch, or two fingers", "The right button"],
    ["Hold, or tap and hold, then move", "Drag"],
    ["Move two fingers", "Scroll"],
    ["Spread two fingers", "Zoom the picture"],
    ["Tap with three fingers", "The middle button"],
  ],
});

// Names begin with what is seen, so that who speaks to the computer can say what they read.
/** @type {readonly ScreenKey[]} */
const FIRST = [
  { words: "Esc", label: "Esc, escape", code: "Escape" },
  { words: "Tab", label: "Tab", code: "Tab" },
];
/** @type {readonly ScreenKey[]} */
const REST = [
  { words: "←", label: "Arrow left", code: "ArrowLeft", repeats: true },
  { words: "↑", label: "Arrow up", code: "ArrowUp", repeats: true },
  { words: "↓", label: "Arrow down", code: "ArrowDown", repeats: true },
  { words: "→", label: "Arrow right", code: "ArrowRight", repeats: true },
  { words: "Del", label: "Del, delete", code: "Delete", repeats: true },
  { words: "Home", label: "Home", code: "Home" },
  { words: "End", label: "End", code: "End" },
  { words: "PgUp", label: "PgUp, page up", code: "PageUp", repeats: true },
  { words: "PgDn", label: "PgDn, page down", code: "PageDown", repeats: true },
];
const STATES = /** @type {const} */ ({ off: "", once: ", for the next key", locked: ", held" });

/** Whether fingers are used here: they are what this device is used with, or one has touched the picture. */
export function useFingersHere() {
  const [here, setHere] = useState(() => window.matchMedia("(pointer: coarse)").matches);
  return /** @type {const} */ ([here, () => setHere(true)]);
}

/**
 * Take fingers from the picture. Returns what is to be called when the picture has got its size: what was between the fingers is
 * put back there.
 * @param {object} parts
 * @param {SessionStore} parts.store
 * @param {{current: Input | null}} parts.input
 * @param {{current: any}} parts.room
 * @param {{current: any}} parts.box
 * @param {{current: any}} parts.ring
 * @param {boolean} parts.control
 * @param {boolean} parts.draw
 * @param {(view: View) => void} parts.onView
 * @param {() => void} parts.onTouch
 */
export function useFingers({ store, input, room, box, ring, control, draw, onView, onTouch }) {
  /** @type {{current: Touch | null}} */
  const touch = useRef(null);
  /** @type {{current: number | null}} percent, until it is shown */
  const wanted = useRef(null);
  /** @type {{current: null | {x: number, y: number, acrossX: number, acrossY: number}}} */
  const anchor = useRef(null);
  const mode = preferences.value.touch;

  useLayoutEffect(() => {
    if (input.current === null) return undefined;
    const onZoom = (/** @type {number} */ factor, /** @type {{x: number, y: number}} */ at) => {
      const layout = store.layout.value;
      if (layout === null) return;
      const shown = box.current.getBoundingClientRect();
      const ratio = window.devicePixelRatio;
      const least = scaleOf("fit", layout, { width: room.current.clientWidth, height: room.current.clientHeight }, ratio) * ratio * 100;
      wanted.current = Math.max(least, Math.min(LARGEST, (wanted.current ?? (shown.width / layout.width) * ratio * 100) * factor));
      anchor.current = { ...at, acrossX: (at.x - shown.left) / shown.width, acrossY: (at.y - shown.top) / shown.height };
      onView(wanted.current <= least * 1.01 ? "fit" : wanted.current);
    };
    const made = new Touch({
      room: room.current,
      picture: box.current,
      ring: ring.current,
      input: input.current,
      size: () => store.layout.value ?? { width: 1, height: 1 },
      pointer: () => store.screen?.cursor.local ?? store.screen?.cursor.remote ?? null,
      onZoom,
      onTouch,
    });
    touch.current = made;
    return () => {
      made.close();
      touch.current = null;
    };
  }, [store]);
  useLayoutEffect(() => {
    if (touch.current === null) return;
    touch.current.mode = mode;
    touch.current.off = draw;
    touch.current.drop();
  }, [mode, draw, control]);

  return () => {
    wanted.current = null;
    const at = anchor.current;
    anchor.current = null;
    if (at === null) return;
    const shown = box.current.getBoundingClientRect();
    room.current.scrollLeft += shown.left + at.acrossX * shown.width - at.x;
    room.current.scrollTop += shown.top + at.acrossY * shown.height - at.y;
  };
}

/** What fingers do, and whether the keys are shown. @param {{keys: boolean, onKeys: (shown: boolean) => void}} props */
export function FingersMenu({ keys, onKeys }) {
  return html`<${Menu} label=${html`<${Icon} name="finger" /><span class="wide-only">Touch</span><${Icon} name="down" size=${14} />`} title="What your fingers do" align="right" name="touch">
    <label class="check"><input type="checkbox" checked=${keys} onChange=${(/** @type {any} */ event) => onKeys(event.target.checked)} />Keys below the picture</label>
    <dl class="gestures">
      ${GESTURES[preferences.value.touch].map(([fingers, meaning]) => html`<div><dt>${fingers}</dt><dd>${meaning}</dd></div>`)}
    </dl>
  <//>`;
}

/** The keys that telephones lack, and the way to those that they have. @param {{store: SessionStore, input: {current: Input | null}}} props */
export function KeyBar({ store, input }) {
  const [summoned, summon] = useSummoned(input);
  const [functions, setFunctions] = useState(false);
  const [focus, setFocus] = useState("keyboard");
  const full = useFullScreen();
  const press = (/** @type {string} */ code) => input.current?.combination([[code, code]]);
  const one = (/** @type {string} */ name) => ({ tabindex: focus === name ? 0 : -1, onFocus: () => setFocus(name) });
  const keys = (/** @type {readonly ScreenKey[]} */ some) =>
    some.map(({ words, label, code, repeats = false }) => html`<${Repeating} key=${code} words=${words} label=${label} repeats=${repeats} more=${one(code)} onPress=${() => press(code)} />`);
  return html`<div class="keybar" onMouseDown=${keepFocus} onContextMenu=${keepFocus}>
    <${Segmented} label="What a finger does" options=${MODES} value=${preferences.value.touch} onChange=${(/** @type {any} */ touch) => choose({ touch })} />
    <div class="keybar-keys" role="toolbar" aria-label="Keys of the device" onKeyDown=${alongTheBar}>
      <button type="button" class="button keybar-wide" aria-pressed=${summoned} title="The keyboard of this device" ...${one("keyboard")} onClick=${() => summon(!summoned)}><${Icon} name="keyboard" />Keyboard</button>
      ${keys(FIRST)}
      ${STICKY.map(({ name, words, label }) => {
        const state = store.sticky.state(name);
        return html`<button type="button" key=${name} class="button sticky-${state}" aria-pressed=${state !== "off"} aria-label=${`${label}${STATES[state]}`} title="Once for the next key or click; again: held until you press it once more" ...${one(name)} onClick=${() => input.current?.tapSticky(name)}>${words}</button>`;
      })}
      ${keys(REST)}
      <button type="button" class="button" aria-expanded=${functions} aria-label="F1–12, function keys" ...${one("functions")} onClick=${() => setFunctions(!functions)}>F1–12</button>
      ${functions && FUNCTION_KEYS.map(({ name }) => html`<${Repeating} key=${name} words=${name} label=${name} repeats=${false} more=${one(name)} onPress=${() => press(name)} />`)}
      ${full && html`<button type="button" class="button keybar-wide" ...${one("leave")} onClick=${() => document.exitFullscreen()}><${Icon} name="expand" />Leave full screen</button>`}
    </div>
  </div>`;
}

/** What has the keys keeps them. @param {Event} event */
function keepFocus(event) {
  event.preventDefault();
}

/** Arrows lead from key to key. @param {KeyboardEvent} event */
function alongTheBar(event) {
  const bar = /** @type {HTMLElement} */ (event.currentTarget);
  const buttons = /** @type {HTMLElement[]} */ ([...bar.querySelectorAll("button")]);
  const now = buttons.indexOf(/** @type {HTMLElement} */ (document.activeElement));
  const to = { ArrowRight: now + 1, ArrowLeft: now - 1, Home: 0, End: buttons.length - 1 }[event.key];
  if (to === undefined) return;
  event.preventDefault();
  buttons[(to + buttons.length) % buttons.length].focus();
}

/**
 * A key that goes on while it is held.
 * @param {{words: string, label: string, repeats: boolean, more: object, onPress: () => void}} props
 */
function Repeating({ words, label, repeats, more, onPress }) {
  const timer = useRef(0);
  const repeated = useRef(false);
  const stop = () => clearTimeout(timer.current);
  useEffect(() => stop, []);
  const down = () => {
    repeated.current = false;
    const again = () => {
      repeated.current = true;
      onPress();
      timer.current = Number(setTimeout(again, REPEAT_MS));
    };
    if (repeats) timer.current = Number(setTimeout(again, REPEAT_AFTER_MS));
  };
  const click = () => {
    stop();
    if (!repeated.current) onPress();
    repeated.current = false;
  };
  return html`<button type="button" class="button" aria-label=${label} ...${more} onPointerDown=${down} onPointerUp=${stop} onPointerCancel=${stop} onPointerLeave=${stop} onClick=${click}>${words}</button>`;
}

/** Whether the keyboard of this device was asked for; also when it is put away by its own key. @param {{current: Input | null}} input */
function useSummoned(input) {
  const [summoned, setSummoned] = useState(false);
  const summon = (/** @type {boolean} */ shown) => {
    input.current?.summon(shown);
    setSummoned(shown);
  };
  useEffect(() => () => input.current?.dismiss(), []);
  useEffect(() => {
    const view = window.visualViewport;
    const page = /** @type {HTMLElement | null} */ (document.querySelector(".session-page"));
    if (!summoned || view === null || page === null) return undefined;
    let least = view.height;
    const change = () => {
      least = Math.min(least, view.height);
      // Where the keyboard lies over the page, the page ends above it.
      page.style.height = view.scale === 1 && window.innerHeight - view.height > KEYBOARD_LEAST ? `${view.height}px` : "";
      if (view.height > least + KEYBOARD_LEAST) summon(false);
    };
    change();
    view.addEventListener("resize", change);
    return () => {
      view.removeEventListener("resize", change);
      page.style.height = "";
    };
  }, [summoned]);
  return /** @type {const} */ ([summoned, summon]);
}

function useFullScreen() {
  const [full, setFull] = useState(document.fullscreenElement !== null);
  useEffect(() => {
    const change = () => setFull(document.fullscreenElement !== null);
    document.addEventListener("fullscreenchange", change);
    return () => document.removeEventListener("fullscreenchange", change);
  }, []);
  return full;
}
