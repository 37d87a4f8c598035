// Mouse and keyboard of the technician, taken from the picture and sent to the agent. Nothing is taken while control is not granted.

import { sourcePoint } from "./geometry.js";
import { pasted } from "./clipboard.js";
import { Keys, isLeave, press } from "./keys.js";
import { LockKeys } from "./locks.js";
import { PasteFirst, isPaste } from "./paste.js";
import { MoveThinner, WheelCounter } from "./pointer.js";

export class Input {
  /**
   * @param {object} parts
   * @param {HTMLElement} parts.picture the box of the picture; its size on the page gives the scale
   * @param {HTMLTextAreaElement} parts.keyboard takes the focus, so that input methods have something to write into
   * @param {(tag: string, fields?: Record<string, unknown>) => void} parts.send
   * @param {() => {width: number, height: number}} parts.size of the source in its pixels
   * @param {(point: {x: number, y: number} | null) => void} parts.onPoint where the pointer is while the technician controls
   * @param {() => void} parts.onLeave the technician asked for the way out of the picture
   * @param {(locks: import("./locks.js").Locks) => void} parts.onLocks Caps Lock and Num Lock here, when they have changed
   * @param {() => boolean} parts.mayPaste whether this computer's clipboard may go there
   * @param {(what: Blob | string | null) => Promise<boolean>} parts.paste put it there; whether the key may follow
   */
  constructor({ picture, keyboard, send, size, onPoint, onLeave, onLocks, mayPaste, paste }) {
    this.picture = picture;
    this.keyboard = keyboard;
    this.send = send;
    this.size = size;
    this.onPoint = onPoint;
    this.onLeave = onLeave;
    this.allowed = false;
    this.keys = new Keys();
    this.paste = new PasteFirst({ wanted: mayPaste, put: paste, send: (message) => this.send("input.key", { ...message }) });
    this.locks = new LockKeys({ onChange: onLocks, send });
    this.wheel = new WheelCounter();
    this.moves = new MoveThinner((x, y) => this.send("input.pointer_move", { x, y }));
    /** @type {Set<number>} buttons held */
    this.buttons = new Set();
    /** @type {(() => void)[]} */
    this.leaving = [];
    /** @type {{x: number, y: number} | null} where the pointer is; a wheel event alone knows it only to a whole CSS pixel */
    this.here = null;
    this.listen();
  }

  /** @param {boolean} allowed */
  allow(allowed) {
    if (this.allowed && !allowed) this.letGo();
    this.allowed = allowed;
    if (!allowed) this.onPoint(null);
  }

  /** @param {import("./keys.js").KeyMode} mode */
  setMode(mode) {
    if (this.keys.mode !== mode) this.letGo();
    this.keys.mode = mode;
  }

  /** @param {readonly (readonly [string, string])[]} keys */
  combination(keys) {
    if (!this.allowed) return;
    for (const message of press(keys)) this.send("input.key", { ...message });
  }

  /** Release everything on the other side. */
  letGo() {
    const locks = this.locks.leave();
    const held = this.keys.clear() || this.buttons.size > 0 || locks;
    this.buttons.clear();
    this.paste.drop();
    if (held && this.allowed) this.send("input.release_all");
  }

  close() {
    this.letGo();
    for (const leave of this.leaving) leave();
  }

  listen() {
    const raw = "onpointerrawupdate" in window ? "pointerrawupdate" : "pointermove";
    this.on(this.picture, "pointerenter", (/** @type {PointerEvent} */ event) => this.locks.see(event));
    this.on(this.picture, raw, (/** @type {PointerEvent} */ event) => this.pointerMove(event));
    this.on(this.picture, "pointerdown", (/** @type {PointerEvent} */ event) => this.pointerButton(event, true));
    this.on(this.picture, "pointerup", (/** @type {PointerEvent} */ event) => this.pointerButton(event, false));
    // With one button down the others come as movements.
    this.on(this.picture, "pointermove", (/** @type {PointerEvent} */ event) => this.otherButtons(event));
    this.on(this.picture, "pointercancel", () => this.letGo());
    this.on(this.picture, "pointerleave", () => {
      this.here = null;
      this.onPoint(null);
    });
    this.on(this.picture, "wheel", (/** @type {WheelEvent} */ event) => this.turn(event), { passive: false });
    for (const name of ["contextmenu", "auxclick", "dragstart", "selectstart"]) {
      this.on(this.picture, name, (/** @type {Event} */ event) => event.preventDefault());
    }
    this.on(this.keyboard, "keydown", (/** @type {KeyboardEvent} */ event) => this.keyDown(event));
    this.on(this.keyboard, "keyup", (/** @type {KeyboardEvent} */ event) => this.keyUp(event));
    this.on(this.keyboard, "paste", (/** @type {ClipboardEvent} */ event) => this.pasteCame(event));
    this.on(this.keyboard, "input", (/** @type {InputEvent} */ event) => this.textCame(event));
    this.on(this.keyboard, "compositionend", (/** @type {CompositionEvent} */ event) => this.composed(event.data));
    this.on(this.keyboard, "blur", () => this.letGo());
    this.on(window, "blur", () => this.letGo());
    this.on(window, "pagehide", () => this.letGo());
    this.on(document, "visibilitychange", () => document.hidden && this.letGo());
  }

