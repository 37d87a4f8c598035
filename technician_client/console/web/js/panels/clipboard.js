// The clipboard: to there, and from there.

import { html, useEffect } from "../lib.js";
import { pasted } from "../features/clipboard.js";
import { bytes } from "../format.js";
import { Icon } from "../icons.js";
import { Spinner } from "../parts/controls.js";
import { Needs } from "../parts/permissions.js";

const SHOWN_CHARACTERS = 20_000;

/** @param {{store: import("../session_store.js").SessionStore}} props */
export function ClipboardPanel({ store }) {
  const { clipboard } = store;
  const { text, level } = clipboard.status.value;
  return html`<div class="panel clipboard">
    ${
      store.may("clipboard_in")
        ? html`<${ToThere} clipboard=${clipboard} />`
        : html`<${Needs} store=${store} capability="clipboard_in">To put something on the clipboard there, ask the user.<//>`
    }
    ${
      store.may("clipboard_out")
        ? html`<${FromThere} store=${store} />`
        : html`<${Needs} store=${store} capability="clipboard_out">To read the clipboard there, ask the user.<//>`
    }
    <p class="clipboard-status ${level}" role="status">${text}</p>
  </div>`;
}

/** @param {{clipboard: import("../features/clipboard.js").Clipboard}} props */
function ToThere({ clipboard }) {
  const paste = (/** @type {ClipboardEvent} */ event) => {
    event.preventDefault();
    const what = pasted(event.clipboardData);
    if (what === null) clipboard.say("There is neither text nor a PNG image on your clipboard.");
    else clipboard.put(what);
  };
  return html`<section aria-label="To there">
    <h4>To there</h4>
    <div class="clipboard-line">
      <input type="text" class="clipboard-field" aria-label="Press Ctrl+V here to put your clipboard there" placeholder="Ctrl+V here" value="" onPaste=${paste} onInput=${(/** @type {any} */ event) => (event.target.value = "")} />
      <button type="button" class="button button-primary" disabled=${clipboard.busy.value} onClick=${() => clipboard.putOwn()}><${Icon} name="up" />Put my clipboard there</button>
    </div>
    <p class="quiet">Ctrl+V in the picture does the same and then pastes there. Text up to 1 MiB or a PNG image up to 16 MiB; the user's record says that, not what.</p>
  </section>`;
}

/** @param {{store: import("../session_store.js").SessionStore}} props */
function FromThere({ store }) {
  const { clipboard } = store;
  useEffect(() => {
    if (store.open.value) clipboard.watch();
  }, [store.open.value]);
  return html`<section aria-label="From there">
    <h4>From there</h4>
    <${There} clipboard=${clipboard} />
    <label class="check"><input type="checkbox" checked=${clipboard.follow.value} onChange=${(/** @type {any} */ event) => (clipboard.follow.value = event.target.checked)} /><span>Bring what is copied there to my clipboard by itself</span></label>
  </section>`;
}

/** @param {{clipboard: import("../features/clipboard.js").Clipboard}} props */
function There({ clipboard }) {
  const there = clipboard.there.value;
  const text = clipboard.text.value;
  const image = clipboard.image.value;
  if (there === null) return html`<${Spinner} text="Looking" />`;
  if (there.concealed) return html`<p><${Icon} name="shield" /> A password manager marked it as a secret. It is not sent.</p>`;
  if (there.ours) return html`<p class="quiet">It is what you put there.</p>`;
  if (there.kinds.length === 0) return html`<p class="quiet">There is neither text nor an image on it. When the user copies something, it is named here.</p>`;
  const what = there.kinds.includes("text") ? "text" : "an image";
  return html`<div>
    <p>There is ${what} on it${image === null ? "" : ` (${bytes(image.size)})`}.</p>
    ${text !== null && html`<pre class="clipboard-text" tabindex="0" aria-label="Text of the clipboard there">${text.slice(0, SHOWN_CHARACTERS)}</pre>`}
    <div class="clipboard-line">
      ${text === null && image === null && html`<button type="button" class="button" disabled=${clipboard.busy.value} onClick=${() => clipboard.bring()}>Show it</button>`}
      <button type="button" class="button" disabled=${clipboard.busy.value} onClick=${() => (text === null && image === null ? clipboard.bring(true) : clipboard.copy())}><${Icon} name="clipboard" />Copy it to my clipboard</button>
    </div>
  </div>`;
}
