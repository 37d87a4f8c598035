// Link quality: one word in the bar, the numbers and the reason below it.

import { html, useEffect, useState } from "../lib.js";
import { rate, span } from "../format.js";
import { bottleneck } from "../features/link.js";
import { heldWords, judge, wayRows } from "../features/quality.js";
import { Icon } from "../icons.js";
import { Menu } from "./controls.js";

/** @param {{store: import("../session_store.js").SessionStore}} props */
export function Quality({ store }) {
  const [, tick] = useState(0);
  useEffect(() => {
    const timer = setInterval(() => tick((count) => count + 1), 1000);
    return () => clearInterval(timer);
  }, []);
  const stats = store.stats.value;
  const screen = store.screen;
  const latency = screen?.latency.milliseconds(stats?.round_trip_ms ?? null, performance.now()) ?? null;
  const { state, text } = store.stream.value;
  const verdict = judge({
    stats,
    latency,
    decode: screen?.decodeMs ?? 0,
    paused: store.paused.value,
    state,
    stateText: text,
    exact: screen?.exact ?? false,
  });
  const link = store.linkHistory.numbers(stats, performance.now());
  const where = bottleneck({ stats, decode: screen?.decodeMs ?? 0, report: store.report.value, numbers: link });
  const trip = stats === null || stats.round_trip_ms === null ? "–" : span(stats.round_trip_ms);
  const numbers = /** @type {const} */ ([
    ["Round trip", trip, "to the device and back, through the relay, smoothed"],
    ["Worst", link.worst === null ? "–" : span(link.worst), "the longest round trip of the last minute"],
    ["Picture age", latency === null ? "–" : span(latency), "from the change there to its paint here (estimate)"],
    ["Updates", stats === null ? "–" : `${stats.updates_per_second.toFixed(stats.updates_per_second < 10 ? 1 : 0)} /s`, "changes painted each second"],
    ["Traffic", stats === null ? "–" : rate(stats.bytes_per_second), "picture data that came in during the last second"],
    ["Minute", stats === null ? "–" : `${rate(link.mean)}, peak ${rate(link.peak)}`, "the same over the last minute: mean and most"],
    ["Stalls", link.stalls === 0 ? "none" : `${link.stalls} × up to ${span(link.longest)}`, "times in the last minute that the picture came more than half a second late"],
    ["Paint", span(screen?.decodeMs ?? 0), "decoding and painting one update here"],
  ]);
  const label = html`<span class="dot level-${verdict.level}"></span>${verdict.words}<span class="quiet num">${trip}</span>`;
  return html`<${Menu} label=${label} title="Link quality" className="button quality" align="right" name="quality">
    <p class="quality-why"><strong>${verdict.words}.</strong> ${verdict.why}</p>
    <dl class="numbers">
      ${numbers.map(([name, value, hint]) => html`<div key=${name} title=${hint}><dt>${name}</dt><dd>${value}</dd></div>`)}
    </dl>
    <p class="quality-where" data-place=${where.place || "nowhere"}>${where.words}</p>
    <${Ways} report=${store.report.value} />
    <p class="quiet quality-source"><${Icon} name="screen" size=${14} />${source(store.layout.value)}</p>
  <//>`;
}

/** How the picture went in the last second in which something was sent. @param {{report: any}} props */
function Ways({ report }) {
  const rows = wayRows(report);
  if (rows.length === 0) return null;
  const held = heldWords(report);
  return html`<table class="ways">
      <caption class="quiet">The picture lately, and why this way</caption>
      <thead><tr><th scope="col">Way</th><th scope="col">Pieces</th><th scope="col">Data</th><th scope="col">Work</th></tr></thead>
      <tbody>
        ${rows.map(({ name, why, count, bytes, ms }) => html`<tr key=${name} title=${why}><th scope="row">${name}</th><td class="num">${count}</td><td class="num">${amount(bytes)}</td><td class="num">${span(ms)}</td></tr>`)}
      </tbody>
    </table>
    <p class="quiet">Link about ${rate(report.byte_rate)}${report.path_ms === 0 ? "" : `, ${span(report.path_ms)} to an answer`}${held ? `. Newer pictures waited: ${held}.` : "."}</p>`;
}

/** @param {number} bytes */
function amount(bytes) {
  return rate(bytes).replace("/s", "");
}

/** @param {any} layout */
function source(layout) {
  if (layout === null) return "No picture yet.";
  const note = [layout.backend, layout.note].filter(Boolean).join(", ");
  return `${layout.width} × ${layout.height}${note ? ` – ${note}` : ""}`;
}
