// The list of past sessions: searching, what is kept, addresses.
import assert from "node:assert/strict";
import { test } from "node:test";

import { keptWords, matching } from "../../technician_client/console/web/js/pages/past.js";
import { routeOf } from "../../technician_client/console/web/js/router.js";

/** @param {object} [more] */
const row = (more = {}) => ({ session: "4f21", device: "k3v9", label: "Reception PC", technician: "Ana Ruiz", reason: "the printer", opened_at: 0, ended_at: 0, fault: "", noted: false, fixes: 0, files: 0, recordings: 0, ...more });

test("every word of a search must stand somewhere", () => {
  const rows = [row(), row({ session: "0b77", label: "Till 3", reason: "disk" })];
  assert.deepEqual(matching(rows, "").length, 2);
  assert.deepEqual(matching(rows, "RECEPTION printer").map(({ session }) => session), ["4f21"]);
  assert.deepEqual(matching(rows, "ana till").map(({ session }) => session), ["0b77"]);
  assert.deepEqual(matching(rows, "nothing"), []);
});

test("what is kept is said in words", () => {
  assert.deepEqual(keptWords(row()), []);
  assert.deepEqual(keptWords(row({ noted: true, fixes: 1, files: 2, recordings: 1 })), ["notes", "1 fix", "2 files", "1 recording"]);
});

test("past sessions have addresses of their own", () => {
  assert.deepEqual(routeOf("#/past"), { page: "past" });
  assert.deepEqual(routeOf("#/past/4f21_a-b"), { page: "past_session", session: "4f21_a-b" });
  for (const bad of ["#/past/a%2fb", "#/past/4f21/x", `#/past/${"x".repeat(65)}`]) assert.equal(routeOf(bad).page, "nowhere");
});
