// What fingers on the picture mean: clicks, drags, the wheel, the view. The time is told, so nothing waits here.
import assert from "node:assert/strict";
import { test } from "node:test";

import { Gestures, LONG_MS, RING_MS, gain } from "../../technician_client/console/web/js/features/gestures.js";

/** @typedef {import("../../technician_client/console/web/js/features/gestures.js").TouchMode} TouchMode */

/** A hand on the glass: every step takes so many milliseconds, and `said` is what it meant. */
class Hand {
  /** @param {TouchMode} [mode] @param {boolean} [pans] */
  constructor(mode = "direct", pans = false) {
    this.gestures = new Gestures();
    this.gestures.mode = mode;
    this.gestures.pans = pans;
    this.now = 1000;
    /** @type {import("../../technician_client/console/web/js/features/gestures.js").Action[]} */
    this.all = [];
  }

  /** @param {number} id @param {number} x @param {number} y */
  down(id, x, y) {
    this.all.push(...this.gestures.down(id, { x, y }, this.now));
  }

  /** @param {number} id @param {number} x @param {number} y @param {number} [after] */
  move(id, x, y, after = 10) {
    this.wait(after);
    this.all.push(...this.gestures.move(id, { x, y }, this.now));
  }

  /** @param {number} id @param {number} [after] */
  up(id, after = 10) {
    this.wait(after);
    this.all.push(...this.gestures.up(id, this.now));
  }

  /** The time goes on, and what is to happen by itself happens when it is due. @param {number} milliseconds */
  wait(milliseconds) {
    const end = this.now + milliseconds;
    for (let wake = this.gestures.wake; wake !== null && wake <= end && this.gestures.coasting === null; wake = this.gestures.wake) {
      this.now = wake;
      this.all.push(...this.gestures.tick(this.now));
    }
    this.now = end;
  }

  /** @param {number} x @param {number} y */
  tap(x, y) {
    this.down(1, x, y);
    this.up(1, 40);
  }

  /** Two fingers side by side, moved together. @param {number} dx @param {number} dy @param {number} [steps] */
  sweep(dx, dy, steps = 10) {
    this.down(1, 300, 300);
    this.down(2, 400, 300);
    for (let step = 1; step <= steps; step += 1) {
      this.move(1, 300 + (dx * step) / steps, 300 + (dy * step) / steps, 8);
      this.move(2, 400 + (dx * step) / steps, 300 + (dy * step) / steps, 8);
    }
  }

  get said() {
    return this.all.map((action) => {
      switch (action.do) {
        case "press":
        case "release":
          return `${action.do === "press" ? "+" : "-"}${action.button}@${action.x},${action.y}`;
        case "move":
        case "ring":
        case "held":
          return `${action.do} ${action.x},${action.y}`;
        default:
          return action.do;
      }
    });
  }

  /** The sums of the distances of one kind. @param {"wheel" | "pan" | "nudge"} kind */
  sum(kind) {
    const found = this.all.filter((action) => action.do === kind);
    return found.reduce((sum, action) => ("dx" in action ? { dx: sum.dx + action.dx, dy: sum.dy + action.dy } : sum), { dx: 0, dy: 0 });
  }

  /** Milliseconds until nothing moves by itself any more. */
  rest() {
    const before = this.now;
    while (this.gestures.coasting !== null) {
      this.now += 16;
      this.all.push(...this.gestures.tick(this.now));
    }
    return this.now - before;
  }
}

test("a tap clicks where it was", () => {
  const hand = new Hand();
  hand.tap(50, 60);
  assert.deepEqual(hand.said, ["+0@50,60", "-0@50,60"]);
});

test("a finger that trembles still taps, at the place where it came down", () => {
  const hand = new Hand();
  hand.down(1, 50, 60);
  hand.move(1, 55, 64);
  hand.up(1);
  assert.deepEqual(hand.said, ["+0@50,60", "-0@50,60"]);
});

test("two taps near one another click one place, so that they are a double click there", () => {
  const hand = new Hand();
  hand.tap(50, 60);
  hand.wait(100);
  hand.tap(62, 51);
  assert.deepEqual(hand.said, ["+0@50,60", "-0@50,60", "+0@50,60", "-0@50,60"]);
  hand.wait(1000);
  hand.tap(62, 51);
  assert.equal(hand.said[4], "+0@62,51");
});

test("a long touch shows a ring and then clicks the right button", () => {
  const hand = new Hand();
  hand.down(1, 50, 60);
  hand.wait(RING_MS);
  assert.deepEqual(hand.said, ["ring 50,60"]);
  hand.wait(LONG_MS - RING_MS);
  assert.deepEqual(hand.said, ["ring 50,60", "held 50,60"]);
  hand.up(1, 2000);
  assert.deepEqual(hand.said.slice(2), ["unring", "+2@50,60", "-2@50,60"]);
});

