// The library: what may be run here, who approved it, and what was run on many devices.

import { html, useEffect, useState } from "../lib.js";
import { ago, day, plural } from "../format.js";
import { Icon } from "../icons.js";
import { library, libraryError, loadLibrary } from "../library.js";
import { clock, hello, runs } from "../live.js";
import { Empty } from "../parts/controls.js";
import { Expiry, Failed, Skeleton } from "../parts/states.js";

const SOON_SECONDS = 14 * 86400;

export function LibraryPage() {
  const [text, setText] = useState("");
  useEffect(() => void loadLibrary(), []);
  const shelf = library.value;
  const wanted = text.trim().toLowerCase();
  const shown = (shelf?.scripts ?? []).filter((row) => [row.id, row.title, row.description, ...row.answers].some((part) => part.toLowerCase().includes(wanted)));
  return html`<main class="plain-page" id="content" tabindex="-1">
    <div class="page-head">
      <div><h1>Library</h1><p class="quiet">Fixes that your organisation has approved. Each device checks their signatures by itself before it runs one.</p></div>
      ${
        shelf !== null &&
        html`<label class="search"><${Icon} name="search" /><span class="visually-hidden">Search fixes</span>
          <input type="search" id="search-field" placeholder="Search fixes" value=${text} onInput=${(/** @type {any} */ event) => setText(event.target.value)} /></label>`
      }
    </div>
    <${Runs} />
    ${shelf !== null && libraryError.value !== "" && html`<p class="error" role="alert"><${Icon} name="warning" /><span>This is the library as it was ${ago(clock.value - shelf.read_at)}. ${libraryError.value}</span></p>`}
    <section class="card" aria-labelledby="fixes-title">
      <div class="card-head"><h2 id="fixes-title">Approved fixes${shelf !== null && html` <span class="count">${shelf.scripts.length}</span>`}</h2>
        ${shelf !== null && html`<span class="quiet small">read ${ago(clock.value - shelf.read_at)}</span><button type="button" class="icon-button" title="Read again" aria-label="Read the library again" onClick=${() => loadLibrary()}><${Icon} name="refresh" /></button>`}</div>
      ${
        shelf === null
          ? libraryError.value !== ""
            ? html`<${Failed} title="The library cannot be read" text=${libraryError.value} onAgain=${() => loadLibrary()} />`
            : html`<${Skeleton} text="Reading and checking the approved fixes" />`
          : shelf.scripts.length === 0
            ? html`<${Empty} icon="wrench" title="No fix is approved yet">Your approvers sign the first with <code>handrail org approve</code>; a set to begin with comes with Handrail.<//>`
            : shown.length === 0
              ? html`<${Empty} icon="search" title="Nothing matches">No fix has this in its name, text or the findings it answers.<//>`
              : html`<ul class="shelf">${shown.map((row) => html`<${Script} key=${row.id} row=${row} />`)}</ul>`
      }
    </section>
  </main>`;
}

/** @param {{row: LibraryRow}} props */
function Script({ row }) {
  const enough = (hello.value?.tier ?? 0) >= row.min_tier;
  const { approval } = row;
  return html`<li>
    <a href=${`#/library/${row.id}`}>
      <span class="shelf-icon"><${Icon} name="wrench" size=${18} /></span>
      <span class="shelf-text"><strong>${row.title}</strong><span class="quiet clip">${row.description}</span></span>
      <span class="shelf-tags">
        <span class="tag mono">${row.id} ${row.version}</span>
        ${row.run_as === "root" && html`<span class="tag">administrator</span>`}
        ${row.former !== "" && html`<span class="tag">was ${row.former}</span>`}
        ${!enough && html`<span class="tag tag-warning">needs tier ${row.min_tier}</span>`}
      </span>
      <span class="shelf-approval"><span class="small">${plural(approval.signers.length, "approver")}, ${day(approval.signed)}</span><${Expiry} until=${approval.expires} now=${clock.value} soon=${SOON_SECONDS} /></span>
      <${Icon} name="forward" />
    </a>
  </li>`;
}

function Runs() {
  const list = runs.value ?? [];
  if (list.length === 0) return null;
  return html`<section class="card" aria-labelledby="runs-title">
    <div class="card-head"><h2 id="runs-title">Runs of this console</h2></div>
    <ul class="shelf">
      ${list.slice(0, 5).map((run) => {
        const { good, bad, running, waiting } = run.counts;
        return html`<li key=${run.id}><a href=${`#/library/runs/${run.id}`}>
          <span class="shelf-icon">${run.ended ? html`<${Icon} name=${bad > 0 || run.error ? "warning" : "check"} size=${18} />` : html`<span class="spinner"></span>`}</span>
          <span class="shelf-text"><strong>${run.title}</strong><span class="quiet">${plural(run.total, "device")}, ${ago(clock.value - run.started)}</span></span>
          <span class="shelf-tags">${good > 0 && html`<span class="tag tag-good">${good} well</span>`}${bad > 0 && html`<span class="tag tag-poor">${bad} not</span>`}${running + waiting > 0 && html`<span class="tag">${running + waiting} to come</span>`}</span>
          <${Icon} name="forward" />
        </a></li>`;
      })}
    </ul>
  </section>`;
}
