// Mouse and keyboard of the technician, taken from the picture and sent to the agent. Nothing is taken while control is not granted.

import { sourcePoint } from "./geometry.js";
import { pasted } from "./clipboard.js";
import { Keys, isLeave, press } from "./keys.js";
import { LockKeys } from "./locks.js";
import { PasteFirst, isPaste } from "./paste.js";
import { MoveThinner, WheelCounter } from "./pointer.js";
import { SoftText } from "./soft_text.js";
import { Sticky, placeOf } from "./sticky.js";

/** No text field loses more at once. */
const MOST_ERASED = 200;

const MODIFIERS = new Set(["Shift", "Control", "Alt", "Meta", "AltGraph"]);

/** What one message may turn the wheel by. @param {number} turn */
function bounded(turn) {
  return Math.max(-12_000, Math.min(12_000, turn));
}

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
   * @param {Sticky} [parts.sticky] the keys on the screen that wait for another
   */
  constructor({ picture, keyboard, send, size, onPoint, onLeave, onLocks, mayPaste, paste, sticky = new Sticky() }) {
    this.picture = picture;
    this.keyboard = keyboard;
    this.send = send;
    this.size = size;
    this.onPoint = onPoint;
    this.onLeave = onLeave;
    this.sticky = sticky;
    /** @type {SoftText | null} while the device's own keyboard is shown, which sends text and hardly any keys */
    this.soft = null;
    this.allowed = false;
    this.keys = new Keys();
    this.paste = new PasteFirst({ wanted: mayPaste, put: paste, send: (message) => this.send("input.key", { ...message }) });
    this.locks = new LockKeys({ onChange: onLocks, send });
    this.wheel = new WheelCounter();
    /** Parts of a 120th that fingers have turned. */
    this.parts = { x: 0, y: 0 };
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
    this.beginAnew();
    this.around(() => this.sendKeys(press(keys)));
  }

  /** What stood in the field is done with: the place where is typed may be another now. */
  beginAnew() {
    if (this.soft !== null) this.keyboard.value = this.soft.again();
  }

  /** @param {import("./keys.js").KeyMessage[]} messages */
  sendKeys(messages) {
    for (const message of messages) this.send("input.key", { ...message });
  }

  /** A stroke, with what was pressed for it on the screen. @param {() => void} run */
  around(run) {
    this.sendKeys(this.sticky.begin());
    run();
    this.sendKeys(this.sticky.end());
  }

  /** One of the keys on the screen that wait for another. @param {string} name */
  tapSticky(name) {
    if (this.allowed) this.sendKeys(this.sticky.tap(name));
  }

  /** Show the device's own keyboard, or hide it. @param {boolean} shown */
  summon(shown) {
    const waiting = this.sticky.waiting;
    this.soft = shown ? new SoftText() : null;
    this.keyboard.value = "";
    this.beginAnew();
    this.keyboard.inputMode = shown ? "text" : "none";
    this.keyboard.blur(); // only a field that gets the focus anew brings the keyboard up
    this.keyboard.focus({ preventScroll: true });
    this.sticky.put(waiting); // what waits for a key was chosen before the keyboard came
  }

  /** The keys on the screen go, and the device's own keyboard with them. */
  dismiss() {
    this.sendKeys(this.allowed ? this.sticky.release() : []);
    this.sticky.clear();
    if (this.soft === null) return;
    this.soft = null;
    this.keyboard.value = "";
    this.keyboard.inputMode = "none";
    this.keyboard.blur();
  }

  /** Take the keys, without bringing up a keyboard that nobody asked for. */
  focus() {
    if (this.soft === null) this.keyboard.inputMode = "none";
    this.keyboard.focus({ preventScroll: true });
  }

  /** Release everything on the other side. */
  letGo() {
    const locks = this.locks.leave();
    const sticky = this.sticky.clear();
    const held = this.keys.clear() || this.buttons.size > 0 || sticky || locks;
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
    // Fingers are read by touch.js.
    const mouse = (/** @type {(event: PointerEvent) => void} */ handle) => (/** @type {PointerEvent} */ event) => void (event.pointerType !== "touch" && handle(event));
    this.on(this.picture, raw, mouse((event) => this.pointerMove(event)));
    this.on(this.picture, "pointerdown", mouse((event) => this.pointerButton(event, true)));
    this.on(this.picture, "pointerup", mouse((event) => this.pointerButton(event, false)));
    // With one button down the others come as movements.
    this.on(this.picture, "pointermove", mouse((event) => this.otherButtons(event)));
    this.on(this.picture, "pointercancel", mouse(() => this.letGo()));
    this.on(this.picture, "pointerleave", mouse(() => {
      this.here = null;
      this.onPoint(null);
    }));
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
    this.pointAt(this.point(event));
  }

  /** @param {{x: number, y: number}} point source pixels */
  pointAt(point) {
    if (!this.allowed) return;
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
    this.buttonAt(this.point(event), button, pressed);
  }

  /** @param {{x: number, y: number}} point source pixels @param {number} button @param {boolean} pressed */
  buttonAt(point, button, pressed) {
    if (!this.allowed || this.buttons.has(button) === pressed) return;
    if (pressed) {
      this.sendKeys(this.sticky.begin());
      this.buttons.add(button);
    } else this.buttons.delete(button);
    this.here = point;
    this.onPoint(point);
    this.moves.flush();
    this.send("input.pointer_button", { ...point, button, pressed });
    if (this.buttons.size === 0) this.sendKeys(this.sticky.end());
  }

  /** The wheel, in 120ths of a notch and parts of them. @param {{x: number, y: number}} point source pixels @param {number} dx @param {number} dy */
  wheelAt(point, dx, dy) {
    if (!this.allowed) return;
    const [x, y] = [this.parts.x + dx, this.parts.y + dy];
    const turn = { dx: Math.trunc(x), dy: Math.trunc(y) };
    this.parts = { x: x - turn.dx, y: y - turn.dy };
    if (turn.dx === 0 && turn.dy === 0) return;
    this.moves.flush();
    this.send("input.pointer_wheel", { ...point, dx: bounded(turn.dx), dy: bounded(turn.dy) });
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
      this.beginAnew();
    }
    const stroke = messages.length === 1 && messages[0].pressed && !MODIFIERS.has(messages[0].key);
    if (stroke && this.sticky.any) this.around(() => this.sendKeys([...messages, ...this.keys.release(messages[0].code)]));
    else for (const message of messages) if (!this.paste.hold(message)) this.send("input.key", { ...message });
  }

  /** @param {ClipboardEvent} event */
  pasteCame(event) {
    if (this.paste.came(pasted(event.clipboardData))) event.preventDefault();
  }

  /** Text that came without a key: from a panel of emoji, a drawing pad, dictation. @param {InputEvent} event */
  textCame(event) {
    if (this.soft !== null) this.softText(this.soft, event.isComposing);
    else if (!event.isComposing) this.composed(this.keyboard.value);
  }

  /** @param {string} text */
  composed(text) {
    if (this.soft !== null) {
      this.softText(this.soft, false);
      return;
    }
    this.keyboard.value = "";
    if (this.allowed && text !== "" && this.keys.mode !== "physical") this.send("input.type_text", { text: text.slice(0, 4000) });
  }

  /** What the device's own keyboard has done to the field. @param {SoftText} soft @param {boolean} composing */
  softText(soft, composing) {
    const { erase, text } = soft.came(this.keyboard.value, composing);
    const shortcut = this.sticky.any && text !== "";
    if (this.allowed) {
      for (let count = 0; count < Math.min(erase, MOST_ERASED); count += 1) this.around(() => this.sendKeys(press([["Backspace", "Backspace"]])));
      this.typeText(text);
    }
    if (!composing && (soft.worn || shortcut)) this.beginAnew();
  }

  /** Text from the device's own keyboard: its first character is what a key on the screen waited for. @param {string} text */
  typeText(text) {
    const [first = ""] = text;
    const place = this.sticky.state("altgr") === "off" ? "" : placeOf(first);
    const type = (/** @type {string} */ part) => void (part !== "" && this.send("input.type_text", { text: part.slice(0, 4000) }));
    if (!this.sticky.any || first === "") {
      type(text);
      return;
    }
    // AltGr makes a character by the place of a key; with the others it is the letter that counts.
    this.around(() => (place === "" ? type(first) : this.sendKeys(press([[place, first]]))));
    type(text.slice(first.length));
  }
}
