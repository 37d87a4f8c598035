// Fingers on the picture to what is meant by them. Pure: events and the time go in, actions come out; places are CSS pixels.
//
// One finger: a tap clicks, a long touch is the other button, a touch that is held (or that follows a tap) and then moves drags.
// A finger that simply moves: "direct" drags where the whole picture is shown and moves the picture where it is not, "touchpad"
// moves the pointer, "view" moves the picture. Two fingers turn the wheel, zoom by spreading, or click the other button by a tap.

/**
 * @typedef {"direct" | "touchpad" | "view"} TouchMode "view": nothing but the picture itself is moved
 * @typedef {{x: number, y: number}} Place
 * @typedef {{do: "move", x: number, y: number}
 *   | {do: "nudge", dx: number, dy: number}
 *   | {do: "press" | "release", button: number, x: number, y: number}
 *   | {do: "wheel", dx: number, dy: number, x: number, y: number}
 *   | {do: "pan", dx: number, dy: number}
 *   | {do: "zoom", factor: number, x: number, y: number}
 *   | {do: "ring" | "held", x: number, y: number}
 *   | {do: "unring"}} Action "wheel": how far the page moves on, down and right positive; "ring": a long touch begins, "held": it is one
 */

/** From here on it is a long touch. */
export const LONG_MS = 500;
/** From here on it shows that it becomes one. */
export const RING_MS = 150;
/** A touch so soon after a tap belongs to it. */
const AGAIN_MS = 300;
const AGAIN_PLACE = 40;
/** A tap of several fingers. */
const TOGETHER_MS = 400;
/** A finger that moved less stands still. */
const SLOP = 10;
const SCROLL_SLOP = 8;
const SPREAD_SLOP = 30;
/** So far one finger alone spreads, while the other stands. */
const ONE_SPREADS = 80;

/** What was moved goes on by itself: the time in which its speed falls to a third, and the speeds at which that begins and ends. */
const COAST_MS = 325;
const COAST_FROM = 0.3;
const COAST_TO = 0.03;
const FASTEST = 6;
const SAMPLE_MS = 100;
/** A finger that rested so long before it was lifted throws nothing. */
const REST_MS = 60;

/** How much farther than the finger the pointer of a touchpad goes, by the finger's speed. @param {number} speed CSS pixels a millisecond */
export function gain(speed) {
  return Math.min(3, 0.9 + 1.1 * speed);
}

/** @param {Place} one @param {Place} other */
function apart(one, other) {
  return Math.hypot(one.x - other.x, one.y - other.y);
}

export class Gestures {
  constructor() {
    /** @type {TouchMode} */
    this.mode = "direct";
    /** Whether the picture is larger than its room, so that a finger moves it. */
    this.pans = false;
    /** @type {Map<number, {start: Place, now: Place, at: number}>} by the pointer's id */
    this.fingers = new Map();
    /** @type {"idle" | "one" | "held" | "drag" | "pan" | "aim" | "many" | "scroll" | "spread" | "over"} */
    this.state = "idle";
    this.began = 0;
    this.ringed = false;
    /** The touch came soon after a tap at the same place. */
    this.again = false;
    /** The touch only stopped what was still moving. */
    this.caught = false;
    this.most = 0;
    /** @type {(Place & {at: number}) | null} */
    this.tapped = null;
    this.start = { x: 0, y: 0 };
    /** @type {{centre: Place, spread: number}} of two fingers */
    this.first = { centre: this.start, spread: 1 };
    this.last = this.first;
    /** @type {{dx: number, dy: number, at: number}[]} */
    this.samples = [];
    /** @type {null | {what: "wheel" | "pan", vx: number, vy: number, at: number, place: Place}} */
    this.coasting = null;
  }

  /** When `tick` is to be called next; null: not before another event. */
  get wake() {
    if (this.coasting !== null) return this.coasting.at;
    if (this.state !== "one" || this.caught || this.mode === "view") return null;
    return this.began + (this.ringed || this.again ? LONG_MS : RING_MS);
  }

  /** @param {number} id @param {Place} place @param {number} now milliseconds @returns {Action[]} */
  down(id, { x, y }, now) {
    const caught = this.coasting !== null;
    this.coasting = null;
    this.fingers.set(id, { start: { x, y }, now: { x, y }, at: now });
    if (this.fingers.size === 1) {
      this.begin({ x, y }, now, caught);
      return [];
    }
    if (!["one", "held", "pan", "aim", "many", "over"].includes(this.state)) return [];
    const stood = this.state === "one" || this.state === "many";
    const actions = this.unring();
    if (this.state !== "many") this.began = stood ? this.began : -Infinity;
    this.state = "many";
    this.most = Math.max(this.most, this.fingers.size);
    this.samples = [];
    this.first = this.last = this.pair();
    return actions;
  }

