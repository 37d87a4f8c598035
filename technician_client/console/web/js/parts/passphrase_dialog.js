// The dialog that asks for the passphrase again.

import { html, useLayoutEffect, useRef, useState } from "../lib.js";
import { Icon } from "../icons.js";
import { prove } from "../ask.js";
import { question } from "../step_up.js";

export function PassphraseDialog() {
  return question.value === null ? null : html`<${Question} answer=${question.value} />`;
}

/** @param {{answer: (proved: boolean) => void}} props */
function Question({ answer }) {
  /** @type {{current: HTMLDialogElement | null}} */
  const dialog = useRef(null);
  const [typed, setTyped] = useState("");
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState("");
  useLayoutEffect(() => dialog.current?.showModal(), []);
  const submit = async (/** @type {Event} */ event) => {
    event.preventDefault();
    setBusy(true);
    const wrong = await prove(typed);
    setBusy(false);
    setTyped("");
    if (wrong === "") answer(true);
    else setError(wrong);
  };
  return html`<dialog class="dialog" ref=${dialog} onClose=${() => answer(false)} aria-labelledby="passphrase-title">
    <form onSubmit=${submit}>
      <h2 id="passphrase-title">Your passphrase, please</h2>
      <p class="quiet">You ask for something far-reaching, and your key was unlocked more than 15 minutes ago.</p>
      <label class="field">
        <span>Passphrase of your key</span>
        <input type="password" autocomplete="off" required value=${typed} onInput=${(/** @type {any} */ event) => setTyped(event.target.value)} />
      </label>
      <div class="dialog-foot">
        ${error && html`<p class="error" role="alert"><${Icon} name="warning" />${error}</p>`}
        <div class="dialog-actions">
          <button type="button" class="button" onClick=${() => dialog.current?.close()}>Cancel</button>
          <button type="submit" class="button button-primary" disabled=${busy || typed === ""}>${busy ? "Checking…" : "Unlock"}</button>
        </div>
      </div>
    </form>
  </dialog>`;
}
