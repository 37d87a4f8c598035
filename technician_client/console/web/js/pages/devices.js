// The list of devices: who waits for help, a code that was read out, and every device of the organisation.

import { html, useEffect, useRef, useState } from "../lib.js";
import { ago, codeComplete, codeOf, grouped } from "../format.js";
import { Icon } from "../icons.js";
import { clock, consoleUp, devices, endSession, relay, sessions, waiting } from "../live.js";
import { Empty, Segmented, Spinner } from "../parts/controls.js";
import { TopBar } from "../parts/topbar.js";
import { WishDialog } from "./wish_dialog.js";

const PHASES = { dialling: "calling", connected: "connecting", waiting: "waiting for consent", open: "open", reconnecting: "reconnecting", over: "ended" };
const MOST_ROWS = 500;

export function DevicesPage() {
  const [wish, setWish] = useState(/** @type {import("./wish_dialog.js").Wish | null} */ (null));
  useEffect(() => {
    document.title = waiting.value.length > 0 ? `(${waiting.value.length}) Handrail` : "Handrail";
  }, [waiting.value.length]);
  return html`<div class="page">
    <${TopBar} />
    <${Banner} />
    <main class="devices-page">
      <h1 class="visually-hidden">Devices</h1>
      <div class="first-row">
        <${CodeCard} onCode=${(/** @type {string} */ code) => setWish({ code })} />
        <${WaitingCard} onDevice=${(/** @type {DeviceRow} */ device) => setWish({ device })} />
      </div>
      <${OpenSessions} />
      <${DeviceTable} onDevice=${(/** @type {DeviceRow} */ device) => setWish({ device })} />
    </main>
    ${wish && html`<${WishDialog} wish=${wish} onClose=${() => setWish(null)} />`}
  </div>`;
}

/** Says why what is shown may be old, and what happens next. */
function Banner() {
  if (!consoleUp.value) {
    return html`<div class="banner banner-poor" role="alert"><${Icon} name="away" />The console on this computer has stopped. Start it again with <code>handrail console</code>; this page comes back by itself.</div>`;
  }
  const state = relay.value;
  if (state === null || state.online) return null;
  return html`<div class="banner banner-poor" role="alert"><${Icon} name="away" /><span>No connection to the relay. ${state.text} The console keeps trying; the list below is as it was last seen.</span></div>`;
}

/** @param {{onCode: (code: string) => void}} props */
function CodeCard({ onCode }) {
  const [code, setCode] = useState("");
  const complete = codeComplete(code);
  const submit = (/** @type {Event} */ event) => {
    event.preventDefault();
    if (complete) onCode(code);
  };
  return html`<section class="card code-card" aria-labelledby="code-title">
    <h2 id="code-title">Connect by code</h2>
    <p class="quiet" id="code-help">Nine digits that the user reads out to you; a guest's code has eight letters more.</p>
    <form class="code-form" onSubmit=${submit}>
      <input
        class="code-input"
        autocapitalize="characters"
        autocomplete="off"
        spellcheck="false"
        aria-label="Code"
        aria-describedby="code-help"
        placeholder="000 000 000"
        value=${grouped(code)}
        onInput=${(/** @type {any} */ event) => {
          const typed = codeOf(event.target.value);
          setCode(typed);
          event.target.value = grouped(typed);
        }}
      />
      <button type="submit" class="button button-primary" disabled=${!complete || !relay.value?.online}>Connect</button>
    </form>
    <p class="quiet code-note"><${Icon} name="shield" size=${14} />${
      code.includes("-") ? "Both sides prove that they know all of it before anything is said." : "You will compare six digits with the user before anything is shown."
    }</p>
  </section>`;
}

/** @param {{onDevice: (device: DeviceRow) => void}} props */
function WaitingCard({ onDevice }) {
  const queue = waiting.value;
  return html`<section class="card waiting-card" aria-labelledby="waiting-title">
    <h2 id="waiting-title">Waiting for help${queue.length > 0 && html`<span class="count">${queue.length}</span>`}</h2>
    ${
      devices.value === null
        ? html`<p class="quiet">Asking the relay…</p>`
        : queue.length === 0
          ? html`<p class="quiet">Nobody waits. Requests appear here at once.</p>`
          : html`<ul class="waiting-list">
              ${queue.map(
                (device) => html`<li key=${device.id}>
                  <span class="waiting-text">
                    <strong>${device.label || device.id}</strong>
                    <span class="quiet">${ago(clock.value - device.waiting_since)}</span>
                    <q>${device.waiting_text || "No text"}</q>
                  </span>
                  <button type="button" class="button button-primary" onClick=${() => onDevice(device)}>Help</button>
                </li>`,
              )}
            </ul>`
    }
  </section>`;
}

