// One past session: facts, notes, fixes with what they changed, files, recordings, and the device's own record; to be exported.

import { ask, plainly } from "../ask.js";
import { html, useEffect, useState } from "../lib.js";
import { bytes } from "../format.js";
import { Icon } from "../icons.js";
import { Empty, Spinner } from "../parts/controls.js";
import { when } from "./past.js";

/** @typedef {{session: string, device: string, label: string, technician: string, organisation: string, reason: string, unattended: boolean,
 *   opened_at: number, ended_at: number, ended_because: string, signed: number, fault: string, note: string,
 *   fixes: {name: string, outcome: string, changed: string}[], files: {way: string, at: number, path?: string, size?: number, sha256?: string}[],
 *   recordings: {name: string, there: boolean}[], records: {at: number, words: string}[]}} Past */

const FORMS = /** @type {const} */ ([["md", "Markdown"], ["html", "HTML"], ["json", "JSON"]]);

/** @param {{session: string}} props */
export function PastSessionPage({ session }) {
  const [past, setPast] = useState(/** @type {Past | null} */ (null));
  const [fault, setFault] = useState("");
  useEffect(() => {
    ask("GET", `/api/v1/past/${encodeURIComponent(session)}`).then(setPast, (error) => setFault(plainly(error)));
  }, [session]);
  if (past === null) {
    const words = fault ? html`<${Empty} icon="clock" title="This session cannot be shown">${fault} <a href="#/past">All past sessions</a><//>` : html`<${Spinner} text="Reading what is kept" />`;
    return html`<main class="plain-page" id="content" tabindex="-1">${words}</main>`;
  }
  return html`<main class="plain-page" id="content" tabindex="-1">
    <div class="page-head"><div><p><a href="#/past"><${Icon} name="back" size=${14} />All past sessions</a></p><h1>${past.label || past.session}</h1>
      <p class="quiet">${[when(past.opened_at), when(past.ended_at)].filter(Boolean).join(" – ")}</p></div>
      <div class="row-actions" role="group" aria-label="Export">
        ${FORMS.map(([form, words]) => html`<a class="button" key=${form} href=${`/api/v1/past/${encodeURIComponent(past.session)}/export?form=${form}`} download><${Icon} name="download" size=${14} />${words}</a>`)}
      </div>
    </div>
    ${past.fault && html`<p class="error" role="alert"><${Icon} name="warning" /><span>${past.fault}</span></p>`}
    <section class="card past-part" aria-labelledby="past-facts"><h2 id="past-facts">Session</h2><${Facts} past=${past} /></section>
    <section class="card past-part" aria-labelledby="past-notes"><h2 id="past-notes">Notes</h2>${past.note ? html`<p class="past-note">${past.note}</p>` : html`<p class="quiet">None were written. They can be, in the Notes panel of a session.</p>`}</section>
    ${past.fixes.length > 0 && html`<section class="card past-part" aria-labelledby="past-fixes"><h2 id="past-fixes">Fixes</h2>
      <table class="recordings"><thead><tr><th scope="col">Fix</th><th scope="col">Outcome</th><th scope="col">What changed</th></tr></thead>
      <tbody>${past.fixes.map(({ name, outcome, changed }, at) => html`<tr key=${at}><th scope="row">${name}</th><td>${outcome}</td><td>${changed}</td></tr>`)}</tbody></table></section>`}
    ${past.files.length > 0 && html`<section class="card past-part" aria-labelledby="past-files"><h2 id="past-files">Files</h2>
      <table class="recordings"><thead><tr><th scope="col">Path</th><th scope="col">Way</th><th scope="col">Size</th><th scope="col">SHA-256</th></tr></thead>
      <tbody>${past.files.map((file, at) => html`<tr key=${at}><th scope="row">${file.path ?? ""}</th><td>${file.way === "put" ? "put there" : "taken"}</td><td class="num">${typeof file.size === "number" ? bytes(file.size) : ""}</td><td class="mono past-hash">${file.sha256 ?? ""}</td></tr>`)}</tbody></table></section>`}
    ${past.recordings.length > 0 && html`<section class="card past-part" aria-labelledby="past-recordings"><h2 id="past-recordings">Recordings</h2>
      <ul>${past.recordings.map(({ name, there }) => html`<li key=${name}>${there ? html`<a href=${`#/recordings/${name}`}><${Icon} name="play" size=${14} />${name}</a>` : html`${name} <span class="quiet">not among the recordings any more</span>`}</li>`)}</ul></section>`}
    <section class="card past-part" aria-labelledby="past-records"><h2 id="past-records">What happened, as the device wrote it down</h2>
      ${past.records.length === 0
        ? html`<p class="quiet">The session ended without a receipt: the connection was cut and did not come back.</p>`
        : html`<ol class="past-records">${past.records.map(({ at, words }, index) => html`<li key=${index}><time class="num quiet" datetime=${new Date(at * 1000).toISOString()}>${new Date(at * 1000).toLocaleTimeString([])}</time><span>${words}</span></li>`)}</ol>`}
    </section>
  </main>`;
}

/** @param {{past: Past}} props */
function Facts({ past }) {
  const rows = /** @type {[string, unknown][]} */ ([
    ["Device", past.label],
    ["Id", past.device && html`<span class="mono">${past.device}</span>`],
    ["Technician", past.technician],
    ["Organisation", past.organisation],
    ["Reason", past.reason],
    ["Asked", past.unattended && "Nobody: the organisation's policy allowed it"],
    ["Ended", past.ended_because],
    ["Session", html`<span class="mono">${past.session}</span>`],
    ["Signed", past.signed > 0 ? `By the device, over ${past.signed} records of its audit chain` : "No checkpoint came with it"],
  ]);
  return html`<dl class="facts">${rows.filter(([, value]) => value).map(([name, value]) => html`<div key=${name}><dt>${name}</dt><dd>${value}</dd></div>`)}</dl>`;
}
