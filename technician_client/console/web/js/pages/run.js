// One run of a fix on many devices: each device's state as it changes, its proof, and the report.

import { ask } from "../ask.js";
import { html, useEffect, useState } from "../lib.js";
import { OUTCOMES } from "../features/fixes.js";
import { ago, cellText, moment, plural, shortDigest } from "../format.js";
import { Icon } from "../icons.js";
import { STATES, STEPS } from "../library.js";
import { hearDevice } from "../library_rules.js";
import { clock, runListeners, runs } from "../live.js";
import { Severity, Spinner } from "../parts/controls.js";
import { Failed, Skeleton } from "../parts/states.js";

const ORDER = ["running", "bad", "cancelled", "good", "left_alone", "waiting"];

/** @param {{name: string}} props */
export function RunPage({ name }) {
  const [devices, setDevices] = useState(/** @type {Map<string, RunDevice> | null} */ (null));
  const [loaded, setLoaded] = useState(/** @type {RunRow | null} */ (null));
  const [error, setError] = useState("");
  const load = async () => {
    setError("");
    try {
      const run = await ask("GET", `/api/v1/runs/${name}`);
      setLoaded(run);
      setDevices(new Map(run.devices.map((/** @type {RunDevice} */ row) => [row.device, row])));
    } catch (problem) {
      setError(String(/** @type {Error} */ (problem).message));
    }
  };
  useEffect(() => {
    const hear = (/** @type {import("../library_rules.js").RunTold} */ told) => {
      if (told.run !== name) return;
      setDevices((now) => {
        if (now === null) return null; // all of it is on its way
        const id = told.type === "run_device" ? told.row.device : told.device;
        const row = hearDevice(now.get(id), told);
        if (row !== null) return new Map(now).set(id, row);
        void load();
        return null;
      });
    };
    runListeners.add(hear);
    void load();
    return () => void runListeners.delete(hear);
  }, [name]);
  const run = runs.value?.find(({ id }) => id === name) ?? loaded;
  return html`<main class="plain-page" id="content" tabindex="-1">
    <nav class="crumbs" aria-label="Where this is"><a href="#/library">Library</a><span aria-hidden="true">/</span>${run !== null ? html`<a class="mono" href=${`#/library/${run.fix}`}>${run.fix}</a><span aria-hidden="true">/</span>` : null}<span>Run</span></nav>
    ${
      error !== ""
        ? html`<div class="card"><${Failed} title="This run cannot be shown" text=${error} onAgain=${load} /></div>`
        : run === null || devices === null
          ? html`<div class="card"><${Skeleton} text="Loading the run" /></div>`
          : html`<${Shown} run=${run} devices=${[...devices.values()]} />`
    }
  </main>`;
}

