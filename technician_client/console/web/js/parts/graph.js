// One small graph over time, drawn by uPlot; what it says last stands beside its title as text.

import uPlot from "../../vendor/uplot.js";
import { html, useEffect, useRef } from "../lib.js";

/** @typedef {{name: string, values: number[], colour: "accent" | "warn"}} Series */

const HEIGHT = 64;
/** Seconds that fit in the graph, so that the line moves in from the right. */
const SPAN = 300;

/**
 * @param {{title: string, now: string, detail: string, times: number[], series: Series[], most: number}} props `most`: the top of the
 *   graph (0: grows with what is shown)
 */
export function Graph({ title, now, detail, times, series, most }) {
  /** @type {{current: HTMLDivElement | null}} */
  const box = useRef(null);
  /** @type {{current: any}} */
  const plot = useRef(null);
  useEffect(() => {
    const room = /** @type {HTMLDivElement} */ (box.current);
    plot.current = new uPlot(options(room, series, most), [[], ...series.map(() => [])], room);
    const watcher = new ResizeObserver(() => plot.current.setSize({ width: Math.max(room.clientWidth, 60), height: HEIGHT }));
    watcher.observe(room);
    return () => {
      watcher.disconnect();
      plot.current.destroy();
    };
  }, [most]);
  useEffect(() => {
    const last = times.at(-1) ?? 0;
    plot.current.setData([times, ...series.map(({ values }) => values)], false);
    plot.current.setScale("x", { min: last - SPAN, max: last });
    plot.current.setScale("y", { min: 0, max: most || top(series) });
  });
  return html`<figure class="graph" aria-label=${`${title}: ${now}, ${detail}`}>
    <figcaption><span>${title}</span><strong class="num">${now}</strong><span class="quiet num">${detail}</span></figcaption>
    <div class="graph-plot" ref=${box} aria-hidden="true"></div>
  </figure>`;
}

/** The top of a graph that grows: a little above the largest value. @param {Series[]} series */
function top(series) {
  return Math.max(1000, ...series.flatMap(({ values }) => values)) * 1.1;
}

/** @param {HTMLElement} room @param {Series[]} series @param {number} most */
function options(room, series, most) {
  // Asked for at each stroke, so that a change of theme shows with the next sample.
  const colour = (/** @type {string} */ name) => getComputedStyle(room).getPropertyValue(`--graph-${name}`).trim();
  return {
    width: Math.max(room.clientWidth, 60),
    height: HEIGHT,
    padding: /** @type {[number, number, number, number]} */ ([2, 0, 2, 0]),
    legend: { show: false },
    cursor: { show: false },
    axes: [{ show: false }, { show: false }],
    scales: { x: { time: false }, y: { range: (/** @type {any} */ _plot, /** @type {number} */ _low, /** @type {number} */ high) => /** @type {[number, number]} */ ([0, most || high]) } },
    series: [
      {},
      ...series.map(({ colour: name }) => ({
        stroke: () => colour(name),
        fill: () => colour(`${name}-soft`),
        width: 1.5,
        points: { show: false },
      })),
    ],
  };
}
