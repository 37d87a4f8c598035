// The live desktop and the tools above it.

import { html, useEffect, useLayoutEffect, useRef, useState } from "../lib.js";
import { scaleOf } from "../features/geometry.js";
import { followHand } from "../features/hand.js";
import { Input } from "../features/input.js";
import { COMBINATIONS, FUNCTION_KEYS, LEAVE } from "../features/keys.js";
import { WHY_PAUSED } from "../features/quality.js";
import { Screen } from "../features/screen.js";
import { supportedDecoders } from "../features/video.js";
import { Icon } from "../icons.js";
import { keyboardOf, rememberKeyboard } from "../preferences.js";
import { Menu, Segmented, Spinner } from "./controls.js";
import { DrawingBar, StrokePreview, drawingKey } from "./drawing_bar.js";
import { FingersMenu, KeyBar, useFingers, useFingersHere } from "./fingers.js";
import { KeyboardNotes } from "./keyboard_notes.js";
import { Needs } from "./permissions.js";
import { TypeDialog } from "./type_dialog.js";

/** @typedef {import("../session_store.js").SessionStore} SessionStore */

const VIEWS = [
  { value: "fit", words: "Fit" },
  { value: "actual", words: "1:1", title: "One pixel there is one pixel here" },
];
const ZOOMS = [25, 33, 50, 67, 80, 100, 125, 150, 200, 300, 400];
const HANDS = [
  { value: "control", words: html`<${Icon} name="hand" /><span class="wide-only">Control</span>`, title: "Control: mouse and keyboard go to the device" },
  { value: "draw", words: html`<${Icon} name="pen" /><span class="wide-only">Draw</span>`, title: "Point and draw: the user sees it, nothing is clicked" },
  { value: "watch", words: html`<${Icon} name="eye" /><span class="wide-only">Watch</span>`, title: "Watch only: nothing you do reaches the device" },
];
const MODES = [
  { value: "auto", words: "Auto", title: "Automatic: presses the same key where it makes the same there, and types the character where it does not" },
  { value: "text", words: "Text", title: "Always types the characters on your keys, a stroke for each, whatever the layout there" },
  { value: "physical", words: "Keys", title: "Always presses the same keys there: for virtual machines, games and shortcuts by place" },
];
const QUALITIES = [
  { value: "auto", words: "Automatic", text: "The link decides." },
  { value: "sharper", words: "Sharper", text: "Exact sooner, more data." },
  { value: "faster", words: "Faster", text: "Motion first." },
  { value: "saver", words: "Data saver", text: "As little as possible." },
];

