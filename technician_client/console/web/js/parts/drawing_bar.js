// The tools for pointing and drawing, and the stroke under the hand.

import { html } from "../lib.js";
import { COLOURS, outline } from "../features/drawing.js";
import { Icon } from "../icons.js";
import { Segmented } from "./controls.js";
import { Needs } from "./permissions.js";

/** @typedef {import("../session_store.js").SessionStore} SessionStore */

const TOOLS = [
  { value: "point", icon: "pointer", words: "Point", key: "1" },
  { value: "pen", icon: "pen", words: "Pen", key: "2" },
  { value: "arrow", icon: "arrow", words: "Arrow", key: "3" },
  { value: "rectangle", icon: "stop", words: "Rectangle", key: "4" },
  { value: "ellipse", icon: "ellipse", words: "Ellipse", key: "5" },
];

/** What a key means while drawing; true when it meant something. @param {SessionStore} store @param {KeyboardEvent} event */
export function drawingKey({ drawing }, event) {
  if (event.ctrlKey || event.altKey || event.metaKey) return false;
  const tool = TOOLS.find(({ key }) => key === event.key);
  if (tool !== undefined) drawing.tool.value = /** @type {any} */ (tool.value);
  else if (event.key === "Delete" || event.key === "Backspace") drawing.clear();
  else if (event.key.toLowerCase() === "c") drawing.colour.value = (drawing.colour.value + 1) % COLOURS.length;
  else return false;
  return true;
}

/** @param {{store: SessionStore}} props */
export function DrawingBar({ store }) {
  const { drawing } = store;
  if (!store.may("pointer")) {
    return html`<div class="drawbar"><${Needs} store=${store} capability="pointer">You may not point and draw in this session.<//></div>`;
  }
  const options = TOOLS.map(({ value, icon, words, key }) => ({
    value,
    words: html`<${Icon} name=${icon} /><span class="visually-hidden">${words}</span>`,
    title: `${words} (${key})`,
  }));
  const state = drawing.state.value;
  return html`<div class="drawbar" role="toolbar" aria-label="Point and draw">
    <${Segmented} label="Tool" options=${options} value=${drawing.tool.value} onChange=${(/** @type {any} */ tool) => (drawing.tool.value = tool)} />
    <div class="swatches" role="radiogroup" aria-label="Colour">
      ${COLOURS.map(
        ({ words, value }, index) => html`<button type="button" role="radio" class="swatch" aria-checked=${drawing.colour.value === index} aria-label=${words} title=${`${words} (C: next)`} onClick=${() => (drawing.colour.value = index)}>
          <svg viewBox="0 0 16 16" width="16" height="16" aria-hidden="true"><circle cx="8" cy="8" r="7" fill=${value} /></svg>
        </button>`,
      )}
    </div>
    <label class="check"><input type="checkbox" checked=${drawing.stays.value} onChange=${(/** @type {any} */ event) => (drawing.stays.value = event.target.checked)} />Stays</label>
    <button type="button" class="button button-small" title="Take every stroke away (Delete)" onClick=${() => drawing.clear()}>Clear</button>
    ${
      state !== null && !state.shown
        ? html`<p class="drawbar-note" role="alert"><${Icon} name="warning" />${state.text}</p>`
        : html`<span class="quiet">The user sees it. Nothing is clicked.</span>`
    }
  </div>`;
}

/** The stroke under the hand, over the picture. @param {{store: SessionStore}} props */
export function StrokePreview({ store }) {
  const stroke = store.drawing.preview.value;
  const layout = store.layout.value;
  if (stroke === null || layout === null) return null;
  const path = outline(stroke);
  return html`<svg class="stroke-preview" viewBox=${`0 0 ${layout.width} ${layout.height}`} aria-hidden="true">
    <path d=${path} stroke="#fff" stroke-width="9" />
    <path d=${path} stroke=${COLOURS[stroke.colour].value} stroke-width="5" />
  </svg>`;
}
