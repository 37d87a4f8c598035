// Numbers in words, verdicts on the link, forms of fixes, and wishes.
import assert from "node:assert/strict";
import { test } from "node:test";

import { checkParameters, startValues } from "../../technician_client/console/web/js/features/fixes.js";
import { LatencyEstimate, heldWords, judge, wayRows } from "../../technician_client/console/web/js/features/quality.js";
import { CANDIDATES, supportedDecoders } from "../../technician_client/console/web/js/features/video.js";
import { ago, cellText, codeComplete, codeOf, duration, grouped, rate, span } from "../../technician_client/console/web/js/format.js";
import { PRESETS, inOrder, presetOf } from "../../technician_client/console/web/js/wishes.js";

test("times and sizes", () => {
  assert.deepEqual([5, 45, 200, 7200, 90000, 300000].map(ago), ["just now", "45 s ago", "3 min ago", "2 h ago", "yesterday", "3 days ago"]);
  assert.deepEqual([0, 61, 3671].map(duration), ["0:00", "1:01", "1:01:11"]);
  assert.deepEqual([12, 1500, 2_345_678].map(rate), ["12 B/s", "1.5 kB/s", "2.3 MB/s"]);
  assert.deepEqual([12.4, 1840].map(span), ["12 ms", "1.8 s"]);
});

test("codes are digits in groups of three, however they are pasted", () => {
  assert.equal(codeOf(" 482-913 507"), "482913507");
  assert.equal(codeOf("Code: 482 913"), "482913");
  assert.equal(grouped("482913507"), "482 913 507");
  assert.equal(grouped("4829"), "482 9");
});

test("a guest's code has eight characters more, and misread ones are mended", () => {
  assert.equal(codeOf("482 913 507-abcd efgh"), "482913507-ABCDEFGH");
  assert.equal(codeOf("482913507 0189abcdefgh"), "482913507-OIBABCDE");
  assert.equal(grouped("482913507-ABCDEFGH"), "482 913 507-ABCD EFGH");
  assert.equal(grouped("482913507-ABC"), "482 913 507-ABC");
  assert.deepEqual(["482913507", "482913507-ABCDEFGH", "482913507-ABC", "48291350"].map(codeComplete), [true, true, false, false]);
});

test("cells", () => {
  assert.deepEqual([null, true, 3.14159265, "x", 7].map((cell) => cellText(cell)), ["–", "yes", "3.14159", "x", "7"]);
});

const facts = {
  stats: { round_trip_ms: 12, round_trip_last_ms: 12, updates_per_second: 30, bytes_per_second: 1000, unpainted: 1 },
  latency: 20,
  decode: 2,
  paused: null,
  state: "running",
  stateText: "",
  exact: false,
};

test("the verdict names the one thing that matters", () => {
  assert.equal(judge(facts).level, "good");
  assert.equal(judge({ ...facts, paused: "user" }).words, "Paused");
  assert.equal(judge({ ...facts, state: "lost", stateText: "The display went away." }).why, "The display went away.");
  assert.equal(judge({ ...facts, stats: { ...facts.stats, updates_per_second: 0 } }).words, "Idle");
  assert.equal(judge({ ...facts, decode: 90 }).words, "Slow here");
  assert.equal(judge({ ...facts, latency: 900 }).words, "Slow link");
  assert.equal(judge({ ...facts, stats: { ...facts.stats, round_trip_ms: 200 } }).words, "Delayed");
  assert.equal(judge({ ...facts, stats: null }).words, "Measuring");
});

test("the age of a picture is the delay above the shortest, and half a round trip", () => {
  const latency = new LatencyEstimate();
  assert.equal(latency.milliseconds(10, 0), null);
  latency.painted(1000, 5000);
  latency.painted(1100, 5130);
  latency.painted(1200, 5230);
  assert.equal(latency.milliseconds(10, 5230), 35);
  assert.equal(latency.milliseconds(10, 90_000), null);
});

test("decoders are those the browser says it has, best first", async () => {
  const only = await supportedDecoders(async ({ codec }) => ({ supported: codec.startsWith("avc1.64") }));
  assert.deepEqual(only, CANDIDATES.filter((codec) => codec.startsWith("avc1.64")));
  const none = await supportedDecoders(async () => {
    throw new TypeError("no such codec");
  });
  assert.deepEqual(none, []);
});

/** @param {object} more @returns {FixParameter} */
const parameter = (more) => /** @type {any} */ ({
  name: "p", kind: "text", title: "", required: true, default: null, pattern: "", low: null, high: null, choices: [], ...more,
});

test("a form says what is wrong before anything is sent", () => {
  const parameters = [
    parameter({ name: "unit" }),
    parameter({ name: "days", kind: "int", low: 0, high: 365 }),
    parameter({ name: "how", kind: "choice", choices: ["soft", "hard"], required: false }),
    parameter({ name: "dry", kind: "bool" }),
  ];
  assert.deepEqual(checkParameters(parameters, { unit: "cups.service", days: " 7 ", how: "", dry: true }), {
    values: { unit: "cups.service", days: 7, dry: true },
    errors: {},
  });
  const { errors } = checkParameters(parameters, { unit: "-rf", days: "400", how: "maybe" });
  assert.deepEqual(Object.keys(errors), ["unit", "days", "how"]);
  assert.match(checkParameters(parameters, { unit: "a", days: "7.5" }).errors.days, /whole number/);
});

test("a form begins with what the finding proposes, else with the script's own", () => {
  const parameters = [parameter({ name: "days", kind: "int", default: 7 }), parameter({ name: "dry", kind: "bool", default: true })];
  assert.deepEqual(startValues(parameters, { days: 30 }), { days: "30", dry: true });
});

test("presets are recognised whatever the order", () => {
  assert.equal(presetOf([...PRESETS[1].capabilities].reverse()), "control");
  assert.equal(presetOf(["view"]), "");
  assert.deepEqual(inOrder(["chat", "terminal", "view"]), ["view", "chat", "terminal"]);
});

test("the ways of the picture, most data first, and what held it back", () => {
  const report = { ways: [["tile", "small", 3, 500, 0.4], ["video", "link", 2, 9000, 6.5], ["new", "way", 1, 1, 0]], held: [["link", 4], ["odd", 1]] };
  assert.deepEqual(wayRows(report).map(({ name, bytes }) => [name, bytes]), [["Coarse first", 9000], ["Exact, small", 500], ["new way", 1]]);
  assert.match(wayRows(report)[0].why, /could not carry it/);
  assert.equal(heldWords(report), "the link was full 4 ×, odd 1 ×");
  assert.deepEqual(wayRows(null), []);
  assert.equal(heldWords(null), "");
});