/** @param {{store: SessionStore}} props */
export function Stage({ store }) {
  const [view, setView] = useState(/** @type {import("../features/geometry.js").View} */ ("fit"));
  const device = store.session.value?.guest ? "" : (store.session.value?.peer ?? "");
  const [chosen, setChosen] = useState(/** @type {import("../features/keys.js").KeyMode | null} */ (null));
  const mode = chosen ?? keyboardOf(device);
  const [typing, setTyping] = useState(false);
  const [hand, setHand] = useState("control");
  const [quality, setQuality] = useState("auto");
  const [monitor, setMonitor] = useState("");
  const [focused, setFocused] = useState(false);
  const [fingers, onTouch] = useFingersHere();
  const [bar, setBar] = useState(true);
  /** @type {{current: HTMLDivElement | null}} */
  const stage = useRef(null);
  /** @type {{current: Input | null}} */
  const input = useRef(null);
  const control = store.may("control");

  useStream(store, quality, monitor);
  useLayoutEffect(() => input.current?.setMode(mode), [mode]);
  const chooseMode = (/** @type {import("../features/keys.js").KeyMode} */ value) => {
    setChosen(value);
    if (device !== "") rememberKeyboard(device, value);
  };
  const fullScreen = () => toggleFullScreen(stage.current);
  const send = (/** @type {readonly (readonly [string, string])[]} */ keys) => {
    input.current?.combination(keys);
  };

  return html`<section class="stage" ref=${stage} aria-label="Live desktop">
    <div class="toolbar" role="toolbar" aria-label="Picture and keyboard">
      <${Segmented} label="Size" options=${VIEWS} value=${view} onChange=${setView} />
      <${Zoom} store=${store} view=${view} onView=${setView} />
      <button type="button" class="button" onClick=${fullScreen} title="Full screen; all keys go to the device. Hold Esc to leave."><${Icon} name="expand" /><span class="wide-only">Full screen</span></button>
      <${Menu} label=${html`${QUALITIES.find(({ value }) => value === quality)?.words}<${Icon} name="down" size=${14} />`} title="Quality of the picture" name="quality-choice">
        ${(/** @type {() => void} */ close) =>
          QUALITIES.map(
            ({ value, words, text }) => html`<button type="button" class="menu-item" aria-pressed=${quality === value} onClick=${() => {
              setQuality(value);
              close();
            }}><span>${words}</span><span class="quiet">${text}</span></button>`,
          )}
      <//>
      <${Monitors} store=${store} value=${monitor} onChange=${setMonitor} />
      <span class="toolbar-space"></span>
      <${Segmented} label="What your mouse does" options=${HANDS} value=${hand} onChange=${setHand} />
      ${fingers && control && hand === "control" && html`<${FingersMenu} keys=${bar} onKeys=${setBar} />`}
      <span class="toolbar-label quiet">Keyboard</span>
      <${Segmented} label="Keyboard" options=${MODES} value=${mode} onChange=${chooseMode} disabled=${!control || hand !== "control"} />
      <${Menu} label=${html`<${Icon} name="keyboard" /><span class="wide-only">Special keys</span><${Icon} name="down" size=${14} />`} title="Keys that your own system keeps for itself" align="right" name="special-keys">
        ${(/** @type {() => void} */ close) =>
          control && hand === "control"
            ? html`<button type="button" class="menu-item" onClick=${() => {
                  close();
                  setTyping(true);
                }}><span>Type this text…</span></button>
                <div class="key-grid">${COMBINATIONS.map(({ name, keys }) => html`<button type="button" class="menu-item" onClick=${() => send(keys)}><span>${name}</span></button>`)}</div>
                <div class="key-grid key-grid-f" role="group" aria-label="Function keys">${FUNCTION_KEYS.map(({ name, keys }) => html`<button type="button" class="menu-item" onClick=${() => send(keys)}><span>${name}</span></button>`)}</div>`
            : html`<p class="quiet">${control ? "You have chosen not to control." : store.company.holder.value === null ? "Control is not granted." : `${store.company.holder.value.name} has mouse and keyboard.`}</p>`
        }
      <//>
    </div>
    ${typing && html`<${TypeDialog} store=${store} onClose=${() => setTyping(false)} />`}
    ${hand === "draw" && html`<${DrawingBar} store=${store} />`}
    <${Picture} store=${store} view=${view} hand=${hand} input=${input} onFocus=${setFocused} onView=${setView} onTouch=${onTouch} />
    ${fingers && bar && control && hand === "control" && html`<${KeyBar} store=${store} input=${input} />`}
    <${ControlLine} store=${store} focused=${focused} hand=${hand} />
  </section>`;
}

/** Keeps the stream running while it is allowed and this page is visible. @param {SessionStore} store @param {string} quality @param {string} monitor */
function useStream(store, quality, monitor) {
  const view = store.may("view");
  const up = store.link.value === "up";
  const [decoders, setDecoders] = useState(/** @type {string[] | null} */ (null));
  const [visible, setVisible] = useState(!document.hidden);
  const again = store.pictures.value;
  useEffect(() => {
    supportedDecoders().then(setDecoders);
    const change = () => setVisible(!document.hidden);
    document.addEventListener("visibilitychange", change);
    return () => document.removeEventListener("visibilitychange", change);
  }, []);
  useEffect(() => {
    if (!view || !up || decoders === null || !visible) return undefined;
    store.send("screen.start", { decoders, max_fps: 60, monitor, quality });
    return undefined;
  }, [view, up, decoders, visible, quality, monitor, again]);
  useEffect(() => {
    if (visible || !view || !up) return;
    store.send("screen.stop");
  }, [visible]);
}

/** @param {{store: SessionStore, view: import("../features/geometry.js").View, onView: (view: number) => void}} props */
function Zoom({ store, view, onView }) {
  const step = (/** @type {1 | -1} */ way) => {
    const box = document.querySelector(".picture")?.getBoundingClientRect();
    const width = store.layout.value?.width ?? 0;
    const now = typeof view === "number" ? view : view === "actual" || !box || width === 0 ? 100 : (box.width / width) * window.devicePixelRatio * 100;
    const next = way > 0 ? ZOOMS.find((zoom) => zoom > now + 1) : ZOOMS.findLast((zoom) => zoom < now - 1);
    if (next !== undefined) onView(next);
  };
  return html`<span class="zoom" role="group" aria-label="Zoom">
    <button type="button" class="icon-button" title="Smaller" aria-label="Zoom out" onClick=${() => step(-1)}><${Icon} name="minus" /></button>
    ${typeof view === "number" && html`<span class="quiet num" role="status">${Math.round(view)} %</span>`}
    <button type="button" class="icon-button" title="Larger" aria-label="Zoom in" onClick=${() => step(1)}><${Icon} name="plus" /></button>
  </span>`;
}

