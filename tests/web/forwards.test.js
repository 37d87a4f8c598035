// Forwarded ports on the page: what a form's texts mean, and what the console answers.

import assert from "node:assert/strict";
import test from "node:test";
import { Forwards, offers, placeOf, readWish, target } from "../../technician_client/console/web/js/features/forwards.js";

const ROW = Object.freeze({ number: 1, local: "127.0.0.1:5432", host: "127.0.0.1", port: 5432, open: 0, connections: 0, sent: 0, received: 0, problem: "" });

/** What the page says, and the forwards; `proved`: how the passphrase is answered. @param {boolean} [proved] */
function page(proved = true) {
  /** @type {any[]} */
  const said = [];
  const forwards = new Forwards((text) => said.push(JSON.parse(text)) > 0, () => Promise.resolve(proved), () => 7);
  return { said, forwards };
}

test("a form's texts become a wish", () => {
  assert.deepEqual(readWish({ port: " 5432 ", local: "", host: "" }).wish, { port: 5432, local: null, host: "127.0.0.1" });
  assert.deepEqual(readWish({ port: "80", local: "0", host: " printer.example " }).wish, { port: 80, local: 0, host: "printer.example" });
  assert.deepEqual(readWish({ port: "443", local: "8443", host: "[fe80::1]" }).wish, { port: 443, local: 8443, host: "fe80::1" });
});

for (const [texts, piece] of /** @type {const} */ ([
  [{ port: "", local: "", host: "" }, "from 1 to"],
  [{ port: "0", local: "", host: "" }, "from 1 to"],
  [{ port: "65536", local: "", host: "" }, "from 1 to"],
  [{ port: "80x", local: "", host: "" }, "from 1 to"],
  [{ port: "80", local: "-1", host: "" }, "port here"],
  [{ port: "80", local: "70000", host: "" }, "port here"],
  [{ port: "80", local: "", host: "a b" }, "computer behind"],
  [{ port: "80", local: "", host: "http://x/" }, "computer behind"],
])) {
  test(`${JSON.stringify(texts)} is told to be wrong`, () => {
    const { wish, text } = readWish(texts);
    assert.equal(wish, null);
    assert.match(text, new RegExp(piece));
  });
}

test("where it leads is said in words", () => {
  assert.equal(target(ROW), "port 5432 of the device");
  assert.equal(target({ ...ROW, host: "printer.example", port: 80 }), "printer.example:80, through the device");
  assert.equal(target({ ...ROW, host: "fe80::1", port: 80 }), "[fe80::1]:80, through the device");
});

test("a wish is said, waits for its answer, and is stopped by its number", () => {
  const { said, forwards } = page();
  forwards.start({ port: 5432, local: null, host: "127.0.0.1" });
  assert.deepEqual(said, [{ type: "forward", port: 5432, local: null, host: "127.0.0.1" }]);
  assert.notEqual(forwards.starting.value, null);
  forwards.hear({ type: "forwards", forwards: [ROW] });
  forwards.hear({ type: "forward_started", number: 1, reason: "", text: "" });
  assert.equal(forwards.starting.value, null);
  assert.equal(forwards.newest.value, 1);
  assert.deepEqual(forwards.rows.value, [ROW]);
  forwards.stop(1);
  assert.deepEqual(said.at(-1), { type: "forward_stop", number: 1 });
});

test("why it was not started is kept until the next attempt", () => {
  const { forwards } = page();
  forwards.start({ port: 80, local: 80, host: "127.0.0.1" });
  forwards.hear({ type: "forward_started", number: 0, reason: "", text: "Choose another port." });
  assert.equal(forwards.error.value, "Choose another port.");
  forwards.start({ port: 80, local: 8080, host: "127.0.0.1" });
  assert.equal(forwards.error.value, "");
});

test("the passphrase is asked for, and then the same is said again, or nothing", async () => {
  const wish = { port: 22, local: null, host: "127.0.0.1" };
  for (const proved of [true, false]) {
    const { said, forwards } = page(proved);
    forwards.start(wish);
    forwards.hear({ type: "forward_started", number: 0, reason: "step_up", text: "Type your passphrase again." });
    await Promise.resolve();
    await Promise.resolve();
    assert.equal(said.length, proved ? 2 : 1);
    assert.equal(forwards.error.value, "");
  }
});

test("a page that lost the console waits for no answer", () => {
  const forwards = new Forwards(() => false, () => Promise.resolve(true), () => 1);
  forwards.start({ port: 22, local: null, host: "127.0.0.1" });
  assert.equal(forwards.starting.value, null);
  assert.match(forwards.error.value, /does not answer/);
});

test("what the policy allows is offered where it is one place", () => {
  assert.deepEqual(placeOf("printer.example:631"), { host: "printer.example", port: "631" });
  assert.deepEqual(placeOf("[fe80::1]:22"), { host: "[fe80::1]", port: "22" });
  for (const pattern of ["10.0.0.*:22", "printer.example:*", "host?:22", "[ab]c:22", "nonsense"]) assert.equal(placeOf(pattern), null);
});

test("ports that listen come before those that many forward", () => {
  const rows = [
    { protocol: 6, port: 9090, name: "cockpit" },
    { protocol: 6, port: 22, name: "" },
    { protocol: 17, port: 5353, name: "avahi" },
    { protocol: 6, port: 9090, name: "again" },
  ];
  const offered = offers(rows);
  assert.deepEqual(offered.slice(0, 2), [{ port: 9090, words: "cockpit listens there" }, { port: 22, words: "SSH listens there" }]);
  assert.equal(offered.filter(({ port }) => port === 22).length, 1);
  assert.ok(offered.some(({ port }) => port === 5432));
  assert.ok(!offered.some(({ port }) => port === 5353));
});

test("only the answer to the newest question counts", () => {
  const { forwards } = page();
  forwards.look();
  forwards.hearDevice({ tag: "forward.rules", request: 6, enabled: false, patterns: [] });
  assert.equal(forwards.rules.value, null);
  forwards.hearDevice({ tag: "forward.rules", request: 7, enabled: true, patterns: ["a:1"] });
  assert.deepEqual(forwards.rules.value, { enabled: true, patterns: ["a:1"] });
});
