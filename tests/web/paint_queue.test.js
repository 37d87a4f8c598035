// Whatever decodes late, everything is painted in the order in which it came.
import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";

import { PaintQueue } from "../../technician_client/console/web/js/features/paint_queue.js";

/** @type {string[]} */
let strokes = [];
/** @type {any[]} */
let painted = [];
/** @type {{ticket: any, ready: () => void, name: string}[]} */
let decoding = [];
/** @type {(() => void)[]} */
let timers = [];
let lost = 0;
let resets = 0;
let clock = 0;

function queue() {
  const surface = {
    resize: (/** @type {number} */ width, /** @type {number} */ height) => strokes.push(`resize ${width}x${height}`),
    copy: (/** @type {any} */ { x }) => strokes.push(`copy ${x}`),
    pixels: (/** @type {any} */ { x }) => strokes.push(`pixels ${x}`),
    fill: (/** @type {any} */ { x }) => strokes.push(`fill ${x}`),
    video: (/** @type {any} */ _operation, /** @type {any} */ picture) => strokes.push(`video ${picture}`),
  };
  const decoders = {
    decode: (/** @type {any} */ { data }, /** @type {() => void} */ ready) => {
      const ticket = { done: false, picture: null };
      decoding.push({ ticket, ready, name: data });
      return ticket;
    },
    discard: (/** @type {any} */ ticket) => {
      ticket.picture = null;
    },
    reset: () => {
      resets += 1;
    },
  };
  const made = new PaintQueue(surface, decoders, {
    onPainted: ({ update, milliseconds, waiting, stale }) => painted.push([update.sequence, milliseconds, waiting, stale]),
    onLost: () => (lost += 1),
    now: () => clock,
    later: (run) => timers.push(run),
  });
  made.layout({ epoch: 1, width: 100, height: 50 });
  return made;
}

/** @param {number} sequence @param {any[]} operations @param {number} [epoch] @returns {any} */
const update = (sequence, operations, epoch = 1) => ({ kind: "update", sequence, epoch, capturedAt: 0, exact: false, operations });
/** @param {string} kind @param {number} x */
const stroke = (kind, x) => ({ kind, x, y: 0, width: 1, height: 1 });
/** @param {string} name */
const video = (name) => ({ kind: "video", x: 0, y: 0, width: 1, height: 1, data: name });

/** @param {string} name @param {boolean} [failed] */
function decoded(name, failed = false) {
  const entry = decoding.find((one) => one.name === name);
  assert.ok(entry);
  entry.ticket.done = true;
  entry.ticket.picture = failed ? null : name;
  entry.ready();
}

beforeEach(() => {
  strokes = [];
  painted = [];
  decoding = [];
  timers = [];
  lost = 0;
  resets = 0;
  clock = 0;
});

test("strokes are painted at once, while the message is handled", () => {
  queue().add(update(1, [stroke("copy", 1), stroke("pixels", 2), stroke("fill", 3)]));
  assert.deepEqual(strokes, ["resize 100x50", "copy 1", "pixels 2", "fill 3"]);
  assert.deepEqual(painted, [[1, 0, 0, false]]);
});

test("a tile after a video picture waits for it", () => {
  const made = queue();
  made.add(update(1, [video("a"), stroke("pixels", 1)]));
  made.add(update(2, [stroke("copy", 2)]));
  assert.deepEqual(strokes, ["resize 100x50"]);
  assert.equal(made.length, 2);
  clock = 7;
  decoded("a");
  assert.deepEqual(strokes.slice(1), ["video a", "pixels 1", "copy 2"]);
  assert.deepEqual(painted, [[1, 7, 1, false], [2, 7, 0, false]]);
});

test("what comes before a video picture is not held up by it", () => {
  queue().add(update(1, [stroke("fill", 1), video("a")]));
  assert.deepEqual(strokes.slice(1), ["fill 1"]);
});

