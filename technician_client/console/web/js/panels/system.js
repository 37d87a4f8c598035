// The machine by the second: who it is, graphs, the busiest programs, the services. Ending and restarting go through approved fixes.

import { html, useEffect, useState } from "../lib.js";
import { bytes, duration, rate } from "../format.js";
import { Icon } from "../icons.js";
import { clock } from "../live.js";
import { Empty, Segmented, Spinner } from "../parts/controls.js";
import { Graph } from "../parts/graph.js";

/** @typedef {import("../session_store.js").SessionStore} SessionStore */
/** @typedef {import("../features/live.js").Sample} Sample */

const VIEWS = Object.freeze([
  { value: "graphs", words: "Graphs" },
  { value: "processes", words: "Processes" },
  { value: "services", words: "Services" },
]);
const TYPING_MS = 250;

/** @param {{store: SessionStore}} props */
export function SystemPanel({ store }) {
  const { live } = store;
  const ready = store.open.value && store.may("diagnostics");
  useEffect(() => {
    if (!ready) return undefined;
    live.watch();
    return () => live.leave();
  }, [ready]);
  const view = live.view.value;
  return html`<div class="panel panel-system">
    <${Segmented} label="What is shown" options=${VIEWS} value=${view} onChange=${(/** @type {any} */ next) => live.show(next)} />
    ${live.refusal.value && html`<p class="error" role="alert"><${Icon} name="warning" />${live.refusal.value}</p>`}
    ${view === "graphs" && html`<${Facts} store=${store} /><${Graphs} samples=${live.samples.value} />`}
    ${view === "processes" && html`<${Processes} store=${store} />`}
    ${view === "services" && html`<${Services} store=${store} />`}
  </div>`;
}

/** What the tables say of the machine, in a few lines. @param {{store: SessionStore}} props */
function Facts({ store }) {
  const tables = store.diagnostics.tables.value;
  const cell = (/** @type {string} */ table, /** @type {string} */ column) => tables.get(table)?.rows[0]?.[column];
  const booted = cell("uptime", "total_seconds");
  const memory = cell("memory_info", "memory_total");
  const cores = cell("system_info", "cpu_logical_cores");
  const facts = [
    ["Name", cell("system_info", "hostname")],
    ["System", cell("os_version", "pretty_name") ?? cell("os_version", "name")],
    ["Kernel", cell("kernel_info", "version")],
    ["Processor", [cell("system_info", "cpu_brand"), cores === undefined ? undefined : `${cores} threads`].filter(Boolean).join(", ")],
    ["Memory", typeof memory === "number" ? bytes(memory) : undefined],
    ["Running for", typeof booted === "number" ? duration(booted + Math.max(0, clock.value - store.diagnostics.takenAt.value)) : undefined],
  ].filter(([, value]) => value !== undefined && value !== null && value !== "");
  if (facts.length === 0) return null;
  return html`<dl class="facts">${facts.map(([name, value]) => html`<div key=${name}><dt>${name}</dt><dd>${value}</dd></div>`)}</dl>`;
}

/** @param {{samples: Sample[]}} props */
function Graphs({ samples }) {
  const last = samples.at(-1);
  if (last === undefined) return html`<${Spinner} text="Taking the first samples" />`;
  const times = samples.map(({ taken_at }) => taken_at);
  const of = (/** @type {(sample: Sample) => number} */ pick) => samples.map(pick);
  const most = Math.max(...last.cores);
  return html`<div class="graphs">
    <${Graph} title="Processor" now=${`${last.cpu.toFixed(0)} %`} detail=${`busiest of ${last.cores.length}: ${most.toFixed(0)} % · load ${last.load.toFixed(2)}`} times=${times} most=${100}
      series=${[{ name: "all", values: of(({ cpu }) => cpu), colour: "accent" }]} />
    <${Graph} title="Memory" now=${bytes(last.memory_used)} detail=${`of ${bytes(last.memory_total)}${last.swap_total > 0 ? ` · swap ${bytes(last.swap_used)} of ${bytes(last.swap_total)}` : ""}`} times=${times} most=${last.memory_total}
      series=${[{ name: "used", values: of(({ memory_used }) => memory_used), colour: "accent" }]} />
    <${Graph} title="Disks" now=${`${rate(last.disk_read)} read`} detail=${`${rate(last.disk_write)} written`} times=${times} most=${0}
      series=${[{ name: "read", values: of(({ disk_read }) => disk_read), colour: "accent" }, { name: "written", values: of(({ disk_write }) => disk_write), colour: "warn" }]} />
    <${Graph} title="Network" now=${`${rate(last.received)} in`} detail=${`${rate(last.sent)} out`} times=${times} most=${0}
      series=${[{ name: "in", values: of(({ received }) => received), colour: "accent" }, { name: "out", values: of(({ sent }) => sent), colour: "warn" }]} />
  </div>`;
}

