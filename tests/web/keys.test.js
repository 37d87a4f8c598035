// Every press has its release, text is text, and keys that only help to make a character stay here.
import assert from "node:assert/strict";
import { test } from "node:test";

import { COMBINATIONS, Keys, isLeave, press } from "../../technician_client/console/web/js/features/keys.js";

/** @param {Keys} keys @param {string} code @param {string} key @param {object} [more] */
const down = (keys, code, key, more = {}) => keys.down({ code, key, ...more });
/** @param {{messages: any[]}} result */
const short = ({ messages }) => messages.map(({ code, key, pressed, mode }) => `${pressed ? "+" : "-"}${code}:${key}:${mode}`);

test("a key travels with its place and its character", () => {
  const keys = new Keys();
  assert.deepEqual(short(down(keys, "KeyQ", "é")), ["+KeyQ:é:auto"]);
  assert.deepEqual(short(keys.up({ code: "KeyQ", key: "é" })), ["-KeyQ:é:auto"]);
});

test("a release carries the character of its press", () => {
  const keys = new Keys();
  down(keys, "ShiftLeft", "Shift");
  down(keys, "KeyA", "A");
  keys.up({ code: "ShiftLeft", key: "Shift" });
  assert.deepEqual(short(keys.up({ code: "KeyA", key: "a" })), ["-KeyA:A:auto"]);
});

test("a release without a press is left alone", () => {
  const { messages, swallow } = new Keys().up({ code: "Tab", key: "Tab" });
  assert.deepEqual([messages, swallow], [[], false]);
});

for (const mode of /** @type {const} */ (["auto", "text"])) test(`what an input method is busy with does not travel as keys in mode ${mode}`, () => {
  const keys = new Keys();
  keys.mode = mode;
  for (const [key, more] of [["Dead", {}], ["Process", {}], ["Unidentified", {}], ["a", { isComposing: true }], ["a", { keyCode: 229 }]]) {
    const { messages, swallow } = down(keys, "KeyA", /** @type {string} */ (key), /** @type {object} */ (more));
    assert.deepEqual([messages, swallow], [[], false]);
  }
});

test("in physical mode the place counts, whatever the key says", () => {
  const keys = new Keys();
  keys.mode = "physical";
  assert.deepEqual(short(down(keys, "BracketLeft", "Dead")), ["+BracketLeft:Dead:physical"]);
});

test("a key without a place is left to the browser, which makes text of it", () => {
  const { messages, swallow } = down(new Keys(), "", "é");
  assert.deepEqual([messages, swallow], [[], false]);
});

test("a key that does something has its place, also where the keyboard does not tell it", () => {
  const keys = new Keys();
  for (const name of ["Enter", "Backspace", "ArrowLeft", "F5", "F12"]) {
    assert.deepEqual(short(down(keys, "", name)), [`+${name}:${name}:auto`]);
    assert.deepEqual(short(keys.up({ code: "Unidentified", key: name })), [`-${name}:${name}:auto`]);
  }
  assert.deepEqual(down(keys, "Unidentified", "a").messages, []);
});

for (const mode of /** @type {const} */ (["auto", "text"])) test(`repeats are presses in mode ${mode} and nothing in physical mode`, () => {
  const keys = new Keys();
  keys.mode = mode;
  down(keys, "KeyA", "a");
  assert.deepEqual(short(down(keys, "KeyA", "a", { repeat: true })), [`+KeyA:a:${mode}`]);
  down(keys, "ShiftLeft", "Shift");
  assert.deepEqual(down(keys, "ShiftLeft", "Shift", { repeat: true }), { messages: [], swallow: true });
  keys.clear();
  keys.mode = "physical";
  down(keys, "KeyA", "a");
  assert.deepEqual(down(keys, "KeyA", "a", { repeat: true }), { messages: [], swallow: true });
});

test("AltGr stays here, and the Ctrl that Windows makes up with it is taken back", () => {
  const keys = new Keys();
  down(keys, "ControlLeft", "Control", { timeStamp: 1000 });
  assert.deepEqual(short(down(keys, "AltRight", "AltGraph", { timeStamp: 1001 })), ["-ControlLeft:Control:auto"]);
  assert.deepEqual(short(down(keys, "KeyE", "€")), ["+KeyE:€:auto"]);
  assert.deepEqual(keys.up({ code: "ControlLeft", key: "Control" }).messages, []);
});

test("a Ctrl that somebody holds stays held when AltGr comes", () => {
  const keys = new Keys();
  down(keys, "ControlLeft", "Control", { timeStamp: 1000 });
  assert.deepEqual(down(keys, "AltRight", "AltGraph", { timeStamp: 2000 }).messages, []);
  assert.equal(keys.held.size, 1);
});

test("letting go of Command lets go of everything, because macOS is silent about the rest", () => {
  const keys = new Keys();
  down(keys, "MetaLeft", "Meta");
  down(keys, "KeyC", "c");
  assert.deepEqual([keys.holds("Meta"), keys.holds("Control")], [true, false]);
  assert.deepEqual(short(keys.up({ code: "MetaLeft", key: "Meta" })), ["-MetaLeft:Meta:auto", "-KeyC:c:auto"]);
});

test("clear forgets what is held and says whether there was anything", () => {
  const keys = new Keys();
  assert.equal(keys.clear(), false);
  down(keys, "KeyA", "a");
  assert.equal(keys.clear(), true);
  assert.deepEqual(keys.up({ code: "KeyA", key: "a" }).messages, []);
});

test("combinations are pressed in order and released in reverse", () => {
  const [{ name, keys }] = COMBINATIONS;
  assert.equal(name, "Ctrl+Alt+Del");
  assert.deepEqual(
    press(keys).map(({ code, pressed, mode }) => `${pressed ? "+" : "-"}${code}:${mode}`),
    ["+ControlLeft:physical", "+AltLeft:physical", "+Delete:physical", "-Delete:physical", "-AltLeft:physical", "-ControlLeft:physical"],
  );
});

test("one chord leads out of the picture", () => {
  const chord = { code: "KeyX", ctrlKey: true, altKey: true, shiftKey: true };
  assert.equal(isLeave(chord), true);
  assert.equal(isLeave({ ...chord, shiftKey: false }), false);
});