function OpenSessions() {
  const open = sessions.value.filter(({ phase }) => phase !== "over");
  if (open.length === 0) return null;
  return html`<section class="sessions-strip" aria-label="Your sessions">
    ${open.map(
      ({ id, label, phase }) => html`<div class="session-chip" key=${id}>
        <a href=${`#/session/${id}`}><span class="dot dot-${phase}"></span><strong>${label || "Session by code"}</strong><span class="quiet">${PHASES[phase]}</span></a>
        <button type="button" class="icon-button" title="End this session" aria-label=${`End the session with ${label}`} onClick=${() => endSession(id)}><${Icon} name="cross" size=${14} /></button>
      </div>`,
    )}
  </section>`;
}

/** @param {DeviceRow} device @param {string} text @param {string} which */
function matches(device, text, which) {
  if (which === "online" && !device.online) return false;
  const wanted = text.trim().toLowerCase();
  return [device.label, device.id, device.platform].some((part) => part.toLowerCase().includes(wanted));
}

/** @param {DeviceRow} a @param {DeviceRow} b */
function byState(a, b) {
  return Number(b.online) - Number(a.online) || (a.label || a.id).localeCompare(b.label || b.id, undefined, { numeric: true });
}

/** @param {{onDevice: (device: DeviceRow) => void}} props */
function DeviceTable({ onDevice }) {
  const [text, setText] = useState("");
  const [which, setWhich] = useState("all");
  /** @type {{current: HTMLInputElement | null}} */
  const search = useRef(null);
  useEffect(() => {
    const focus = (/** @type {KeyboardEvent} */ event) => {
      const typing = document.activeElement instanceof HTMLElement && document.activeElement.matches("input, textarea, select");
      if (event.key !== "/" || typing || document.querySelector("dialog[open]")) return;
      event.preventDefault();
      search.current?.focus();
    };
    window.addEventListener("keydown", focus);
    return () => window.removeEventListener("keydown", focus);
  }, []);
  const all = [...(devices.value?.values() ?? [])];
  const online = all.filter((device) => device.online).length;
  const shown = all.filter((device) => matches(device, text, which)).sort(byState);
  const filters = [
    { value: "all", words: html`All <span class="quiet">${all.length}</span>` },
    { value: "online", words: html`Online <span class="quiet">${online}</span>` },
  ];
  return html`<section class="card table-card" aria-labelledby="devices-title">
    <div class="table-head">
      <h2 id="devices-title">Devices</h2>
      <${Segmented} label="Which devices" options=${filters} value=${which} onChange=${setWhich} />
      <label class="search"><${Icon} name="search" /><span class="visually-hidden">Search devices</span>
        <input ref=${search} type="search" placeholder="Search name, id or platform" value=${text} onInput=${(/** @type {any} */ event) => setText(event.target.value)} />
        <kbd>/</kbd>
      </label>
    </div>
    ${
      devices.value === null
        ? html`<div class="table-wait"><${Spinner} text=${relay.value?.online === false ? "Waiting for the relay" : "Loading devices"} /></div>`
        : all.length === 0
          ? html`<${Empty} icon="screen" title="No device yet">Make an enrolment file with <code>handrail org enrolment</code> and give it to the agent on the first computer.<//>`
          : shown.length === 0
            ? html`<${Empty} icon="search" title="Nothing matches">No device has this in its name, id or platform.<//>`
            : html`<${Rows} devices=${shown} onDevice=${onDevice} />`
    }
  </section>`;
}

/** @param {{devices: DeviceRow[], onDevice: (device: DeviceRow) => void}} props */
function Rows({ devices: rows, onDevice }) {
  return html`<div class="table-scroll" tabindex="-1">
    <table class="device-table">
      <thead>
        <tr>
          <th scope="col">Name</th>
          <th scope="col">Platform</th>
          <th scope="col">Id</th>
          <th scope="col">State</th>
          <th scope="col"><span class="visually-hidden">Action</span></th>
        </tr>
      </thead>
      <tbody>
        ${rows.slice(0, MOST_ROWS).map(
          (device) => html`<tr key=${device.id} class=${device.online ? "" : "offline"}>
            <th scope="row"><span class="dot ${device.online ? "dot-open" : ""}"></span><span class="clip">${device.label || device.id}</span></th>
            <td><span class="clip">${device.platform || "–"}</span></td>
            <td class="mono"><span class="clip">${device.id}</span></td>
            <td>${device.online ? "online" : html`<span class="quiet">seen ${ago(clock.value - device.last_seen)}</span>`}</td>
            <td class="action">
              <button type="button" class="button button-small" disabled=${!device.online} onClick=${() => onDevice(device)} aria-label=${`Ask to help on ${device.label || device.id}`}>Ask to help</button>
            </td>
          </tr>`,
        )}
      </tbody>
    </table>
    ${rows.length > MOST_ROWS && html`<p class="quiet table-note">${rows.length - MOST_ROWS} more: search to narrow the list.</p>`}
    <p class="quiet table-note">Names, platforms and texts are what devices told the relay. A session shows the certified name.</p>
  </div>`;
}
