// The device's log: filtered there, shown here as it comes.

import { html, useEffect, useRef, useState } from "../lib.js";
import { PRIORITIES } from "../features/logs.js";
import { Empty } from "../parts/controls.js";

/** @typedef {import("../session_store.js").SessionStore} SessionStore */
/** @typedef {import("../features/logs.js").Entry} Entry */

const LEVELS = Object.freeze(["critical", "critical", "critical", "error", "warning", "notice", "info", "debug"]);

/** @param {{store: SessionStore}} props */
export function LogsPanel({ store }) {
  const { logs } = store;
  const [filter, setFilter] = useState({ source: "", unit: "", priority: 7, text: "" });
  const [paused, setPaused] = useState(false);
  /** @type {{current: any}} what stood there when it was paused */
  const held = useRef(null);
  /** @type {{current: HTMLDivElement | null}} */
  const list = useRef(null);
  /** @type {{current: WeakMap<Entry, unknown>}} */
  const cache = useRef(new WeakMap());
  const open = store.open.value;
  useEffect(() => {
    if (!open) return undefined;
    logs.list();
    logs.follow(filter);
    return () => logs.stop();
  }, [open]);
  const live = logs.rows.value;
  if (!paused) held.current = live;
  const rows = held.current ?? live;
  const waiting = paused ? Math.max(0, (live.at(-1)?.key ?? 0) - (rows.at(-1)?.key ?? 0)) : 0;
  useEffect(() => {
    if (!paused && list.current !== null) list.current.scrollTop = list.current.scrollHeight;
  }, [rows, paused]);
  const change = (/** @type {Partial<typeof filter>} */ part) => setFilter({ ...filter, ...part });
  const submit = (/** @type {Event} */ event) => {
    event.preventDefault();
    setPaused(false);
    logs.follow(filter);
  };
  /** Whoever scrolls up wants to read; at the end it goes on. */
  const scrolled = () => {
    const box = /** @type {HTMLDivElement} */ (list.current);
    const atEnd = box.scrollHeight - box.scrollTop - box.clientHeight < 24;
    if (!atEnd && !paused) setPaused(true);
  };
  return html`<div class="panel panel-logs">
    <form class="log-filter" onSubmit=${submit}>
      <label>Log <select value=${filter.source} onChange=${(/** @type {any} */ event) => change({ source: event.target.value })}>
        <option value="">Usual</option>
        ${logs.sources.value.map(({ name, why_not: whyNot }) => html`<option key=${name} value=${name} disabled=${whyNot !== ""}>${name}${whyNot && ` (${whyNot})`}</option>`)}
      </select></label>
      <label>At least <select value=${filter.priority} onChange=${(/** @type {any} */ event) => change({ priority: Number(event.target.value) })}>
        ${PRIORITIES.map((words, number) => html`<option key=${words} value=${number}>${words}</option>`)}
      </select></label>
      <label>Unit <input type="text" maxlength="200" placeholder="ssh.service" value=${filter.unit} onInput=${(/** @type {any} */ event) => change({ unit: event.target.value })} /></label>
      <label>Text <input type="search" maxlength="200" value=${filter.text} onInput=${(/** @type {any} */ event) => change({ text: event.target.value })} /></label>
      <button type="submit" class="button">Apply</button>
      <button type="button" class="button" aria-pressed=${paused} onClick=${() => setPaused(!paused)}>${paused ? "Follow" : "Pause"}</button>
    </form>
    <div class="log-lines mono" ref=${list} role="log" aria-label="Log of the device" tabindex="0" onScroll=${scrolled}>
      ${
        rows.length === 0
          ? html`<${Empty} icon="lines" title=${logs.state.value === "following" ? "No line fits yet" : "No log is followed"}>${logs.note.value || "Lines appear here as the device writes them. A wider filter shows more."}<//>`
          : rows.map((/** @type {Entry} */ entry) => drawn(cache.current, entry))
      }
    </div>
    <p class="log-state quiet" role="status">${paused ? `Paused. ${waiting} more have come.` : logs.state.value === "following" ? "Following" : logs.note.value || "Stopped"}</p>
  </div>`;
}

/**
 * A row as it is drawn, made once: a row that is the same object as before is not looked into again, and thousands of them stand
 * there while some come ten times a second.
 * @param {WeakMap<Entry, unknown>} cache @param {Entry} entry
 */
export function drawn(cache, entry) {
  let made = cache.get(entry);
  if (made === undefined) {
    const { key, row } = entry;
    made = row.kind === "loss" ? html`<p key=${key} class="log-loss">${row.count} lines left out: more came than may be sent</p>` : line(key, row.line);
    cache.set(entry, made);
  }
  return made;
}

/** @param {number} key @param {import("../features/logs.js").LogLine} line */
function line(key, { at, priority, unit, text }) {
  const level = LEVELS[priority] ?? "info";
  return html`<p key=${key} class="log-line log-${level}">${at > 0 && html`<time>${new Date(at * 1000).toLocaleTimeString()}</time>`}${unit && html`<span class="log-unit">${unit}</span>`}<span>${priority <= 4 && priority >= 0 && html`<span class="visually-hidden">${PRIORITIES[priority]}: </span>`}${text}</span></p>`;
}
