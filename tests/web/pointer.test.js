// Positions are thinned out without losing the last one; the wheel counts in 120ths of a notch.
import assert from "node:assert/strict";
import { test } from "node:test";

import { scaleOf, sourcePoint } from "../../technician_client/console/web/js/features/geometry.js";
import { MoveThinner, WheelCounter } from "../../technician_client/console/web/js/features/pointer.js";

function thinner() {
  const sent = /** @type {string[]} */ ([]);
  const timers = /** @type {(() => void)[]} */ ([]);
  const clock = { now: 0 };
  const made = new MoveThinner((x, y) => sent.push(`${x},${y}`), { now: () => clock.now, later: (run) => timers.push(run) });
  return { made, sent, timers, clock };
}

test("the first position goes at once, the newest of a burst when the pause is over", () => {
  const { made, sent, timers } = thinner();
  for (const x of [1, 2, 3]) made.move({ x, y: 0 });
  assert.deepEqual(sent, ["1,0"]);
  assert.equal(timers.length, 1);
  timers[0]();
  assert.deepEqual(sent, ["1,0", "3,0"]);
});

test("a position that is the same is not sent again", () => {
  const { made, sent, clock } = thinner();
  made.move({ x: 1, y: 1 });
  clock.now = 100;
  made.move({ x: 1, y: 1 });
  assert.deepEqual(sent, ["1,1"]);
});

test("flush sends what waits, before a button that depends on it", () => {
  const { made, sent } = thinner();
  made.move({ x: 1, y: 0 });
  made.move({ x: 2, y: 0 });
  made.flush();
  made.flush();
  assert.deepEqual(sent, ["1,0", "2,0"]);
});

const turn = { deltaX: 0, deltaY: 0, deltaMode: 0 };

test("a notch of a mouse is 120 parts, in every unit a browser counts in", () => {
  assert.deepEqual(new WheelCounter().turn({ ...turn, deltaY: 100 }), { dx: 0, dy: 120 });
  assert.deepEqual(new WheelCounter().turn({ ...turn, deltaY: 53, wheelDeltaY: -120 }), { dx: 0, dy: 120 });
  assert.deepEqual(new WheelCounter().turn({ ...turn, deltaY: -3, deltaMode: 1 }), { dx: 0, dy: -120 });
  assert.deepEqual(new WheelCounter().turn({ ...turn, deltaX: 1, deltaMode: 2 }), { dx: 120, dy: 0 });
});

test("forty pixels of a touchpad are not a notch", () => {
  assert.deepEqual(new WheelCounter().turn({ ...turn, deltaY: 40, wheelDeltaY: -120 }), { dx: 0, dy: 48 });
});

test("fractions of a touchpad add up", () => {
  const wheel = new WheelCounter();
  const sum = Array.from({ length: 10 }, () => wheel.turn({ ...turn, deltaY: 0.25 })?.dy ?? 0).reduce((a, b) => a + b);
  assert.equal(sum, 3);
});

test("no turn is larger than the wire allows", () => {
  assert.deepEqual(new WheelCounter().turn({ ...turn, deltaY: 1e9 }), { dx: 0, dy: 12000 });
});

test("fit keeps the ratio, 1:1 shows one pixel as one pixel of the display", () => {
  const source = { width: 1920, height: 1080 };
  assert.equal(scaleOf("fit", source, { width: 960, height: 1000 }, 1), 0.5);
  assert.equal(scaleOf("actual", source, { width: 960, height: 1000 }, 2), 0.5);
});

test("every pixel of the source can be hit, and nothing outside", () => {
  const box = { left: 10, top: 20, width: 683, height: 384 };
  const source = { width: 1366, height: 768 };
  assert.deepEqual(sourcePoint(box, source, { clientX: 10, clientY: 20 }), { x: 0, y: 0 });
  assert.deepEqual(sourcePoint(box, source, { clientX: 692.9, clientY: 403.9 }), { x: 1365, y: 767 });
  assert.deepEqual(sourcePoint(box, source, { clientX: -5, clientY: 9999 }), { x: 0, y: 767 });
});
