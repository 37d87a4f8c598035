// What is wrong with the machine, worst first, each with its evidence and the fix that answers it.

import { html } from "../lib.js";
import { ago, cellText, span, words } from "../format.js";
import { Icon } from "../icons.js";
import { clock } from "../live.js";
import { Empty, Severity, Spinner } from "../parts/controls.js";

/** @typedef {import("../session_store.js").SessionStore} SessionStore */

/** @param {{store: SessionStore}} props */
export function FindingsPanel({ store }) {
  const { state, findings, takenAt, durationMs, tables, refusal } = store.diagnostics;
  const collecting = state.value === "collecting";
  return html`<div class="panel">
    <div class="panel-head">
      <span class="quiet" role="status">${
        collecting
          ? html`<${Spinner} text=${`Looking… ${tables.value.size} tables`} />`
          : state.value === "done"
            ? `Checked ${ago(clock.value - takenAt.value)} in ${span(durationMs.value)}`
            : ""
      }</span>
      <button type="button" class="button button-small" disabled=${collecting} onClick=${() => store.diagnostics.collect()}><${Icon} name="refresh" size=${14} />Check again</button>
    </div>
    ${state.value === "refused" && html`<p class="error" role="alert"><${Icon} name="warning" />${refusal.value}</p>`}
    ${state.value === "done" && findings.value.length === 0 && html`<${Empty} icon="check" title="Nothing found">Every rule was tried, and none speaks up.<//>`}
    <ul class="findings">
      ${findings.value.map((finding) => html`<${FindingCard} key=${finding.id} finding=${finding} store=${store} />`)}
    </ul>
  </div>`;
}

/** @param {{finding: Finding, store: SessionStore}} props */
function FindingCard({ finding, store }) {
  const fix = finding.fix === "" ? null : store.fixes.entry(finding.fix);
  return html`<li class="finding finding-${finding.severity}">
    <div class="finding-head"><h3>${finding.title}</h3><${Severity} severity=${finding.severity} /></div>
    <p>${finding.text}</p>
    <${Evidence} evidence=${finding.evidence} />
    ${finding.article && html`<p class="quiet">Article: <span class="mono">${finding.article}</span></p>`}
    ${
      finding.fix !== "" &&
      html`<div class="finding-fix">
        <button type="button" class="button button-primary" disabled=${fix === null || !fix.available} onClick=${() => run(store, finding)}>
          <${Icon} name="wrench" size=${14} />Run fix
        </button>
        <span class="quiet">${fix === null ? `${finding.fix} is not among the approved fixes` : fix.available ? fix.title : fix.why_not}</span>
      </div>`
    }
  </li>`;
}

/** The fix of a finding is shown among the fixes. @param {SessionStore} store @param {Finding} finding */
function run(store, finding) {
  store.fixes.chosen.value = { fix: finding.fix, finding };
  store.side.show("fixes");
}

/** @param {{evidence: Record<string, Cell>}} props */
export function Evidence({ evidence }) {
  const cells = Object.entries(evidence);
  if (cells.length === 0) return null;
  return html`<dl class="evidence">
    ${cells.map(([name, cell]) => html`<div key=${name}><dt>${words(name)}</dt><dd>${cellText(cell)}</dd></div>`)}
  </dl>`;
}
