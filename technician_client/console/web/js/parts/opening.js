// Before a session is open and after it has ended.

import { html, useEffect, useState } from "../lib.js";
import { duration } from "../format.js";
import { Icon } from "../icons.js";
import { endSession } from "../live.js";
import { WORDS, inOrder } from "../wishes.js";
import { Empty, Spinner } from "./controls.js";
import { TopBar } from "./topbar.js";

/** @typedef {import("../session_store.js").SessionStore} SessionStore */

/** @param {{session: SessionSnapshot, store: SessionStore}} props */
export function Opening({ session, store }) {
  const waiting = session.phase === "waiting";
  const title = waiting ? "Waiting for an answer" : session.phase === "connected" ? "Connected, checking" : "Calling the device";
  const cancel = async () => {
    await endSession(session.id);
    location.hash = "#/";
  };
  return html`<div class="page">
    <${TopBar} />
    <main class="center">
      <section class="card opening" aria-labelledby="opening-title" aria-live="polite">
        <${Steps} phase=${session.phase} />
        <h1 id="opening-title">${title}</h1>
        <p class="opening-device">
          ${session.verified ? html`<${Icon} name="shield" size=${18} />` : null}<strong>${session.label || "The device behind the code"}</strong>
          <span class="quiet">${session.verified ? "certified by your organisation" : session.guest ? "a guest: it knows the code, nobody certifies it" : "not verified yet"}</span>
        </p>
        ${session.says && html`<p class="opening-says">They say: “${session.says}”</p>`}
        ${session.sas && html`<${CheckDigits} sas=${session.sas} compare=${session.by_code} />`}
        ${waiting ? html`<${Countdown} session=${session} store=${store} />` : html`<div class="opening-wait"><${Spinner} text=${session.verified || session.guest ? "Waiting for the device" : "The device is being called"} /></div>`}
        <${Wanted} wanted=${session.wanted} reason=${session.reason} />
        <div class="dialog-actions"><button type="button" class="button" onClick=${cancel}>Cancel</button></div>
      </section>
    </main>
  </div>`;
}

const STEPS = /** @type {const} */ ([
  ["dialling", "Call"],
  ["connected", "Verify"],
  ["waiting", "Consent"],
  ["open", "Open"],
]);

/** @param {{phase: string}} props */
function Steps({ phase }) {
  const at = STEPS.findIndex(([name]) => name === phase);
  return html`<ol class="steps" aria-label="Progress">
    ${STEPS.map(
      ([name, words], index) => html`<li key=${name} class=${index < at ? "step-done" : index === at ? "step-now" : ""} aria-current=${index === at ? "step" : undefined}>
        <span class="step-mark">${index < at ? html`<${Icon} name="check" size=${12} />` : index + 1}</span>${words}
      </li>`,
    )}
  </ol>`;
}

/** @param {{sas: string, compare: boolean}} props */
function CheckDigits({ sas, compare }) {
  return html`<div class="sas-box">
    <p class="sas" aria-label=${`Check digits ${[...sas].join(" ")}`}><span>${sas.slice(0, 3)}</span><span>${sas.slice(3)}</span></p>
    <p class="quiet">${
      compare
        ? "Ask: “Which six digits do you see?” Go on only if they are these. If they differ, somebody is in between: cancel."
        : "The user's screen shows the same six digits."
    }</p>
  </div>`;
}

/** @param {{session: SessionSnapshot, store: SessionStore}} props */
function Countdown({ session, store }) {
  const total = session.answer_in ?? 0;
  const [now, setNow] = useState(performance.now());
  useEffect(() => {
    const timer = setInterval(() => setNow(performance.now()), 500);
    return () => clearInterval(timer);
  }, []);
  const left = Math.max(0, total - (now - store.receivedAt.value) / 1000);
  return html`<div class="countdown">
    <progress max=${total || 1} value=${left}></progress>
    <span class="quiet">The person has ${duration(left)} to answer. No answer is a No.</span>
  </div>`;
}

/** @param {{wanted: string[], reason: string}} props */
function Wanted({ wanted, reason }) {
  return html`<div class="wanted">
    <p class="quiet">You ask to</p>
    <ul>${inOrder(wanted).map((capability) => html`<li key=${capability}>${WORDS[capability] ?? capability}</li>`)}</ul>
    ${reason && html`<p class="quiet">Reason: <q>${reason}</q></p>`}
  </div>`;
}

const ENDINGS = /** @type {Record<string, string>} */ ({
  denied_by_user: "The person said No",
  no_answer: "Nobody answered",
  nobody_to_ask: "Nobody is there",
  tier_too_low: "Your tier is too low",
  not_opened: "The session did not open",
  cancelled: "Cancelled",
  expired: "The time is over",
});

/** @param {{session: SessionSnapshot, store: SessionStore}} props */
export function Over({ session, store }) {
  const over = session.over;
  const title = ENDINGS[over?.reason ?? ""] ?? (over?.clean === false ? "The session was cut" : "The session has ended");
  const opened = session.session_id !== "";
  return html`<div class="page">
    <${TopBar} />
    <main class="center">
      <section class="card opening" aria-labelledby="over-title">
        <span class="over-mark ${over?.clean === false ? "over-poor" : ""}"><${Icon} name=${over?.clean === false ? "away" : opened ? "check" : "hand"} size=${26} /></span>
        <h1 id="over-title">${title}</h1>
        <p class="opening-device">${session.verified && html`<${Icon} name="shield" size=${18} />`}<strong>${session.label || "The device behind the code"}</strong></p>
        ${store.restart.state.value?.stage === "gone" && html`<p role="status">${
          store.restart.state.value.back > 0
            ? "The computer restarted and did not come back in time. Ask to help again as soon as the list of devices shows it."
            : "The computer restarts. The user had not agreed that you come back by yourself: ask to help again when it is there."
        }</p>`}
        <p>${over?.text}</p>
        ${over?.receipt && html`<${Receipt} text=${over.receipt} />`}
        <div class="dialog-actions">${opened && html`<a class="button" href=${`#/past/${session.session_id}`}>Receipt and notes</a>`}<a class="button button-primary" href="#/">Back to the devices</a></div>
      </section>
    </main>
  </div>`;
}

/** What the agent wrote down about the session; the user keeps the same. @param {{text: string}} props */
function Receipt({ text }) {
  let shown = text;
  try {
    shown = JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    // Shown as it came: a receipt that is no JSON is still what the device sent.
  }
  return html`<details class="receipt"><summary>Receipt <span class="quiet">the user keeps the same</span></summary><pre tabindex="0">${shown}</pre></details>`;
}

export function Unknown() {
  return html`<div class="page">
    <${TopBar} />
    <main class="center">
      <section class="card opening">
        <${Empty} icon="screen" title="This session is not here">It has ended, or the console was started anew.<//>
        <div class="dialog-actions"><a class="button button-primary" href="#/">Back to the devices</a></div>
      </section>
    </main>
  </div>`;
}
