// Which panel stands where comes back as it was left, and whatever a browser kept is not trusted.
import assert from "node:assert/strict";
import { test } from "node:test";

import { Side } from "../../technician_client/console/web/js/features/side.js";

function shelf(/** @type {string | null} */ text = null) {
  const kept = { text };
  return { kept, getItem: () => kept.text, setItem: (/** @type {string} */ _key, /** @type {string} */ value) => void (kept.text = value) };
}

Object.assign(globalThis, { window: { innerWidth: 1280, innerHeight: 720 } });

test("the first panel is open, and what was left comes back", () => {
  const storage = shelf();
  const side = new Side("findings", storage);
  assert.equal(side.beside.value, "findings");
  side.show("terminal");
  side.move("terminal", "below");
  side.show("chat");
  side.resize("chat", "beside", 500);
  const again = new Side("findings", storage);
  assert.deepEqual([again.beside.value, again.below.value, again.size("chat", "beside", 380)], ["chat", "terminal", 500]);
});

test("a panel is folded away and opened where it was", () => {
  const side = new Side("findings", shelf());
  side.show("chat");
  side.toggle();
  assert.equal(side.beside.value, "");
  side.toggle();
  assert.equal(side.beside.value, "chat");
});

test("a panel stands in one place", () => {
  const side = new Side("findings", shelf());
  side.move("findings", "below");
  assert.deepEqual([side.beside.value, side.below.value], ["", "findings"]);
  side.show("findings");
  assert.deepEqual([side.beside.value, side.below.value], ["", "findings"]);
  side.move("findings", "beside");
  assert.deepEqual([side.beside.value, side.below.value], ["findings", ""]);
});

test("the picture keeps some room", () => {
  const side = new Side("findings", shelf());
  assert.equal(side.size("findings", "beside", 5000), 960);
  assert.equal(side.size("findings", "below", 5000), 400);
  assert.equal(side.size("findings", "beside", 10), 280);
});

for (const text of ["", "{", "null", "[]", '{"beside":7,"below":{},"sizes":"x"}', '{"sizes":{"beside findings":"9e9"}}']) {
  test(`nothing breaks over ${text || "an empty text"}`, () => {
    const side = new Side("findings", shelf(text));
    assert.equal(side.beside.value, "findings");
    assert.equal(side.size("findings", "beside", 380), 380);
  });
}
