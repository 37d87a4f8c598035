// Files of a session: the folder that is shown, and everything on its way. The console passes the bytes on; this page never holds
// a file in memory, it hands the browser's own File to fetch and leaves downloads to the browser.

import { ask, plainly, reach } from "../ask.js";
import { base64Of, bytesOf } from "../base64.js";
import { computed, signal } from "../lib.js";

const UPLOADS_AT_ONCE = 2;
export const ENDED = Object.freeze(["done", "exists", "skipped", "stopped", "differs", "failed"]);

/**
 * @typedef {{name: string, raw: string, kind: "file" | "folder" | "link" | "other", size: number, mtime: number}} Entry
 * @typedef {{name: string, raw: string}} Step one folder on the way down; `raw` is its path in base64
 * @typedef {{id: string, direction: "up" | "down", name: string, path: string, size: number, done: number, state: string,
 *   text: string, rate: number, folder?: boolean, file?: File, raw?: string}} Transfer
 * @typedef {{file: File, path: Uint8Array, conflict: string, key: string}} Waiting
 */

/** A path one step further down. @param {Uint8Array} folder @param {Uint8Array} name */
export function below(folder, name) {
  if (folder.length === 0) return name;
  const joined = new Uint8Array(folder.length + 1 + name.length);
  joined.set(folder);
  joined[folder.length] = 47;
  joined.set(name, folder.length + 1);
  return joined;
}

/** Seconds that are left, or null while nobody can say. @param {{size: number, done: number, rate: number}} transfer */
export function secondsLeft({ size, done, rate }) {
  return rate > 0 ? (size - done) / rate : null;
}

/** How fast it goes, smoothed. @param {number} before bytes a second @param {number} moved bytes @param {number} seconds */
export function smoothed(before, moved, seconds) {
  if (seconds <= 0) return before;
  const now = Math.max(0, moved) / seconds;
  return before === 0 ? now : before * 0.7 + now * 0.3;
}

export class Files {
  /** @param {string} session its name in addresses */
  constructor(session) {
    this.top = `/api/v1/sessions/${encodeURIComponent(session)}/files`;
    /** @type {import("../../vendor/signals.js").Signal<Step[]>} */
    this.steps = signal([]);
    /** @type {import("../../vendor/signals.js").Signal<Entry[] | null>} */
    this.entries = signal(null);
    this.more = signal(false);
    this.free = signal(0);
    this.error = signal("");
    this.looking = signal(false);
    /** @type {import("../../vendor/signals.js").Signal<Transfer[]>} newest first */
    this.transfers = signal([]);
    /** @type {import("../../vendor/signals.js").Signal<Waiting[]>} */
    this.waiting = signal([]);
    this.active = computed(() => this.transfers.value.filter(({ state }) => !ENDED.includes(state)).length + this.waiting.value.length);
    this.uploading = 0;
    this.arrived = false; // something has come there since the folder was listed
    /** @type {Map<string, number>} when each was last heard of */
    this.heardAt = new Map();
  }

  /** @param {string} path @param {unknown} body */
  post(path, body) {
    return ask("POST", `${this.top}/${path}`, body);
  }

  get folder() {
    return this.steps.value.at(-1)?.raw ?? "";
  }

  /** Show a folder, or more of it. @param {Step[]} [steps] @param {boolean} [more] */
  async look(steps = this.steps.value, more = false) {
    this.looking.value = true;
    this.error.value = "";
    const before = more ? (this.entries.value ?? []) : [];
    try {
      const page = await this.post("list", { path: steps.at(-1)?.raw ?? "", after: before.at(-1)?.raw ?? "" });
      this.steps.value = steps;
      this.entries.value = [...before, ...page.entries];
      this.more.value = page.more;
      this.free.value = page.free;
    } catch (error) {
      this.error.value = plainly(error);
      this.entries.value ??= [];
    }
    this.looking.value = false;
  }

  /** @param {Entry} entry */
  enter(entry) {
    const raw = base64Of(below(bytesOf(this.folder), bytesOf(entry.raw)));
    return this.look([...this.steps.value, { name: entry.name, raw }]);
  }

  /** @param {string} name */
  makeFolder(name) {
    return this.makeFolders([below(bytesOf(this.folder), new TextEncoder().encode(name))]);
  }

  /** @param {Uint8Array[]} paths */
  async makeFolders(paths) {
    try {
      for (const path of paths) await this.post("folder", { path: base64Of(path) });
      if (this.entries.value !== null) await this.look();
    } catch (error) {
      this.error.value = plainly(error);
    }
  }

  /** Have the browser fetch a file, or all of a folder as an archive. @param {Entry} entry */
  async take(entry) {
    this.error.value = "";
    try {
      const path = base64Of(below(bytesOf(this.folder), bytesOf(entry.raw)));
      const begun = await this.post("downloads", { path, folder: entry.kind === "folder" });
      if (ENDED.includes(begun.state)) return;
      const link = document.createElement("a");
      link.href = `${this.top}/downloads/${encodeURIComponent(begun.id)}`;
      link.download = "";
      link.click();
    } catch (error) {
      this.error.value = plainly(error);
    }
  }

