// The column of icons at the edge: every panel of the table, as tabs that the arrow keys walk.

import { html } from "../lib.js";
import { Icon } from "../icons.js";
import { PANELS, allowed } from "./panels.js";

/** @typedef {import("../session_store.js").SessionStore} SessionStore */

const STEPS = /** @type {Readonly<Record<string, number>>} */ ({ ArrowDown: 1, ArrowRight: 1, ArrowUp: -1, ArrowLeft: -1 });

/** @param {{store: SessionStore}} props */
export function Rail({ store }) {
  const { side } = store;
  const at = PANELS.findIndex(({ name }) => name === (side.beside.value || side.last));
  const walk = (/** @type {KeyboardEvent} */ event) => {
    const here = PANELS.findIndex(({ name }) => `tab-${name}` === /** @type {HTMLElement} */ (event.target).id);
    const next = target(event.key, here, PANELS.length);
    if (next === null) return;
    event.preventDefault();
    side.show(PANELS[next].name);
    document.getElementById(`tab-${PANELS[next].name}`)?.focus();
  };
  const folded = side.beside.value === "";
  return html`<div class="rail">
    <div class="rail-tabs" role="tablist" aria-orientation="vertical" aria-label="Beside the picture" onKeyDown=${walk}>
      ${PANELS.map((panel, index) => html`<${Tab} key=${panel.name} store=${store} panel=${panel} reached=${index === Math.max(0, at)} />`)}
    </div>
    <button type="button" class="icon-button rail-fold" title=${folded ? "Open the panel" : "Fold the panel away: more room for the picture"} aria-label=${folded ? "Open the panel" : "Fold the panel away"} aria-expanded=${!folded} onClick=${() => side.toggle()}><${Icon} name=${folded ? "back" : "forward"} /></button>
  </div>`;
}

/**
 * Where a key leads in the column, or null for a key that leads nowhere.
 * @param {string} key
 * @param {number} here
 * @param {number} count
 */
export function target(key, here, count) {
  if (key === "Home") return 0;
  if (key === "End") return count - 1;
  const step = STEPS[key];
  return step === undefined ? null : (here + step + count) % count;
}

/** @param {{store: SessionStore, panel: import("./panels.js").Panel, reached: boolean}} props */
function Tab({ store, panel, reached }) {
  const { name, words, about, icon } = panel;
  const shown = store.side.shows(name);
  const free = allowed(store, panel);
  return html`<button
    type="button"
    role="tab"
    id=${`tab-${name}`}
    class=${free ? "" : "rail-locked"}
    aria-selected=${shown}
    aria-controls=${shown ? `panel-${name}` : undefined}
    tabindex=${reached ? 0 : -1}
    title=${free ? about : `${about}. Not allowed yet: open it to ask.`}
    onClick=${() => store.side.show(name)}
  >
    <span class="rail-icon"><${Icon} name=${icon} size=${20} /><${Mark} badge=${panel.badge?.(store) ?? null} /></span>
    <span class="rail-words">${words}</span>
    ${!free && html`<span class="visually-hidden">, not allowed yet</span>`}
  </button>`;
}

/** @param {{badge: import("./panels.js").Badge}} props */
function Mark({ badge }) {
  if (badge === null) return null;
  if (badge === "busy") return html`<span class="spinner rail-busy"></span>`;
  return html`<span class="count ${badge.kind ? `count-${badge.kind}` : ""}" title=${badge.words}>${badge.text}</span>`;
}
