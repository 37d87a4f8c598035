// The talk with the user.

import { html, useEffect, useRef, useState } from "../lib.js";
import { Icon } from "../icons.js";
import { Empty } from "../parts/controls.js";
import { Needs } from "../parts/permissions.js";

/** @param {{store: import("../session_store.js").SessionStore}} props */
export function ChatPanel({ store }) {
  const [typed, setTyped] = useState("");
  /** @type {{current: HTMLDivElement | null}} */
  const list = useRef(null);
  const lines = store.chat.lines.value;
  useEffect(() => {
    store.chat.show(true);
    return () => store.chat.show(false);
  }, []);
  useEffect(() => {
    if (list.current !== null) list.current.scrollTop = list.current.scrollHeight;
  }, [lines.length]);
  const submit = (/** @type {Event} */ event) => {
    event.preventDefault();
    if (store.chat.say(typed, Date.now() / 1000)) setTyped("");
  };
  const key = (/** @type {KeyboardEvent} */ event) => {
    if (event.key === "Enter" && !event.shiftKey && !event.isComposing) submit(event);
  };
  return html`<div class="panel panel-chat">
    <div class="chat-lines" ref=${list} role="log" aria-label="Chat" tabindex="0">
      ${lines.length === 0 && html`<${Empty} icon="chat" title="Nothing said yet">What you write appears on the user's screen.<//>`}
      ${lines.map(
        ({ from, name, text, at }, index) => html`<div key=${index} class="bubble bubble-${from}">
          ${from === "colleague" ? html`<span class="bubble-name">${name}</span>` : html`<span class="visually-hidden">${from === "user" ? "User" : "You"}:</span>`}
          <p>${text}</p>
          ${at > 0 && html`<time>${new Date(at * 1000).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" })}</time>`}
        </div>`,
      )}
    </div>
    ${
      store.may("chat")
        ? html`<form class="chat-form" onSubmit=${submit}>
            <textarea rows="2" maxlength="4000" aria-label="Message" placeholder="Write to the user" value=${typed} onInput=${(/** @type {any} */ event) => setTyped(event.target.value)} onKeyDown=${key}></textarea>
            <button type="submit" class="button button-primary" aria-label="Send" disabled=${typed.trim() === ""}><${Icon} name="send" /></button>
          </form>`
        : html`<${Needs} store=${store} capability="chat">You may not chat in this session.<//>`
    }
  </div>`;
}
