// Terminals on the page: every byte once, both ways, over a cut and a reload.

import assert from "node:assert/strict";
import test from "node:test";
import { base64Of, bytesOf } from "../../technician_client/console/web/js/base64.js";
import { INPUT_WINDOW, Terminal, Terminals } from "../../technician_client/console/web/js/features/terminal.js";

const coder = new TextEncoder();
const plain = new TextDecoder();

/** A terminal that is shown, with what it says and shows. */
function shown() {
  /** @type {[string, any][]} */
  const said = [];
  const tab = new Terminal((tag, fields) => said.push([tag, fields]) > 0, { request: 1, number: 5, user: "ana", asRoot: false });
  tab.state.value = "open";
  let text = "";
  tab.show({ write: (data, done) => ((text += plain.decode(data)), done()), columns: 80, rows: 24, dispose: () => {} });
  return { tab, said, text: () => text, typed: () => said.filter(([tag]) => tag === "terminal.input").map(([, { data }]) => plain.decode(bytesOf(data))).join("") };
}

test("bytes survive the way through text", () => {
  const bytes = Uint8Array.from({ length: 256 }, (_, index) => index);
  assert.deepEqual(bytesOf(base64Of(bytes)), bytes);
});

test("what comes twice is shown once, and acknowledged as it is shown", () => {
  const { tab, said, text } = shown();
  tab.print(0, coder.encode("abc"));
  tab.print(1, coder.encode("bcde"));
  tab.print(0, coder.encode("ab"));
  assert.equal(text(), "abcde");
  assert.deepEqual(said.filter(([tag]) => tag === "terminal.ack").map(([, { offset }]) => offset), [3, 5]);
});

test("what is typed beyond the window waits, and an interrupt overtakes and drops it", () => {
  const { tab, typed } = shown();
  tab.type(new Uint8Array(INPUT_WINDOW + 100).fill(120));
  assert.equal(typed().length, INPUT_WINDOW);
  tab.taken(50);
  assert.equal(typed().length, INPUT_WINDOW + 50);
  tab.type(Uint8Array.of(3));
  assert.equal(typed().length, INPUT_WINDOW + 51);
  assert.ok(typed().endsWith("\x03"));
});

test("after a cut it goes on where both sides were", () => {
  const { tab, said, typed } = shown();
  tab.print(0, coder.encode("abc"));
  tab.type(coder.encode("12345"));
  tab.state.value = "waiting";
  tab.type(coder.encode("67"));
  said.length = 0;
  tab.goOn({ user: "ana", typed: 3, first: 0, next: 3 });
  assert.equal(typed(), "4567");
  assert.deepEqual(said[0], ["terminal.attach", { terminal: 5, offset: 3 }]);
});

test("a page that was reloaded answers nothing again while it is shown the past", () => {
  const { tab, typed, text } = shown();
  tab.goOn({ user: "ana", typed: 10, first: 4, next: 8 });
  tab.print(4, coder.encode("ab"));
  tab.type(coder.encode("\x1b[?1;2c"));
  tab.print(6, coder.encode("cd"));
  tab.type(coder.encode("new"));
  assert.equal(text(), "abcd");
  assert.equal(typed(), "new");
});

test("what was on its way to the page before a reload does not pass for what comes first", () => {
  const { tab, said, text } = shown();
  tab.goOn({ user: "ana", typed: 0, first: 2, next: 6 });
  tab.print(6, coder.encode("gh"));
  tab.print(2, coder.encode("cdef"));
  tab.print(6, coder.encode("gh"));
  assert.equal(text(), "cdefgh");
  assert.deepEqual(said.filter(([tag]) => tag === "terminal.ack").map(([, { offset }]) => offset), [6, 8]);
});

test("a device that has forgotten a terminal ends it, and a new page finds those that are there", () => {
  /** @type {[string, any][]} */
  const said = [];
  let request = 0;
  const terminals = new Terminals((tag, fields) => said.push([tag, fields]) > 0, () => (request += 1), () => {});
  terminals.begin();
  terminals.begin();
  assert.deepEqual(said, [["terminal.list", { request: 1 }]]);
  const row = { terminal: 2, user: "ana", as_root: false, columns: 80, rows: 24, first: 0, next: 9, typed: 4, ended: false };
  terminals.hear({ tag: "terminal.listing", request: 1, terminals: [row] });
  assert.equal(terminals.tabs.value.length, 1);
  assert.equal(terminals.tabs.value[0].state.value, "open");
  terminals.lost();
  terminals.begin();
  terminals.hear({ tag: "terminal.listing", request: 2, terminals: [] });
  assert.equal(terminals.tabs.value[0].state.value, "ended");
});
