// The approved fixes: the catalogue, the form of one, its run, and what was there before and after.

import { html, useEffect, useRef, useState } from "../lib.js";
import { shortDigest, span } from "../format.js";
import { OUTCOMES, STAGES, checkParameters, startValues } from "../features/fixes.js";
import { Icon } from "../icons.js";
import { Empty, Severity, Spinner } from "../parts/controls.js";
import { Parameter } from "../parts/parameter.js";
import { Needs } from "../parts/permissions.js";

/** @typedef {import("../session_store.js").SessionStore} SessionStore */

/** @param {{store: SessionStore}} props */
export function FixesPanel({ store }) {
  const { catalogue, run } = store.fixes;
  const chosen = store.fixes.chosen.value;
  const onChoose = (/** @type {import("../features/fixes.js").Choice | null} */ choice) => (store.fixes.chosen.value = choice);
  const fix = chosen === null ? null : store.fixes.entry(chosen.fix);
  if (fix !== null && chosen !== null) {
    return html`<${FixView} key=${JSON.stringify([fix.id, fix.digest, chosen.parameters])} store=${store} fix=${fix} finding=${chosen.finding} given=${chosen.parameters ?? chosen.finding?.fix_parameters ?? {}} onBack=${() => onChoose(null)} />`;
  }
  if (catalogue.value === null) return html`<div class="panel"><${Spinner} text="Asking which fixes are approved" /></div>`;
  if (catalogue.value.length === 0) {
    return html`<${Empty} icon="wrench" title="No approved fixes">Your organisation approves them with <code>handrail org approve</code>.<//>`;
  }
  const running = run.value !== null && run.value.result === null ? run.value.id : "";
  return html`<div class="panel">
    <p class="quiet">Approved by your organisation; the device checks their signatures itself.</p>
    <ul class="fixes">
      ${catalogue.value.map(
        (entry) => html`<li key=${entry.id} class=${entry.available ? "" : "unavailable"}>
          <button type="button" onClick=${() => onChoose({ fix: entry.id, finding: null })}>
            <span class="fix-title"><strong>${entry.title}</strong>${entry.run_as === "root" && html`<span class="tag">administrator</span>`}${running === entry.id && html`<span class="spinner"></span>`}</span>
            <span class="quiet">${entry.available ? entry.description : entry.why_not}</span>
          </button>
        </li>`,
      )}
    </ul>
  </div>`;
}

