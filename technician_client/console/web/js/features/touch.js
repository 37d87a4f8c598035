// Fingers on the picture: what the gestures mean, done to the device and to the view.

import { sourcePoint } from "./geometry.js";
import { Gestures } from "./gestures.js";

/** How far one notch of a wheel moves a page there, about: so what is under the fingers stays under them. Source pixels. */
const NOTCH_PIXELS = 60;
const NOTCH = 120;
/** A finger that hits the edge of the picture from outside by less is taken to mean the edge. */
const EDGE = 12;
/** The pointer of a touchpad stays so far within what is shown. */
const MARGIN = 48;

/** @typedef {import("./gestures.js").Action} Action */

export class Touch {
  /**
   * @param {object} parts
   * @param {HTMLElement} parts.room the picture lies in it and may be larger than it
   * @param {HTMLElement} parts.picture
   * @param {HTMLElement} parts.ring what a long touch shows
   * @param {import("./input.js").Input} parts.input
   * @param {() => {width: number, height: number}} parts.size of the source in its pixels
   * @param {() => {x: number, y: number} | null} parts.pointer where the device's pointer is, source pixels
   * @param {(factor: number, at: {x: number, y: number}) => void} parts.onZoom
   * @param {() => void} parts.onTouch fingers are used
   */
  constructor({ room, picture, ring, input, size, pointer, onZoom, onTouch }) {
    this.room = room;
    this.picture = picture;
    this.ring = ring;
    this.input = input;
    this.size = size;
    this.pointer = pointer;
    this.onZoom = onZoom;
    this.onTouch = onTouch;
    this.gestures = new Gestures();
    /** Fingers draw, so they are not taken here. */
    this.off = false;
    /** @type {import("./gestures.js").TouchMode} while the device may be controlled */
    this.mode = "direct";
    /** @type {{x: number, y: number} | null} of a touchpad, source pixels and parts of them */
    this.here = null;
    this.timer = 0;
    this.frame = 0;
    /** @type {(() => void)[]} */
    this.leaving = [];
    this.on("pointerdown", (event) => this.down(event));
    this.on("pointermove", (event) => this.run(this.gestures.move(event.pointerId, place(event), event.timeStamp)));
    this.on("pointerup", (event) => this.run(this.gestures.up(event.pointerId, event.timeStamp)));
    this.on("pointercancel", () => this.drop());
    const none = (/** @type {Event} */ event) => event.preventDefault();
    this.room.addEventListener("contextmenu", none);
    this.leaving.push(() => this.room.removeEventListener("contextmenu", none));
  }

  /** @param {string} name @param {(event: PointerEvent) => void} handle */
  on(name, handle) {
    const listen = (/** @type {any} */ event) => {
      if (event.pointerType === "touch" && !this.off) handle(event);
    };
    this.room.addEventListener(name, listen);
    this.leaving.push(() => this.room.removeEventListener(name, listen));
  }

  /** @param {PointerEvent} event */
  down(event) {
    if (/** @type {Element} */ (event.target).closest(".veil") !== null) return;
    event.preventDefault(); // no mouse is made of it, and the focus stays
    this.onTouch();
    if (this.gestures.fingers.size === 0) {
      this.gestures.mode = this.input.allowed ? this.mode : "view";
      const { scrollWidth, clientWidth, scrollHeight, clientHeight } = this.room;
      this.gestures.pans = scrollWidth > clientWidth + 1 || scrollHeight > clientHeight + 1;
      this.here = this.pointer() ?? this.here;
    }
    this.input.focus();
    this.run(this.gestures.down(event.pointerId, place(event), event.timeStamp));
  }

  /** Everything that fingers hold is let go. */
  drop() {
    this.run(this.gestures.cancel());
  }

  close() {
    this.drop();
    for (const leave of this.leaving) leave();
  }

  /** @param {Action[]} actions */
  run(actions) {
    for (const action of actions) this.act(action);
    clearTimeout(this.timer);
    cancelAnimationFrame(this.frame);
    const { wake, coasting } = this.gestures;
    const tick = () => this.run(this.gestures.tick(performance.now()));
    if (coasting !== null) this.frame = requestAnimationFrame(tick);
    else if (wake !== null) this.timer = Number(setTimeout(tick, Math.max(0, wake - performance.now())));
  }