  /**
   * @param {EventTarget} target
   * @param {string} name
   * @param {(event: any) => void} handle
   * @param {AddEventListenerOptions} [options]
   */
  on(target, name, handle, options) {
    target.addEventListener(name, handle, options);
    this.leaving.push(() => target.removeEventListener(name, handle, options));
  }

  /** @param {MouseEvent} event */
  point(event) {
    return sourcePoint(this.picture.getBoundingClientRect(), this.size(), event);
  }

  /** @param {PointerEvent} event */
  pointerMove(event) {
    if (!this.allowed) return;
    const point = this.point(event);
    this.here = point;
    this.onPoint(point);
    this.moves.move(point);
  }

  /** @param {PointerEvent} event @param {boolean} pressed */
  pointerButton(event, pressed) {
    event.preventDefault();
    this.keyboard.focus({ preventScroll: true });
    if (!this.allowed || event.button > 4 || event.button < 0) return;
    this.seeLocks(event);
    if (pressed) this.picture.setPointerCapture(event.pointerId);
    this.button(event, event.button, pressed);
  }

  /** Where keys are pressed by their place, what they make depends on the locks. @param {MouseEvent | KeyboardEvent} event */
  seeLocks(event) {
    this.locks.see(event);
    if (this.keys.mode === "physical") this.locks.tell();
  }

  /** @param {PointerEvent} event */
  otherButtons(event) {
    if (!this.allowed || event.button < 0) return;
    const bit = [1, 4, 2, 8, 16][event.button];
    if (bit !== undefined) this.button(event, event.button, (event.buttons & bit) !== 0);
  }

  /** @param {MouseEvent} event @param {number} button @param {boolean} pressed */
  button(event, button, pressed) {
    if (this.buttons.has(button) === pressed) return;
    if (pressed) this.buttons.add(button);
    else this.buttons.delete(button);
    this.moves.flush();
    this.send("input.pointer_button", { ...this.point(event), button, pressed });
  }

  /** @param {WheelEvent} event */
  turn(event) {
    if (!this.allowed && !event.ctrlKey) return;
    event.preventDefault(); // with Ctrl, or by a pinch, the page itself would zoom
    const pinch = event.ctrlKey && !this.keys.holds("Control");
    if (!this.allowed || pinch) return;
    const turn = this.wheel.turn(/** @type {any} */ (event));
    if (turn === null) return;
    this.moves.flush();
    this.send("input.pointer_wheel", { ...(this.here ?? this.point(event)), ...turn });
  }

  /** @param {KeyboardEvent} event */
  keyDown(event) {
    if (isLeave(event)) {
      event.preventDefault();
      this.letGo();
      this.onLeave();
      return;
    }
    if (!this.allowed) return;
    this.seeLocks(event);
    const result = this.keys.down(event);
    if (isPaste(event) && result.messages.length > 0 && this.paste.waiting === null && this.paste.wanted()) {
      this.paste.begin(event.code, result.messages); // and the browser goes on to its paste event
      return;
    }
    this.pass(event, result);
  }

  /** @param {KeyboardEvent} event */
  keyUp(event) {
    if (this.allowed) this.pass(event, this.keys.up(event));
  }

  /**
   * @param {KeyboardEvent} event
   * @param {{messages: import("./keys.js").KeyMessage[], swallow: boolean}} result
   */
  pass(event, { messages, swallow }) {
    if (swallow) {
      event.preventDefault();
      event.stopPropagation();
    }
    for (const message of messages) if (!this.paste.hold(message)) this.send("input.key", { ...message });
  }

  /** @param {ClipboardEvent} event */
  pasteCame(event) {
    if (this.paste.came(pasted(event.clipboardData))) event.preventDefault();
  }

  /** Text that came without a key: from a panel of emoji, a drawing pad, dictation. @param {InputEvent} event */
  textCame(event) {
    if (event.isComposing) return;
    this.composed(this.keyboard.value);
  }

  /** @param {string} text */
  composed(text) {
    this.keyboard.value = "";
    if (this.allowed && text !== "" && this.keys.mode !== "physical") this.send("input.type_text", { text: text.slice(0, 4000) });
  }
}