test("a long touch counts as one when the clock comes late", () => {
  const hand = new Hand();
  hand.down(1, 50, 60);
  hand.now += LONG_MS;
  hand.all.push(...hand.gestures.up(1, hand.now));
  assert.deepEqual(hand.said, ["+2@50,60", "-2@50,60"]);
});

test("a touch that is held and then moves drags from where it was", () => {
  const hand = new Hand("direct", true);
  hand.down(1, 50, 60);
  hand.wait(LONG_MS);
  hand.move(1, 90, 60);
  hand.move(1, 120, 70);
  hand.up(1);
  assert.deepEqual(hand.said.slice(2), ["unring", "+0@50,60", "move 90,60", "move 120,70", "-0@50,60"]);
});

test("a tap, and a touch after it that moves, drag", () => {
  for (const mode of /** @type {const} */ (["direct", "touchpad"])) {
    const hand = new Hand(mode, true);
    hand.tap(50, 60);
    hand.wait(80);
    hand.down(1, 52, 61);
    hand.move(1, 100, 61);
    hand.up(1);
    const presses = hand.said.filter((word) => /^[+-]/.test(word)).map((word) => word.slice(0, 2));
    assert.deepEqual(presses, ["+0", "-0", "+0", "-0"], mode);
  }
});

test("a tap, and a touch after it that stays, hold what was tapped", () => {
  const hand = new Hand();
  hand.tap(50, 60);
  hand.wait(80);
  hand.down(1, 50, 60);
  hand.wait(LONG_MS);
  assert.deepEqual(hand.said.slice(2), ["+0@50,60"]);
  hand.up(1);
  assert.deepEqual(hand.said.slice(3), ["-0@50,60"]);
});

test("a finger drags where the whole picture is shown, and moves the picture where it is not", () => {
  const fits = new Hand("direct", false);
  fits.down(1, 50, 60);
  fits.move(1, 80, 60);
  fits.up(1);
  assert.deepEqual(fits.said, ["+0@50,60", "move 80,60", "-0@50,60"]);
  const large = new Hand("direct", true);
  large.down(1, 50, 60);
  large.move(1, 80, 65);
  large.move(1, 90, 70);
  large.up(1, 200);
  assert.deepEqual(large.sum("pan"), { dx: 40, dy: 10 });
  assert.ok(large.said.every((word) => word === "pan"));
});

test("a touchpad moves the pointer, faster for a faster finger, and clicks where the pointer is", () => {
  const hand = new Hand("touchpad");
  hand.down(1, 500, 500);
  hand.move(1, 515, 500, 100);
  hand.move(1, 525, 500, 100);
  const slow = hand.sum("nudge").dx;
  hand.move(1, 625, 500, 20);
  const fast = hand.sum("nudge").dx - slow;
  assert.ok(slow > 8 && slow < 12, String(slow));
  assert.equal(fast, 300);
  hand.up(1);
  assert.ok(hand.said.every((word) => word === "nudge"));
  assert.ok(gain(0) < 1 && gain(100) === 3);
});

test("two fingers turn the wheel: the page follows them", () => {
  const hand = new Hand();
  hand.sweep(0, -200);
  assert.deepEqual(hand.sum("wheel"), { dx: 0, dy: 200 });
  const [first] = hand.all.filter((action) => action.do === "wheel");
  assert.deepEqual([first.x, first.y], [350, 300]);
  const across = new Hand("touchpad");
  across.sweep(120, 0);
  assert.deepEqual(across.sum("wheel"), { dx: -120, dy: 0 });
  assert.ok(across.said.every((word) => word === "wheel"));
});

test("a page that was thrown goes on, slower and slower, and a touch stops it without a click", () => {
  const hand = new Hand();
  hand.sweep(0, -400);
  hand.up(1, 5);
  hand.up(2, 5);
  const before = hand.sum("wheel").dy;
  const time = hand.rest();
  const thrown = hand.sum("wheel").dy - before;
  assert.ok(thrown > 300 && thrown < 3000, String(thrown));
  assert.ok(time > 300 && time < 3000, String(time));
  const stopped = new Hand();
  stopped.sweep(0, -400);
  stopped.up(1, 5);
  stopped.up(2, 5);
  const said = stopped.said.length;
  stopped.tap(10, 10);
  assert.equal(stopped.gestures.coasting, null);
  assert.equal(stopped.said.length, said);
});

test("fingers that rested before they were lifted throw nothing", () => {
  const hand = new Hand();
  hand.sweep(0, -400);
  hand.up(1, 200);
  hand.up(2, 5);
  assert.equal(hand.gestures.coasting, null);
});

test("spreading zooms about the middle, and moves what is between the fingers along", () => {
  const hand = new Hand();
  hand.down(1, 300, 300);
  hand.down(2, 400, 300);
  for (let step = 1; step <= 10; step += 1) {
    hand.move(1, 300 - 10 * step, 300);
    hand.move(2, 400 + 10 * step, 300);
  }
  const zooms = hand.all.filter((action) => action.do === "zoom");
  const factor = zooms.reduce((product, action) => product * action.factor, 1);
  assert.ok(Math.abs(factor - 3) < 1e-9, String(factor));
  assert.ok(hand.said.every((word) => word === "zoom" || word === "pan"));
  assert.deepEqual([zooms[zooms.length - 1].x, zooms[zooms.length - 1].y], [350, 300]);
});

