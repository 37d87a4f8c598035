// What the technician writes down about this session. Kept with its receipt on this computer; the device never gets it.

import { html, useEffect } from "../lib.js";
import { Icon } from "../icons.js";

const WORDS = /** @type {const} */ ({ "": "Kept with the receipt of this session, on this computer only.", waiting: "Writing…", kept: "Kept.", failed: "" });

/** @param {{store: import("../session_store.js").SessionStore}} props */
export function NotesPanel({ store }) {
  const { notes } = store;
  useEffect(() => () => notes.keep(), [notes]);
  const state = notes.state.value;
  return html`<div class="panel panel-notes">
    <textarea class="notes" aria-label="Notes" maxlength="20000" placeholder="What was wrong, what was done, what is left to do" value=${notes.text.value} onInput=${(/** @type {any} */ event) => notes.type(event.target.value)} onBlur=${() => notes.keep()}></textarea>
    <p class="quiet notes-state" role="status">${state === "kept" && html`<${Icon} name="check" size=${14} />`}${WORDS[state]}${state === "failed" && html`<span class="error"><${Icon} name="warning" />${notes.fault.value}</span>`}</p>
  </div>`;
}