/** @param {{store: SessionStore, value: string, onChange: (name: string) => void}} props */
function Monitors({ store, value, onChange }) {
  const monitors = /** @type {{name: string}[]} */ (store.layout.value?.monitors ?? []);
  if (monitors.length < 2) return null;
  return html`<div class="select">
    <select aria-label="Monitor" value=${value} onChange=${(/** @type {any} */ event) => onChange(event.target.value)}>
      <option value="">All monitors</option>
      ${monitors.map(({ name }) => html`<option value=${name}>${name}</option>`)}
    </select>
  </div>`;
}

/**
 * @param {{store: SessionStore, view: import("../features/geometry.js").View, hand: string, input: {current: Input | null},
 *   onFocus: (focused: boolean) => void, onView: (view: import("../features/geometry.js").View) => void, onTouch: () => void}} props
 */
function Picture({ store, view, hand, input, onFocus, onView, onTouch }) {
  /** @type {{current: any}} */
  const room = useRef(null);
  /** @type {{current: any}} */
  const box = useRef(null);
  /** @type {{current: any}} */
  const canvas = useRef(null);
  /** @type {{current: any}} */
  const pointer = useRef(null);
  /** @type {{current: any}} */
  const keyboard = useRef(null);
  /** @type {{current: any}} */
  const ring = useRef(null);
  const layout = store.layout.value;
  const control = store.may("control") && store.paused.value === null && hand === "control";
  const draw = store.may("pointer") && store.paused.value === null && hand === "draw";

  useLayoutEffect(() => {
    const send = store.send.bind(store);
    const screen = new Screen({ canvas: canvas.current, pointer: pointer.current, send, onLayout: () => {}, onPainted: (late, now) => store.linkHistory.painted(late, now) });
    store.screen = screen;
    input.current = new Input({
      picture: box.current,
      keyboard: keyboard.current,
      send,
      size: () => store.layout.value ?? { width: 1, height: 1 },
      onLocks: (locks) => {
        store.locks.value = locks;
      },
      onPoint: (point) => screen.cursor.follow(point),
      mayPaste: () => store.may("clipboard_in"),
      paste: async (what) => {
        const done = await store.clipboard.paste(what);
        if (!done) store.notify(`Not pasted. ${store.clipboard.status.value.text}`, "poor");
        return done;
      },
      sticky: store.sticky,
      onLeave: () => /** @type {HTMLElement | null} */ (document.querySelector(".toolbar button:not([disabled])"))?.focus(),
    });
    return () => {
      input.current?.close();
      input.current = null;
      store.screen = null;
    };
  }, [store]);

  const sized = useFingers({ store, input, room, box, ring, control, draw, onView, onTouch });

  // Who copied last wins: what is copied there is then not written over by a paste.
  const both = store.may("clipboard_in") && store.may("clipboard_out") && store.link.value === "up";
  useEffect(() => {
    if (both) store.clipboard.watch();
  }, [both]);

  // Before the next paint: what the page says about control must never be ahead of what it does.
  useLayoutEffect(() => {
    input.current?.allow(control);
    if (!control) store.longText.stop();
  }, [control]);

  useLayoutEffect(() => {
    if (!draw) return undefined;
    const way = followHand({ picture: box.current, drawing: store.drawing, size: () => store.layout.value ?? { width: 1, height: 1 } });
    const key = (/** @type {KeyboardEvent} */ event) => {
      const typing = /** @type {Element | null} */ (document.activeElement)?.matches("input:not([type=checkbox]), textarea:not(.keyboard), select");
      if (!typing && drawingKey(store, event)) event.preventDefault();
    };
    document.addEventListener("keydown", key);
    return () => {
      way();
      document.removeEventListener("keydown", key);
    };
  }, [draw]);

  useLayoutEffect(() => {
    const resize = () => {
      if (layout === null) return;
      const scale = scaleOf(view, layout, { width: room.current.clientWidth, height: room.current.clientHeight }, window.devicePixelRatio);
      box.current.style.width = `${layout.width * scale}px`;
      box.current.style.height = `${layout.height * scale}px`;
      // Sharp when pixels are shown as they are or as whole multiples, smooth in between.
      const ratio = scale * window.devicePixelRatio;
      canvas.current.style.imageRendering = Math.abs(ratio - Math.round(ratio)) < 0.001 ? "pixelated" : "auto";
      store.screen?.cursor.zoom(scale);
      sized();
    };
    const observer = new ResizeObserver(resize);
    observer.observe(room.current);
    resize();
    return () => observer.disconnect();
  }, [view, layout]);

  return html`<div class="room room-${view === "fit" ? "fit" : "actual"}" ref=${room}>
    <div class="picture ${control ? "picture-control" : draw ? "picture-draw" : hand === "watch" ? "picture-watch" : ""}" ref=${box} hidden=${layout === null}>
      <canvas id="screen" ref=${canvas} width="1" height="1" role="img" aria-label="The screen of the device"></canvas>
      <canvas class="pointer" ref=${pointer} width="1" height="1" aria-hidden="true"></canvas>
      <${StrokePreview} store=${store} />
    </div>
    <textarea
      class="keyboard"
      ref=${keyboard}
      aria-label=${`Keyboard of the device. ${LEAVE.words} leads out.`}
      autocomplete="off"
      autocapitalize="off"
      spellcheck="false"
      onFocus=${() => {
        store.clipboard.returned();
        onFocus(true);
      }}
      onBlur=${() => onFocus(false)}
    ></textarea>
    <span class="touch-ring" ref=${ring} hidden aria-hidden="true"></span>
    <${Veil} store=${store} />
  </div>`;
}

