// What a hand draws becomes few messages, whose points join without a gap.
import assert from "node:assert/strict";
import { test } from "node:test";

import { Drawing, outline } from "../../technician_client/console/web/js/features/drawing.js";

function made() {
  const sent = /** @type {[string, any][]} */ ([]);
  const timers = /** @type {(() => void)[]} */ ([]);
  const clock = { now: 0 };
  const drawing = new Drawing((tag, fields) => sent.push([tag, fields]), { now: () => clock.now, later: (run) => timers.push(run) });
  return { drawing, sent, timers, clock };
}

const strokes = (/** @type {[string, any][]} */ sent) => sent.filter(([tag]) => tag === "pointer.stroke").map(([, fields]) => fields);

test("a pen's points join, few messages carry many", () => {
  const { drawing, sent, clock } = made();
  drawing.tool.value = "pen";
  drawing.press({ x: 0, y: 0 });
  for (let x = 10; x <= 3000; x += 10) {
    clock.now += 5;
    drawing.move({ x, y: 0 });
  }
  drawing.release();
  const all = strokes(sent);
  assert.ok(all.length < 60, `${all.length} messages`);
  let count = 0;
  for (const { start, points } of all) {
    assert.equal(start, count);
    count += points.length;
  }
  assert.equal(count, 301);
});

test("a pen has an end, and no step is too small to see", () => {
  const { drawing, sent } = made();
  drawing.tool.value = "pen";
  drawing.press({ x: 0, y: 0 });
  for (let x = 0; x < 5000; x += 1) drawing.move({ x, y: 0 });
  drawing.release();
  const last = strokes(sent).at(-1);
  assert.ok(last.start + last.points.length <= 512);
});

test("an arrow has two ends, of which the second follows the hand", () => {
  const { drawing, sent, clock } = made();
  drawing.tool.value = "arrow";
  drawing.press({ x: 5, y: 5 });
  for (const x of [50, 90, 200]) {
    clock.now += 100;
    drawing.move({ x, y: 5 });
  }
  drawing.release();
  assert.deepEqual(strokes(sent).map(({ start, points }) => [start, points]), [[0, [[5, 5]]], [1, [[50, 5]]], [1, [[90, 5]]], [1, [[200, 5]]]]);
});

test("pointing draws nothing", () => {
  const { drawing, sent } = made();
  drawing.press({ x: 1, y: 2 });
  drawing.move({ x: 9, y: 9 });
  drawing.leave();
  assert.deepEqual(sent.map(([tag]) => tag), ["pointer.click", "pointer.place", "pointer.away"]);
});

test("the stroke under the hand goes when the picture shows it", () => {
  const { drawing, timers } = made();
  drawing.tool.value = "ellipse";
  drawing.press({ x: 0, y: 0 });
  drawing.move({ x: 80, y: 40 });
  drawing.release();
  assert.notEqual(drawing.preview.value, null);
  for (const run of timers) run();
  assert.equal(drawing.preview.value, null);
});

test("outlines are paths", () => {
  const points = [{ x: 0, y: 0 }, { x: 10, y: 20 }];
  for (const shape of /** @type {const} */ (["pen", "arrow", "rectangle", "ellipse"])) {
    assert.match(outline({ shape, colour: 0, points }), /^M[\d.\-A-Z a-z]+$/);
  }
});
