// A restart of the computer, from the order to its end, as the page follows it.
import assert from "node:assert/strict";
import { test } from "node:test";

import { Restart } from "../../technician_client/console/web/js/features/recording.js";

function ordered() {
  /** @type {[string, Record<string, unknown>][]} */
  const sent = [];
  const restart = new Restart((tag, fields) => sent.push([tag, fields]), () => 7);
  restart.order("the update");
  return { restart, sent, stage: () => restart.state.value?.stage };
}

test("asked, restarting, away, back", () => {
  const { restart, sent, stage } = ordered();
  assert.deepEqual(sent, [["power.reboot", { request: 7, reason: "the update" }]]);
  assert.equal(stage(), "sent");
  restart.hear({ tag: "power.state", request: 7, stage: "asking", back_within: 0 });
  assert.equal(restart.underway, false);
  restart.hear({ tag: "power.state", request: 7, stage: "restarting", back_within: 900 });
  assert.equal(restart.follow("open"), false);
  assert.equal(restart.follow("reconnecting"), false);
  assert.deepEqual([stage(), restart.underway, restart.state.value?.back], ["away", true, 900]);
  assert.equal(restart.follow("waiting"), false);
  assert.equal(restart.follow("open"), true);
  assert.deepEqual([stage(), restart.underway], ["back", false]);
  assert.equal(restart.follow("reconnecting"), false);
  assert.equal(stage(), "back");
});

test("a computer that does not come back", () => {
  const { restart, stage } = ordered();
  restart.hear({ tag: "power.state", request: 7, stage: "restarting", back_within: 900 });
  restart.follow("reconnecting");
  restart.follow("over");
  assert.equal(stage(), "gone");
});

test("a connection that is lost while the user is asked is no restart", () => {
  const { restart, stage } = ordered();
  restart.hear({ tag: "power.state", request: 7, stage: "asking", back_within: 0 });
  assert.equal(restart.follow("reconnecting"), false);
  assert.equal(stage(), undefined);
  assert.equal(restart.follow("open"), false);
});

test("what is refused, and what belongs to another order", () => {
  const { restart, stage } = ordered();
  restart.hear({ tag: "power.state", request: 8, stage: "restarting", back_within: 900 });
  assert.equal(stage(), "sent");
  restart.hear({ tag: "session.refusal", request: 7, text: "No." });
  assert.deepEqual(restart.state.value, { stage: "refused", text: "No.", back: 0 });
});