  /** @param {Place} place @param {number} now @param {boolean} caught */
  begin(place, now, caught) {
    this.state = "one";
    this.began = now;
    this.start = place;
    this.ringed = false;
    this.caught = caught;
    this.most = 1;
    this.samples = [];
    const tapped = this.tapped;
    this.again = tapped !== null && !caught && now - tapped.at <= AGAIN_MS && (this.mode === "touchpad" || apart(tapped, place) <= AGAIN_PLACE);
    // A second tap near the first is meant for the same thing: two clicks a few pixels apart are not a double click.
    if (this.again && tapped !== null && this.mode === "direct") this.start = { x: tapped.x, y: tapped.y };
  }

  /** @param {number} id @param {Place} place @param {number} now @returns {Action[]} */
  move(id, { x, y }, now) {
    const finger = this.fingers.get(id);
    if (finger === undefined) return [];
    const before = finger.now;
    const time = Math.max(1, now - finger.at);
    finger.now = { x, y };
    finger.at = now;
    switch (this.state) {
      case "one":
      case "held":
        return apart(finger.start, finger.now) > SLOP ? this.decide(finger, now) : [];
      case "drag":
        return this.mode === "touchpad" ? this.nudge(before, finger.now, time) : [{ do: "move", x, y }];
      case "aim":
        return this.nudge(before, finger.now, time);
      case "pan":
        return this.pan(x - before.x, y - before.y, now);
      case "many":
        return this.fingers.size < 2 ? [] : this.choose(now);
      case "scroll":
        return this.scroll(now);
      case "spread":
        return this.spread();
      default:
        return [];
    }
  }

  /** What a single finger that has begun to move does. @param {{start: Place, now: Place}} finger @param {number} now @returns {Action[]} */
  decide(finger, now) {
    const actions = this.unring();
    const { x, y } = finger.now;
    const drags = this.state === "held" || (this.again && !this.caught);
    if (this.mode !== "view" && (drags || (this.mode === "direct" && !this.pans && !this.caught))) {
      this.state = "drag";
      this.tapped = null;
      actions.push({ do: "press", button: 0, ...this.start });
      if (this.mode === "direct") actions.push({ do: "move", x, y });
      return actions;
    }
    this.state = this.mode === "touchpad" ? "aim" : "pan";
    return this.state === "pan" ? [...actions, ...this.pan(x - finger.start.x, y - finger.start.y, now)] : actions;
  }

  /** @param {Place} before @param {Place} after @param {number} time @returns {Action[]} */
  nudge(before, after, time) {
    const factor = gain(apart(before, after) / time);
    return [{ do: "nudge", dx: (after.x - before.x) * factor, dy: (after.y - before.y) * factor }];
  }

  /** @param {number} dx @param {number} dy @param {number} now @returns {Action[]} */
  pan(dx, dy, now) {
    this.sample(dx, dy, now);
    return [{ do: "pan", dx, dy }];
  }

  /** Whether two fingers turn the wheel or spread. @param {number} now @returns {Action[]} */
  choose(now) {
    const { centre, spread } = this.pair();
    const wide = Math.abs(spread - this.first.spread);
    const far = apart(centre, this.first.centre);
    const both = [...this.fingers.values()].every((finger) => apart(finger.start, finger.now) > SLOP / 2);
    if (wide > SPREAD_SLOP && wide > far && (both || wide > ONE_SPREADS)) this.state = "spread";
    else if (far > SCROLL_SLOP && far > wide) this.state = this.mode === "view" ? "spread" : "scroll";
    else return [];
    return this.state === "scroll" ? this.scroll(now) : this.spread();
  }

  /** @param {number} now @returns {Action[]} */
  scroll(now) {
    const pair = this.pair();
    const [dx, dy] = [this.last.centre.x - pair.centre.x, this.last.centre.y - pair.centre.y];
    this.last = pair;
    if (dx === 0 && dy === 0) return [];
    this.sample(dx, dy, now);
    return [{ do: "wheel", dx, dy, ...this.first.centre }];
  }

  /** @returns {Action[]} */
  spread() {
    const { last } = this;
    const pair = (this.last = this.pair());
    const [dx, dy] = [pair.centre.x - last.centre.x, pair.centre.y - last.centre.y];
    /** @type {Action[]} */
    const actions = dx === 0 && dy === 0 ? [] : [{ do: "pan", dx, dy }];
    return [...actions, { do: "zoom", factor: pair.spread / last.spread, ...pair.centre }];
  }

