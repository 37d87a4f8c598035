// Files of the device: its folders, what is put there by dropping it here, and everything on its way.

import { html, useEffect, useRef, useState } from "../lib.js";
import { ENDED, droppedFiles, pickedFiles, secondsLeft } from "../features/files.js";
import { bytes as size, duration, rate } from "../format.js";
import { Icon } from "../icons.js";
import { Empty, Spinner } from "../parts/controls.js";
import { Needs } from "../parts/permissions.js";

/** @typedef {import("../session_store.js").SessionStore} SessionStore */
/** @typedef {import("../features/files.js").Transfer} Transfer */

const STATES = /** @type {Record<string, string>} */ ({
  waiting: "Waits for its turn",
  running: "",
  paused: "Paused",
  held: "Held back by the user",
  reconnecting: "Waits for the connection",
  done: "Done",
  exists: "A file of this name is there already",
  skipped: "Left as it is",
  stopped: "Stopped",
  differs: "Arrived differently; nothing of it was kept",
  failed: "Failed",
});

/** @param {{store: SessionStore}} props */
export function FilesPanel({ store }) {
  const { files } = store;
  const out = store.may("files_out");
  const into = store.may("files_in");
  const [over, setOver] = useState(false);
  useEffect(() => {
    if (out && files.entries.value === null && store.open.value) files.look();
  }, [out, store.open.value]);
  const drop = (/** @type {DragEvent} */ event) => {
    event.preventDefault();
    setOver(false);
    if (into && event.dataTransfer !== null) droppedFiles(event.dataTransfer).then((found) => files.put(found));
  };
  const drag = (/** @type {DragEvent} */ event) => {
    event.preventDefault();
    setOver(into);
  };
  return html`<div class="panel files ${over ? "files-over" : ""}" onDragOver=${drag} onDragLeave=${() => setOver(false)} onDrop=${drop}>
    <${Tools} store=${store} into=${into} out=${out} />
    ${files.error.value && html`<p class="error" role="alert"><${Icon} name="warning" />${files.error.value}</p>`}
    ${
      out
        ? html`<${Folder} files=${files} />`
        : html`<${Needs} store=${store} capability="files_out">To look into the folders there and to take files, ask the user.<//>`
    }
    ${!into && html`<${Needs} store=${store} capability="files_in">To put files there, ask the user.<//>`}
    ${into && !out && html`<p class="quiet">Drop files here: they go into the user's home folder.</p>`}
    <${Queue} files=${files} />
  </div>`;
}

/** @param {{store: SessionStore, into: boolean, out: boolean}} props */
function Tools({ store, into, out }) {
  const { files } = store;
  /** @type {{current: HTMLInputElement | null}} */
  const some = useRef(null);
  /** @type {{current: HTMLInputElement | null}} */
  const whole = useRef(null);
  const [naming, setNaming] = useState(/** @type {string | null} */ (null));
  const pick = (/** @type {Event} */ event) => {
    const input = /** @type {HTMLInputElement} */ (event.currentTarget);
    if (input.files !== null) files.put(pickedFiles(input.files));
    input.value = "";
  };
  const make = (/** @type {Event} */ event) => {
    event.preventDefault();
    if (naming !== null && naming.trim() !== "") files.makeFolder(naming.trim());
    setNaming(null);
  };
  if (!into && !out) return null;
  return html`<div class="files-tools">
      ${
        into &&
        html`<button type="button" class="button button-primary" onClick=${() => some.current?.click()}><${Icon} name="up" />Put files</button>
          <button type="button" class="button" onClick=${() => whole.current?.click()}>Put a folder</button>
          <button type="button" class="button" onClick=${() => setNaming("")}>New folder</button>
          <input type="file" multiple hidden ref=${some} onChange=${pick} aria-label="Files to put there" />
          <input type="file" webkitdirectory hidden ref=${whole} onChange=${pick} aria-label="Folder to put there" />`
      }
      ${out && html`<button type="button" class="icon-button" aria-label="Look again" title="Look again" onClick=${() => files.look()}><${Icon} name="refresh" /></button>`}
    </div>
    ${
      naming !== null &&
      html`<form class="files-naming" onSubmit=${make}>
        <input type="text" aria-label="Name of the new folder" placeholder="Name of the new folder" maxlength="200" value=${naming} onInput=${(/** @type {any} */ event) => setNaming(event.target.value)} autofocus />
        <button type="submit" class="button button-primary" disabled=${naming.trim() === ""}>Make</button>
        <button type="button" class="button" onClick=${() => setNaming(null)}>Cancel</button>
      </form>`
    }`;
}

/** @param {{files: import("../features/files.js").Files}} props */
function Folder({ files }) {
  const entries = files.entries.value;
  const steps = files.steps.value;
  if (entries === null) return html`<${Spinner} text="Looking into the folder" />`;
  return html`<nav class="files-path" aria-label="Folder">
      <button type="button" class="link" onClick=${() => files.look([])}>Home</button>
      ${steps.map(({ name }, index) => html`<span aria-hidden="true">/</span><button type="button" class="link" onClick=${() => files.look(steps.slice(0, index + 1))}>${name}</button>`)}
      ${files.looking.value && html`<span class="spinner"></span>`}
    </nav>
    ${
      entries.length === 0
        ? html`<${Empty} icon="folder" title="Nothing in this folder">Drop files here to put them into it.<//>`
        : html`<ul class="files-list">
            ${entries.map((entry) => html`<${Row} key=${entry.raw} files=${files} entry=${entry} />`)}
          </ul>`
    }
    ${files.more.value && html`<button type="button" class="button" onClick=${() => files.look(steps, true)}>Show more</button>`}
    <p class="quiet">${size(files.free.value)} free there</p>`;
}

/** @param {{files: import("../features/files.js").Files, entry: import("../features/files.js").Entry}} props */
function Row({ files, entry }) {
  const { name, kind } = entry;
  const changed = new Date(entry.mtime * 1000).toLocaleDateString();
  if (kind === "folder") {
    return html`<li><button type="button" class="files-name" onClick=${() => files.enter(entry)}><${Icon} name="folder" /><span>${name}</span></button><span class="quiet">${changed}</span>
      <button type="button" class="icon-button" aria-label=${`Take ${name} as a ZIP archive`} title="Take all of it, as a ZIP archive" onClick=${() => files.take(entry)}><${Icon} name="download" /></button>
    </li>`;
  }
  if (kind !== "file") {
    return html`<li class="unavailable"><span class="files-name"><${Icon} name="file" /><span>${name}</span></span><span class="quiet">${kind === "link" ? "a link, not followed" : "not a plain file"}</span></li>`;
  }
  return html`<li>
    <span class="files-name"><${Icon} name="file" /><span>${name}</span></span>
    <span class="quiet">${size(entry.size)}</span>
    <span class="quiet">${changed}</span>
    <button type="button" class="icon-button" aria-label=${`Take ${name}`} title="Take it" onClick=${() => files.take(entry)}><${Icon} name="download" /></button>
  </li>`;
}

/** @param {{files: import("../features/files.js").Files}} props */
function Queue({ files }) {
  const transfers = files.transfers.value;
  const waiting = files.waiting.value;
  if (transfers.length === 0 && waiting.length === 0) return null;
  return html`<section class="files-queue" aria-label="On their way">
    <div class="files-queue-head"><h4>On their way</h4>${transfers.some(({ state }) => ENDED.includes(state)) && html`<button type="button" class="link" onClick=${() => files.clear()}>Clear what has ended</button>`}</div>
    <ul>
      ${transfers.map((transfer) => html`<${OnItsWay} key=${transfer.id} files=${files} transfer=${transfer} />`)}
      ${waiting.map(
        ({ key, file }) => html`<li key=${key}><div class="files-line"><${Icon} name="up" /><span class="files-title">${file.name}</span><span class="quiet">${size(file.size)}, waits for its turn</span>
          <button type="button" class="icon-button" aria-label=${`Do not put ${file.name}`} onClick=${() => files.unqueue(key)}><${Icon} name="cross" size=${14} /></button></div></li>`,
      )}
    </ul>
  </section>`;
}

/** @param {{files: import("../features/files.js").Files, transfer: Transfer}} props */
function OnItsWay({ files, transfer }) {
  const { id, direction, name, state, text } = transfer;
  const over = ENDED.includes(state);
  const left = secondsLeft(transfer);
  const counting = transfer.folder === true && (state === "waiting" || (state === "running" && text !== ""));
  const share = transfer.size === 0 ? 1 : transfer.done / transfer.size;
  const words = state === "running" ? `${rate(transfer.rate)}${left === null ? "" : `, ${duration(left)} left`}` : (STATES[state] ?? state);
  const level = state === "done" ? "good" : ["failed", "differs", "exists"].includes(state) ? "poor" : "";
  return html`<li class="files-transfer ${level}">
    <div class="files-line">
      <${Icon} name=${direction === "up" ? "up" : "download"} />
      <span class="files-title" title=${transfer.path}>${name}</span>
      ${!over && state === "paused" && html`<button type="button" class="icon-button" aria-label=${`Go on with ${name}`} onClick=${() => files.act(id, "resume")}><${Icon} name="play" size=${14} /></button>`}
      ${!over && state === "running" && html`<button type="button" class="icon-button" aria-label=${`Pause ${name}`} onClick=${() => files.act(id, "pause")}><${Icon} name="pause" size=${14} /></button>`}
      <button type="button" class="icon-button" aria-label=${over ? `Clear ${name}` : `Stop ${name}`} onClick=${() => (over ? files.forget(id) : files.act(id, "stop"))}><${Icon} name="cross" size=${14} /></button>
    </div>
    ${!over && (counting ? html`<progress aria-label=${`${name}: nobody knows yet how much it is`}></progress>` : html`<progress value=${share} max="1" aria-label=${`${name}: ${Math.round(share * 100)} percent`}></progress>`)}
    <div class="files-state quiet">${size(transfer.done)}${over ? "" : ` of ${size(transfer.size)}`} · ${words}${text && state !== "exists" ? html`. ${text}` : ""}</div>
    ${
      state === "exists" &&
      html`<div class="files-choice" role="group" aria-label=${`What to do with ${name}`}>
        <button type="button" class="button button-small" onClick=${() => files.again(transfer, "rename")}>Keep both</button>
        <button type="button" class="button button-small" onClick=${() => files.again(transfer, "replace")}>Replace</button>
        <button type="button" class="button button-small" onClick=${() => files.forget(id)}>Skip</button>
      </div>`
    }
    ${(state === "differs" || state === "failed") && transfer.file !== undefined && html`<button type="button" class="button button-small" onClick=${() => files.again(transfer, "ask")}>Try again</button>`}
  </li>`;
}