  /**
   * Put files there, below the folder that is shown.
   * @param {Found[]} found
   * @param {string} [conflict]
   */
  put(found, conflict = "ask") {
    const folder = bytesOf(this.folder);
    const empty = found.filter(({ file }) => file === null).map(({ below: above }) => below(folder, new TextEncoder().encode(above)));
    if (empty.length > 0) this.makeFolders(empty);
    const added = found.flatMap(({ file, below: above }) => {
      if (file === null) return [];
      const path = new TextEncoder().encode(above === "" ? file.name : `${above}/${file.name}`);
      return { file, path: below(folder, path), conflict, key: crypto.randomUUID() };
    });
    this.waiting.value = [...this.waiting.value, ...added];
    this.next();
  }

  /** Once more, with an answer to the question what to do. @param {Transfer} transfer @param {string} conflict */
  again(transfer, conflict) {
    const { file, raw } = transfer;
    if (file === undefined || raw === undefined) return;
    this.forget(transfer.id);
    this.waiting.value = [...this.waiting.value, { file, path: bytesOf(raw), conflict, key: crypto.randomUUID() }];
    this.next();
  }

  /** @param {string} key */
  unqueue(key) {
    this.waiting.value = this.waiting.value.filter((one) => one.key !== key);
  }

  next() {
    while (this.uploading < UPLOADS_AT_ONCE && this.waiting.value.length > 0) {
      const [first, ...rest] = this.waiting.value;
      this.waiting.value = rest;
      this.uploading += 1;
      this.upload(first).finally(() => {
        this.uploading -= 1;
        this.next();
        if (this.uploading === 0) this.lookAgain();
      });
    }
  }

  /** What was put is listed once, when all of it is there: a list costs the device more than a small file does. */
  lookAgain() {
    if (!this.arrived) return;
    this.arrived = false;
    if (this.entries.value !== null) void this.look();
  }

  /** @param {Waiting} one */
  async upload({ file, path, conflict }) {
    const raw = base64Of(path);
    try {
      const wish = { path: raw, size: file.size, mtime: file.lastModified / 1000, conflict, parents: true };
      const begun = await this.post("uploads", wish);
      this.hear({ ...begun, file, raw });
      if (ENDED.includes(begun.state)) return;
      this.arrived = true;
      const answer = await reach(`${this.top}/uploads/${encodeURIComponent(begun.id)}`, { method: "POST", body: file });
      this.hear(await answer.json());
    } catch (error) {
      // What became of the transfer itself is told through the session's socket; this is about the way to the console.
      this.error.value = `${file.name}: ${plainly(error)}`;
    }
  }

  /** The console told how a transfer stands. @param {any} told */
  hear(told) {
    const now = performance.now();
    const before = this.transfers.value.find(({ id }) => id === told.id);
    const seconds = (now - (this.heardAt.get(told.id) ?? now)) / 1000;
    this.heardAt.set(told.id, now);
    const rate = before === undefined || ENDED.includes(told.state) ? 0 : smoothed(before.rate, told.done - before.done, seconds);
    const transfer = { ...before, ...told, rate };
    this.transfers.value = before === undefined ? [transfer, ...this.transfers.value] : this.transfers.value.map((one) => (one.id === told.id ? transfer : one));
  }

  /** @param {string} id @param {"pause" | "resume" | "stop"} action */
  async act(id, action) {
    try {
      await this.post(`transfers/${encodeURIComponent(id)}`, { action });
    } catch (error) {
      this.error.value = plainly(error);
    }
  }

  /** @param {string} id */
  forget(id) {
    this.transfers.value = this.transfers.value.filter((transfer) => transfer.id !== id);
    this.heardAt.delete(id);
  }

  clear() {
    this.transfers.value = this.transfers.value.filter(({ state }) => !ENDED.includes(state));
  }
}

/** @typedef {{file: File | null, below: string}} Found `below`: the folders above the file, with slashes; without one, an empty folder */

/**
 * The files of what was dropped, folders followed. Must be called before the event is over.
 * @param {DataTransfer} dropped
 * @returns {Promise<Found[]>}
 */
export function droppedFiles(dropped) {
  const entries = [...dropped.items].map((item) => item.webkitGetAsEntry()).filter((entry) => entry !== null);
  return Promise.all(entries.map((entry) => within(entry, ""))).then((lists) => lists.flat());
}

/** @param {FileSystemEntry} entry @param {string} above @returns {Promise<Found[]>} */
async function within(entry, above) {
  if (entry.isFile) {
    const file = await new Promise((resolve, reject) => /** @type {FileSystemFileEntry} */ (entry).file(resolve, reject));
    return [{ file, below: above }];
  }
  const reader = /** @type {FileSystemDirectoryEntry} */ (entry).createReader();
  const here = above === "" ? entry.name : `${above}/${entry.name}`;
  /** @type {Found[]} */
  const found = [];
  for (;;) {
    /** @type {FileSystemEntry[]} */
    const some = await new Promise((resolve, reject) => reader.readEntries(resolve, reject));
    if (some.length === 0) return found.length > 0 ? found : [{ file: null, below: here }];
    for (const inner of some) found.push(...(await within(inner, here)));
  }
}

/** The files of a picker. @param {FileList} files @returns {Found[]} */
export function pickedFiles(files) {
  return [...files].map((file) => ({ file, below: file.webkitRelativePath.split("/").slice(0, -1).join("/") }));
}
