// The library's words and lists.
import assert from "node:assert/strict";
import { test } from "node:test";

import { newRequests } from "../../technician_client/console/web/js/alert_rules.js";
import { diffRows, hearDevice, named, ofGroup } from "../../technician_client/console/web/js/library_rules.js";

/** @param {string} id @param {boolean} online @param {string | null} group @returns {any} */
const entry = (id, online, group) => ({ device: { id, online, waiting_since: 1 }, known: group === null ? null : { group }, name: `name of ${id}` });

test("what a device printed grows by what is told, and what was missed is noticed", () => {
  /** @type {any} */
  const row = { device: "a", state: "running", output: "one 😀" };
  const told = (/** @type {number} */ at, /** @type {string} */ text) => /** @type {any} */ ({ type: "run_output", run: "r", device: "a", at, text });
  assert.equal(hearDevice(row, told(6, " two"))?.output, "one 😀 two");
  assert.equal(hearDevice(row, told(0, "one")), row); // told before the rest was loaded
  assert.equal(hearDevice(row, told(4, "😀 two"))?.output, "one 😀 two");
  assert.equal(hearDevice(row, told(7, "later")), null);
  assert.equal(hearDevice(undefined, told(0, "x")), null);
  const state = /** @type {any} */ ({ type: "run_device", run: "r", row: { device: "a", state: "good" } });
  assert.deepEqual(hearDevice(row, state), { device: "a", state: "good", output: "one 😀" });
  assert.equal(hearDevice(undefined, state)?.output, "");
});

test("a group is those that said so before and those never met, if online", () => {
  const all = [entry("a", true, "till"), entry("b", true, "desk"), entry("c", true, null), entry("d", false, "till")];
  assert.deepEqual(ofGroup(all, "till").map(({ device }) => device.id), ["a", "c"]);
});

test("an order names devices, shortly", () => {
  assert.deepEqual(named([{ ...entry("a", true, null), name: "x".repeat(99) }]), { a: "x".repeat(40) });
});

test("a diff has the numbers of both sides", () => {
  const rows = diffRows(["--- 0.9/fix.py", "+++ 1.0/fix.py", "@@ -3,3 +3,2 @@", " same", "-gone", "+new", " end"]);
  assert.deepEqual(
    rows.map(({ kind, before, after }) => [kind, before, after]),
    [["file", null, null], ["file", null, null], ["hunk", null, null], ["same", 3, 3], ["gone", 4, null], ["new", null, 4], ["same", 5, 5]],
  );
  assert.equal(rows[4].text, "gone");
});

test("a request is new once, and again when it is made again", () => {
  const seen = new Map();
  const queue = [entry("a", true, null)];
  assert.equal(newRequests(seen, queue).length, 1);
  assert.equal(newRequests(seen, queue).length, 0);
  queue[0].device.waiting_since = 99;
  assert.equal(newRequests(seen, queue).length, 1);
  newRequests(seen, []);
  assert.equal(newRequests(seen, queue).length, 1);
});
