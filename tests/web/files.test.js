// The files panel's store: paths are bytes, two uploads at a time, and every end is shown.
import assert from "node:assert/strict";
import { File } from "node:buffer";
import { webcrypto } from "node:crypto";
import { test } from "node:test";

import { base64Of, bytesOf } from "../../technician_client/console/web/js/base64.js";
import { Files, below, secondsLeft, smoothed } from "../../technician_client/console/web/js/features/files.js";

// Node 18 has what every browser has, but by no global name.
if (globalThis.crypto === undefined) Object.defineProperty(globalThis, "crypto", { value: webcrypto });

const text = (/** @type {string} */ words) => new TextEncoder().encode(words);
const raw = (/** @type {string} */ words) => base64Of(text(words));

/** A console that answers as told. @param {(path: string, body: any) => [number, any] | Promise<[number, any]>} answer */
function console_(answer) {
  /** @type {{path: string, body: any}[]} */
  const asked = [];
  globalThis.fetch = async (url, options) => {
    const path = String(url).split("/files/")[1];
    const body = typeof options?.body === "string" ? JSON.parse(options.body) : options?.body;
    asked.push({ path, body });
    const [status, value] = await answer(path, body);
    return new Response(status === 204 ? null : JSON.stringify(value), { status, headers: { "Content-Type": "application/json" } });
  };
  return asked;
}
const entry = (/** @type {string} */ name, kind = "file") => ({ name, raw: raw(name), kind: /** @type {any} */ (kind), size: 1, mtime: 0 });
const file = (/** @type {string} */ name) => /** @type {any} */ (new File(["content"], name, { lastModified: 5000 }));
/** @param {() => boolean} so */
async function until(so) {
  for (let turn = 0; turn < 1000 && !so(); turn += 1) await new Promise((resolve) => void setImmediate(resolve));
  assert.ok(so());
}

test("names that are no text survive", () => {
  const odd = Uint8Array.from([0x6f, 0xff, 0x00, 0x80]);
  assert.deepEqual(bytesOf(base64Of(odd)), odd);
  assert.deepEqual(below(text(""), odd), odd);
  assert.deepEqual(below(text("a"), text("b")), text("a/b"));
});

test("how fast and how long", () => {
  assert.equal(smoothed(0, 100, 2), 50);
  assert.equal(smoothed(50, 100, 1), 65);
  assert.equal(smoothed(50, 100, 0), 50);
  assert.equal(smoothed(50, -10, 1), 35);
  assert.equal(secondsLeft({ size: 100, done: 50, rate: 25 }), 2);
  assert.equal(secondsLeft({ size: 100, done: 50, rate: 0 }), null);
});

test("a folder is shown, entered, and read on behind its last name", async () => {
  const asked = console_((_, { after }) => [200, { entries: after === "" ? [entry("Documents", "folder")] : [entry("more")], more: after === "", free: 7 }]);
  const files = new Files("s");
  await files.look();
  assert.deepEqual([files.entries.value?.length, files.more.value, files.free.value], [1, true, 7]);
  await files.look(files.steps.value, true);
  assert.deepEqual(files.entries.value?.map(({ name }) => name), ["Documents", "more"]);
  assert.equal(asked[1].body.after, raw("Documents"));
  await files.enter(entry("Documents", "folder"));
  await files.enter(entry("deep", "folder"));
  assert.equal(files.folder, raw("Documents/deep"));
});

test("what the console refuses is told, and the folder shown stays", async () => {
  console_((_, { path }) => (path === "" ? [200, { entries: [entry("a")], more: false, free: 1 }] : [409, { detail: "Nobody is logged in." }]));
  const files = new Files("s");
  await files.look();
  await files.enter(entry("gone", "folder"));
  assert.equal(files.error.value, "Nobody is logged in.");
  assert.deepEqual([files.steps.value, files.entries.value?.length, files.looking.value], [[], 1, false]);
});

