// Ctrl and its like on the screen: once, held, let go; never left held.
import assert from "node:assert/strict";
import { test } from "node:test";

import { STICKY, Sticky, placeOf } from "../../technician_client/console/web/js/features/sticky.js";

/** @param {import("../../technician_client/console/web/js/features/keys.js").KeyMessage[]} messages */
const short = (messages) => messages.map(({ code, pressed }) => `${pressed ? "+" : "-"}${code}`);

test("once: pressed around the next stroke, and off again", () => {
  const sticky = new Sticky();
  assert.deepEqual(short(sticky.tap("ctrl")), []);
  assert.deepEqual(short(sticky.tap("shift")), []);
  assert.equal(sticky.state("ctrl"), "once");
  assert.deepEqual(short(sticky.begin()), ["+ControlLeft", "+ShiftLeft"]);
  assert.deepEqual(short(sticky.end()), ["-ShiftLeft", "-ControlLeft"]);
  assert.equal(sticky.any, false);
  assert.deepEqual(short(sticky.begin()), []);
});

test("twice: held until it is pressed once more", () => {
  const sticky = new Sticky();
  sticky.tap("alt");
  assert.deepEqual(short(sticky.tap("alt")), ["+AltLeft"]);
  assert.equal(sticky.state("alt"), "locked");
  assert.deepEqual([...short(sticky.begin()), ...short(sticky.end())], []);
  assert.deepEqual(short(sticky.tap("alt")), ["-AltLeft"]);
  assert.equal(sticky.any, false);
});

test("what waits goes along with what is held, and only it goes off", () => {
  const sticky = new Sticky();
  for (const name of ["ctrl", "ctrl", "altgr"]) sticky.tap(name);
  assert.deepEqual(sticky.waiting, { altgr: "once" });
  assert.deepEqual(short(sticky.begin()), ["+AltRight"]);
  assert.deepEqual(short(sticky.end()), ["-AltRight"]);
  assert.equal(sticky.state("ctrl"), "locked");
  assert.deepEqual(short(sticky.release()), ["-ControlLeft"]);
  assert.deepEqual(short(sticky.release()), []);
});

test("everything is forgotten when everything was let go of over there", () => {
  const sticky = new Sticky();
  assert.equal(sticky.clear(), false);
  sticky.tap("super");
  assert.equal(sticky.clear(), false);
  sticky.tap("super");
  sticky.tap("super");
  assert.equal(sticky.clear(), true);
  assert.equal(sticky.any, false);
  sticky.tap("shift");
  sticky.begin();
  assert.equal(sticky.clear(), true);
  assert.deepEqual(short(sticky.end()), []);
});

test("every one of them is a key of its own, pressed by its place", () => {
  const sticky = new Sticky();
  for (const { name } of STICKY) sticky.tap(name);
  const messages = sticky.begin();
  assert.equal(new Set(messages.map(({ code }) => code)).size, STICKY.length);
  assert.ok(messages.every(({ mode }) => mode === "physical"));
});

test("letters and digits have a place, others none that could be told", () => {
  assert.deepEqual(["q", "Q", "7", "é", "", "ab", "€"].map(placeOf), ["KeyQ", "KeyQ", "Digit7", "", "", "", ""]);
});