/** @param {{run: RunRow, devices: RunDevice[]}} props */
function Shown({ run, devices }) {
  const [problem, setProblem] = useState("");
  const [open, setOpen] = useState("");
  const stop = async () => {
    try {
      await ask("DELETE", `/api/v1/runs/${run.id}`);
    } catch (error) {
      setProblem(String(/** @type {Error} */ (error).message));
    }
  };
  const done = run.total - run.counts.waiting - run.counts.running;
  const rows = [...devices].sort((a, b) => ORDER.indexOf(a.state) - ORDER.indexOf(b.state) || a.label.localeCompare(b.label, undefined, { numeric: true }));
  const parameters = Object.entries(run.parameters).map(([key, value]) => `${key} = ${cellText(value)}`);
  return html`<div class="page-head">
      <div><h1>${run.title}</h1><p class="quiet">Version ${run.version} (digest <span class="mono" title=${run.digest}>${shortDigest(run.digest)}</span>)${parameters.length > 0 ? `, ${parameters.join(", ")}` : ""}. Begun ${moment(run.started)}${run.group === null ? "" : `, group ${run.group}`}.</p></div>
      <div class="page-actions">
        <a class="button" href=${`/api/v1/runs/${run.id}/report.csv`} download><${Icon} name="download" size=${14} />CSV</a>
        <a class="button" href=${`/api/v1/runs/${run.id}/report.json`} download><${Icon} name="download" size=${14} />JSON</a>
        ${!run.ended && html`<button type="button" class="button button-danger-quiet" onClick=${stop}><${Icon} name="stop" size=${14} />Stop everywhere</button>`}
      </div>
    </div>
    ${(problem || run.error) && html`<p class="error" role="alert"><${Icon} name="warning" /><span>${problem || run.error}</span></p>`}
    <section class="card padded" aria-label="How it goes">
      <div class="tally">
        ${/** @type {const} */ (["good", "bad", "running", "waiting", "cancelled", "left_alone"]).map(
          (state) => run.counts[state] > 0 && html`<span class="tally-part" key=${state}><strong class="num tally-${STATES[state].level}">${run.counts[state]}</strong><span class="quiet">${STATES[state].words}</span></span>`,
        )}
      </div>
      <progress max=${run.total} value=${done} aria-label="Devices that are done"></progress>
      <p class="quiet" role="status">${run.ended ? `${run.cancelled ? "Stopped" : "Done"} ${ago(clock.value - run.ended)}: ${run.counts.good} of ${plural(run.total, "device")} well.` : `${done} of ${plural(run.total, "device")} done.`}</p>
    </section>
    <section class="card" aria-labelledby="run-devices-title">
      <div class="card-head"><h2 id="run-devices-title">Devices</h2></div>
      <ul class="run-devices">${rows.map((row) => html`<${Device} key=${row.device} row=${row} fix=${run.fix} open=${open === row.device} onToggle=${() => setOpen(open === row.device ? "" : row.device)} />`)}</ul>
    </section>`;
}

/** @param {{row: RunDevice, fix: string, open: boolean, onToggle: () => void}} props */
function Device({ row, fix, open, onToggle }) {
  const state = STATES[row.state];
  const outcome = OUTCOMES[/** @type {keyof typeof OUTCOMES} */ (row.outcome)];
  const words = row.state === "running" ? (STEPS[row.step] ?? row.step) : row.state === "bad" && row.text ? row.text : (outcome?.words ?? state.words);
  const name = row.label || row.device;
  return html`<li class=${`run-device run-${state.level}`}>
    <button type="button" class="run-line-button" aria-expanded=${open} onClick=${onToggle}>
      ${row.state === "running" ? html`<span class="spinner" aria-hidden="true"></span>` : html`<${Icon} name=${state.level === "good" ? "check" : state.level === "poor" ? "critical" : state.level === "fair" ? "warning" : "clock"} />`}
      <strong class="clip">${name}</strong><span class="clip quiet">${words}</span>
      <span class="run-proof">${row.before.length > 0 && html`<span class="tag">${row.before.length} before</span><${Icon} name="forward" size=${14} /><span class="tag ${row.after.length < row.before.length ? "tag-good" : "tag-warning"}">${row.after.length} after</span>`}</span>
      <span class="num quiet">${row.seconds > 0 ? `${row.seconds.toFixed(1)} s` : ""}</span><${Icon} name="down" />
    </button>
    ${open && html`<div class="run-detail">
      ${row.text && html`<p>${row.text}</p>`}
      ${row.changed && html`<p><a href=${`#/library/${fix}`}>Look at the new one</a></p>`}
      ${(row.before.length > 0 || row.after.length > 0) && html`<div class="comparison">
        <div><h3>Before</h3><${Findings} rows=${row.before} /></div><div><h3>After</h3><${Findings} rows=${row.after} /></div>
      </div>`}
      ${row.output !== "" ? html`<pre class="output" tabindex="0" aria-label=${`Output on ${name}`}>${row.output}</pre>` : row.state === "running" ? html`<${Spinner} text="Nothing printed yet" />` : html`<p class="quiet">It printed nothing.</p>`}
    </div>`}
  </li>`;
}

/** @param {{rows: FoundRow[]}} props */
function Findings({ rows }) {
  return html`<ul>${rows.map(({ id, title, severity }) => html`<li key=${id}><${Severity} severity=${severity} />${title}</li>`)}${rows.length === 0 && html`<li class="quiet">nothing found</li>`}</ul>`;
}