test("two files go at a time, each with its path, and all of them end", async () => {
  /** @type {(() => void)[]} */
  const open = [];
  let most = 0;
  let running = 0;
  const asked = console_(async (path, body) => {
    if (path === "uploads") return [201, { type: "transfer", id: body.path, direction: "up", name: body.path, path: "", size: body.size, done: 0, state: "running", text: "" }];
    running += 1;
    most = Math.max(most, running);
    await new Promise((resolve) => void open.push(() => resolve(undefined)));
    running -= 1;
    return [200, { type: "transfer", id: decodeURIComponent(path.split("/")[1]), direction: "up", name: "", path: "", size: 7, done: 7, state: "done", text: "" }];
  });
  const files = new Files("s");
  files.put(["a", "b", "c"].map((name) => ({ file: file(name), below: "Inbox" })));
  assert.equal(files.waiting.value.length, 1);
  assert.equal(files.active.value, 1);
  await until(() => open.length === 2);
  assert.equal(files.active.value, 3);
  for (let ended = 0; ended < 3; ended += 1) {
    await until(() => open.length > ended);
    open[ended]();
  }
  await until(() => files.active.value === 0);
  assert.equal(most, 2);
  assert.deepEqual(files.transfers.value.map(({ state }) => state), ["done", "done", "done"]);
  const wish = asked.find(({ path }) => path === "uploads")?.body;
  assert.deepEqual([wish.path, wish.mtime, wish.conflict, wish.parents], [raw("Inbox/a"), 5, "ask", true]);
  files.clear();
  assert.deepEqual(files.transfers.value, []);
});

test("the folder is listed once when all files are there, and not after each", async () => {
  const asked = console_((path, body) => {
    if (path === "list") return [200, { entries: [], more: false, free: 1 }];
    const id = path === "uploads" ? body.path : decodeURIComponent(path.split("/")[1]);
    return [path === "uploads" ? 201 : 200, { type: "transfer", id, direction: "up", name: "", path: "", size: 7, done: 7, state: path === "uploads" ? "running" : "done", text: "" }];
  });
  const files = new Files("s");
  const lists = () => asked.filter(({ path }) => path === "list").length;
  await files.look();
  files.put(Array.from({ length: 20 }, (_, number) => ({ file: file(`${number}`), below: "" })));
  await until(() => files.active.value === 0 && files.uploading === 0 && !files.looking.value);
  assert.equal(files.transfers.value.filter(({ state }) => state === "done").length, 20);
  assert.equal(lists(), 2);
  files.put([{ file: file("more"), below: "" }]);
  await until(() => lists() === 3);
});

test("a name that is taken is asked about and sent once more as was answered", async () => {
  const asked = console_((path, body) => [path === "uploads" ? 200 : 204, { type: "transfer", id: `t${body.conflict}`, direction: "up", name: "a", path: "a", size: 7, done: 0, state: body.conflict === "ask" ? "exists" : "skipped", text: "" }]);
  const files = new Files("s");
  files.put([{ file: file("a"), below: "" }]);
  await until(() => files.transfers.value.length === 1);
  files.again(files.transfers.value[0], "rename");
  await until(() => files.transfers.value[0]?.state === "skipped");
  assert.deepEqual(asked.map(({ body }) => body.conflict), ["ask", "rename"]);
  assert.equal(files.transfers.value.length, 1);
});

test("a file that waits can be taken off the queue, and one that runs be stopped", async () => {
  const asked = console_((path) => (path === "uploads" ? new Promise(() => {}) : [204, null]));
  const files = new Files("s");
  files.put(["a", "b", "c"].map((name) => ({ file: file(name), below: "" })));
  files.unqueue(files.waiting.value[0].key);
  assert.deepEqual(files.waiting.value, []);
  await files.act("t/1", "stop");
  assert.equal(asked.at(-1)?.path, "transfers/t%2F1");
});
