// Long lists, devices in order, addresses, shortcuts.
import assert from "node:assert/strict";
import { test } from "node:test";

import { newRequests } from "../../technician_client/console/web/js/alert_rules.js";
import { Fleet, healthWords, inOrder } from "../../technician_client/console/web/js/fleet.js";
import { SHORTCUTS, chordOf, keysOf, meaningOf, takenBy, usable } from "../../technician_client/console/web/js/shortcuts.js";
import { TypeAhead, rowAfterKey, scrollFor, visibleRows } from "../../technician_client/console/web/js/virtual.js";

/** @param {string} id @param {Partial<DeviceRow>} [more] @returns {DeviceRow} */
const device = (id, more = {}) => ({ id, label: id, platform: "", online: true, last_seen: 0, waiting: false, waiting_text: "", waiting_since: 0, waiting_tier: 0, waiting_peer: "", ...more });
/** @param {string} id @param {Partial<import("../../technician_client/console/web/js/fleet.js").KnownRow>} [more] */
const known = (id, more = {}) => ({ id, label: id, group: "", user: "", asset_tag: "", health: null, last_session: 0, ...more });
/** @param {Fleet} fleet @param {object} [wish] */
const ids = (fleet, wish = {}) => fleet.view(wish).map((entry) => entry.device.id);

test("the number of rows in the page does not depend on the number of rows", () => {
  for (const count of [50, 10_000, 1_000_000]) {
    for (const top of [0, 1, 333, (count - 10) * 44, count * 44 * 2]) {
      const { first, end } = visibleRows(top, 600, 44, count);
      assert.ok(first >= 0 && end <= count && first <= end, `${first} ${end} of ${count}`);
      assert.ok(end - first <= 40, String(end - first));
    }
  }
  assert.deepEqual(visibleRows(0, 600, 44, 3), { first: 0, end: 3 });
  assert.deepEqual(visibleRows(0, 0, 44, 0), { first: 0, end: 0 });
});

test("every row in view is in the page", () => {
  for (let top = 0; top < 5000; top += 37) {
    const { first, end } = visibleRows(top, 500, 44, 200);
    assert.ok(first * 44 <= top && (end * 44 >= Math.min(top + 500, 200 * 44)), String(top));
  }
});

test("a row is brought into view, and not moved when it is", () => {
  assert.equal(scrollFor(10, 0, 440, 44), 44);
  assert.equal(scrollFor(5, 100, 440, 44), 100);
  assert.equal(scrollFor(0, 100, 440, 44), 0);
});

test("keys lead through the list and stop at its ends", () => {
  assert.deepEqual(["ArrowDown", "ArrowUp", "PageDown", "End", "Home", "x"].map((key) => rowAfterKey(key, 5, 100, 10)), [6, 4, 15, 99, 0, null]);
  assert.equal(rowAfterKey("ArrowDown", 99, 100, 10), 99);
  assert.equal(rowAfterKey("ArrowDown", -1, 100, 10), 0);
  assert.equal(rowAfterKey("ArrowDown", 0, 0, 10), null);
});

test("typing goes to the name that begins so, a letter again to the next", () => {
  const names = ["alpha", "beta", "bravo", "charlie"];
  const name = (/** @type {number} */ index) => names[index];
  const ahead = new TypeAhead();
  assert.equal(ahead.row("b", 0, 0, 4, name), 1);
  assert.equal(ahead.row("r", 100, 1, 4, name), 2);
  assert.equal(ahead.row("b", 5000, 2, 4, name), 1);
  assert.equal(ahead.row("z", 9000, 1, 4, name), 1);
});

test("devices are online first, then by name with numbers as numbers", () => {
  const fleet = new Fleet();
  fleet.update([device("pc-10"), device("pc-9"), device("a", { online: false })], true);
  assert.deepEqual(ids(fleet), ["pc-9", "pc-10", "a"]);
  assert.equal(fleet.online, 2);
});

test("changes keep the order that sorting anew would give", () => {
  let seed = 7;
  const random = () => (seed = (seed * 48271) % 2147483647) / 2147483647;
  const fleet = new Fleet();
  fleet.update(Array.from({ length: 300 }, (_, at) => device(`d${at}`)), true);
  for (let round = 0; round < 50; round += 1) {
    const changes = Array.from({ length: 1 + Math.floor(random() * 5) }, () =>
      device(`d${Math.floor(random() * 320)}`, { label: `n${Math.floor(random() * 1000)}`, online: random() < 0.5 }),
    );
    fleet.update(changes, false);
    assert.deepEqual(fleet.sorted, [...fleet.entries.values()].sort(inOrder));
  }
});