/** What lies over the picture while there is none, or while it is held back. @param {{store: SessionStore}} props */
function Veil({ store }) {
  if (store.reconnecting.value) return html`<div class="veil veil-thin"><${Spinner} text="Reconnecting" /></div>`;
  if (!store.may("view")) {
    return html`<div class="veil"><${Needs} store=${store} capability="view">You may not see the screen in this session.<//></div>`;
  }
  const { state, text } = store.stream.value;
  if (store.paused.value !== null) {
    return html`<div class="veil veil-thin"><p class="veil-note"><${Icon} name="hand" size=${18} />${WHY_PAUSED[store.paused.value] ?? WHY_PAUSED.user}</p></div>`;
  }
  if (state === "lost" || state === "unavailable") {
    return html`<div class="veil"><p class="veil-note"><${Icon} name="away" size=${18} />${text || "There is no picture."}</p></div>`;
  }
  if (store.layout.value === null) return html`<div class="veil"><${Spinner} text="Waiting for the first picture" /></div>`;
  return null;
}

/** What the picture leaves out, in the agent's words. @param {{store: SessionStore}} props */
function Hidden({ store }) {
  const { state, text } = store.stream.value;
  if (state !== "running" || !text) return null;
  return html`<span class="hidden-note" role="status"><${Icon} name="screen" size=${16} />${text}</span>`;
}

/** One line below the picture: who controls, and where the keys go. @param {{store: SessionStore, focused: boolean, hand: string}} props */
function ControlLine({ store, focused, hand }) {
  const asking = store.asking.value.has("control");
  if (hand === "draw") {
    return html`<div class="control-line"><span><${Icon} name="pen" />You point and draw; the user sees it.</span><${Hidden} store=${store} /><span class="quiet"><kbd>1</kbd>–<kbd>5</kbd> tool, <kbd>C</kbd> colour, <kbd>Del</kbd> clear</span></div>`;
  }
  if (hand === "watch" && store.may("control")) {
    return html`<div class="control-line"><span><${Icon} name="eye" />You only watch: nothing you do reaches the device.</span><${Hidden} store=${store} /></div>`;
  }
  const holder = store.company.holder.value;
  if (!store.may("control") && holder !== null) {
    const pending = store.company.pending.value;
    return html`<div class="control-line">
      <span><${Icon} name="eye" />${holder.name} has mouse and keyboard: watch along, or ask for them.</span>
      <${Hidden} store=${store} />
      <button type="button" class="link" disabled=${pending !== null} onClick=${() => store.company.askForControl()}>${pending?.what === "control_ask" ? `${holder.name} is being asked…` : "Ask for control"}</button>
      <button type="button" class="link" onClick=${() => store.side.show("people")}>People</button>
    </div>`;
  }
  if (!store.may("control")) {
    return html`<div class="control-line">
      <span><${Icon} name="screen" />You are watching.</span>
      <${Hidden} store=${store} />
      <button type="button" class="link" disabled=${asking} onClick=${() => store.ask("control")}>${asking ? "The user is being asked…" : "Ask to control"}</button>
    </div>`;
  }
  return html`<div class="control-line ${focused ? "control-on" : ""}">
    <span><${Icon} name="keyboard" />${focused ? "Your keyboard and mouse go to the device." : "Click the picture to type there."}</span>
    <${Hidden} store=${store} />
    <${KeyboardNotes} store=${store} />
    ${focused && html`<span class="quiet"><kbd>${LEAVE.words}</kbd> leads out</span>`}
  </div>`;
}

/** @param {HTMLElement | null} element */
async function toggleFullScreen(element) {
  if (document.fullscreenElement !== null) {
    navigator.keyboard?.unlock();
    await document.exitFullscreen();
    return;
  }
  await element?.requestFullscreen({ navigationUI: "hide" });
  await navigator.keyboard?.lock();
  /** @type {HTMLElement | null | undefined} */ (element?.querySelector("textarea.keyboard"))?.focus();
}
