// One approved fix: what it does, who approved it, its text, what changed; and a run of it on one or many devices.

import { Problem, ask } from "../ask.js";
import { html, useEffect, useMemo, useState } from "../lib.js";
import { checkParameters, startValues } from "../features/fixes.js";
import { day, lasts, moment, plural, shortDigest } from "../format.js";
import { Icon } from "../icons.js";
import { MOST_DEVICES } from "../library.js";
import { consentWords, diffRows, named, ofGroup } from "../library_rules.js";
import { clock, fleet, fleetVersion, hello, relay } from "../live.js";
import { Segmented } from "../parts/controls.js";
import { Parameter } from "../parts/parameter.js";
import { Expiry, Failed, Skeleton } from "../parts/states.js";

const SOON_SECONDS = 14 * 86400;
const MOST_SHOWN = 60;

/** @param {{id: string}} props */
export function FixPage({ id }) {
  const [script, setScript] = useState(/** @type {LibraryScript | null} */ (null));
  const [error, setError] = useState("");
  const [looked, setLooked] = useState(0);
  const load = async () => {
    setError("");
    try {
      setScript(await ask("GET", `/api/v1/library/${encodeURIComponent(id)}`));
      setLooked((times) => times + 1);
    } catch (problem) {
      setError(String(/** @type {Error} */ (problem).message));
    }
  };
  useEffect(() => void load(), [id]);
  return html`<main class="plain-page" id="content" tabindex="-1">
    <nav class="crumbs" aria-label="Where this is"><a href="#/library">Library</a><span aria-hidden="true">/</span><span class="mono">${id}</span></nav>
    ${
      error !== ""
        ? html`<div class="card"><${Failed} title="This fix cannot be shown" text=${error} onAgain=${load} /></div>`
        : script === null
          ? html`<div class="card"><${Skeleton} text="Reading the fix" /></div>`
          : html`<${Shown} key=${script.digest} script=${script} again=${looked > 1} onAgain=${load} />`
    }
  </main>`;
}

/** @param {{script: LibraryScript, again: boolean, onAgain: () => void}} props `again`: it was changed while it was looked at */
function Shown({ script, again, onAgain }) {
  return html`<div class="page-head"><div><h1>${script.title}</h1><p class="quiet">${script.description}</p></div></div>
    <div class="two-columns">
      <div class="column">
        <${Texts} script=${script} again=${again} />
      </div>
      <div class="column">
        <${RunForm} script=${script} onAgain=${onAgain} />
        <${Facts} script=${script} />
      </div>
    </div>`;
}

/** @param {{script: LibraryScript}} props */
function Facts({ script }) {
  const { approval } = script;
  return html`<section class="card padded" aria-labelledby="approval-title">
    <h2 id="approval-title">Approval</h2>
    <dl class="facts">
      <div><dt>Signed by</dt><dd>${plural(approval.signers.length, "key")} of ${approval.threshold} needed
        <ul class="signers">${approval.signers.map(({ key, holder }) => html`<li key=${key}><${Icon} name="key" size=${14} /><span>${holder || "a key whose holder this computer does not know"} <span class="mono quiet" title=${key}>${key.slice(0, 12)}</span></span></li>`)}</ul></dd></div>
      <div><dt>Signed</dt><dd>${moment(approval.signed)}</dd></div>
      <div><dt>Expires</dt><dd>${day(approval.expires)} <${Expiry} until=${approval.expires} now=${clock.value} soon=${SOON_SECONDS} /></dd></div>
      <div><dt>Version</dt><dd class="mono">${script.id} ${script.version}</dd></div>
      <div><dt>Digest</dt><dd class="mono" title=${script.digest}>${shortDigest(script.digest)}</dd></div>
      <div><dt>Runs as</dt><dd>${script.run_as === "root" ? "administrator" : "the user"}, at most ${lasts(script.timeout)} a step</dd></div>
      <div><dt>For</dt><dd>${script.os.join(", ")}, tier ${script.min_tier} and up</dd></div>
      ${script.answers.length > 0 && html`<div><dt>Answers</dt><dd>${script.answers.join(", ")}</dd></div>`}
      ${script.effects.length > 0 && html`<div><dt>Effects</dt><dd>${script.effects.join(", ")}</dd></div>`}
      <div><dt>Consent</dt><dd>${consentWords(script)}</dd></div>
    </dl>
  </section>`;
}