test("one finger alone spreads too, once it went far", () => {
  const hand = new Hand();
  hand.down(1, 300, 300);
  hand.down(2, 400, 300);
  for (let x = 405; x <= 520; x += 5) hand.move(2, x, 300);
  assert.equal(hand.gestures.state, "spread");
});

test("two fingers that move one after another in one frame still turn the wheel", () => {
  const hand = new Hand();
  hand.down(1, 300, 300);
  hand.down(2, 300, 400);
  for (let y = 40; y <= 240; y += 40) {
    hand.move(1, 300, 300 - y, 16);
    hand.move(2, 300, 400 - y, 0);
  }
  assert.equal(hand.gestures.state, "scroll");
});

test("a tap of two fingers is the right button, of three the middle one", () => {
  const two = new Hand();
  two.down(1, 300, 300);
  two.down(2, 400, 300);
  two.up(1);
  two.up(2);
  assert.deepEqual(two.said, ["+2@350,300", "-2@350,300"]);
  const three = new Hand();
  for (const id of [1, 2, 3]) three.down(id, 300 + 50 * id, 300);
  for (const id of [1, 2, 3]) three.up(id);
  assert.deepEqual(three.said, ["+1@375,300", "-1@375,300"]);
});

test("two fingers that stay are no tap", () => {
  const hand = new Hand();
  hand.down(1, 300, 300);
  hand.down(2, 400, 300);
  hand.up(1, 800);
  hand.up(2);
  assert.deepEqual(hand.said, []);
});

test("a second finger takes the ring away", () => {
  const hand = new Hand();
  hand.down(1, 300, 300);
  hand.wait(RING_MS);
  hand.down(2, 400, 300);
  hand.wait(2000);
  assert.deepEqual(hand.said, ["ring 300,300", "unring"]);
});

test("a finger more does not end a drag", () => {
  const hand = new Hand();
  hand.down(1, 50, 60);
  hand.move(1, 80, 60);
  hand.down(2, 300, 300);
  hand.move(1, 90, 60);
  hand.up(1);
  hand.up(2);
  assert.deepEqual(hand.said, ["+0@50,60", "move 80,60", "move 90,60", "-0@50,60"]);
});

test("what the system takes away is let go of", () => {
  const hand = new Hand();
  hand.down(1, 50, 60);
  hand.move(1, 80, 60);
  hand.all.push(...hand.gestures.cancel());
  assert.deepEqual(hand.said.slice(2), ["-0@50,60"]);
  hand.up(1);
  hand.tap(5, 5);
  assert.deepEqual(hand.said.slice(3), ["+0@5,5", "-0@5,5"]);
});

test("who only watches moves and zooms the picture, and nothing else", () => {
  const hand = new Hand("view");
  hand.tap(50, 60);
  hand.down(1, 50, 60);
  hand.wait(2000);
  hand.up(1);
  hand.down(1, 50, 60);
  hand.move(1, 80, 60);
  hand.up(1, 200);
  assert.deepEqual(hand.sum("pan"), { dx: 30, dy: 0 });
  hand.sweep(0, -100);
  assert.ok(hand.said.every((word) => word === "pan" || word === "zoom"), hand.said.join());
});

test("every press has its release, whatever fingers do", () => {
  let seed = 7;
  const random = (/** @type {number} */ below) => {
    seed = (seed * 1103515245 + 12345) % 2147483648;
    return Math.floor((seed / 2147483648) * below);
  };
  for (let round = 0; round < 400; round += 1) {
    const hand = new Hand(/** @type {const} */ (["direct", "touchpad", "view"])[random(3)], random(2) === 1);
    const down = new Set();
    for (let step = 0; step < 60; step += 1) {
      const id = random(4);
      if (!down.has(id) && random(3) === 0) {
        hand.down(id, random(800), random(600));
        down.add(id);
      } else if (down.has(id) && random(3) === 0) {
        hand.up(id, random(300));
        down.delete(id);
      } else if (down.has(id)) hand.move(id, random(800), random(600), random(100));
      else if (random(40) === 0) {
        hand.all.push(...hand.gestures.cancel());
        down.clear();
      } else hand.wait(random(700));
    }
    for (const id of down) hand.up(id);
    const held = new Set();
    for (const action of hand.all) {
      if (action.do === "press") {
        assert.ok(!held.has(action.button));
        held.add(action.button);
      } else if (action.do === "release") assert.ok(held.delete(action.button));
    }
    assert.equal(held.size, 0);
    assert.ok(hand.all.every((action) => Object.values(action).every((value) => typeof value === "string" || Number.isFinite(value))));
  }
});
