// The mouse: positions thinned out, wheel turns counted in 120ths of a notch. Pure.

const STEP_MS = 8;
const MOST = 12_000;

/**
 * Wheel turns as the agent counts them, with what is left of a fraction kept for the next event.
 */
export class WheelCounter {
  constructor() {
    this.x = 0;
    this.y = 0;
  }

  /**
   * @param {{deltaX: number, deltaY: number, deltaMode: number, wheelDeltaX?: number, wheelDeltaY?: number}} event
   * @returns {{dx: number, dy: number} | null} null: not a whole 120th yet
   */
  turn(event) {
    this.x = tidy(this.x + inParts(event.deltaX, event.deltaMode, event.wheelDeltaX));
    this.y = tidy(this.y + inParts(event.deltaY, event.deltaMode, event.wheelDeltaY));
    const dx = clamp(Math.trunc(this.x));
    const dy = clamp(Math.trunc(this.y));
    this.x = (this.x - dx) % 1;
    this.y = (this.y - dy) % 1;
    return dx === 0 && dy === 0 ? null : { dx, dy };
  }
}

/** Without the dust of binary fractions, which would hide a whole part. @param {number} value */
function tidy(value) {
  return Math.round(value * 1e6) / 1e6;
}

/** @param {number} value */
function clamp(value) {
  return Math.max(-MOST, Math.min(MOST, value));
}

/**
 * @param {number} delta
 * @param {number} mode WheelEvent.deltaMode: 0 pixels, 1 lines, 2 pages
 * @param {number | undefined} legacy WheelEvent.wheelDelta*: already in 120ths, the other way round
 */
function inParts(delta, mode, legacy) {
  if (delta === 0) return 0;
  if (mode === 1) return delta * 40;
  if (mode === 2) return delta * 120;
  // A mouse: whole notches, however many pixels this system scrolls for one. A touchpad's legacy value is three times its pixels.
  if (legacy !== undefined && legacy !== 0 && Math.abs(legacy) % 120 === 0 && legacy !== -3 * delta) return -legacy;
  return delta * 1.2;
}

/** Sends the newest position at most every few milliseconds, and always before anything that depends on it. */
export class MoveThinner {
  /**
   * @param {(x: number, y: number) => void} send
   * @param {object} [clock]
   * @param {() => number} [clock.now]
   * @param {(run: () => void, ms: number) => unknown} [clock.later]
   */
  constructor(send, { now = () => performance.now(), later = (run, ms) => setTimeout(run, ms) } = {}) {
    this.send = send;
    this.now = now;
    this.later = later;
    /** @type {{x: number, y: number} | null} */
    this.waiting = null;
    /** @type {{x: number, y: number} | null} */
    this.last = null;
    this.sentAt = -Infinity;
    this.armed = false;
  }

  /** @param {{x: number, y: number}} point */
  move(point) {
    if (this.last !== null && this.waiting === null && this.last.x === point.x && this.last.y === point.y) return;
    this.waiting = point;
    const rest = this.sentAt + STEP_MS - this.now();
    if (rest <= 0) {
      this.flush();
    } else if (!this.armed) {
      this.armed = true;
      this.later(() => {
        this.armed = false;
        this.flush();
      }, rest);
    }
  }

  flush() {
    if (this.waiting === null) return;
    const point = this.waiting;
    this.waiting = null;
    this.last = point;
    this.sentAt = this.now();
    this.send(point.x, point.y);
  }
}
