// How the page asks the console: one question, one answer, every failure in words.
import assert from "node:assert/strict";
import { test } from "node:test";

import { AWAY, Problem, ask, plainly, prove, reach } from "../../technician_client/console/web/js/ask.js";
import { base64Of, bytesOf } from "../../technician_client/console/web/js/base64.js";
import { question } from "../../technician_client/console/web/js/step_up.js";

/** A console that gives these answers in turn. @param {(Response | Error)[]} answers */
function console_(...answers) {
  /** @type {{path: string, request: any}[]} */
  const asked = [];
  globalThis.fetch = async (path, request) => {
    asked.push({ path: String(path), request });
    const answer = answers.shift();
    if (answer instanceof Error || answer === undefined) throw answer ?? new TypeError("fetch failed");
    return answer;
  };
  return asked;
}
const json = (/** @type {unknown} */ value, status = 200) => new Response(JSON.stringify(value), { status, headers: { "Content-Type": status < 400 ? "application/json" : "application/problem+json" } });
const wanted = () => json({ title: "Your passphrase is needed again", detail: "Type it.", reason: "step_up" }, 403);

test("a question is JSON, and so is its answer; nothing is nothing", async () => {
  const asked = console_(json({ id: 7 }), new Response(null, { status: 204 }), json({}));
  assert.deepEqual(await ask("POST", "/a", { b: 1 }), { id: 7 });
  assert.deepEqual(await ask("DELETE", "/a"), {});
  await ask("GET", "/a");
  assert.deepEqual(asked.map(({ request }) => [request.method, request.body]), [["POST", '{"b":1}'], ["DELETE", undefined], ["GET", undefined]]);
  assert.equal(asked[0].request.headers["Content-Type"], "application/json");
});

test("a problem is told with its title or without, and what is no JSON as it is", async () => {
  console_(json({ title: "No such run", detail: "It was long ago." }, 404), new Response("too large", { status: 413 }), json({ title: "Alone" }, 500));
  const first = await ask("GET", "/a").catch((error) => error);
  assert.ok(first instanceof Problem);
  assert.deepEqual([first.message, plainly(first)], ["No such run. It was long ago.", "It was long ago."]);
  assert.equal(plainly(await reach("/a").catch((error) => error)), "too large");
  assert.equal(plainly(await ask("GET", "/a").catch((error) => error)), "Alone");
});

test("a console that is away is said, and another mistake is not taken for it", async () => {
  console_(new TypeError("fetch failed"), new DOMException("stopped", "AbortError"));
  await assert.rejects(ask("GET", "/a"), { message: AWAY });
  await assert.rejects(reach("/a"), { name: "AbortError" });
});

test("the passphrase is asked for, and the question put again, until it is proved or given up", async () => {
  const asked = console_(wanted(), json({ id: 1 }), wanted());
  const first = ask("POST", "/a", { b: 1 });
  while (question.value === null) await new Promise((resolve) => void setImmediate(resolve));
  question.value(true);
  assert.deepEqual(await first, { id: 1 });
  assert.deepEqual(asked.map(({ request }) => request.body), ['{"b":1}', '{"b":1}']);
  const second = ask("POST", "/a", {});
  while (question.value === null) await new Promise((resolve) => void setImmediate(resolve));
  question.value(false);
  await assert.rejects(second, { detail: "Type it." });
});

test("a passphrase is right, wrong, or cannot be checked", async () => {
  console_(new Response(null, { status: 204 }), json({ title: "Not unlocked", detail: "That is not it." }, 403), new TypeError("fetch failed"));
  assert.deepEqual([await prove("a"), await prove("b"), await prove("c")], ["", "That is not it.", AWAY]);
});

test("bytes go to base64 and back, also very many", () => {
  for (const bytes of [new Uint8Array(), Uint8Array.from([0, 255, 128, 10]), new Uint8Array(300_000).fill(200)]) assert.deepEqual(bytesOf(base64Of(bytes)), bytes);
});
