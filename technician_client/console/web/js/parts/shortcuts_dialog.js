// The keys that do something everywhere.

import { html, signal, useLayoutEffect, useRef } from "../lib.js";
import { preferences } from "../preferences.js";
import { SHORTCUTS, keysOf } from "../shortcuts.js";

export const showShortcuts = signal(false);

export function ShortcutsDialog() {
  return showShortcuts.value ? html`<${Dialog} />` : null;
}

function Dialog() {
  /** @type {{current: HTMLDialogElement | null}} */
  const dialog = useRef(null);
  useLayoutEffect(() => dialog.current?.showModal(), []);
  const keys = keysOf(preferences.value.shortcuts);
  return html`<dialog class="dialog" ref=${dialog} onClose=${() => (showShortcuts.value = false)} aria-labelledby="shortcuts-title">
    <form method="dialog">
      <h2 id="shortcuts-title">Shortcuts</h2>
      <dl class="keys">
        ${Object.entries(SHORTCUTS).map(([name, { words }]) => html`<div key=${name}><dt>${words}</dt><dd><kbd>${keys[name]}</kbd></dd></div>`)}
        <div><dt>Begin a code</dt><dd><kbd>0</kbd>–<kbd>9</kbd></dd></div>
      </dl>
      <div class="dialog-actions"><a class="button" href="#/settings/shortcuts" onClick=${() => dialog.current?.close()}>Change</a><button type="submit" class="button button-primary">Close</button></div>
    </form>
  </dialog>`;
}
