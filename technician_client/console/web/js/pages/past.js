// Past sessions: with whom, when and why, and what is kept of each on this computer.

import { ask, plainly } from "../ask.js";
import { html, useEffect, useState } from "../lib.js";
import { duration, plural } from "../format.js";
import { Icon } from "../icons.js";
import { Empty, Spinner } from "../parts/controls.js";

/** @typedef {{session: string, device: string, label: string, technician: string, reason: string, opened_at: number, ended_at: number,
 *   fault: string, noted: boolean, fixes: number, files: number, recordings: number}} PastRow */

/** @param {number} seconds since 1970, 0: not known */
export function when(seconds) {
  return seconds > 0 ? new Date(seconds * 1000).toLocaleString([], { dateStyle: "medium", timeStyle: "short" }) : "";
}

/** Rows in which every word of a search stands somewhere. @param {readonly PastRow[]} rows @param {string} search */
export function matching(rows, search) {
  const wanted = search.toLowerCase().split(/\s+/).filter(Boolean);
  return rows.filter((row) => {
    const text = `${row.label} ${row.device} ${row.technician} ${row.reason} ${row.session}`.toLowerCase();
    return wanted.every((word) => text.includes(word));
  });
}

/** What is kept of a session, in words. @param {PastRow} row */
export function keptWords(row) {
  return [
    row.noted ? "notes" : "",
    row.fixes > 0 ? plural(row.fixes, "fix", "fixes") : "",
    row.files > 0 ? plural(row.files, "file") : "",
    row.recordings > 0 ? plural(row.recordings, "recording") : "",
  ].filter(Boolean);
}

export function PastPage() {
  const [rows, setRows] = useState(/** @type {PastRow[] | null} */ (null));
  const [fault, setFault] = useState("");
  const [search, setSearch] = useState("");
  const load = async () => {
    setFault("");
    try {
      setRows((await ask("GET", "/api/v1/past")).sessions);
    } catch (error) {
      setFault(plainly(error));
    }
  };
  useEffect(() => void load(), []);
  const shown = matching(rows ?? [], search);
  return html`<main class="plain-page" id="content" tabindex="-1">
    <div class="page-head"><div><h1>Past sessions</h1>
      <p class="quiet">What is kept of them on this computer: the device's signed receipt, your notes, fixes, files and recordings.</p></div>
      ${rows !== null && rows.length > 0 && html`<input type="search" aria-label="Search past sessions" placeholder="Search device, reason, technician" value=${search} onInput=${(/** @type {any} */ event) => setSearch(event.target.value)} />`}
    </div>
    ${fault && html`<p class="error" role="alert"><${Icon} name="warning" /><span>${fault}</span><button type="button" class="link" onClick=${load}>Try again</button></p>`}
    <section class="card" aria-label="Past sessions">
      ${
        rows === null
          ? !fault && html`<${Spinner} text="Looking at what is kept" />`
          : rows.length === 0
            ? html`<${Empty} icon="clock" title="No session has ended yet">After each session the device's receipt stands here, with your notes.<//>`
            : shown.length === 0
              ? html`<${Empty} icon="search" title="Nothing matches">No past session has all of these words. <button type="button" class="link" onClick=${() => setSearch("")}>Show all</button><//>`
              : html`<table class="recordings">
                  <thead><tr><th scope="col">Device</th><th scope="col">Ended</th><th scope="col">Lasted</th><th scope="col">Reason</th><th scope="col">Kept</th></tr></thead>
                  <tbody>${shown.map((row) => html`<${Row} key=${row.session} row=${row} />`)}</tbody>
                </table>`
      }
    </section>
  </main>`;
}

/** @param {{row: PastRow}} props */
function Row({ row }) {
  const lasted = row.opened_at > 0 && row.ended_at > row.opened_at ? duration(row.ended_at - row.opened_at) : "";
  return html`<tr>
    <th scope="row"><a href=${`#/past/${row.session}`}>${row.label || row.session}</a>${row.fault && html` <span class="tag tag-warning" title=${row.fault}>Does not fit</span>`}</th>
    <td>${when(row.ended_at)}</td>
    <td class="num">${lasted}</td>
    <td>${row.reason}</td>
    <td>${keptWords(row).map((words) => html`<span class="tag" key=${words}>${words}</span> `)}</td>
  </tr>`;
}
