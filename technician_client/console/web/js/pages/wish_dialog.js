// What is asked of the person at the other computer: by device ("ask to help") or by the code they read out.

import { html, useLayoutEffect, useRef, useState } from "../lib.js";
import { grouped } from "../format.js";
import { Icon } from "../icons.js";
import { hello, openSession } from "../live.js";
import { OFFERED, PRESETS, WORDS, presetOf } from "../wishes.js";

/**
 * @typedef {{code?: string, device?: DeviceRow}} Wish
 * @param {{wish: Wish, onClose: () => void}} props
 */
export function WishDialog({ wish, onClose }) {
  /** @type {{current: HTMLDialogElement | null}} */
  const dialog = useRef(null);
  const [wanted, setWanted] = useState(/** @type {string[]} */ ([...PRESETS[1].capabilities]));
  const [reason, setReason] = useState("");
  const [restart, setRestart] = useState(false);
  const [more, setMore] = useState(false);
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState("");
  useLayoutEffect(() => dialog.current?.showModal(), []);

  const name = wish.device ? wish.device.label || wish.device.id : "";
  const submit = async (/** @type {Event} */ event) => {
    event.preventDefault();
    setBusy(true);
    setError("");
    try {
      const target = wish.device ? { device: wish.device.id, label: name } : { code: wish.code, label: "" };
      location.hash = `#/session/${await openSession({ ...target, wanted, reason: reason.trim(), label: target.label, after_restart: restart ? 900 : 0 })}`;
    } catch (problem) {
      setBusy(false);
      setError(String(/** @type {Error} */ (problem).message));
    }
  };
  const toggle = (/** @type {string} */ capability) =>
    setWanted(wanted.includes(capability) ? wanted.filter((one) => one !== capability) : [...wanted, capability]);

  return html`<dialog class="dialog" ref=${dialog} onClose=${onClose} aria-labelledby="wish-title">
    <form onSubmit=${submit}>
      <h2 id="wish-title">${wish.device ? html`Ask to help on ${name}` : html`Connect with code <span class="digits">${grouped(wish.code ?? "")}</span>`}</h2>
      <p class="quiet">${
        wish.device
          ? "The person there sees your certified name and reason, and decides. The device shows who it is before anything is sent."
          : "The person who read the code to you sees your certified name and decides. You will compare six digits."
      }</p>
      <label class="field"
        ><span>Reason <span class="quiet">shown to them</span></span>
        <textarea rows="2" maxlength="500" value=${reason} placeholder="For example: Looking into the printer that you reported" onInput=${(/** @type {any} */ event) => setReason(event.target.value)}></textarea>
      </label>
      <fieldset class="presets">
        <legend>What you ask for</legend>
        ${PRESETS.map(
          ({ value, words, text, capabilities }) => html`<label class="preset">
            <input type="radio" name="preset" checked=${presetOf(wanted) === value} onChange=${() => setWanted([...capabilities])} />
            <span><strong>${words}</strong><span class="quiet">${text}</span></span>
          </label>`,
        )}
      </fieldset>
      <button type="button" class="link" aria-expanded=${more} onClick=${() => setMore(!more)}>${more ? "Fewer choices" : "Choose one by one"}</button>
      ${more && html`<${Capabilities} wanted=${wanted} onToggle=${toggle} />`}
      ${
        more &&
        html`<label class="check">
          <input type="checkbox" checked=${restart} onChange=${() => setRestart(!restart)} />
          <span>come back once without a new question, within 15 minutes after a restart (they are asked about it)</span>
        </label>`
      }
      <div class="dialog-foot">
      ${error && html`<p class="error" role="alert"><${Icon} name="warning" />${error}</p>`}
      <div class="dialog-actions">
        <button type="button" class="button" onClick=${() => dialog.current?.close()}>Cancel</button>
        <button type="submit" class="button button-primary" disabled=${busy || wanted.length === 0}>${busy ? "Calling…" : wish.device ? "Ask" : "Connect"}</button>
      </div>
      </div>
    </form>
  </dialog>`;
}

/** @param {{wanted: string[], onToggle: (capability: string) => void}} props */
function Capabilities({ wanted, onToggle }) {
  const tier = hello.value?.tier ?? 0;
  return html`<ul class="capabilities">
    ${OFFERED.map((capability) => {
      const rule = hello.value?.capabilities[capability];
      const enough = rule === undefined || rule.tier <= tier;
      return html`<li>
        <label class="check" title=${enough ? "" : `Needs tier ${rule?.tier}`}>
          <input type="checkbox" checked=${wanted.includes(capability)} disabled=${!enough} onChange=${() => onToggle(capability)} />
          <span>${WORDS[capability] ?? capability}</span>
        </label>
      </li>`;
    })}
  </ul>`;
}
