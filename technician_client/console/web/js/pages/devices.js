// Home: who waits for help, a code that was read out, and every device of the organisation.

import { html, useLayoutEffect, useMemo, useRef, useState } from "../lib.js";
import { ago } from "../format.js";
import { Icon } from "../icons.js";
import { clock, endSession, fleet, fleetVersion, relay, sessions, waiting } from "../live.js";
import { CodeCard, isTyping } from "../parts/code_card.js";
import { Empty, Segmented } from "../parts/controls.js";
import { DeviceList } from "../parts/device_list.js";
import { Queue } from "../parts/queue.js";
import { Skeleton } from "../parts/states.js";
import { preferences } from "../preferences.js";
import { chordOf, keysOf, meaningOf } from "../shortcuts.js";
import { WishDialog } from "./wish_dialog.js";

const PHASES = { dialling: "calling", connected: "connecting", waiting: "waiting for consent", open: "open", reconnecting: "reconnecting", over: "ended" };
const CHIPS = 8;

/** @typedef {import("../fleet.js").Entry} Entry */
/** @typedef {(device: DeviceRow) => void} OnDevice */

export function DevicesPage() {
  const [wish, setWish] = useState(/** @type {import("./wish_dialog.js").Wish | null} */ (null));
  const onDevice = (/** @type {DeviceRow} */ device) => setWish({ device });
  useLayoutEffect(() => {
    const act = (/** @type {KeyboardEvent} */ event) => {
      if (event.defaultPrevented || document.querySelector("dialog[open]")) return;
      const meaning = meaningOf(chordOf(event), isTyping(event.target), preferences.peek().shortcuts);
      const longest = waiting.peek()[0];
      if (meaning === "code" || meaning === "search") /** @type {HTMLInputElement | null} */ (document.getElementById(`${meaning}-field`))?.focus();
      else if (meaning === "next" && longest !== undefined && relay.peek()?.online) setWish({ device: longest.device });
      else return;
      event.preventDefault();
    };
    window.addEventListener("keydown", act);
    return () => window.removeEventListener("keydown", act);
  }, []);
  return html`<main class="devices-page" id="content" tabindex="-1">
      <h1 class="visually-hidden">Devices</h1>
      <div class="first-row">
        <${Queue} onDevice=${onDevice} />
        <${CodeCard} onCode=${(/** @type {string} */ code) => setWish({ code })} />
      </div>
      <${OpenSessions} />
      <${Chosen} onDevice=${onDevice} />
      <${Devices} onDevice=${onDevice} />
    </main>
    ${wish && html`<${WishDialog} wish=${wish} onClose=${() => setWish(null)} />`}`;
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

/** Favourites, then those of recent sessions. @param {{onDevice: OnDevice}} props */
function Chosen({ onDevice }) {
  const { favourites } = preferences.value;
  const entries = useMemo(() => {
    const chosen = favourites.map((id) => fleet.entries.get(id)).filter((entry) => entry !== undefined);
    return [...chosen, ...fleet.recent(CHIPS).filter(({ device }) => !favourites.includes(device.id))].slice(0, CHIPS);
  }, [fleetVersion.value, favourites]);
  if (entries.length === 0) return null;
  return html`<section class="chosen" aria-labelledby="chosen-title">
    <h2 id="chosen-title" class="overline">Favourites and recent</h2>
    <ul>
      ${entries.map(
        ({ device, known, name }) => html`<li key=${device.id}>
          <button type="button" class="chip" disabled=${!device.online || !relay.value?.online} onClick=${() => onDevice(device)} title=${device.online ? `Ask to help on ${name}` : "Not online"}>
            ${favourites.includes(device.id) ? html`<span class="star-on"><${Icon} name="star" size=${14} /></span>` : html`<${Icon} name="clock" size=${14} />`}
            <span class="clip">${name}</span><span class="quiet small">${device.online ? (known?.last_session ? ago(clock.value - known.last_session) : "online") : "offline"}</span>
          </button>
        </li>`,
      )}
    </ul>
  </section>`;
}

/** @param {{onDevice: OnDevice}} props */
function Devices({ onDevice }) {
  const [text, setText] = useState("");
  const [which, setWhich] = useState(/** @type {import("../fleet.js").Which} */ ("all"));
  const [group, setGroup] = useState("");
  const { favourites, shortcuts } = preferences.value;
  const version = fleetVersion.value;
  /** @type {Entry[]} */
  const entries = useMemo(() => [...fleet.view({ text, which, group, favourites: new Set(favourites) })], [version, text, which, group, favourites]);
  const groups = useMemo(() => fleet.groups(), [version]);
  /** @type {{current: HTMLInputElement | null}} */
  const search = useRef(null);
  const total = fleet.entries.size;
  const filters = [
    { value: "all", words: html`All <span class="quiet">${total.toLocaleString()}</span>` },
    { value: "online", words: html`Online <span class="quiet">${fleet.online.toLocaleString()}</span>` },
    { value: "care", words: "Needs care", title: "Something was found wrong when somebody last looked" },
    { value: "favourites", words: "Favourites" },
  ];
  return html`<section class="card table-card" aria-labelledby="devices-title">
    <div class="table-head">
      <h2 id="devices-title">Devices</h2>
      <${Segmented} label="Which devices" options=${filters} value=${which} onChange=${setWhich} />
      ${
        groups.length > 0 &&
        html`<label class="group-choice"><span class="visually-hidden">Group</span>
          <select value=${group} onChange=${(/** @type {any} */ event) => setGroup(event.target.value)}>
            <option value="">Every group</option>
            ${groups.map((name) => html`<option value=${name}>${name}</option>`)}
          </select></label>`
      }
      <label class="search"><${Icon} name="search" /><span class="visually-hidden">Search devices</span>
        <input
          ref=${search}
          id="search-field"
          type="search"
          placeholder="Search name, user, tag or id"
          value=${text}
          onInput=${(/** @type {any} */ event) => setText(event.target.value)}
          onKeyDown=${(/** @type {KeyboardEvent} */ event) => {
            if (event.key !== "ArrowDown") return;
            event.preventDefault();
            /** @type {HTMLElement | null} */ (document.querySelector(".table-scroll"))?.focus();
          }}
        />
        <kbd>${keysOf(shortcuts).search}</kbd>
      </label>
      <span class="visually-hidden" role="status">${version > 0 && (text || which !== "all" || group) ? `${entries.length} of ${total} devices` : ""}</span>
    </div>
    ${
      version === 0
        ? html`<${Skeleton} text=${relay.value?.online === false ? "Waiting for the relay" : "Loading devices"} />`
        : total === 0
          ? html`<${Empty} icon="screen" title="No device yet">Make an enrolment file with <code>handrail org enrolment</code> and give it to the agent on the first computer.<//>`
          : entries.length === 0
            ? html`<${Empty} icon="search" title="Nothing matches">${which === "favourites" && favourites.length === 0 ? "Press the star beside a device's name to keep it here." : "No device has all of this in its name, user, asset tag, group, id or platform. Users, tags and groups are known of devices that this computer has had a session with."}<//>`
            : html`<${DeviceList} entries=${entries} onDevice=${onDevice} mayAsk=${relay.value?.online === true} />`
    }
    <p class="visually-hidden" id="list-keys">Arrows, Home, End or the first letters choose a device; Enter asks to help, Space keeps it as a favourite.</p>
    <p class="quiet table-note">Names and platforms are what devices told the relay; users, tags, groups and health are from your own earlier sessions.</p>
  </section>`;
}
