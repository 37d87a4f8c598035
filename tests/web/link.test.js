// The link in numbers, stalls, and where the picture is held up.
import assert from "node:assert/strict";
import { test } from "node:test";

import { LinkHistory, STALL_MS, WINDOW_MS, bottleneck } from "../../technician_client/console/web/js/features/link.js";

/** @param {Partial<Stats>} [more] @returns {Stats} */
const stats = (more = {}) => ({ round_trip_ms: 40, round_trip_last_ms: 40, updates_per_second: 10, bytes_per_second: 1000, unpainted: 0, ...more });
const quiet = new LinkHistory().numbers(null, 0);
/** @param {object} [more] */
const report = (more = {}) => ({ seconds: 1, ways: [["tile", "flat", 3, 900, 20]], held: [], byte_rate: 1e6, path_ms: 30, ...more });
/** @param {object} [more] */
const where = (more = {}) => bottleneck({ stats: stats(), decode: 4, report: report(), numbers: quiet, ...more }).place;

test("nothing is known before anything was counted", () => {
  assert.deepEqual(quiet, { roundTrip: null, worst: null, mean: 0, peak: 0, stalls: 0, longest: 0 });
});

test("the worst round trip and the rates are those of the last minute", () => {
  const history = new LinkHistory();
  history.counted(stats({ round_trip_last_ms: 900, bytes_per_second: 9000 }), 0);
  history.counted(stats({ round_trip_last_ms: 250, bytes_per_second: 3000 }), 30_000);
  history.counted(stats({ round_trip_last_ms: 60 }), 31_000);
  assert.equal(history.numbers(stats(), 31_000).worst, 900);
  const now = WINDOW_MS + 1;
  const numbers = history.numbers(stats({ round_trip_ms: 44 }), now);
  assert.deepEqual(numbers, { roundTrip: 44, worst: 250, mean: 2000, peak: 3000, stalls: 0, longest: 0 });
});

test("a device that measures no single trips is judged by the smoothed ones", () => {
  const history = new LinkHistory();
  history.counted(stats({ round_trip_last_ms: null, round_trip_ms: 70 }), 0);
  assert.equal(history.numbers(stats(), 0).worst, 70);
});

test("late changes in a row are one stall, as long as its longest", () => {
  const history = new LinkHistory();
  for (const [late, now] of [[10, 0], [STALL_MS, 1000], [1800, 1100], [600, 1200], [20, 1300], [700, 5000]]) history.painted(late, now);
  const { stalls, longest } = history.numbers(null, 6000);
  assert.deepEqual([stalls, longest], [2, 1800]);
  const later = history.numbers(null, 1200 + WINDOW_MS);
  assert.deepEqual([later.stalls, later.longest], [1, 700]);
  history.forget();
  assert.equal(history.numbers(null, 6000).stalls, 0);
});

test("where the picture is held up", () => {
  assert.equal(where(), "");
  assert.equal(where({ stats: null }), "");
  assert.equal(where({ report: null }), "");
  assert.equal(where({ decode: 90 }), "here");
  assert.equal(where({ stats: stats({ unpainted: 21 }) }), "here");
  assert.equal(where({ report: report({ held: [["viewer", 2]] }) }), "here");
  assert.equal(where({ report: report({ ways: [["video", "motion", 9, 9, 500], ["tile", "photo", 9, 9, 300]] }) }), "device");
  assert.equal(where({ report: report({ seconds: 4, ways: [["video", "motion", 9, 9, 800]] }) }), "");
  for (const reason of ["link", "backlog", "unacknowledged"]) assert.equal(where({ report: report({ held: [[reason, 1]] }) }), "link");
  assert.equal(where({ report: report({ held: [["frame_rate", 9]] }) }), "");
  assert.equal(where({ numbers: { ...quiet, stalls: 1, longest: 700 } }), "link");
});

test("every place has a sentence that says what to do", () => {
  for (const more of [{ decode: 90 }, { report: report({ ways: [["video", "motion", 9, 9, 900]] }) }, { report: report({ held: [["link", 1]] }) }]) {
    const { words } = bottleneck({ stats: stats(), decode: 4, report: report(), numbers: quiet, ...more });
    assert.match(words, /holds the picture up: .+\. .+\.$/);
  }
  assert.equal(bottleneck({ stats: stats(), decode: 4, report: report(), numbers: quiet }).words, "Nothing holds the picture up.");
});
