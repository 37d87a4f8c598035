// What stands where something is loading, missing, old or refused: each says what to do next.

import { html, useEffect, useState } from "../lib.js";
import { lasts, moment } from "../format.js";
import { Icon } from "../icons.js";
import { consoleUp, relay } from "../live.js";
import { expired, renew, renewing, standing } from "../standing.js";

/** Rows that are not there yet. @param {{rows?: number, text: string}} props */
export function Skeleton({ rows = 6, text }) {
  return html`<div class="skeleton" role="status">
    <span class="visually-hidden">${text}</span>
    ${Array.from({ length: rows }, (_, index) => html`<div class="skeleton-row" key=${index} aria-hidden="true"><span class="bone bone-name"></span><span class="bone"></span><span class="bone bone-short"></span></div>`)}
  </div>`;
}

/** How long until the relay is tried again. @param {{until: number}} props performance.now() */
function Countdown({ until }) {
  const [, tick] = useState(0);
  useEffect(() => {
    const timer = setInterval(() => tick((count) => count + 1), 500);
    return () => clearInterval(timer);
  }, []);
  const left = (until - performance.now()) / 1000;
  // Not read out each second: the words beside it say enough.
  return html`<span class="num" aria-hidden="true">${left > 0 ? `Trying again in ${Math.ceil(left)} s.` : "Trying again now."}</span>`;
}

/** Says why what is shown may be old, what still works, and what happens next. */
export function Banner() {
  if (!consoleUp.value) {
    return html`<div class="banner banner-poor" role="alert"><${Icon} name="away" /><span>The console on this computer has stopped. Start it again with <code>handrail console</code>; this page comes back by itself.</span></div>`;
  }
  const state = relay.value;
  if (expired.value) return html`<${ExpiredBanner} />`;
  if (state === null || state.online) return null;
  if (state.refused) {
    return html`<div class="banner banner-poor" role="alert"><${Icon} name="warning" /><span>The relay refuses this identity: ${state.text} It is not tried again by itself. When that is mended, end the console and start it anew.</span></div>`;
  }
  return html`<div class="banner banner-poor" role="alert"><${Icon} name="away" /><span>No connection to the relay. ${state.text} <${Countdown} until=${state.retryAt} /> The list is as it was last seen; open sessions go on as long as their devices are reached; nobody new can be asked.</span></div>`;
}

function ExpiredBanner() {
  const [problem, setProblem] = useState("");
  return html`<div class="banner banner-poor" role="alert">
    <${Icon} name="key" />
    <span>Your certificate expired ${moment(standing.value?.not_after ?? 0)}: no device lets you in until it is renewed. ${problem}</span>
    <button type="button" class="button button-small" disabled=${renewing.value} onClick=${async () => setProblem(await renew())}>${renewing.value ? "Renewing…" : "Renew now"}</button>
  </div>`;
}

/** Something could not be loaded. @param {{title: string, text: string, onAgain: () => void}} props */
export function Failed({ title, text, onAgain }) {
  return html`<div class="empty" role="alert">
    <span class="empty-icon empty-poor"><${Icon} name="warning" size=${28} /></span>
    <p class="empty-title">${title}</p>
    <p class="empty-text">${text}</p>
    <button type="button" class="button" onClick=${onAgain}><${Icon} name="refresh" size=${14} />Try again</button>
  </div>`;
}

/** How much longer something holds, coloured when it is little. @param {{until: number, now: number, soon: number}} props seconds */
export function Expiry({ until, now, soon }) {
  const left = until - now;
  const level = left <= 0 ? "tag-poor" : left < soon ? "tag-warning" : "";
  return html`<span class="tag ${level}" title=${moment(until)}>${left <= 0 ? "expired" : `${lasts(left)} left`}</span>`;
}
