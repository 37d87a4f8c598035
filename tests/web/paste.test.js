// The clipboard goes first and the key afterwards; whoever copied last wins.
import assert from "node:assert/strict";
import { test } from "node:test";

import { Clipboard, IMAGE_BYTES, TEXT_BYTES } from "../../technician_client/console/web/js/features/clipboard.js";
import { PasteFirst, isPaste } from "../../technician_client/console/web/js/features/paste.js";

const plain = { code: "KeyV", key: "v", ctrlKey: false, altKey: false, shiftKey: false, metaKey: false, repeat: false };
/** @param {string} code @param {boolean} pressed */
const key = (code, pressed) => ({ code, key: code, pressed, mode: /** @type {const} */ ("text") });

function bench({ done = true } = {}) {
  /** @type {string[]} */
  const sent = [];
  /** @type {(() => void)[]} */
  const later = [];
  /** @type {((done: boolean) => void)[]} */
  const puts = [];
  const paste = new PasteFirst({
    wanted: () => true,
    put: () => new Promise((resolve) => void puts.push(() => resolve(done))),
    send: ({ code, pressed }) => void sent.push(`${pressed ? "+" : "-"}${code}`),
    soon: (call) => void later.push(call),
  });
  return { sent, later, puts, paste };
}

test("which keys paste", () => {
  assert.ok(isPaste({ ...plain, ctrlKey: true }));
  assert.ok(isPaste({ ...plain, ctrlKey: true, shiftKey: true, key: "V" }));
  assert.ok(isPaste({ ...plain, shiftKey: true, code: "Insert", key: "Insert" }));
  assert.ok(!isPaste(plain));
  assert.ok(!isPaste({ ...plain, ctrlKey: true, repeat: true }));
  assert.ok(!isPaste({ ...plain, ctrlKey: true, altKey: true }));
});

test("the key waits for the clipboard, and what is let go meanwhile waits behind it", async () => {
  const { sent, later, puts, paste } = bench();
  paste.begin("KeyV", [key("KeyV", true)]);
  assert.ok(paste.came("text"));
  for (const call of later) call();
  assert.ok(paste.hold(key("ControlLeft", false)));
  assert.ok(paste.hold(key("KeyV", false)));
  assert.deepEqual(sent, []);
  puts[0](true);
  await Promise.resolve().then(() => {});
  assert.deepEqual(sent, ["+KeyV", "-ControlLeft", "-KeyV"]);
  assert.ok(!paste.hold(key("KeyA", true)));
});

test("what could not be put there is not pasted, and no key stays held", async () => {
  const { sent, puts, paste } = bench({ done: false });
  paste.begin("KeyV", [key("KeyV", true)]);
  paste.came("text");
  paste.hold(key("ControlLeft", false));
  paste.hold(key("KeyV", false));
  puts[0](false);
  await Promise.resolve().then(() => {});
  assert.deepEqual(sent, ["-ControlLeft"]);
});

test("an empty clipboard leaves the key as it is", () => {
  const { sent, later, paste } = bench();
  paste.begin("KeyV", [key("KeyV", true)]);
  for (const call of later) call();
  assert.deepEqual(sent, ["+KeyV"]);
  assert.ok(!paste.came("too late"), "a paste that nobody waits for is the browser's");
});

test("once everything is let go of, nothing follows", async () => {
  const { sent, puts, paste } = bench();
  paste.begin("KeyV", [key("KeyV", true)]);
  paste.came("text");
  paste.drop();
  puts[0](true);
  await Promise.resolve().then(() => {});
  assert.deepEqual(sent, []);
});

/** @param {{ok?: boolean}} [how] */
function clipboard({ ok = true } = {}) {
  /** @type {{url: string, body?: any}[]} */
  const asked = [];
  /** @type {string[]} */
  const said = [];
  globalThis.fetch = async (url, options) => {
    asked.push({ url: String(url), body: options?.body });
    return new Response(ok ? "from there" : '{"detail":"The person did not allow it."}', { status: ok ? 200 : 409, headers: { "Content-Type": ok ? "text/plain" : "application/json" } });
  };
  return { asked, said, clipboard: new Clipboard("s/1", (tag) => said.push(tag) > 0) };
}
const copied = (more = {}) => ({ serial: 1, kinds: ["text"], concealed: false, ours: false, ...more });

test("a paste puts what is new here there, once", async () => {
  const { asked, clipboard: mine } = clipboard();
  assert.ok(await mine.paste("one"));
  assert.equal(asked[0].url, "/api/v1/sessions/s%2F1/clipboard/text");
  assert.equal(await asked[0].body.text(), "one");
  mine.hear(copied({ ours: true }));
  assert.ok(await mine.paste("one"));
  mine.returned();
  assert.ok(await mine.paste("one"));
  assert.equal(asked.length, 1);
  mine.returned();
  assert.ok(await mine.paste("two"));
  assert.equal(asked.length, 2);
});

test("what was copied there since is not written over until somebody was elsewhere", async () => {
  const { asked, clipboard: mine } = clipboard();
  mine.hear(copied({ kinds: [] }));
  mine.hear(copied());
  assert.ok(await mine.paste("older"));
  assert.equal(asked.length, 0);
  mine.returned();
  assert.ok(await mine.paste("newer"));
  assert.equal(asked.length, 1);
});

test("a refusal is told and nothing is taken for pasted", async () => {
  const { clipboard: mine } = clipboard({ ok: false });
  assert.equal(await mine.paste("one"), false);
  assert.deepEqual(mine.status.value, { text: "The person did not allow it.", level: "poor" });
  assert.equal(await mine.put("x".repeat(TEXT_BYTES + 1)), false);
  assert.match(mine.status.value.text, /1 MiB/);
  assert.equal(await mine.put(new Blob([new Uint8Array(IMAGE_BYTES + 1)])), false);
});

test("what is there is named first and fetched when asked for; secrets never", async () => {
  const { asked, said, clipboard: mine } = clipboard();
  mine.watch();
  mine.watch();
  assert.deepEqual(said, ["clipboard.watch"]);
  mine.follow.value = true;
  mine.hear(copied({ concealed: true }));
  mine.hear(copied({ ours: true }));
  assert.equal(asked.length, 0);
  mine.follow.value = false;
  mine.hear(copied());
  await mine.bring();
  assert.equal(mine.text.value, "from there");
  mine.hear(copied({ serial: 2 }));
  assert.equal(mine.text.value, null, "what is shown is never older than what is there");
  mine.lost();
  mine.watch();
  assert.equal(said.length, 2);
});
