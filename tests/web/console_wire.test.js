// The page's reading of the console's wire, held to vectors that the Python side wrote.
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { readFileSync } from "node:fs";
import { test } from "node:test";

import { FIELDS, readMessage, writeMessage } from "../../technician_client/console/web/js/messages.js";
import { WireError, readBinary } from "../../technician_client/console/web/js/wire.js";

/** @param {string} name @returns {any} */
const load = (name) => JSON.parse(readFileSync(new URL(`../vectors/console/${name}`, import.meta.url), "utf-8"));

/** @param {string} hex @returns {ArrayBuffer} */
const buffer = (hex) => new Uint8Array(Buffer.from(hex, "hex")).buffer;

/** Views of bytes as hex, everything else as it is. @param {any} value @returns {any} */
function plain(value) {
  if (value instanceof Uint8Array || value instanceof Uint8ClampedArray) return Buffer.from(value).toString("hex");
  if (Array.isArray(value)) return value.map(plain);
  if (value !== null && typeof value === "object") {
    return Object.fromEntries(Object.entries(value).map(([name, part]) => [name, plain(part)]));
  }
  return value;
}

for (const { name, bytes, says } of load("binary.json")) {
  test(`binary: ${name}`, () => assert.deepEqual(plain(readBinary(buffer(bytes))), says));
  test(`binary cut short: ${name}`, () => {
    for (const left of [0, 1, 3, bytes.length / 2 - 1]) {
      assert.throws(() => readBinary(buffer(bytes.slice(0, left * 2))), WireError);
    }
  });
}

test("pixels are views of the message, not copies", () => {
  const { bytes } = load("binary.json").find((/** @type {any} */ one) => one.name === "pixels");
  const message = buffer(bytes);
  const update = /** @type {import("../../technician_client/console/web/js/wire.js").Update} */ (readBinary(message));
  assert.equal(/** @type {any} */ (update.operations[0]).pixels.buffer, message);
});

test("unknown kinds and operations are refused", () => {
  assert.throws(() => readBinary(buffer("09000000")), WireError);
  assert.throws(() => readBinary(buffer(`01000100${"00".repeat(20)}09${"00".repeat(15)}`)), WireError);
});

test("bytes after the last operation are refused", () => {
  const { bytes } = load("binary.json").find((/** @type {any} */ one) => one.name === "copy");
  assert.throws(() => readBinary(buffer(`${bytes}00000000`)), WireError);
});

test("the order of fields is that of the protocol", () => assert.deepEqual({ ...FIELDS }, load("fields.json")));

for (const { name, text, tag, fields } of load("texts.json")) {
  test(`text: ${name}`, () => {
    const { tag: read, ...rest } = readMessage(JSON.parse(text)) ?? { tag: "" };
    assert.equal(read, tag);
    const expected = { ...fields };
    if (tag === "screen.layout") {
      expected.monitors = [{ name: "eDP-1", x: 0, y: 0, width: 1366, height: 768, primary: true }];
    }
    assert.deepEqual(rest, expected);
  });
  test(`text written: ${name}`, () => assert.deepEqual(JSON.parse(writeMessage(tag, fields)), JSON.parse(text)));
}

test("a message of a later version is left out", () => {
  assert.equal(readMessage(["files.offer", 1]), null);
  assert.equal(readMessage([]), null);
});

test("a message with a field missing is a mistake of ours", () => {
  assert.throws(() => writeMessage("input.key", { code: "KeyA" }), RangeError);
  assert.throws(() => writeMessage("no.such"), RangeError);
});