/** @param {{script: LibraryScript, again: boolean}} props */
function Texts({ script, again }) {
  const steps = Object.entries(script.steps).map(([name, argv]) => `${name}: ${argv.join(" ")}`).join("\n");
  const texts = [...script.files.map(({ name, text }) => ({ value: name, words: name, text })), { value: " steps", words: "Steps", text: steps }];
  const [shown, setShown] = useState(again && script.change !== null ? " change" : texts[0].value);
  const options = [...texts.map(({ value, words }) => ({ value, words })), ...(script.change === null ? [] : [{ value: " change", words: html`Changes <span class="quiet">since ${script.change.version}</span>` }])];
  const text = texts.find(({ value }) => value === shown);
  return html`<section class="card" aria-labelledby="text-title">
    <div class="card-head"><h2 id="text-title">Text</h2><${Segmented} label="Which text" options=${options} value=${shown} onChange=${setShown} /></div>
    ${text !== undefined ? html`<${Code} text=${text.text} label=${text.words} />` : script.change !== null && html`<${Difference} lines=${script.change.lines} />`}
    ${script.change === null && html`<p class="quiet table-note">No former version: this is the first, or the relay no longer holds the one before.</p>`}
  </section>`;
}

/** @param {{text: string, label: string}} props */
function Code({ text, label }) {
  const lines = useMemo(() => text.replace(/\n$/, "").split("\n"), [text]);
  return html`<div class="code-view" tabindex="0" role="region" aria-label=${`Text of ${label}`}>
    <table role="presentation"><tbody>${lines.map((line, index) => html`<tr key=${index}><td class="line-number" data-line=${index + 1}></td><td><code>${line || "\u00a0"}</code></td></tr>`)}</tbody></table>
  </div>`;
}

/** @param {{lines: string[]}} props */
function Difference({ lines }) {
  const rows = useMemo(() => diffRows(lines), [lines]);
  const words = { gone: "removed", new: "added" };
  return html`<div class="code-view" tabindex="0" role="region" aria-label="What changed">
    <table role="presentation"><tbody>
      ${rows.map(
        ({ kind, text, before, after }, index) => html`<tr key=${index} class=${`diff-${kind}`}>
          <td class="line-number" data-line=${before ?? ""}></td><td class="line-number" data-line=${after ?? ""}></td>
          <td><code>${kind in words && html`<span class="visually-hidden">${words[/** @type {"gone" | "new"} */ (kind)]}: </span>`}${kind === "gone" ? "−" : kind === "new" ? "+" : " "} ${text || "\u00a0"}</code></td>
        </tr>`,
      )}
    </tbody></table>
  </div>`;
}

