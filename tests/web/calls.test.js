// Calls of colleagues: which wait for an answer here, and what an answer asks of the console.

import assert from "node:assert/strict";
import { test } from "node:test";
import { calls, decline, hearCalls, incoming, join, keyOf } from "../../technician_client/console/web/js/features/calls.js";

/** @param {string} device @param {number} [called_at] */
const call = (device, called_at = 5) => ({ device, label: "Till 3", name: "Ana Ruiz", tier: 1, note: "the spooler", called_at, seconds: 90, until: performance.now() + 90_000 });

/** What was asked of the console, which answers with this. @param {number} status @param {object} body */
function answering(status, body) {
  /** @type {[string, any][]} */
  const asked = [];
  globalThis.fetch = /** @type {any} */ (async (/** @type {string} */ path, /** @type {{body: string}} */ { body: sent }) => {
    asked.push([path, JSON.parse(sent)]);
    return status === 204 ? new Response(null, { status }) : new Response(JSON.stringify(body), { status, headers: { "Content-Type": "application/json" } });
  });
  return asked;
}

test("a call that was declined is gone at once, and a later one from there is another", async () => {
  const asked = answering(204, {});
  incoming.value = [call("dev1"), call("dev2")];
  assert.equal(await decline(calls.value[0], `  ${"x".repeat(300)} `), "");
  assert.deepEqual(asked, [["/api/v1/calls/dev1/decline", { reason: "x".repeat(200) }]]);
  assert.deepEqual(calls.value.map(keyOf), ["dev2 5"]);
  incoming.value = [call("dev1", 9)];
  assert.deepEqual(calls.value.map(keyOf), ["dev1 9"]);
});

test("a no that could not be told leaves the call, and says why", async () => {
  answering(502, { title: "Your colleague was not told", detail: "The network is away." });
  incoming.value = [call("dev3")];
  assert.equal(await decline(calls.value[0], ""), "The network is away.");
  assert.equal(calls.value.length, 1);
});

test("who joins asks to watch, with the caller's name as the reason, and is led to the session", async () => {
  /** @type {object[]} */
  const wishes = [];
  globalThis.location = /** @type {any} */ ({ hash: "" });
  hearCalls([call("dev4")]);
  assert.ok(calls.value[0].until > performance.now() + 80_000);
  assert.equal(await join(calls.value[0], async (wish) => (wishes.push(wish), "s-1")), "");
  const wanted = ["view", "chat", "diagnostics", "colleagues"];
  assert.deepEqual(wishes, [{ device: "dev4", label: "Till 3", wanted, reason: "Ana Ruiz called me in" }]);
  assert.equal(location.hash, "#/session/s-1");
  assert.equal(calls.value.length, 0);
});

test("a session that cannot begin leaves the call", async () => {
  incoming.value = [call("dev5")];
  assert.equal(await join(calls.value[0], () => Promise.reject(new Error("End one of them first."))), "End one of them first.");
  assert.equal(calls.value.length, 1);
});
