// The list of devices: of ten thousand, only those in view are in the page. One stop for the keyboard; arrows, Home, End and letters lead on.

import { html, useEffect, useLayoutEffect, useMemo, useRef, useState } from "../lib.js";
import { healthWords } from "../fleet.js";
import { ago } from "../format.js";
import { Icon } from "../icons.js";
import { clock } from "../live.js";
import { isFavourite, toggleFavourite } from "../preferences.js";
import { TypeAhead, rowAfterKey, scrollFor, visibleRows } from "../virtual.js";

/** Pixels; css/devices.css sets the same. */
export const ROW_HEIGHT = 52;
const HEAD_HEIGHT = 34;

/** @typedef {import("../fleet.js").Entry} Entry */

/**
 * @param {{entries: Entry[], onDevice: (device: DeviceRow) => void, mayAsk: boolean}} props
 */
export function DeviceList({ entries, onDevice, mayAsk }) {
  /** @type {{current: HTMLDivElement | null}} */
  const box = useRef(null);
  const [view, setView] = useState({ top: 0, height: 600 });
  const [active, show] = useState("");
  // Keys may come faster than the page is drawn: the next one begins where the last one ended.
  const chosen = useRef("");
  const setActive = (/** @type {string} */ id) => {
    chosen.current = id;
    show(id);
  };
  const rows = useRows(mayAsk, onDevice, setActive);
  const ahead = useMemo(() => new TypeAhead(), []);
  useLayoutEffect(() => {
    const element = box.current;
    if (element === null) return undefined;
    const measure = () => setView({ top: element.scrollTop, height: Math.max(0, element.clientHeight - HEAD_HEIGHT) });
    measure();
    const observer = new ResizeObserver(measure);
    observer.observe(element);
    return () => observer.disconnect();
  }, []);
  // A search that shortens the list leaves the view at its end, not beyond it.
  useEffect(() => {
    if (box.current !== null && box.current.scrollTop !== view.top) setView({ ...view, top: box.current.scrollTop });
  }, [entries.length]);

  const at = active === "" ? -1 : entries.findIndex(({ device }) => device.id === active);
  const { first, end } = visibleRows(view.top, view.height, ROW_HEIGHT, entries.length);
  const scrolled = () => {
    const top = box.current?.scrollTop ?? 0;
    const next = visibleRows(top, view.height, ROW_HEIGHT, entries.length);
    if (next.first !== first || next.end !== end) setView({ ...view, top });
  };
  const go = (/** @type {number} */ index) => {
    const entry = entries[index];
    const element = box.current;
    if (entry === undefined || element === null) return;
    setActive(entry.device.id);
    const top = scrollFor(index, element.scrollTop, view.height, ROW_HEIGHT);
    element.scrollTop = top;
    setView({ ...view, top });
  };
  const press = (/** @type {KeyboardEvent} */ event) => {
    if (event.ctrlKey || event.altKey || event.metaKey || event.target !== event.currentTarget) return;
    const now = entries.findIndex(({ device }) => device.id === chosen.current);
    const next = rowAfterKey(event.key, now, entries.length, Math.max(1, Math.floor(view.height / ROW_HEIGHT) - 1));
    const entry = entries[now];
    if (next !== null) go(next);
    else if (event.key === "Enter" && entry !== undefined) {
      if (entry.device.online && mayAsk) onDevice(entry.device);
    } else if (event.key === " " && entry !== undefined) void toggleFavourite(entry.device.id);
    else if (event.key.length === 1 && !"/?".includes(event.key) && entries.length > 0) go(ahead.row(event.key, performance.now(), now, entries.length, (index) => entries[index].key));
    else return;
    event.preventDefault();
    event.stopPropagation();
  };
  const shown = at >= first && at < end ? `device-${active}` : undefined;
  return html`<div
    class="table-scroll"
    ref=${box}
    tabindex="0"
    role="grid"
    aria-label="Devices"
    aria-describedby="list-keys"
    aria-rowcount=${entries.length + 1}
    aria-activedescendant=${shown}
    onScroll=${scrolled}
    onKeyDown=${press}
    onFocus=${(/** @type {FocusEvent} */ event) => event.target === event.currentTarget && at < 0 && entries.length > 0 && setActive(entries[first].device.id)}
  >
    <table class="device-table" role="presentation">
      <thead role="rowgroup">
        <tr role="row" aria-rowindex="1">
          ${["Name", "Group", "Health", "Asset tag", "State", "Action"].map((words) => html`<th role="columnheader" class=${`column-${words.toLowerCase().replace(" ", "-")}`}>${words === "Action" ? html`<span class="visually-hidden">Action</span>` : words}</th>`)}
        </tr>
      </thead>
      ${first > 0 && html`<tbody role="presentation" aria-hidden="true"><tr class="room" role="presentation" style=${{ height: `${first * ROW_HEIGHT}px` }}></tr></tbody>`}
      <tbody class="device-rows" role="rowgroup">
        ${entries.slice(first, end).map((entry, index) => rows(entry, first + index + 2, entry.device.id === active))}
      </tbody>
      ${end < entries.length && html`<tbody role="presentation" aria-hidden="true"><tr class="room" role="presentation" style=${{ height: `${(entries.length - end) * ROW_HEIGHT}px` }}></tr></tbody>`}
    </table>
  </div>`;
}

