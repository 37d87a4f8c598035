// What a telephone's keyboard does to a field, as strokes.
import assert from "node:assert/strict";
import { test } from "node:test";

import { FILLER, SoftText } from "../../technician_client/console/web/js/features/soft_text.js";

/** @param {number} erase @param {string} text */
const did = (erase, text) => ({ erase, text });

test("letters that are composed arrive one by one, and the word is not typed again when it is settled", () => {
  const soft = new SoftText();
  assert.deepEqual(soft.came(`${FILLER}h`, true), did(0, "h"));
  assert.deepEqual(soft.came(`${FILLER}he`, true), did(0, "e"));
  assert.deepEqual(soft.came(`${FILLER}he`, false), did(0, ""));
  assert.deepEqual(soft.came(`${FILLER}he `, false), did(0, " "));
});

test("a correction takes back as much as it replaces", () => {
  const soft = new SoftText();
  soft.came(`${FILLER}teh`, true);
  assert.deepEqual(soft.came(`${FILLER}the `, false), did(2, "he "));
});

test("Backspace works where nothing was typed yet", () => {
  const soft = new SoftText();
  assert.deepEqual(soft.came(FILLER.slice(0, -1), false), did(1, ""));
  assert.equal(soft.worn, true);
  assert.equal(soft.again(), FILLER);
  assert.equal(soft.worn, false);
});

test("what is converted first is typed when it is settled", () => {
  const soft = new SoftText();
  for (const part of ["n", "に", "にh", "にほん"]) {
    const { erase, text } = soft.came(`${FILLER}${part}`, true);
    assert.ok(part === "n" ? text === "n" : erase === 0 && text === "", part);
  }
  assert.deepEqual(soft.came(`${FILLER}日本`, false), did(1, "日本"));
});

test("an emoji is one character, whatever it is made of", () => {
  const soft = new SoftText();
  assert.deepEqual(soft.came(`${FILLER}é👩‍💻`, false), did(0, "é👩‍💻"));
  assert.deepEqual(soft.came(`${FILLER}é`, false), did(1, ""));
  assert.deepEqual(soft.came(`${FILLER}e`, false), did(1, "e"));
});

test("a field that holds much, or a line's end, begins anew", () => {
  const soft = new SoftText();
  soft.came(`${FILLER}${"x".repeat(300)}`, false);
  assert.equal(soft.worn, true);
  soft.again();
  soft.came(`${FILLER}a\n`, false);
  assert.equal(soft.worn, true);
});
