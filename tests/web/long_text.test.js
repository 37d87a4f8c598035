// A long text goes piece by piece, counted, and can be stopped.
import assert from "node:assert/strict";
import { test } from "node:test";

import { LongText, cut } from "../../technician_client/console/web/js/features/long_text.js";

function made() {
  const sent = /** @type {any[]} */ ([]);
  let request = 0;
  const text = new LongText((tag, fields) => sent.push({ tag, ...fields }), () => (request += 1));
  const typed = (missed = 0) => text.hear({ tag: "input.typed", request: sent.at(-1).request, missed });
  return { text, sent, typed };
}

test("the next piece goes when the one before was typed", () => {
  const { text, sent, typed } = made();
  const whole = "naïve 🙂\r\n".repeat(30);
  text.start(whole);
  assert.equal(sent.length, 1);
  while (text.busy) typed();
  assert.equal(sent.map((message) => message.text).join(""), whole.replaceAll("\r\n", "\n"));
  assert.equal(text.progress.value?.over, "typed");
  assert.equal(text.progress.value?.done, text.progress.value?.all);
});

test("stopped, nothing more is sent", () => {
  const { text, sent, typed } = made();
  text.start("x".repeat(500));
  typed(3);
  text.stop();
  typed();
  assert.equal(sent.length, 2);
  assert.deepEqual([text.progress.value?.over, text.progress.value?.missed, text.progress.value?.done], ["stopped", 3, 40]);
});

test("a refusal ends it, somebody else's does not", () => {
  const { text } = made();
  text.start("x".repeat(500));
  text.hear({ tag: "session.refusal", request: 99 });
  assert.equal(text.busy, true);
  text.hear({ tag: "session.refusal", request: 1 });
  assert.equal(text.progress.value?.over, "refused");
});

test("no piece ends inside a character", () => {
  for (const piece of cut("🙂".repeat(99))) assert.doesNotThrow(() => encodeURIComponent(piece));
});