  /** @param {Action} action */
  act(action) {
    switch (action.do) {
      case "move":
        return this.input.pointAt(this.source(action));
      case "nudge":
        return this.nudge(action.dx, action.dy);
      case "press":
      case "release":
        return this.press(action);
      case "wheel":
        return this.wheel(action);
      case "pan":
        this.room.scrollLeft -= action.dx;
        this.room.scrollTop -= action.dy;
        return undefined;
      case "zoom":
        return this.onZoom(action.factor, action);
      default:
        return this.show(action);
    }
  }

  /** @param {{x: number, y: number}} at */
  source({ x, y }) {
    return sourcePoint(this.picture.getBoundingClientRect(), this.size(), { clientX: x, clientY: y });
  }

  /** Where a button or the wheel goes. @param {{x: number, y: number}} at */
  target(at) {
    return this.gestures.mode === "touchpad" ? this.rounded() : this.source(at);
  }

  rounded() {
    const { width, height } = this.size();
    const { x, y } = this.here ?? { x: width / 2, y: height / 2 };
    return { x: Math.floor(x), y: Math.floor(y) };
  }

  /** @param {{do: "press" | "release", button: number, x: number, y: number}} action */
  press({ do: what, button, x, y }) {
    if (what === "press" && this.gestures.mode === "direct") {
      const box = this.picture.getBoundingClientRect();
      if (x < box.left - EDGE || x > box.right + EDGE || y < box.top - EDGE || y > box.bottom + EDGE) return;
    }
    // A drag ends where it is, not where it began.
    const at = what === "release" && this.input.here !== null ? this.input.here : this.target({ x, y });
    this.input.buttonAt(at, button, what === "press");
  }

  /** CSS pixels for one source pixel. */
  get scale() {
    const { width } = this.size();
    return Math.max(0.05, this.picture.getBoundingClientRect().width / Math.max(1, width));
  }

  /** @param {{dx: number, dy: number, x: number, y: number}} action */
  wheel({ dx, dy, x, y }) {
    const parts = NOTCH / NOTCH_PIXELS / this.scale;
    this.input.wheelAt(this.target({ x, y }), dx * parts, dy * parts);
  }

  /** @param {number} dx @param {number} dy CSS pixels */
  nudge(dx, dy) {
    const { width, height } = this.size();
    const from = this.here ?? { x: width / 2, y: height / 2 };
    const { scale } = this;
    this.here = { x: within(from.x + dx / scale, width), y: within(from.y + dy / scale, height) };
    this.input.pointAt(this.rounded());
    this.reveal();
  }

  /** Where the picture does not fit, what is shown follows the pointer. */
  reveal() {
    const [room, box] = [this.room.getBoundingClientRect(), this.picture.getBoundingClientRect()];
    const { x, y } = this.here ?? { x: 0, y: 0 };
    const [left, top] = [box.left + x * this.scale, box.top + y * this.scale];
    this.room.scrollLeft += Math.min(0, left - room.left - MARGIN) + Math.max(0, left - room.right + MARGIN);
    this.room.scrollTop += Math.min(0, top - room.top - MARGIN) + Math.max(0, top - room.bottom + MARGIN);
  }

  /** @param {{do: "ring" | "held", x: number, y: number} | {do: "unring"}} action */
  show(action) {
    const { ring } = this;
    if (action.do === "unring") {
      ring.hidden = true;
      return;
    }
    const room = this.room.getBoundingClientRect();
    const box = this.picture.getBoundingClientRect();
    const { x, y } = this.gestures.mode === "touchpad" ? { x: box.left + this.rounded().x * this.scale, y: box.top + this.rounded().y * this.scale } : action;
    ring.style.left = `${x - room.left + this.room.scrollLeft}px`;
    ring.style.top = `${y - room.top + this.room.scrollTop}px`;
    ring.dataset.state = action.do;
    ring.hidden = false;
    if (action.do === "held") navigator.vibrate?.(15);
  }
}

/** @param {PointerEvent} event */
function place(event) {
  return { x: event.clientX, y: event.clientY };
}

/** @param {number} value @param {number} count */
function within(value, count) {
  return Math.max(0, Math.min(count - 0.01, value));
}
