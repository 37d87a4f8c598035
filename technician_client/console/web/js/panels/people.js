// Who helps on this device: everybody with what they may do, handing over mouse and keyboard, and calling in a colleague, by name or by
// tier.

import { html, useEffect, useState } from "../lib.js";
import { duration, moment } from "../format.js";
import { Icon } from "../icons.js";
import { hello } from "../live.js";
import { WORDS } from "../wishes.js";
import { Empty, Segmented, Spinner } from "../parts/controls.js";

/** @typedef {import("../session_store.js").SessionStore} SessionStore */
/** @typedef {import("../features/company.js").Colleague} Colleague */

const TIERS = [
  { value: 1, words: "Tier 1: first line" },
  { value: 2, words: "Tier 2: specialist" },
  { value: 3, words: "Tier 3: administrator" },
];
const WHO = [
  { value: "tier", words: "By tier" },
  { value: "name", words: "By name" },
];
const LOOK_AGAIN_MS = 10_000;
const OUTCOMES = Object.freeze({ good: "check", quiet: "group", poor: "warning" });
const STAGES = Object.freeze({
  "": "is called",
  told: "has been shown your call and may join or decline",
  joining: "asks to join; the user is being asked",
});
const WAITS = /** @type {Readonly<Record<string, string>>} */ ({
  sent: "Asking…",
  asking_user: "The user is being asked…",
  asking_holder: "They are being asked…",
});

