// Joining by a code that is read out: typed, pasted, or simply begun anywhere on the page.

import { html, useLayoutEffect, useRef, useState } from "../lib.js";
import { codeComplete, codeOf, grouped } from "../format.js";
import { Icon } from "../icons.js";
import { relay } from "../live.js";
import { preferences } from "../preferences.js";
import { keysOf } from "../shortcuts.js";

/** @param {EventTarget | null} target */
export function isTyping(target) {
  return target instanceof HTMLElement && target.matches("input:not([type=checkbox], [type=radio]), textarea, select, [contenteditable]");
}

/** @param {{onCode: (code: string) => void}} props */
export function CodeCard({ onCode }) {
  const [code, setCode] = useState("");
  /** @type {{current: HTMLInputElement | null}} */
  const field = useRef(null);
  const complete = codeComplete(code);
  const online = relay.value?.online === true;
  const submit = (/** @type {Event} */ event) => {
    event.preventDefault();
    if (complete && online) onCode(code);
  };
  const take = (/** @type {string} */ text) => {
    const typed = codeOf(text);
    setCode(typed);
    if (field.current !== null) field.current.value = grouped(typed);
  };
  useLayoutEffect(() => {
    // The user on the telephone reads digits: whoever types them need not aim first.
    const digit = (/** @type {KeyboardEvent} */ event) => {
      if (event.defaultPrevented || event.ctrlKey || event.altKey || event.metaKey || !/^[0-9]$/.test(event.key)) return;
      if (isTyping(event.target) || document.querySelector("dialog[open]")) return;
      field.current?.focus();
    };
    const paste = (/** @type {ClipboardEvent} */ event) => {
      if (isTyping(event.target) || document.querySelector("dialog[open]")) return;
      const text = codeOf(event.clipboardData?.getData("text") ?? "");
      if (!codeComplete(text)) return;
      event.preventDefault();
      take(text);
      field.current?.focus();
    };
    window.addEventListener("keydown", digit);
    window.addEventListener("paste", paste);
    return () => {
      window.removeEventListener("keydown", digit);
      window.removeEventListener("paste", paste);
    };
  }, []);
  return html`<section class="card code-card" aria-labelledby="code-title">
    <h2 id="code-title">Connect by code</h2>
    <p class="quiet" id="code-help">Nine digits that the user reads out to you; a guest's code has eight letters more.</p>
    <form class="code-form" onSubmit=${submit}>
      <span class="code-field">
        <input
          ref=${field}
          id="code-field"
          class="code-input"
          autocapitalize="characters"
          autocomplete="off"
          spellcheck="false"
          aria-label="Code"
          aria-describedby="code-help"
          placeholder="000 000 000"
          value=${grouped(code)}
          onInput=${(/** @type {any} */ event) => take(event.target.value)}
        />
        <kbd title="This key brings you here">${keysOf(preferences.value.shortcuts).code}</kbd>
      </span>
      <button type="submit" class="button button-primary" disabled=${!complete || !online}>Connect</button>
    </form>
    <p class="quiet code-note"><${Icon} name="shield" size=${14} />${
      !online
        ? "A code can be used when the relay is there again."
        : code.includes("-")
          ? "Both sides prove that they know all of it before anything is said."
          : "You will compare six digits with the user before anything is shown."
    }</p>
  </section>`;
}
