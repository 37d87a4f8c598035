// The recordings of this computer: which device, when, how long; to be played, exported or deleted.

import { Problem, ask, plainly } from "../ask.js";
import { html, useEffect, useState } from "../lib.js";
import { bytes, duration, plural } from "../format.js";
import { Icon } from "../icons.js";
import { Empty, Spinner } from "../parts/controls.js";

/** @typedef {{name: string, size: number, seconds: number, end: string, fault: string, session: string, device: string, label: string,
 *   technician: string, started_at: number, exported: boolean}} RecordingRow */

const ENDS = /** @type {Record<string, string>} */ ({ "": "cut short", too_large: "ended at its size", disk_full: "ended: disk full", user: "ended by the user" });

export function RecordingsPage() {
  const [rows, setRows] = useState(/** @type {RecordingRow[] | null} */ (null));
  const [fault, setFault] = useState("");
  const [kept, setKept] = useState("");
  const load = async () => {
    setFault("");
    try {
      const { recordings, kept: bounds } = await ask("GET", "/api/v1/recordings");
      setRows(recordings);
      setKept(keptWords(bounds));
    } catch (error) {
      setFault(plainly(error));
    }
  };
  useEffect(() => void load(), []);
  const remove = async (/** @type {string} */ name) => {
    let wrong = "";
    try {
      await ask("DELETE", `/api/v1/recordings/${encodeURIComponent(name)}`);
    } catch (error) {
      wrong = error instanceof Problem && error.status === 404 ? "" : plainly(error); // gone is what was wanted
    }
    await load();
    if (wrong !== "") setFault(wrong);
  };
  return html`<main class="plain-page" id="content" tabindex="-1">
    <div class="page-head"><div><h1>Recordings</h1>
      <p class="quiet">What you recorded in sessions, on this computer, sealed with your key. Delete what is no longer needed.</p>
      ${kept !== "" && html`<p class="quiet">${kept}</p>`}</div></div>
    ${fault && html`<p class="error" role="alert"><${Icon} name="warning" /><span>${fault}</span><button type="button" class="link" onClick=${load}>Try again</button></p>`}
    <section class="card" aria-label="Recordings">
      ${
        rows === null
          ? !fault && html`<${Spinner} text="Looking at the recordings" />`
          : rows.length === 0
            ? html`<${Empty} icon="record" title="Nothing is recorded yet">Press Record in a session. The user is asked, and sees it for as long as it lasts.<//>`
            : html`<table class="recordings">
                <thead><tr><th scope="col">Device</th><th scope="col">When</th><th scope="col">Length</th><th scope="col">Size</th><th scope="col"><span class="visually-hidden">Actions</span></th></tr></thead>
                <tbody>${rows.map((row) => html`<${Row} key=${row.name} row=${row} onRemove=${() => remove(row.name)} onChange=${load} />`)}</tbody>
              </table>`
      }
    </section>
  </main>`;
}

/**
 * How long recordings are kept on this computer, as its settings say.
 * @param {{days: number, gigabytes: number}} kept 0: not limited
 */
export function keptWords({ days, gigabytes }) {
  const bounds = [...(days > 0 ? [plural(days, "day")] : []), ...(gigabytes > 0 ? [`${gigabytes} GB together, the oldest going first`] : [])];
  const own = bounds.length > 0 ? `They are kept ${bounds.join(" and ")} at most (technician.toml).` : "They are kept until you delete them.";
  return `${own} Your organisation may have those of some devices deleted sooner; deleted.jsonl beside them says what was.`;
}

/** @param {{row: RecordingRow, onRemove: () => void, onChange: () => void}} props */
function Row({ row, onRemove, onChange }) {
  const [sure, setSure] = useState(false);
  useEffect(() => {
    if (!sure) return undefined;
    const timer = setTimeout(() => setSure(false), 4000);
    return () => clearTimeout(timer);
  }, [sure]);
  const name = row.label || row.name;
  const note = ENDS[row.end];
  return html`<tr>
    <th scope="row">${row.fault ? html`${row.name}<span class="error">${row.fault}</span>` : html`<a href=${`#/recordings/${row.name}`}>${name}</a>`}${!row.fault && note && html` <span class="tag">${note}</span>`}</th>
    <td>${row.started_at > 0 ? new Date(row.started_at * 1000).toLocaleString([], { dateStyle: "medium", timeStyle: "short" }) : ""}</td>
    <td class="num">${row.fault ? "" : duration(row.seconds)}</td>
    <td class="num">${bytes(row.size)}</td>
    <td class="row-actions">
      ${!row.fault && html`<a class="button" href=${`#/recordings/${row.name}`} aria-label=${`Play ${name}`}><${Icon} name="play" size=${14} />Play</a><${Export} row=${row} onDone=${onChange} />`}
      <button type="button" class="button ${sure ? "button-danger" : "button-danger-quiet"}" aria-label=${sure ? `Really delete ${name}` : `Delete ${name}`} onClick=${() => (sure ? onRemove() : setSure(true))}>${sure ? "Really delete?" : "Delete"}</button>
    </td>
  </tr>`;
}

/** To a video file, with how far it has come. @param {{row: RecordingRow, onDone?: () => void}} props */
export function Export({ row, onDone = () => {} }) {
  const [socket, setSocket] = useState(/** @type {WebSocket | null} */ (null));
  const [part, setPart] = useState(0);
  const [fault, setFault] = useState("");
  useEffect(() => () => socket?.close(), [socket]);
  const begin = () => {
    const dialled = new WebSocket(`${location.origin.replace(/^http/, "ws")}/api/v1/recordings/${encodeURIComponent(row.name)}/export`);
    setFault("");
    setPart(0);
    setSocket(dialled);
    dialled.addEventListener("message", ({ data }) => {
      const told = JSON.parse(data);
      if (told.type === "progress") setPart(told.part);
      if (told.type === "fault") setFault(told.text);
      if (told.type === "done") onDone();
    });
    dialled.addEventListener("close", () => setSocket(null));
  };
  if (socket !== null) {
    return html`<span class="exporting"><progress max="1" value=${part} aria-label="Export"></progress><span class="num quiet">${Math.round(part * 100)} %</span><button type="button" class="link" onClick=${() => socket.close()}>Stop</button></span>`;
  }
  return html`${row.exported && html`<a class="button" href=${`/api/v1/recordings/${encodeURIComponent(row.name)}/video`} download>Save MP4</a>`}
    <button type="button" class="button" title="As a video file that any player understands" onClick=${begin}>${row.exported ? "Export again" : "Export"}</button>
    ${fault && html`<span class="error" role="alert">${fault}</span>`}`;
}