/** @param {{store: SessionStore}} props */
export function PeoplePanel({ store }) {
  const { company } = store;
  useEffect(() => {
    company.show(true);
    return () => company.show(false);
  }, [company]);
  const others = company.others.value;
  const pending = company.pending.value;
  return html`<div class="panel panel-people">
    <${Notes} store=${store} />
    ${company.asking.value.map(
      ({ number, name }) => html`<div class="card ask-card" key=${number} role="alert">
        <p><strong>${name}</strong> asks for mouse and keyboard.</p>
        <div class="row">
          <button type="button" class="button button-primary" disabled=${pending !== null} onClick=${() => company.handOver(number)}>Hand over</button>
          <button type="button" class="button" onClick=${() => company.keep(number)}>Keep them</button>
        </div>
      </div>`,
    )}
    <p class="people-control" role="status"><${Icon} name="hand" />${whoControls(store)}</p>
    ${
      others.length === 0
        ? html`<${Empty} icon="group" title="You are alone here">Call in a colleague below. The user is asked before anybody comes.<//>`
        : html`<ul class="people" aria-label="Technicians who are here">${company.people.value.map((person) => html`<${Person} key=${person.number} store=${store} person=${person} />`)}</ul>`
    }
    ${company.outcome.value !== null && company.called.value === 0 && html`<p class="call-outcome ${company.outcome.value.level}" role="status"><${Icon} name=${OUTCOMES[company.outcome.value.level]} />${company.outcome.value.text}</p>`}
    ${pending !== null && html`<p role="status"><${Spinner} text=${WAITS[pending.stage]} /></p>`}
    ${company.fault.value !== "" && html`<p class="error" role="alert"><${Icon} name="warning" />${company.fault.value}</p>`}
    <${Call} store=${store} />
  </div>`;
}

/** Whose mouse and keyboard it is, in a sentence. @param {SessionStore} store */
export function whoControls(store) {
  const holder = store.company.holder.value;
  if (store.may("control")) return "You have mouse and keyboard.";
  if (holder !== null) return `${holder.name} has mouse and keyboard: watch along, or ask for them.`;
  return "No technician has mouse and keyboard.";
}

/** @param {{store: SessionStore, person: Colleague}} props */
function Person({ store, person }) {
  const { company } = store;
  const busy = company.pending.value !== null;
  const lost = person.lost_at > 0;
  const control = !lost && person.granted.includes("control");
  const may = person.granted.map((name) => WORDS[name] ?? name).join(", ");
  return html`<li class="person ${control ? "person-control" : ""} ${lost ? "person-lost" : ""}">
    <${Icon} name=${lost ? "refresh" : control ? "hand" : "eye"} size=${18} />
    <div class="person-words">
      <span><strong>${person.name}</strong>${person.you && " (you)"} <span class="tag">tier ${person.tier}</span></span>
      ${lost && html`<span class="person-since">Reconnecting since ${new Date(person.lost_at * 1000).toLocaleTimeString()}</span>`}
      <span class="quiet">${lost ? `Once they are back: ${may}` : may}</span>
    </div>
    ${!lost && !person.you && store.may("control") && html`<button type="button" class="button button-small" disabled=${busy} title="The user is asked" onClick=${() => company.handOver(person.number)}>Hand over</button>`}
    ${!person.you && control && html`<button type="button" class="button button-small" disabled=${busy} onClick=${() => company.askForControl()}>Ask for control</button>`}
  </li>`;
}

/** What whoever called wrote, for the one who came. @param {{store: SessionStore}} props */
function Notes({ store }) {
  const notes = store.company.notes.value;
  if (notes === null) return null;
  return html`<section class="card call-notes" aria-label="Why you were called">
    <h3>${notes.name} called ${notes.enough ? "you" : "a higher tier than yours"}</h3>
    <p class="quiet">Tier ${notes.tier}, ${moment(notes.called_at)}</p>
    ${notes.enough ? html`<p class="call-note">${notes.note || "No note."}</p>` : html`<p>Their note goes to whoever has the tier. You may help all the same.</p>`}
  </section>`;
}

/** @param {{store: SessionStore}} props */
function Call({ store }) {
  const { company, notes } = store;
  const own = hello.value?.tier ?? 1;
  const [named, setNamed] = useState(false);
  const [tier, setTier] = useState(Math.min(3, own + 1));
  const [peer, setPeer] = useState("");
  const [note, setNote] = useState(notes.text.value.slice(0, 2000));
  useEffect(() => {
    company.lookWhoIsOnline();
    const looking = setInterval(() => company.lookWhoIsOnline(), LOOK_AGAIN_MS);
    return () => clearInterval(looking);
  }, [company]);
  if (company.called.value > 0) return html`<${Called} store=${store} />`;
  const chosen = named ? (company.online.value?.find((one) => one.peer === peer) ?? null) : null;
  const submit = (/** @type {Event} */ event) => {
    event.preventDefault();
    if (named && chosen !== null) company.invite(chosen.tier, note, chosen.peer);
    else if (!named) company.invite(tier, note);
  };
  return html`<form class="card call-form" aria-label="Call a colleague" onSubmit=${submit}>
    <h3>Call a colleague</h3>
    <${Segmented} label="Who is called" options=${WHO} value=${named ? "name" : "tier"} onChange=${(/** @type {string} */ value) => setNamed(value === "name")} />
    ${
      named
        ? html`<${Online} store=${store} peer=${chosen?.peer ?? ""} onChoose=${setPeer} />`
        : html`<label>Who is needed
            <select value=${String(tier)} onChange=${(/** @type {any} */ event) => setTier(Number(event.target.value))}>
              ${TIERS.map(({ value, words }) => html`<option value=${String(value)}>${words}</option>`)}
            </select>
          </label>`
    }
    <label>What they should know
      <textarea rows="4" maxlength="2000" placeholder="What is wrong, what was tried" value=${note} onInput=${(/** @type {any} */ event) => setNote(event.target.value)}></textarea>
    </label>
    <p class="quiet">The user reads this too. The relay does not.</p>
    <button type="submit" class="button button-primary" disabled=${company.pending.value !== null || (named && chosen === null)}>
      ${chosen === null ? "Ask the user, then call" : `Ask the user, then call ${chosen.name}`}
    </button>
  </form>`;
}

/** Colleagues who are logged in, to choose one of. @param {{store: SessionStore, peer: string, onChoose: (peer: string) => void}} props */
function Online({ store, peer, onChoose }) {
  const { online, onlineFault } = store.company;
  const [filter, setFilter] = useState("");
  if (onlineFault.value !== "") return html`<p class="error" role="alert"><${Icon} name="warning" />${onlineFault.value}</p>`;
  if (online.value === null) return html`<${Spinner} text="Asking who is there" />`;
  if (online.value.length === 0) {
    return html`<p class="quiet" role="status">No colleague is logged in now. Call by tier: whoever opens their console sees that this device waits.</p>`;
  }
  const words = filter.trim().toLocaleLowerCase();
  const found = online.value.filter(({ name }) => name.toLocaleLowerCase().includes(words));
  return html`<div class="online">
    <input type="search" aria-label="Filter colleagues by name" placeholder="Filter by name" maxlength="100" value=${filter} onInput=${(/** @type {any} */ event) => setFilter(event.target.value)} />
    <fieldset class="online-list">
      <legend class="visually-hidden">Colleagues who are logged in</legend>
      ${found.map(
        (one) => html`<label class="online-one" key=${one.peer}>
          <input type="radio" name="colleague" value=${one.peer} checked=${one.peer === peer} onChange=${() => onChoose(one.peer)} />
          <span class="online-name">${one.name}</span><span class="tag">tier ${one.tier}</span>
        </label>`,
      )}
    </fieldset>
    <p class="quiet" role="status">${found.length === 0 ? "Nobody of that name is logged in." : `${found.length} of ${online.value.length} logged in`}</p>
  </div>`;
}

/** Somebody is called, and has not come yet. @param {{store: SessionStore}} props */
function Called({ store }) {
  const { company } = store;
  const [, tick] = useState(0);
  useEffect(() => {
    const ticking = setInterval(() => tick((count) => count + 1), 1000);
    return () => clearInterval(ticking);
  }, []);
  const peer = company.calledPeer.value;
  const who = peer === "" ? `A technician of tier ${company.called.value}` : company.nameOf(peer) || "The colleague you named";
  const until = company.calledUntil.value;
  return html`<section class="card" aria-label="Call a colleague">
    <p><${Spinner} text=${`${who} ${STAGES[company.calledStage.value]}`} /></p>
    ${until !== null && html`<p class="quiet">${duration(Math.max(0, (until - performance.now()) / 1000))} left, then the call has run out.</p>`}
    <p class="quiet">
      ${peer === "" ? "Your colleagues see this device among those who wait." : "Their console shows them your call and your note, and nobody else; they join or decline."}
      ${" "}Whoever comes asks the user first.
    </p>
    <button type="button" class="button" onClick=${() => company.cancelInvitation()}>Take it back</button>
  </section>`;
}
