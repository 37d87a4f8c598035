// The picture in memory: what is shown on the canvas is what the operations say, pixel by pixel.
import assert from "node:assert/strict";
import { test } from "node:test";

class FakeImageData {
  /** @param {number} width @param {number} height */
  constructor(width, height) {
    this.width = width;
    this.height = height;
    this.data = new Uint8ClampedArray(width * height * 4);
  }
}
/** @type {any} */ (globalThis).ImageData = FakeImageData;

const { MemorySurface } = await import("../../technician_client/console/web/js/features/surface.js");

/** A surface of 6 x 5 whose pixels are numbered from 1, and where the canvas was told to look. */
function surface() {
  /** @type {number[][]} */
  const shown = [];
  const context = { putImageData: (/** @type {any} */ _image, /** @type {number[]} */ ...rest) => shown.push(rest.slice(2)) };
  const made = new MemorySurface(/** @type {any} */ ({ width: 1, height: 1, getContext: () => context }));
  made.resize(6, 5);
  const pixels = new Uint8ClampedArray(Uint32Array.from({ length: 30 }, (_, index) => index + 1).buffer);
  made.pixels({ kind: "pixels", x: 0, y: 0, width: 6, height: 5, pixels });
  return { made, shown, row: (/** @type {number} */ y) => [...made.words.subarray(y * 6, y * 6 + 6)] };
}

test("a new size is black and opaque", () => {
  const { made } = surface();
  made.resize(2, 2);
  assert.deepEqual([...made.words], [0xff000000, 0xff000000, 0xff000000, 0xff000000]);
});

test("the same size keeps its pixels", () => {
  const { made, row } = surface();
  made.resize(6, 5);
  assert.deepEqual(row(0), [1, 2, 3, 4, 5, 6]);
});

for (const [dx, dy] of [[0, 1], [0, -1], [1, 0], [-1, 0], [1, 1], [-1, -1], [2, -1], [-2, 1]]) {
  test(`a copy from ${dx}, ${dy} reads what was there before it`, () => {
    const { made, shown, row } = surface();
    const before = Array.from({ length: 5 }, (_, y) => row(y));
    made.copy({ kind: "copy", x: 2, y: 1, width: 2, height: 3, fromX: 2 + dx, fromY: 1 + dy });
    for (let y = 0; y < 5; y += 1) {
      for (let x = 0; x < 6; x += 1) {
        const inside = x >= 2 && x < 4 && y >= 1 && y < 4;
        assert.equal(row(y)[x], inside ? before[y + dy][x + dx] : before[y][x]);
      }
    }
    assert.deepEqual(shown.at(-1), [2, 1, 2, 3]);
  });
}

test("a fill writes one colour and nothing beside it", () => {
  const { made, row } = surface();
  made.fill({ kind: "fill", x: 1, y: 1, width: 3, height: 1, colour: 0xff332211 });
  assert.deepEqual(row(1), [7, 0xff332211, 0xff332211, 0xff332211, 11, 12]);
  assert.deepEqual([...made.image.data.subarray(7 * 4, 8 * 4)], [0x11, 0x22, 0x33, 0xff]);
});

test("of a video picture the visible part is written", () => {
  const { made, shown, row } = surface();
  const pixels = new Uint8ClampedArray(Uint32Array.from([101, 102, 103, 104, 105, 106, 107, 108]).buffer);
  const operation = { kind: /** @type {const} */ ("video"), x: 3, y: 2, width: 3, height: 1, stream: 0, key: true, codec: "", data: new Uint8Array() };
  made.video(operation, { pixels, width: 4, recycle: () => {} });
  assert.deepEqual(row(2), [13, 14, 15, 101, 102, 103]);
  assert.deepEqual(row(3), [19, 20, 21, 22, 23, 24]);
  assert.deepEqual(shown.at(-1), [3, 2, 3, 1]);
});
