// A colleague calls: who, at which computer, what for; join or decline. Stands over every page and takes no focus.

import { html, useEffect, useRef, useState } from "../lib.js";
import { MOST_REASON, calls, decline, join, keyOf } from "../features/calls.js";
import { duration } from "../format.js";
import { Icon } from "../icons.js";
import { openSession } from "../live.js";

/** @typedef {import("../features/calls.js").Call} Call */

/** Every call that waits for an answer. */
export function IncomingCalls() {
  if (calls.value.length === 0) return null;
  return html`<section class="calls" aria-label="Colleagues who call you">${calls.value.map((call) => html`<${IncomingCall} key=${keyOf(call)} call=${call} />`)}</section>`;
}

/** How long the call still stands; not read out each second. @param {{until: number}} props */
function Left({ until }) {
  const [, tick] = useState(0);
  useEffect(() => {
    const ticking = setInterval(() => tick((count) => count + 1), 1000);
    return () => clearInterval(ticking);
  }, []);
  return html`<span class="num quiet" aria-hidden="true">${duration(Math.max(0, (until - performance.now()) / 1000))} left</span>`;
}

/** @param {{call: Call}} props */
function IncomingCall({ call }) {
  const [later, setLater] = useState(false);
  const [declining, setDeclining] = useState(false);
  const [reason, setReason] = useState("");
  const [busy, setBusy] = useState(false);
  const [fault, setFault] = useState("");
  /** @type {{current: HTMLInputElement | null}} */
  const words = useRef(null);
  /** @type {{current: HTMLButtonElement | null}} */
  const no = useRef(null);
  useEffect(() => {
    if (declining) words.current?.focus();
  }, [declining]);
  const act = async (/** @type {() => Promise<string>} */ answer) => {
    setBusy(true);
    setFault(await answer());
    setBusy(false);
  };
  const submit = (/** @type {Event} */ event) => {
    event.preventDefault();
    act(() => decline(call, reason));
  };
  const back = () => {
    setDeclining(false);
    queueMicrotask(() => no.current?.focus());
  };
  if (later) {
    return html`<article class="call-card call-later" aria-label=${`${call.name} calls you`}>
      <p><${Icon} name="group" /><strong>${call.name}</strong> calls you</p>
      <button type="button" class="button button-small" onClick=${() => setLater(false)}>Answer</button>
      <${Left} until=${call.until} />
    </article>`;
  }
  return html`<article class="call-card" aria-label=${`${call.name} calls you`}>
    <div role="alert">
      <p class="call-who"><${Icon} name="group" /><strong>${call.name}</strong> <span class="tag">tier ${call.tier}</span> calls you to <strong>${call.label}</strong></p>
      <p class="call-note">${call.note || "No note."}</p>
    </div>
    ${fault !== "" && html`<p class="error" role="alert"><${Icon} name="warning" />${fault}</p>`}
    ${
      declining
        ? html`<form
            class="call-no"
            onSubmit=${submit}
            onKeyDown=${(/** @type {KeyboardEvent} */ event) => {
              if (event.key !== "Escape") return;
              event.stopPropagation();
              back();
            }}
          >
            <label
              ><span>Why not <span class="quiet">optional, ${call.name} reads it</span></span>
              <input ref=${words} type="text" maxlength=${MOST_REASON} value=${reason} placeholder="For example: in a meeting until three" onInput=${(/** @type {any} */ event) => setReason(event.target.value)} />
            </label>
            <div class="call-actions">
              <button type="submit" class="button button-primary" disabled=${busy}>${busy ? "Telling them…" : "Decline"}</button>
              <button type="button" class="button" onClick=${back}>Back</button>
              <${Left} until=${call.until} />
            </div>
          </form>`
        : html`<div class="call-actions">
            <button type="button" class="button button-primary" disabled=${busy} title="The user there is asked first" onClick=${() => act(() => join(call, openSession))}>${busy ? "Joining…" : "Join"}</button>
            <button type="button" class="button" ref=${no} disabled=${busy} onClick=${() => setDeclining(true)}>Decline</button>
            <button type="button" class="link" title="Make this small; the call stands until it runs out" onClick=${() => setLater(true)}>Later</button>
            <${Left} until=${call.until} />
          </div>`
    }
  </article>`;
}
