// Locks are told when the focus has come and when they have changed here, and what differs is named.
import assert from "node:assert/strict";
import { test } from "node:test";

import { LockKeys, differing, hasNumLock } from "../../technician_client/console/web/js/features/locks.js";

/** @param {string[]} on @param {string} [code] */
const event = (on, code = "KeyA") => ({ code, getModifierState: (/** @type {string} */ key) => on.includes(key) });

function desk(num = true) {
  /** @type {any[]} */
  const said = [];
  /** @type {any[]} */
  const seen = [];
  const locks = new LockKeys({ onChange: (now) => seen.push(now), send: (tag, fields) => said.push([tag, fields]), num });
  return { locks, said, seen };
}

test("locks are told once, and again when they have changed here", () => {
  const { locks, said, seen } = desk();
  locks.tell();
  for (const on of [["CapsLock"], ["CapsLock"], ["CapsLock", "NumLock"]]) {
    locks.see(event(on));
    locks.tell();
  }
  assert.deepEqual(said, [
    ["input.locks", { caps: true, num: false, keep: false }],
    ["input.locks", { caps: true, num: true, keep: false }],
  ]);
  assert.deepEqual(seen, [{ caps: true, num: false }, { caps: true, num: true }]);
});

test("after the focus went they are told anew", () => {
  const { locks, said } = desk();
  locks.see(event([]));
  assert.equal(locks.leave(), false);
  locks.tell();
  assert.equal(locks.leave(), true);
  locks.tell();
  assert.equal(said.length, 2);
});

test("a lock key's own event says nothing certain", () => {
  const { locks, seen } = desk();
  locks.see(event(["CapsLock"], "CapsLock"));
  locks.see(event(["NumLock"], "NumLock"));
  locks.see({ code: "KeyA" });
  assert.deepEqual(seen, []);
});

test("a Mac has no Num Lock, and the one there is left alone", () => {
  const { locks, said } = desk(false);
  locks.see(event(["CapsLock"]));
  locks.tell();
  assert.deepEqual(said, [["input.locks", { caps: true, num: null, keep: false }]]);
  assert.deepEqual(["MacIntel", "iPad", "Linux x86_64", "Win32"].map((name) => hasNumLock(name)), [false, false, true, true]);
});

test("what differs is named, and what is unknown does not differ", () => {
  assert.deepEqual(differing({ caps: true, num: false }, { caps: false, num: false }), [
    { lock: "caps", name: "Caps Lock", there: true, here: false },
  ]);
  assert.deepEqual(differing({ caps: null, num: true }, { caps: true, num: null }), []);
  assert.deepEqual(differing({ caps: true, num: true }, null), []);
});
