// "Type this text": several lines, any characters, into whatever has the keyboard over there.

import { html, useLayoutEffect, useRef, useState } from "../lib.js";
import { Icon } from "../icons.js";

/** @param {{store: import("../session_store.js").SessionStore, onClose: () => void}} props */
export function TypeDialog({ store, onClose }) {
  const [text, setText] = useState("");
  /** @type {{current: HTMLDialogElement | null}} */
  const dialog = useRef(null);
  const { longText } = store;
  const progress = longText.progress.value;
  const busy = longText.busy;
  useLayoutEffect(() => {
    dialog.current?.showModal();
    return () => {
      longText.stop();
      longText.forget();
    };
  }, []);
  const submit = (/** @type {Event} */ event) => {
    event.preventDefault();
    longText.start(text);
  };
  return html`<dialog class="dialog" ref=${dialog} aria-labelledby="type-title" onClose=${onClose}>
    <form onSubmit=${submit}>
      <h2 id="type-title">Type this text</h2>
      <p class="quiet">It is typed key by key into whatever has the keyboard there, whatever the layout: also where nothing can be pasted. A new line is Enter.</p>
      <label class="field">Text<textarea rows="7" maxlength="20000" value=${text} disabled=${busy} onInput=${(/** @type {any} */ event) => setText(event.target.value)}></textarea></label>
      ${
        progress !== null &&
        html`<div class="type-progress" role="status">
          <progress max=${progress.all} value=${progress.done} aria-label="Typed"></progress>
          <span>${WORDS[progress.over]}: ${progress.done} of ${progress.all}${progress.missed > 0 ? `; ${progress.missed} characters cannot be typed on that keyboard` : ""}</span>
        </div>`
      }
      <div class="dialog-foot"><div class="dialog-actions">
        ${
          busy
            ? html`<button type="button" class="button button-danger" onClick=${() => longText.stop()}><${Icon} name="stop" size=${14} />Stop typing</button>`
            : html`<button type="button" class="button" onClick=${() => dialog.current?.close()}>Close</button>
              <button type="submit" class="button button-primary" disabled=${text === "" || !store.may("control")}>Type it</button>`
        }
      </div></div>
    </form>
  </dialog>`;
}

const WORDS = /** @type {const} */ ({ "": "Typing", typed: "Typed", stopped: "Stopped", refused: "The device refused" });