test("a later picture that is decoded first is painted second", () => {
  const made = queue();
  made.add(update(1, [video("a")]));
  made.add(update(2, [video("b"), stroke("fill", 9)]));
  decoded("b");
  assert.deepEqual(strokes.slice(1), []);
  decoded("a");
  assert.deepEqual(strokes.slice(1), ["video a", "video b", "fill 9"]);
});

test("decoding begins when a picture arrives, not when its turn comes", () => {
  const made = queue();
  made.add(update(1, [video("a")]));
  made.add(update(2, [video("b")]));
  assert.deepEqual(decoding.map(({ name }) => name), ["a", "b"]);
});

test("a picture that fails is left out, and what follows goes on", () => {
  const made = queue();
  made.add(update(1, [video("a"), stroke("fill", 1)]));
  decoded("a", true);
  assert.deepEqual(strokes.slice(1), ["fill 1"]);
  assert.equal(painted.length, 1);
});

test("an update of an older layout is acknowledged and left out", () => {
  const made = queue();
  made.add(update(1, [stroke("fill", 1)], 0));
  assert.deepEqual(strokes.slice(1), []);
  assert.deepEqual(painted, [[1, 0, 0, true]]);
});

test("a new layout drops what waits, and every dropped update is acknowledged", () => {
  const made = queue();
  made.add(update(1, [video("a")]));
  made.add(update(2, [stroke("fill", 0)]));
  made.layout({ epoch: 2, width: 60, height: 40 });
  decoded("a");
  assert.deepEqual(strokes.slice(1), ["resize 60x40"]);
  assert.deepEqual(painted.map(([sequence, , , stale]) => [sequence, stale]), [[1, true], [2, true]]);
});

test("a decoder that swallows a picture is given up, once", () => {
  const made = queue();
  made.add(update(1, [video("a"), stroke("fill", 1)]));
  made.add(update(2, [stroke("fill", 0)]));
  assert.equal(timers.length, 1);
  const before = resets;
  timers[0]();
  assert.equal(resets, before + 1);
  assert.equal(lost, 1);
  assert.deepEqual(strokes.slice(1), ["fill 1", "fill 0"]);
  timers[0]();
  assert.equal(lost, 1);
});

test("a picture that came in time is not given up", () => {
  const made = queue();
  made.add(update(1, [video("a")]));
  decoded("a");
  for (const run of timers) run();
  assert.equal(lost, 0);
});

test("tiles that touch nothing of what waits go past it, and are reported in their turn", () => {
  const made = queue();
  made.add(update(1, [video("film")]));
  made.add(update(2, [stroke("pixels", 7), stroke("fill", 8)]));
  assert.deepEqual(strokes.slice(1), ["pixels 7", "fill 8"]);
  assert.equal(painted.length, 0);
  decoded("film");
  assert.deepEqual(strokes.slice(1), ["pixels 7", "fill 8", "video film"]);
  assert.deepEqual(painted.map((/** @type {any} */ [sequence]) => sequence), [1, 2]);
});

test("what lies where something waits, or is read by it, waits", () => {
  const made = queue();
  made.add(update(1, [video("film"), { ...stroke("copy", 20), fromX: 30, fromY: 0 }]));
  made.add(update(2, [stroke("pixels", 0)]));
  made.add(update(3, [stroke("pixels", 20)]));
  made.add(update(4, [stroke("pixels", 30)]));
  made.add(update(5, [{ ...stroke("copy", 50), fromX: 60, fromY: 0 }]));
  made.add(update(6, [stroke("pixels", 60)]));
  made.add(update(7, [stroke("pixels", 70), stroke("pixels", 50)]));
  assert.deepEqual(strokes.slice(1), []);
  decoded("film");
  assert.deepEqual(
    strokes.slice(1),
    ["video film", "copy 20", "pixels 0", "pixels 20", "pixels 30", "copy 50", "pixels 60", "pixels 70", "pixels 50"],
  );
  assert.equal(painted.length, 7);
});
