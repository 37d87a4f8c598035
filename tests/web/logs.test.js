// The live log on the page: one request at a time, losses by their number, bounded.

import assert from "node:assert/strict";
import test from "node:test";
import { Logs } from "../../technician_client/console/web/js/features/logs.js";
import { drawn } from "../../technician_client/console/web/js/panels/logs.js";

const FILTER = Object.freeze({ source: "", unit: "", priority: 7, text: "" });

/** The log, and what it says to the device. */
function log() {
  /** @type {[string, any][]} */
  const said = [];
  let request = 0;
  const logs = new Logs((tag, fields) => said.push([tag, fields]) > 0, () => (request += 1));
  return { said, logs };
}

/** @param {string} text */
function line(text) {
  return { at: 1, priority: 6, unit: "ssh", text };
}

/** @param {Logs} logs */
function texts(logs) {
  return logs.rows.value.map(({ row }) => (row.kind === "line" ? row.line.text : `-${row.count}`));
}

test("lines come in their order, and what was left out is one row where it was", () => {
  const { logs } = log();
  logs.follow(FILTER);
  logs.hear({ tag: "logs.lines", request: 1, lines: [line("a"), line("b")], left_out: 0 });
  logs.hear({ tag: "logs.lines", request: 1, lines: [line("c")], left_out: 40 });
  assert.deepEqual(texts(logs), ["a", "b", "-40", "c"]);
  assert.equal(logs.state.value, "following");
});

test("another filter stops what was followed, and its late lines are not shown", () => {
  const { said, logs } = log();
  logs.follow(FILTER);
  logs.hear({ tag: "logs.lines", request: 1, lines: [line("old")], left_out: 0 });
  logs.follow({ ...FILTER, source: "/var/log/x.log", text: "error" });
  logs.hear({ tag: "logs.lines", request: 1, lines: [line("late")], left_out: 0 });
  logs.hear({ tag: "logs.ended", request: 1, text: "" });
  assert.deepEqual(said.map(([tag]) => tag), ["logs.follow", "logs.stop", "logs.follow"]);
  assert.deepEqual(said[2][1], { request: 2, source: "/var/log/x.log", unit: "", priority: 7, text: "error", lines: 200, follow: true });
  assert.deepEqual(texts(logs), []);
  assert.equal(logs.state.value, "following");
});

test("only so many are kept, the newest", () => {
  const { logs } = log();
  logs.follow(FILTER);
  for (let piece = 0; piece < 20; piece += 1) {
    logs.hear({ tag: "logs.lines", request: 1, lines: Array.from({ length: 200 }, (_, index) => line(String(piece * 200 + index))), left_out: 0 });
  }
  assert.equal(logs.rows.value.length, 3000);
  assert.equal(texts(logs).at(-1), "3999");
  assert.equal(new Set(logs.rows.value.map(({ key }) => key)).size, 3000);
});

test("a row is drawn once, however many come after it", (context) => {
  const times = context.mock.method(Date.prototype, "toLocaleTimeString", () => "12:00");
  const { logs } = log();
  logs.follow(FILTER);
  const cache = new WeakMap();
  /** @type {unknown[]} */
  let before = [];
  for (let batch = 0; batch < 10; batch += 1) {
    logs.hear({ tag: "logs.lines", request: 1, lines: Array.from({ length: 100 }, (_, index) => line(String(index))), left_out: batch === 3 ? 7 : 0 });
    const now = logs.rows.value.map((entry) => drawn(cache, entry));
    assert.deepEqual(now.slice(0, before.length).map((one, index) => one === before[index]), before.map(() => true));
    before = now;
  }
  assert.equal(before.length, 1001);
  assert.equal(times.mock.callCount(), 1000);
});

test("an end and a refusal say why, and a lost connection too", () => {
  for (const tag of ["logs.ended", "session.refusal"]) {
    const { logs } = log();
    logs.follow(FILTER);
    logs.hear({ tag, request: 1, text: "Policy does not let this file be read." });
    assert.equal(logs.state.value, "ended");
    assert.match(logs.note.value, /Policy/);
  }
  const { said, logs } = log();
  logs.follow(FILTER);
  logs.lost();
  assert.match(logs.note.value, /lost/);
  logs.stop();
  assert.deepEqual(said.map(([tag]) => tag), ["logs.follow"]);
});

test("the sources are those that were asked for last", () => {
  const { logs } = log();
  logs.list();
  logs.list();
  logs.hear({ tag: "logs.listing", request: 1, sources: [{ name: "old", why_not: "" }] });
  assert.equal(logs.sources.value.length, 0);
  logs.hear({ tag: "logs.listing", request: 2, sources: [{ name: "journal", why_not: "" }] });
  assert.equal(logs.sources.value.at(0)?.name, "journal");
});
