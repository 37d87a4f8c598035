// What the page makes of what it is told of other technicians.

import assert from "node:assert/strict";
import { test } from "node:test";
import { Company } from "../../technician_client/console/web/js/features/company.js";

function made() {
  /** @type {[string, any][]} */
  const sent = [];
  /** @type {string[]} */
  const told = [];
  let request = 0;
  const company = new Company((tag, fields) => sent.push([tag, fields]), () => (request += 1), (text) => told.push(text));
  return { company, sent, told };
}

const ANA = [1, "Ana Ruiz", 1, ["view", "control"], true];
const BEN = [2, "Ben Ruiz", 2, ["view"], false];
const people = (/** @type {unknown[]} */ list, called = 0) => ({ tag: "colleagues.people", people: list, called });
const state = (/** @type {number} */ request, /** @type {string} */ name, text = "", seconds = 0) => ({ tag: "colleagues.state", request, state: name, text, seconds });

test("who comes and goes is said, and counts until the panel is looked at", () => {
  const { company, told } = made();
  company.hear(people([ANA, BEN]));
  assert.deepEqual(company.others.value.map(({ name }) => name), ["Ben Ruiz"]);
  assert.equal(company.holder.value, null);
  assert.equal(company.news.value, 1);
  company.hear(people([ANA]));
  assert.deepEqual(told, ["Ben Ruiz (tier 2) is here too.", "Ben Ruiz has left."]);
  company.show(true);
  assert.equal(company.news.value, 0);
  company.hear(people([ANA, BEN]));
  assert.equal(company.news.value, 0);
});

test("another technician with mouse and keyboard is the holder", () => {
  const { company } = made();
  company.hear(people([[1, "Ana Ruiz", 1, ["view", "control"], false], [2, "Ben Ruiz", 2, ["view"], true]]));
  assert.equal(company.holder.value?.name, "Ana Ruiz");
});

test("a call goes through its stages", () => {
  const { company, sent, told } = made();
  company.invite(2, `  ${"x".repeat(3000)}  `);
  const [tag, fields] = sent[0];
  assert.equal(tag, "colleagues.invite");
  assert.deepEqual([fields.request, fields.tier, fields.note.length, fields.peer], [1, 2, 2000, ""]);
  company.hear(state(1, "asking_user"));
  assert.equal(company.pending.value?.stage, "asking_user");
  company.hear(state(1, "called"));
  assert.equal(company.pending.value, null);
  company.hear(people([ANA], 2));
  assert.equal(company.called.value, 2);
  company.hear(state(1, "came", "Ben Ruiz"));
  company.hear(state(1, "ended", "Nobody came in time."));
  assert.deepEqual(told, ["Ben Ruiz came and has your note.", "Nobody is called any more. Nobody came in time."]);
  company.cancelInvitation();
  assert.equal(sent[1][0], "colleagues.invite_cancel");
});

test("a no is shown where it was asked, and somebody else's answer is not taken for it", () => {
  const { company } = made();
  company.askForControl();
  company.hear({ tag: "session.refusal", refused: "colleagues.control_ask", request: 99, reason: "busy", text: "other" });
  assert.notEqual(company.pending.value, null);
  company.hear({ tag: "session.refusal", refused: "colleagues.control_ask", request: 1, reason: "busy", text: "Ana keeps them." });
  assert.equal(company.pending.value, null);
  assert.equal(company.fault.value, "Ana keeps them.");
  company.hear({ tag: "session.refusal", refused: "fixes.run", request: 1, reason: "busy", text: "no" });
  assert.equal(company.fault.value, "Ana keeps them.");
});

test("a wish for control is answered, or goes", () => {
  const { company, sent } = made();
  company.hear(people([ANA, BEN]));
  const asked = { tag: "colleagues.control_asked", number: 2, name: "Ben Ruiz", open: true };
  company.hear(asked);
  assert.deepEqual(company.asking.value, [{ number: 2, name: "Ben Ruiz" }]);
  company.keep(2);
  assert.deepEqual(sent[0], ["colleagues.control_keep", { number: 2 }]);
  for (const ending of [{ ...asked, open: false }, people([ANA]), state(0, "handed_over", "Ben Ruiz")]) {
    company.hear(asked);
    company.hear(ending);
    assert.deepEqual(company.asking.value, []);
  }
  company.handOver(2);
  assert.deepEqual(sent[1], ["colleagues.hand_over", { request: 1, number: 2 }]);
  company.lost();
  assert.equal(company.pending.value, null);
});

test("a reloaded page knows what the console kept", () => {
  const { company } = made();
  const notes = { name: "Ana Ruiz", tier: 1, note: "the spooler", called_at: 5, enough: true };
  company.restore({ people: [], called: 3, called_peer: "q7", called_stage: "told", called_for: 5, asking: [{ number: 2, name: "Ben" }], notes });
  assert.deepEqual([company.called.value, company.asking.value.length, company.notes.value], [3, 1, notes]);
  assert.equal(company.calledStage.value, "told");
});

test("who lost the connection is said to be away, and to be back", () => {
  const { company, told } = made();
  const away = [...BEN.slice(0, 4), false, 1795262400];
  company.hear(people([ANA, BEN]));
  told.length = 0;
  company.hear(people([ANA, away]));
  assert.equal(company.others.value[0].lost_at, 1795262400);
  company.hear(people([ANA, BEN]));
  company.hear(people([ANA]));
  assert.deepEqual(told, ["Ben Ruiz has lost the connection and may come back.", "Ben Ruiz is back.", "Ben Ruiz has left."]);
});

test("who lost the connection has no mouse and keyboard to hand over", () => {
  const { company } = made();
  company.hear(people([ANA, [3, "Cem", 2, ["view", "control"], false, 1795262400]]));
  assert.equal(company.holder.value, null);
});

test("a call by name is known by the name until it ends, and how it ended stays", () => {
  const { company } = made();
  company.online.value = [{ peer: "q7", name: "Ben Ruiz", tier: 3 }];
  company.invite(3, "see the log", "q7");
  company.hear(people([ANA], 3));
  company.hear(state(1, "called", "", 600));
  assert.equal(company.nameOf(company.calledPeer.value), "Ben Ruiz");
  assert.ok((company.calledUntil.value ?? 0) > performance.now() + 599_000);
  company.hear(state(1, "ended", "It was taken back."));
  assert.deepEqual(company.outcome.value, { level: "quiet", text: "Nobody is called any more. It was taken back." });
  company.hear(state(1, "came", "Ben Ruiz"));
  assert.deepEqual(company.outcome.value, { level: "good", text: "Ben Ruiz came and has your note." });
});

test("one who is called by name is shown the call, asks to join, and declines or does not answer", () => {
  for (const [ending, text] of [["declined", "Ben Ruiz declined: in a meeting"], ["no_answer", "Ben Ruiz did not answer."]]) {
    const { company, told } = made();
    company.invite(3, "see the log", "q7");
    company.hear(people([ANA], 3));
    company.hear(state(1, "called", "", 180));
    assert.equal(company.calledStage.value, "");
    company.hear(state(1, "told", "Ben Ruiz"));
    assert.equal(company.calledStage.value, "told");
    company.hear(state(1, "joining", "Ben Ruiz", 240));
    assert.equal(company.calledStage.value, "joining");
    assert.ok((company.calledUntil.value ?? 0) > performance.now() + 239_000);
    company.hear(state(1, ending, text));
    company.hear(people([ANA]));
    assert.deepEqual([company.calledStage.value, company.outcome.value], ["", { level: "poor", text }]);
    assert.deepEqual(told, [text]);
    assert.equal(company.news.value, 1);
  }
});