/**
 * The rows as they were last time, where nothing of them has changed: scrolling then draws only those that are new.
 * @param {boolean} mayAsk @param {(device: DeviceRow) => void} onDevice @param {(id: string) => void} onActive
 */
function useRows(mayAsk, onDevice, onActive) {
  /** @type {{current: Map<string, {entry: Entry, index: number, active: boolean, mayAsk: boolean, row: any}>}} */
  const kept = useRef(new Map());
  // A row that is kept calls what is meant now, not what was meant when it was drawn.
  const now = useRef({ onDevice, onActive });
  now.current = { onDevice, onActive };
  const before = kept.current;
  kept.current = new Map();
  return (/** @type {Entry} */ entry, /** @type {number} */ index, /** @type {boolean} */ active) => {
    const { id } = entry.device;
    const old = before.get(id);
    const same = old !== undefined && old.entry === entry && old.index === index && old.active === active && old.mayAsk === mayAsk;
    const row = same
      ? old.row
      : html`<${Row}
          key=${id}
          entry=${entry}
          index=${index}
          active=${active}
          mayAsk=${mayAsk}
          onDevice=${(/** @type {DeviceRow} */ device) => now.current.onDevice(device)}
          onActive=${(/** @type {string} */ one) => now.current.onActive(one)}
        />`;
    kept.current.set(id, { entry, index, active, mayAsk, row });
    return row;
  };
}

/** @param {{entry: Entry, index: number, active: boolean, mayAsk: boolean, onDevice: (device: DeviceRow) => void, onActive: (id: string) => void}} props */
function Row({ entry, index, active, mayAsk, onDevice, onActive }) {
  const { device, known, name } = entry;
  const favourite = isFavourite(device.id);
  return html`<tr
    id=${`device-${device.id}`}
    role="row"
    aria-rowindex=${index}
    aria-selected=${active}
    class="${device.online ? "" : "offline"} ${active ? "active" : ""}"
    onPointerDown=${() => onActive(device.id)}
  >
    <td role="rowheader" class="device-name">
      <button type="button" tabindex="-1" class="star ${favourite ? "star-on" : ""}" aria-pressed=${favourite} aria-label=${`Favourite: ${name}`} onClick=${() => toggleFavourite(device.id)}><${Icon} name="star" /></button>
      <span class="two-lines">
        <span class="clip" title=${name}>${name}</span>
        <span class="clip quiet small">${[known?.user, device.platform].filter(Boolean).join(" · ") || device.id}</span>
      </span>
    </td>
    <td role="gridcell"><span class="clip">${known?.group || html`<span class="quiet">–</span>`}</span></td>
    <td role="gridcell"><${HealthCell} known=${known} /></td>
    <td role="gridcell" class="mono"><span class="clip">${known?.asset_tag || html`<span class="quiet">–</span>`}</span></td>
    <td role="gridcell"><span class="state-cell"><span class="dot ${device.online ? "dot-open" : ""}"></span>${device.online ? "Online" : html`<span class="quiet">Seen ${ago(clock.value - device.last_seen)}</span>`}</span></td>
    <td role="gridcell" class="action">
      <button type="button" tabindex="-1" class="button button-small" disabled=${!device.online || !mayAsk} onClick=${() => onDevice(device)} aria-label=${`Ask to help on ${name}`}>Ask to help</button>
    </td>
  </tr>`;
}

/** @param {{known: import("../fleet.js").KnownRow | null}} props */
export function HealthCell({ known }) {
  const { level, words } = healthWords(known);
  const health = known?.health ?? null;
  if (health === null) return html`<span class="quiet">${words}</span>`;
  return html`<span class="two-lines" title=${health.worst}>
    <span class="health health-${level}"><${Icon} name=${level === "good" ? "check" : level === "poor" ? "critical" : "warning"} size=${14} /><span class="clip">${health.worst || words}</span></span>
    <span class="clip quiet small">${health.worst ? `${words} · ` : ""}${ago(clock.value - health.checked)}</span>
  </span>`;
}
