// One parameter of a fix as a field: its kind, range and what is wrong with what was typed.

import { html } from "../lib.js";

/** @param {{parameter: FixParameter, value: string | boolean, error?: string, onValue: (name: string, value: string | boolean) => void}} props */
export function Parameter({ parameter, value, error, onValue }) {
  const { name, kind, title, required, choices, low, high } = parameter;
  const words = title || name;
  const id = `parameter-${name}`;
  if (kind === "bool") {
    return html`<label class="check"><input type="checkbox" checked=${value === true} onChange=${(/** @type {any} */ event) => onValue(name, event.target.checked)} /><span>${words}</span></label>`;
  }
  const change = (/** @type {any} */ event) => onValue(name, event.target.value);
  const range = kind === "int" && (low !== null || high !== null) ? `${low ?? "…"} to ${high ?? "…"}` : "";
  const hint = [required ? "" : "optional", range].filter(Boolean).join(", ");
  return html`<label class="field" for=${id}><span>${words} <span class="quiet">${hint}</span></span>
    ${
      kind === "choice"
        ? html`<select id=${id} value=${value} onChange=${change} aria-invalid=${Boolean(error)}>
            ${!required && html`<option value=""></option>`}
            ${choices.map((choice) => html`<option value=${choice}>${choice}</option>`)}
          </select>`
        : html`<input id=${id} type="text" inputmode=${kind === "int" ? "numeric" : "text"} value=${value} onInput=${change} autocomplete="off" spellcheck="false" aria-invalid=${Boolean(error)} />`
    }
    ${error && html`<span class="field-error" role="alert">${error}</span>`}
  </label>`;
}
