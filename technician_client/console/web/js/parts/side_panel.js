// What stands beside the picture and below it: the panels of the table (panels.js), their headings and the edges that are dragged.

import { html, useEffect, useRef } from "../lib.js";
import { LOWEST, NARROWEST, largest } from "../features/side.js";
import { Icon } from "../icons.js";
import { PANELS, shown } from "./panels.js";
import { Needs } from "./permissions.js";
import { Rail } from "./rail.js";

/** @typedef {import("../session_store.js").SessionStore} SessionStore */
/** @typedef {import("./panels.js").Panel} Panel */
/** @typedef {import("../features/side.js").Place} Place */

const USUAL_WIDTH = 380;
const USUAL_HEIGHT = 280;
const STEP = 40;

/** The rail, and left of it the panel that is open. @param {{store: SessionStore}} props */
export function SidePanel({ store }) {
  const panel = PANELS.find(({ name }) => name === store.side.beside.value);
  return html`<aside class="side" aria-label="Tools of the session">
    ${panel !== undefined && html`<${Frame} key=${panel.name} store=${store} panel=${panel} place="beside" />`}
    <${Rail} store=${store} />
  </aside>`;
}

/** The panel below the picture, where there is one. @param {{store: SessionStore}} props */
export function Dock({ store }) {
  const panel = PANELS.find(({ name, below }) => below && name === store.side.below.value);
  return panel === undefined ? null : html`<${Frame} key=${panel.name} store=${store} panel=${panel} place="below" />`;
}

/** @param {{store: SessionStore, panel: Panel, place: Place}} props */
function Frame({ store, panel, place }) {
  const { name, words, component, below } = panel;
  const size = store.side.size(name, place, place === "beside" ? (panel.width ?? USUAL_WIDTH) : USUAL_HEIGHT);
  /** @type {{current: HTMLElement | null}} */
  const frame = useRef(null);
  useEffect(() => frame.current?.style.setProperty("--panel-size", `${size}px`), [size]);
  const other = place === "beside" ? "below" : "beside";
  return html`<section class="side-frame side-${place}" ref=${frame} role="tabpanel" id=${`panel-${name}`} aria-labelledby=${`tab-${name}`}>
    <${Splitter} place=${place} size=${size} onSize=${(/** @type {number} */ wanted) => store.side.resize(name, place, wanted)} />
    <header class="side-head">
      <h2>${words}</h2>
      ${
        below &&
        html`<button type="button" class="icon-button" title=${other === "below" ? "Move below the picture" : "Move beside the picture"} aria-label=${other === "below" ? "Move below the picture" : "Move beside the picture"} onClick=${() => store.side.move(name, other)}><${Icon} name=${other === "below" ? "dockBelow" : "dockBeside"} /></button>`
      }
      <button type="button" class="icon-button" title="Fold away" aria-label=${`Fold away ${words}`} onClick=${() => fold(store, name)}><${Icon} name="cross" size=${14} /></button>
    </header>
    <div class="side-content">${
      shown(store, panel)
        ? html`<${component} store=${store} />`
        : html`<${Needs} store=${store} capability=${panel.capability[0]}>${panel.refused ?? "This is not allowed in this session."}<//>`
    }</div>
  </section>`;
}

/** @param {SessionStore} store @param {string} name */
function fold(store, name) {
  store.side.hide(name);
  document.getElementById(`tab-${name}`)?.focus();
}

/** The edge of a panel, dragged or moved by arrow keys. @param {{place: Place, size: number, onSize: (size: number) => void}} props */
function Splitter({ place, size, onSize }) {
  const beside = place === "beside";
  const drag = (/** @type {PointerEvent} */ event) => {
    const target = /** @type {HTMLElement} */ (event.currentTarget);
    target.setPointerCapture(event.pointerId);
    const box = /** @type {HTMLElement} */ (target.parentElement).getBoundingClientRect();
    const move = (/** @type {PointerEvent} */ next) => onSize(beside ? box.right - next.clientX : box.bottom - next.clientY);
    const up = () => target.removeEventListener("pointermove", move);
    target.addEventListener("pointermove", move);
    target.addEventListener("pointerup", up, { once: true });
    target.addEventListener("pointercancel", up, { once: true });
  };
  const key = (/** @type {KeyboardEvent} */ event) => {
    const [larger, smaller] = beside ? ["ArrowLeft", "ArrowRight"] : ["ArrowUp", "ArrowDown"];
    const step = event.key === larger ? STEP : event.key === smaller ? -STEP : 0;
    if (step === 0) return;
    event.preventDefault();
    onSize(size + step);
  };
  return html`<div class="splitter" role="separator" aria-orientation=${beside ? "vertical" : "horizontal"} aria-label=${beside ? "Width of the panel" : "Height of the panel"} aria-valuenow=${size} aria-valuemin=${beside ? NARROWEST : LOWEST} aria-valuemax=${largest(place)} tabindex="0" onPointerDown=${drag} onKeyDown=${key}></div>`;
}
