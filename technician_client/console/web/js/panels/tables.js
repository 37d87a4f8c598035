// The tables of the machine under osquery's names: each with its state, rows, and how long it took.

import { html, useState } from "../lib.js";
import { cellText, span } from "../format.js";
import { Icon } from "../icons.js";
import { Empty, Spinner } from "../parts/controls.js";

/** @typedef {import("../session_store.js").SessionStore} SessionStore */
/** @typedef {import("../features/diagnostics.js").Table} Table */

const MOST_ROWS = 300;

/** @param {{store: SessionStore}} props */
export function TablesPanel({ store }) {
  const [open, setOpen] = useState("");
  const tables = [...store.diagnostics.tables.value.values()].sort((a, b) => a.name.localeCompare(b.name));
  const shown = store.diagnostics.tables.value.get(open);
  if (shown !== undefined) return html`<${TableView} table=${shown} onBack=${() => setOpen("")} />`;
  if (tables.length === 0) {
    return store.diagnostics.state.value === "collecting"
      ? html`<div class="panel"><${Spinner} text="Reading tables" /></div>`
      : html`<${Empty} icon="table" title="No tables yet"><button type="button" class="button" onClick=${() => store.diagnostics.collect()}>Read them</button><//>`;
  }
  return html`<div class="panel">
    <ul class="tables">
      ${tables.map(
        (table) => html`<li key=${table.name}>
          <button type="button" onClick=${() => setOpen(table.name)}>
            <span class="mono clip">${table.name}</span>
            <${TableState} table=${table} />
            <${Icon} name="forward" size=${14} />
          </button>
        </li>`,
      )}
    </ul>
  </div>`;
}

/** @param {{table: Table}} props */
function TableState({ table }) {
  if (table.status === "ok") {
    return html`<span class="quiet num">${table.rows.length}${table.truncated > 0 ? "+" : ""} ${table.rows.length === 1 ? "row" : "rows"} · ${span(table.duration_ms)}</span>`;
  }
  return html`<span class="tag ${table.status === "failed" ? "tag-poor" : ""}" title=${table.reason}>${table.status}</span>`;
}

/** @param {Cell} a @param {Cell} b */
function compare(a, b) {
  if (typeof a === "number" && typeof b === "number") return a - b;
  return cellText(a).localeCompare(cellText(b), undefined, { numeric: true });
}

/** @param {{table: Table, onBack: () => void}} props */
function TableView({ table, onBack }) {
  const [text, setText] = useState("");
  const [order, setOrder] = useState({ column: "", down: false });
  const columns = [...new Set(table.rows.flatMap((row) => Object.keys(row)))];
  const wanted = text.trim().toLowerCase();
  const rows = table.rows.filter((row) => wanted === "" || Object.values(row).some((cell) => cellText(cell).toLowerCase().includes(wanted)));
  if (order.column !== "") rows.sort((a, b) => compare(a[order.column], b[order.column]) * (order.down ? -1 : 1));
  const sort = (/** @type {string} */ column) => setOrder({ column, down: order.column === column && !order.down });
  return html`<div class="panel panel-table">
    <div class="panel-head">
      <button type="button" class="icon-button" aria-label="All tables" onClick=${onBack}><${Icon} name="back" /></button>
      <h3 class="mono clip">${table.name}</h3>
      <${TableState} table=${table} />
    </div>
    ${table.status !== "ok" && html`<p class="quiet">${table.reason || "No reason was given."}</p>`}
    ${table.rows.length > 8 && html`<label class="search search-small"><${Icon} name="search" /><span class="visually-hidden">Search the rows</span><input type="search" placeholder="Search rows" value=${text} onInput=${(/** @type {any} */ event) => setText(event.target.value)} /></label>`}
    ${
      table.rows.length === 1
        ? html`<dl class="facts facts-table">${Object.entries(table.rows[0]).map(([name, cell]) => html`<div key=${name}><dt>${name}</dt><dd>${cellText(cell)}</dd></div>`)}</dl>`
        : table.rows.length > 0 &&
          html`<div class="table-scroll" tabindex="0" role="region" aria-label=${`Rows of ${table.name}`}>
            <table class="rows">
              <thead><tr>${columns.map(
                (column) => html`<th key=${column} scope="col" aria-sort=${order.column === column ? (order.down ? "descending" : "ascending") : "none"}><button type="button" onClick=${() => sort(column)}>${column}</button></th>`,
              )}</tr></thead>
              <tbody>${rows.slice(0, MOST_ROWS).map((row, index) => html`<tr key=${index}>${columns.map((column) => html`<td key=${column} class=${typeof row[column] === "number" ? "num" : ""}>${cellText(row[column])}</td>`)}</tr>`)}</tbody>
            </table>
          </div>`
    }
    ${rows.length > MOST_ROWS && html`<p class="quiet">${rows.length - MOST_ROWS} more rows: search to narrow them.</p>`}
    ${table.truncated > 0 && html`<p class="quiet">${table.truncated} rows were left out by the device's size budget.</p>`}
  </div>`;
}