test("a device is found by what the relay never learns", () => {
  const fleet = new Fleet();
  fleet.learn([known("d1", { user: "Maria", asset_tag: "EX-00412", group: "front", last_session: 5 })]);
  fleet.update([device("d1", { label: "Reception" }), device("d2")], true);
  for (const text of ["maria", "ex-004", "recep", "D1", "front maria"]) assert.deepEqual(ids(fleet, { text }), ["d1"], text);
  assert.deepEqual(ids(fleet, { text: "maria office" }), []);
  fleet.learn([known("d2", { user: "Maria", last_session: 9 })]);
  assert.deepEqual(ids(fleet, { text: "maria" }), ["d2", "d1"]);
  assert.deepEqual(fleet.groups(), ["front"]);
  assert.deepEqual(fleet.recent(1).map((entry) => entry.device.id), ["d2"]);
  assert.deepEqual(ids(fleet, { group: "front" }), ["d1"]);
  assert.deepEqual(ids(fleet, { which: "favourites", favourites: new Set(["d2"]) }), ["d2"]);
});

test("health is words and a level, and care is what has one", () => {
  const health = { critical: 0, warning: 2, notice: 1, worst: "", checked: 1 };
  assert.deepEqual(healthWords(known("a", { health })), { level: "fair", words: "2 warning, 1 notice" });
  assert.deepEqual(healthWords(known("a", { health: { ...health, warning: 0, notice: 0 } })), { level: "good", words: "Nothing found" });
  assert.equal(healthWords(known("a", { health: { ...health, critical: 1 } })).level, "poor");
  assert.equal(healthWords(null).level, "unknown");
  const fleet = new Fleet();
  fleet.update([device("a"), device("b")], true);
  fleet.learn([known("b", { health })]);
  assert.deepEqual(ids(fleet, { which: "care" }), ["b"]);
});

test("who has waited longest is first", () => {
  const fleet = new Fleet();
  fleet.update([device("late", { waiting: true, waiting_since: 9 }), device("early", { waiting: true, waiting_since: 3 }), device("c")], true);
  assert.deepEqual(fleet.waiting().map((entry) => entry.device.id), ["early", "late"]);
});

test("a whole list is put in place at its last piece, and who waits in it is heard of once", () => {
  const fleet = new Fleet();
  const all = Array.from({ length: 1200 }, (_, at) => device(`d${at}`, at === 900 ? { waiting: true, waiting_since: 7 } : {}));
  const seen = new Map();
  let rung = 0;
  /** @param {number} most */
  const tell = (most) => {
    for (let piece = 0; piece < most; piece += 1) {
      const changed = fleet.hear({ devices: all.slice(500 * piece, 500 * piece + 500), replace: true, piece, last: piece === 2 });
      if (changed) rung += newRequests(seen, fleet.waiting()).length;
    }
  };
  tell(3);
  assert.deepEqual([fleet.sorted.length, fleet.waiting().length, rung], [1200, 1, 1]);
  tell(2); // the console went away in the middle of the list
  assert.deepEqual([fleet.sorted.length, fleet.waiting().length, rung], [1200, 1, 1]);
  assert.equal(fleet.hear({ devices: [device("new")], replace: false, piece: 0, last: true }), true);
  assert.deepEqual([fleet.sorted.length, rung], [1201, 1]);
  tell(3);
  assert.deepEqual([fleet.sorted.length, fleet.waiting().length, rung], [1200, 1, 1]);
});

test("ten thousand devices take no time that anybody notices", () => {
  const fleet = new Fleet();
  const all = Array.from({ length: 10_000 }, (_, at) => device(`d${at}`, { label: `till ${at}` }));
  for (let at = 0; at < all.length; at += 500) fleet.hear({ devices: all.slice(at, at + 500), replace: true, piece: at / 500, last: at + 500 >= all.length });
  assert.equal(fleet.sorted.length, 10_000);
  assert.equal(ids(fleet, { text: "till 777" }).length, 19);
});

test("shortcuts: defaults do not collide, letters wait for no typing", () => {
  const chords = Object.values(SHORTCUTS).map(({ keys }) => keys);
  assert.equal(new Set(chords).size, chords.length);
  const press = (/** @type {string} */ key, /** @type {object} */ more = {}) => chordOf({ key, altKey: false, ctrlKey: false, metaKey: false, shiftKey: false, ...more });
  assert.deepEqual([press("c"), press("?", { shiftKey: true }), press("c", { altKey: true }), press("Shift"), press("F2", { shiftKey: true })], ["c", "?", "Alt+C", "", "Shift+F2"]);
  assert.equal(meaningOf("c", false, {}), "code");
  assert.equal(meaningOf("c", true, {}), "");
  assert.equal(meaningOf("Alt+1", true, {}), "home");
  assert.equal(meaningOf("c", false, { code: "Alt+C" }), "");
  assert.equal(takenBy("code", "/", {}), "search");
  assert.equal(keysOf({ code: "x" }).code, "x");
  assert.deepEqual([usable("x"), usable("Enter"), usable("ArrowUp"), usable("")], [true, false, false, false]);
});