/** @param {{store: SessionStore, fix: FixEntry, finding: Finding | null, given: Record<string, string | number | boolean>, onBack: () => void}} props */
function FixView({ store, fix, finding, given, onBack }) {
  const newest = store.fixes.run.value;
  const run = newest !== null && newest.id === fix.id ? newest : null;
  const busy = newest !== null && newest.result === null;
  return html`<div class="panel">
    <div class="panel-head">
      <button type="button" class="icon-button" aria-label="All fixes" onClick=${onBack}><${Icon} name="back" /></button>
      <h3>${fix.title}</h3>
    </div>
    <p>${fix.description}</p>
    <dl class="facts">
      <div><dt>Id</dt><dd class="mono">${fix.id} ${fix.version}</dd></div>
      ${fix.digest !== "" && html`<div><dt>Digest</dt><dd class="mono" title=${fix.digest}>${shortDigest(fix.digest)}</dd></div>`}
      <div><dt>Runs as</dt><dd>${fix.run_as === "root" ? "administrator" : "the user"}</dd></div>
      ${fix.effects.length > 0 && html`<div><dt>Effects</dt><dd>${fix.effects.join(", ")}</dd></div>`}
    </dl>
    ${
      !fix.available
        ? html`<p class="error"><${Icon} name="warning" />${fix.why_not}</p>`
        : store.may("fixes")
          ? html`<${FixForm} store=${store} fix=${fix} finding=${finding} given=${given} busy=${busy} again=${run !== null && run.result !== null} />`
          : html`<${Needs} store=${store} capability="fixes">You may look, but not run fixes yet.<//>`
    }
    ${run && html`<${RunView} store=${store} run=${run} />`}
    ${run?.result?.reason === "changed" && run.digest === fix.digest && html`<button type="button" class="button" onClick=${() => store.fixes.list()}>Look at the new one</button>`}
  </div>`;
}

/** @param {{store: SessionStore, fix: FixEntry, finding: Finding | null, given: Record<string, string | number | boolean>, busy: boolean, again: boolean}} props */
function FixForm({ store, fix, finding, given, busy, again }) {
  const [typed, setTyped] = useState(startValues(fix.parameters, given));
  const [errors, setErrors] = useState(/** @type {Record<string, string>} */ ({}));
  const submit = (/** @type {Event} */ event) => {
    event.preventDefault();
    const checked = checkParameters(fix.parameters, typed);
    setErrors(checked.errors);
    if (Object.keys(checked.errors).length === 0) store.fixes.start(fix, checked.values, finding?.id ?? "");
  };
  const set = (/** @type {string} */ name, /** @type {string | boolean} */ value) => setTyped({ ...typed, [name]: value });
  return html`<form class="fix-form" onSubmit=${submit} novalidate>
    ${finding && html`<p class="answers"><${Severity} severity=${finding.severity} /><span>answers <strong>${finding.title}</strong></span></p>`}
    ${fix.parameters.map((parameter) => html`<${Parameter} key=${parameter.name} parameter=${parameter} value=${typed[parameter.name]} error=${errors[parameter.name]} onValue=${set} />`)}
    <button type="submit" class="button button-primary" disabled=${busy}><${Icon} name="play" size=${14} />${busy ? "Running" : again ? "Run again" : "Run fix"}</button>
  </form>`;
}

/** @param {{store: SessionStore, run: import("../features/fixes.js").Run}} props */
function RunView({ store, run }) {
  const { result } = run;
  const at = STAGES.findIndex(({ name }) => name === run.stage);
  return html`<section class="run" aria-label="Run of the fix">
    <ol class="stages">
      ${STAGES.map(({ name, words }, index) => {
        const state = index < at || (result !== null && index <= at) ? "stage-done" : index === at ? "stage-now" : "";
        return html`<li key=${name} class=${state}>${words}</li>`;
      })}
    </ol>
    ${result === null && html`<div class="run-line"><${Spinner} text=${run.stage === "consent" ? "The user is being asked" : "Running"} /><button type="button" class="button button-small" onClick=${() => store.fixes.cancel()}>Stop</button></div>`}
    ${run.output.length > 0 && html`<${Output} output=${run.output} />`}
    ${result !== null && html`<${Result} result=${result} />`}
  </section>`;
}

/** @param {{output: {stream: string, stage: string, text: string}[]}} props */
function Output({ output }) {
  /** @type {{current: HTMLPreElement | null}} */
  const box = useRef(null);
  useEffect(() => {
    if (box.current !== null) box.current.scrollTop = box.current.scrollHeight;
  }, [output.length]);
  return html`<pre class="output" ref=${box} tabindex="0" aria-label="Output">${output.map(({ stream, text }, index) => html`<span key=${index} class=${stream}>${text}</span>`)}</pre>`;
}

/** @param {{result: any}} props */
function Result({ result }) {
  const outcome = OUTCOMES[/** @type {keyof typeof OUTCOMES} */ (result.outcome)] ?? OUTCOMES.failed;
  const exit = result.exit_code === null || result.exit_code === undefined ? "" : `, exit code ${result.exit_code}`;
  return html`<div class="result result-${outcome.level}" role="status">
    <p class="result-head"><${Icon} name=${outcome.level === "good" ? "check" : "warning"} size=${18} /><strong>${outcome.words}</strong><span class="quiet">${span(result.duration_ms)}${exit}</span></p>
    <p>${result.text || outcome.text}</p>
    ${result.truncated && html`<p class="quiet">The output was longer than the script may print and was cut.</p>`}
    ${(result.before.length > 0 || result.after.length > 0) && html`<${Comparison} before=${result.before} after=${result.after} />`}
  </div>`;
}

/** @param {{before: Finding[], after: Finding[]}} props */
function Comparison({ before, after }) {
  const left = new Set(after.map(({ id }) => id));
  const had = new Set(before.map(({ id }) => id));
  return html`<div class="comparison">
    <div><h4>Before</h4><ul>
      ${before.map(({ id, title, severity }) => html`<li key=${id} class=${left.has(id) ? "" : "gone"}><${Severity} severity=${severity} />${title}</li>`)}
      ${before.length === 0 && html`<li class="quiet">nothing found</li>`}
    </ul></div>
    <div><h4>After</h4><ul>
      ${before.filter(({ id }) => !left.has(id)).map(({ id, title }) => html`<li key=${id} class="solved"><${Icon} name="check" size=${14} />${title}: gone</li>`)}
      ${after.map(({ id, title, severity }) => html`<li key=${id} class=${had.has(id) ? "" : "new"}><${Severity} severity=${severity} />${title}${had.has(id) ? "" : " (new)"}</li>`)}
    </ul></div>
  </div>`;
}