  /** @param {number} id @param {number} now @returns {Action[]} */
  up(id, now) {
    if (!this.fingers.delete(id)) return [];
    const ended = this.state;
    const last = this.fingers.size === 0;
    if (ended !== "many" || last) this.state = last ? "idle" : "over";
    switch (ended) {
      case "one":
        return [...this.unring(), ...(now - this.began >= LONG_MS && !this.again ? this.click(2, this.start) : this.tap(now))];
      case "held":
        return [...this.unring(), ...this.click(2, this.start)];
      case "drag":
        return [{ do: "release", button: 0, ...this.start }];
      case "pan":
        this.coast("pan", now);
        return [];
      case "scroll":
        this.coast("wheel", now);
        return [];
      case "many":
        return last && now - this.began <= TOGETHER_MS ? this.click(this.most === 2 ? 2 : 1, this.first.centre) : [];
      default:
        return [];
    }
  }

  /** @param {number} now @returns {Action[]} */
  tap(now) {
    this.tapped = this.caught || this.mode === "view" ? null : { ...this.start, at: now };
    return this.click(0, this.start);
  }

  /** @param {number} button @param {Place} place @returns {Action[]} */
  click(button, place) {
    if (this.mode === "view" || this.caught) return [];
    return [{ do: "press", button, ...place }, { do: "release", button, ...place }];
  }

  /** The fingers are the system's now, or nothing may be done any more. @returns {Action[]} */
  cancel() {
    const dragged = this.state === "drag";
    const actions = this.unring();
    this.fingers.clear();
    this.coasting = null;
    this.tapped = null;
    this.state = "idle";
    return dragged ? [...actions, { do: "release", button: 0, ...this.start }] : actions;
  }

  /** What the time alone does. @param {number} now @returns {Action[]} */
  tick(now) {
    if (this.coasting !== null) return this.glide(now);
    if (this.wake === null || now < this.wake) return [];
    if (now - this.began < LONG_MS) {
      this.ringed = true;
      return [{ do: "ring", ...this.start }];
    }
    if (!this.again) {
      this.state = "held";
      this.ringed = true;
      return [{ do: "held", ...this.start }];
    }
    this.state = "drag"; // a tap, and then a touch that stays: it holds what it tapped
    return [{ do: "press", button: 0, ...this.start }];
  }

  /** @returns {Action[]} */
  unring() {
    const ringed = this.ringed;
    this.ringed = false;
    return ringed ? [{ do: "unring" }] : [];
  }

  /** The first two fingers. @returns {{centre: Place, spread: number}} */
  pair() {
    const [one, two] = [...this.fingers.values()].map(({ now }) => now);
    return { centre: { x: (one.x + two.x) / 2, y: (one.y + two.y) / 2 }, spread: Math.max(1, apart(one, two)) };
  }

  /** @param {number} dx @param {number} dy @param {number} now */
  sample(dx, dy, now) {
    this.samples = [...this.samples.filter(({ at }) => now - at < SAMPLE_MS), { dx, dy, at: now }];
  }

  /** @param {"wheel" | "pan"} what @param {number} now */
  coast(what, now) {
    const { samples } = this;
    const newest = samples[samples.length - 1];
    if (samples.length < 2 || now - newest.at > REST_MS) return;
    const time = Math.max(16, newest.at - samples[0].at);
    const [x, y] = samples.slice(1).reduce(([sumX, sumY], { dx, dy }) => [sumX + dx, sumY + dy], [0, 0]);
    const speed = Math.hypot(x, y) / time;
    if (speed < COAST_FROM) return;
    const kept = Math.min(speed, FASTEST) / speed / time;
    this.coasting = { what, vx: x * kept, vy: y * kept, at: now, place: this.first.centre };
  }

  /** @param {number} now @returns {Action[]} */
  glide(now) {
    const moving = this.coasting;
    if (moving === null || now <= moving.at) return [];
    const rest = Math.exp((moving.at - now) / COAST_MS);
    const way = COAST_MS * (1 - rest);
    const [dx, dy] = [moving.vx * way, moving.vy * way];
    const [vx, vy] = [moving.vx * rest, moving.vy * rest];
    this.coasting = Math.hypot(vx, vy) < COAST_TO ? null : { ...moving, vx, vy, at: now };
    return moving.what === "pan" ? [{ do: "pan", dx, dy }] : [{ do: "wheel", dx, dy, ...moving.place }];
  }
}