/** @param {{store: SessionStore, words: string}} props */
function Search({ store, words }) {
  const [typed, setTyped] = useState(store.live.text.value);
  useEffect(() => {
    if (typed === store.live.text.value) return undefined;
    const timer = setTimeout(() => store.live.search(typed), TYPING_MS);
    return () => clearTimeout(timer);
  }, [typed]);
  return html`<label class="search search-small"><${Icon} name="search" /><span class="visually-hidden">${words}</span><input type="search" placeholder=${words} maxlength="100" value=${typed} onInput=${(/** @type {any} */ event) => setTyped(event.target.value)} /></label>`;
}

/** @param {{store: SessionStore}} props */
function Processes({ store }) {
  const { processes, order } = store.live;
  const shown = processes.value;
  const fix = store.fixes.entry("end-process");
  const head = (/** @type {"cpu" | "memory"} */ name, /** @type {string} */ words) =>
    html`<th scope="col" class="num" aria-sort=${order.value === name ? "descending" : "none"}><button type="button" onClick=${() => store.live.sort(name)}>${words}</button></th>`;
  return html`<${Search} store=${store} words="Search programs and users" />
    ${shown === null && html`<${Spinner} text="Reading which programs run" />`}
    ${shown !== null && shown.rows.length === 0 && html`<${Empty} icon="search" title="No such program">None of the ${shown.running} that run has this in its name or its user's.<//>`}
    ${
      shown !== null &&
      shown.rows.length > 0 &&
      html`<div class="table-scroll" tabindex="0" role="region" aria-label="Programs that run">
        <table class="rows rows-live">
          <thead><tr><th scope="col">Program</th>${head("cpu", "CPU")}${head("memory", "Memory")}<th scope="col"><span class="visually-hidden">Action</span></th></tr></thead>
          <tbody>
            ${shown.rows.map(
              (one) => html`<tr key=${`${one.pid} ${one.started_at}`}>
                <td><span class="clip" title=${`${one.name}, process ${one.pid} of ${one.user}, ${one.threads} threads`}>${one.name}</span><span class="quiet num">${one.pid} · ${one.user || "–"}${one.own ? " · Handrail" : ""}</span></td>
                <td class="num">${one.cpu.toFixed(one.cpu < 10 ? 1 : 0)} %</td>
                <td class="num">${bytes(one.memory)}</td>
                <td>${!one.own && html`<${ByFix} store=${store} fix=${fix} id="end-process" words="End" title=${`End ${one.name} (process ${one.pid})`} parameters=${{ pid: one.pid, name: one.name }} />`}</td>
              </tr>`,
            )}
          </tbody>
        </table>
      </div>
      <p class="quiet num">${shown.rows.length < shown.total ? `${shown.rows.length} of ${shown.total}` : shown.total} shown, ${shown.running} running</p>`
    }`;
}

/** @param {{store: SessionStore}} props */
function Services({ store }) {
  const shown = store.live.services.value;
  const fix = store.fixes.entry("restart-service");
  if (shown === null) return html`<${Spinner} text="Asking for the services" />`;
  if (shown.status !== "ok") return html`<${Empty} icon="notice" title="No services to see">${shown.reason}<//>`;
  return html`<${Search} store=${store} words="Search services" />
    ${shown.rows.length === 0 && html`<${Empty} icon="search" title="No such service" />`}
    <ul class="services">
      ${shown.rows.map(
        (one) => html`<li key=${one.id}>
          <span class="service-state service-${one.active}" aria-hidden="true"></span>
          <span class="service-name"><strong class="clip" title=${one.id}>${one.id.replace(/\.service$/, "")}</strong><span class="quiet clip">${one.description}</span></span>
          <span class="tag ${one.active === "failed" ? "tag-poor" : ""}">${one.active}${one.sub !== one.active ? ` (${one.sub})` : ""}</span>
          <${ByFix} store=${store} fix=${fix} id="restart-service" words="Restart" title=${`Restart ${one.id}`} parameters=${{ unit: one.id }} />
        </li>`,
      )}
    </ul>`;
}

/**
 * A button that leads to the form of an approved fix, filled in.
 * @param {{store: SessionStore, fix: FixEntry | null, id: string, words: string, title: string, parameters: Record<string, string | number>}} props
 */
function ByFix({ store, fix, id, words, title, parameters }) {
  const why = fix === null ? `Your organisation has not approved a fix called ${id}.` : fix.available ? title : fix.why_not;
  const go = () => {
    store.fixes.chosen.value = { fix: id, finding: null, parameters };
    store.side.show("fixes");
  };
  return html`<button type="button" class="button button-small" disabled=${fix === null || !fix.available} title=${why} aria-label=${title} onClick=${go}>${words}</button>`;
}