/** @param {{script: LibraryScript, onAgain: () => void}} props */
function RunForm({ script, onAgain }) {
  const [typed, setTyped] = useState(startValues(script.parameters, {}));
  const [errors, setErrors] = useState(/** @type {Record<string, string>} */ ({}));
  const [reason, setReason] = useState("");
  const [way, setWay] = useState("devices");
  const [group, setGroup] = useState("");
  const [chosen, setChosen] = useState(/** @type {ReadonlySet<string>} */ (new Set()));
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState("");
  const [changed, setChanged] = useState(false);
  const version = fleetVersion.value;
  const online = useMemo(() => fleet.sorted.filter(({ device }) => device.online), [version]);
  const groups = useMemo(() => fleet.groups(), [version]);
  const named_group = group || groups[0] || "";
  const meant = way === "group" ? ofGroup(online, named_group) : online.filter(({ device }) => chosen.has(device.id));
  const tooMany = meant.length > MOST_DEVICES;
  const enough = (hello.value?.tier ?? 0) >= script.min_tier;
  const ready = enough && !changed && meant.length > 0 && !tooMany && relay.value?.online === true && !busy;
  const submit = async (/** @type {Event} */ event) => {
    event.preventDefault();
    const checked = checkParameters(script.parameters, typed);
    setErrors(checked.errors);
    if (Object.keys(checked.errors).length > 0 || !ready) return;
    setBusy(true);
    setProblem("");
    try {
      const order = { fix: script.id, digest: script.digest, parameters: checked.values, devices: named(meant), reason: reason.trim(), group: way === "group" ? named_group : null };
      location.hash = `#/library/runs/${(await ask("POST", "/api/v1/runs", order)).id}`;
    } catch (error) {
      setBusy(false);
      setProblem(String(/** @type {Error} */ (error).message));
      setChanged(error instanceof Problem && error.reason === "changed");
    }
  };
  const ways = [{ value: "devices", words: "Devices" }, ...(groups.length > 0 ? [{ value: "group", words: "A group" }] : [])];
  return html`<section class="card padded" aria-labelledby="run-title">
    <h2 id="run-title">Run it</h2>
    ${!enough && html`<p class="error"><${Icon} name="warning" /><span>It needs tier ${script.min_tier}; yours is ${hello.value?.tier ?? 0}. Ask somebody of that tier, or your administrator.</span></p>`}
    <form class="fix-form" onSubmit=${submit} novalidate>
      ${script.parameters.map(
        (parameter) => html`<${Parameter} key=${parameter.name} parameter=${parameter} value=${typed[parameter.name]} error=${errors[parameter.name]}
          onValue=${(/** @type {string} */ name, /** @type {string | boolean} */ value) => setTyped({ ...typed, [name]: value })} />`,
      )}
      <div class="field"><span>Where</span><${Segmented} label="Where it runs" options=${ways} value=${way} onChange=${setWay} /></div>
      ${
        way === "group"
          ? html`<label class="field"><span class="visually-hidden">Group</span><select value=${named_group} onChange=${(/** @type {any} */ event) => setGroup(event.target.value)}>${groups.map((name) => html`<option value=${name}>${name}</option>`)}</select>
              <span class="quiet small">${plural(meant.length, "device")} online that ${meant.length === 1 ? "is" : "are"} of this group, or not known yet. Each one's certificate is looked at first; one of another group is left alone.</span></label>`
          : html`<${Choice} online=${online} chosen=${chosen} onChosen=${setChosen} />`
      }
      <label class="field"><span>Reason <span class="quiet">shown to the people there</span></span>
        <input type="text" maxlength="500" value=${reason} placeholder="For example: making room on your disk" onInput=${(/** @type {any} */ event) => setReason(event.target.value)} /></label>
      <p class="hint"><${Icon} name="hand" size=${14} /><span>${consentWords(script)}</span></p>
      ${tooMany && html`<p class="error" role="alert"><${Icon} name="warning" /><span>${meant.length} devices: choose at most ${MOST_DEVICES} for one run, or use <code>handrail fix --group</code>.</span></p>`}
      ${problem !== "" && html`<p class="error" role="alert"><${Icon} name="warning" /><span>${problem}</span></p>`}
      ${changed && html`<button type="button" class="button" onClick=${onAgain}>Look at the new one</button>`}
      <button type="submit" class="button button-primary" disabled=${!ready}><${Icon} name="play" size=${14} />${busy ? "Starting…" : meant.length === 0 ? "Choose where first" : `Run on ${plural(meant.length, "device")}`}</button>
    </form>
  </section>`;
}

/** @param {{online: import("../fleet.js").Entry[], chosen: ReadonlySet<string>, onChosen: (chosen: ReadonlySet<string>) => void}} props */
function Choice({ online, chosen, onChosen }) {
  const [text, setText] = useState("");
  const words = text.toLowerCase().split(/\s+/).filter(Boolean);
  const found = online.filter((entry) => words.every((word) => entry.words.includes(word)));
  const toggle = (/** @type {string} */ id) => {
    const next = new Set(chosen);
    if (!next.delete(id)) next.add(id);
    onChosen(next);
  };
  if (fleetVersion.value === 0) return html`<${Skeleton} rows=${3} text="Loading devices" />`;
  if (online.length === 0) return html`<p class="quiet">No device is online now. This fills by itself when one comes.</p>`;
  return html`<fieldset class="choice">
    <legend class="visually-hidden">Devices</legend>
    <label class="search"><${Icon} name="search" /><span class="visually-hidden">Search devices</span>
      <input type="search" id="search-field" placeholder="Search name, user, tag or id" value=${text} onInput=${(/** @type {any} */ event) => setText(event.target.value)} /></label>
    <div class="choice-list" role="group" tabindex="0" aria-label="Devices that are online">
      ${found.slice(0, MOST_SHOWN).map(
        ({ device, known, name }) => html`<label class="check" key=${device.id}><input type="checkbox" checked=${chosen.has(device.id)} onChange=${() => toggle(device.id)} /><span class="clip">${name}</span><span class="quiet small clip">${[known?.user, known?.group].filter(Boolean).join(" · ")}</span></label>`,
      )}
      ${found.length === 0 && html`<p class="quiet">Nothing matches.</p>`}
      ${found.length > MOST_SHOWN && html`<p class="quiet small">${found.length - MOST_SHOWN} more: search to narrow.</p>`}
    </div>
    <div class="choice-foot"><span class="quiet small" role="status">${chosen.size} chosen</span>
      ${found.length > 1 && found.length <= MOST_DEVICES && html`<button type="button" class="link" onClick=${() => onChosen(new Set([...chosen, ...found.map(({ device }) => device.id)]))}>Choose all ${found.length}</button>`}
      ${chosen.size > 0 && html`<button type="button" class="link" onClick=${() => onChosen(new Set())}>None</button>`}</div>
  </fieldset>`;
}
