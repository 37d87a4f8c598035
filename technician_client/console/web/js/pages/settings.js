// Settings: who one is here, the way to the relay, looks, notifications, keys, and what this is made of.

import { html, useEffect, useLayoutEffect, useState } from "../lib.js";
import { permission } from "../alerts.js";
import { moment, span } from "../format.js";
import { Icon } from "../icons.js";
import { clock, hello, relay } from "../live.js";
import { Segmented } from "../parts/controls.js";
import { Expiry, Failed, Skeleton } from "../parts/states.js";
import { choose, notKept, preferences } from "../preferences.js";
import { SHORTCUTS, chordOf, keysOf, takenBy, usable } from "../shortcuts.js";
import { certificateState, loadStanding, renew, renewing, standing, standingError } from "../standing.js";
import { THEMES, chooseTheme, theme } from "../theme.js";

const PARTS = /** @type {const} */ ({
  identity: { words: "Identity", icon: "person", show: Identity },
  relay: { words: "Relay", icon: "pulse", show: Relay },
  appearance: { words: "Appearance", icon: "sun", show: Appearance },
  notifications: { words: "Notifications", icon: "bell", show: Notifications },
  shortcuts: { words: "Shortcuts", icon: "keyboard", show: Shortcuts },
  about: { words: "About", icon: "notice", show: About },
});

/** @param {{part: string}} props */
export function SettingsPage({ part }) {
  useEffect(() => void loadStanding(), [part]);
  const shown = PARTS[/** @type {keyof typeof PARTS} */ (part)];
  return html`<main class="plain-page settings-page" id="content" tabindex="-1">
    <h1>Settings</h1>
    <div class="settings">
      <nav class="parts" aria-label="Settings">
        ${Object.entries(PARTS).map(([name, { words, icon }]) => html`<a key=${name} href=${`#/settings/${name}`} aria-current=${name === part ? "page" : undefined}><${Icon} name=${icon} />${words}</a>`)}
      </nav>
      <div class="column">
        ${notKept.value !== "" && html`<p class="error" role="alert"><${Icon} name="warning" /><span>${notKept.value}</span></p>`}
        <${shown.show} />
      </div>
    </div>
  </main>`;
}

/** @param {{show: (row: StandingRow) => any}} props */
function WithStanding({ show }) {
  if (standing.value !== null) return show(standing.value);
  if (standingError.value !== "") return html`<${Failed} title="This cannot be shown now" text=${standingError.value} onAgain=${loadStanding} />`;
  return html`<${Skeleton} rows=${4} text="Loading" />`;
}

function Identity() {
  const [problem, setProblem] = useState("");
  const [done, setDone] = useState(false);
  const who = hello.value;
  const go = async () => {
    setDone(false);
    const went = await renew();
    setProblem(went);
    setDone(went === "");
  };
  return html`<section class="card padded" aria-labelledby="identity-title">
    <h2 id="identity-title">Identity</h2>
    <${WithStanding}
      show=${(/** @type {StandingRow} */ row) => html`<dl class="facts wide">
        <div><dt>Name</dt><dd><strong>${who?.name}</strong></dd></div>
        <div><dt>Tier</dt><dd>${who?.tier} of 3</dd></div>
        <div><dt>Organisation</dt><dd>${row.organisation_name} <span class="mono quiet">${who?.organisation}</span></dd></div>
        <div><dt>Id</dt><dd class="mono">${row.peer}</dd></div>
        <div><dt>Key</dt><dd class="mono fingerprint">${(row.fingerprint.match(/.{1,8}/g) ?? []).join(" ")}</dd></div>
      </dl>
      <p class="quiet">Name and tier stand in your certificate; an administrator changes them. Your key is locked by your passphrase and never leaves this computer.</p>`}
    />
  </section>
  <section class="card padded" aria-labelledby="certificate-title">
    <h2 id="certificate-title">Certificate</h2>
    <${WithStanding}
      show=${(/** @type {StandingRow} */ row) => {
        const state = certificateState(row, clock.value);
        const words = {
          good: `Renewed by itself from ${moment(row.renewal_from)} on, before the next session.`,
          due: "Renewal is due: it happens by itself before the next session, if the organisation's signer answers.",
          expired: "It has expired: no device lets you in until it is renewed.",
        }[state];
        return html`<dl class="facts wide">
            <div><dt>Valid from</dt><dd>${moment(row.not_before)}</dd></div>
            <div><dt>Valid until</dt><dd>${moment(row.not_after)} <${Expiry} until=${row.not_after} now=${clock.value} soon=${row.not_after - row.renewal_from} /></dd></div>
          </dl>
          <p class=${state === "good" ? "quiet" : "error"}>${state !== "good" && html`<${Icon} name="warning" />`}<span>${words}</span></p>
          ${problem !== "" && html`<p class="error" role="alert"><${Icon} name="warning" /><span>${problem}</span></p>`}
          ${done && html`<p class="good-line" role="status"><${Icon} name="check" />Renewed.</p>`}
          <div><button type="button" class="button" disabled=${!row.renewable || renewing.value} onClick=${go}><${Icon} name="refresh" size=${14} />${renewing.value ? "Asking the signer…" : "Renew now"}</button></div>`;
      }}
    />
  </section>`;
}

function Relay() {
  const state = relay.value;
  return html`<section class="card padded" aria-labelledby="relay-title">
    <h2 id="relay-title">Relay</h2>
    <${WithStanding}
      show=${(/** @type {StandingRow} */ row) => html`<dl class="facts wide">
        <div><dt>Address</dt><dd class="mono">${hello.value?.relay}</dd></div>
        <div><dt>State</dt><dd><span class="state-cell"><span class="dot ${state?.online ? "dot-open" : "level-poor"}"></span>${state?.online ? "connected" : state?.refused ? `refused: ${state.text}` : `away: ${state?.text ?? ""}`}</span></dd></div>
        <div><dt>Round trip</dt><dd class="num">${row.round_trip === null ? "–" : span(row.round_trip * 1000)} <button type="button" class="link" onClick=${loadStanding}>Measure again</button></dd></div>
        <div><dt>Pinned key</dt><dd class="mono fingerprint">${row.spki === "" ? "none: this computer's certificate authorities vouch for it" : (row.spki.match(/.{1,8}/g) ?? []).join(" ")}</dd></div>
      </dl>
      <p class="quiet">The relay carries what it cannot read. It was named by your organisation when you joined; to use another, join with a new bundle (<code>handrail join</code>).</p>`}
    />
  </section>`;
}

function Appearance() {
  const contrasts = [
    { value: "system", words: "As the system" },
    { value: "more", words: "More" },
  ];
  return html`<section class="card padded" aria-labelledby="appearance-title">
    <h2 id="appearance-title">Appearance</h2>
    <div class="setting"><div><strong>Colours</strong><p class="quiet">As the system has it, or always the same.</p></div>
      <${Segmented} label="Theme" options=${THEMES.map((value) => ({ value, words: { system: "System", light: "Light", dark: "Dark" }[value] }))} value=${theme.value} onChange=${chooseTheme} /></div>
    <div class="setting"><div><strong>Contrast</strong><p class="quiet">More: darker text, stronger lines.</p></div>
      <${Segmented} label="Contrast" options=${contrasts} value=${preferences.value.contrast} onChange=${(/** @type {"system" | "more"} */ value) => choose({ contrast: value })} /></div>
    <p class="quiet">Movement is kept to the least where the system asks for that.</p>
  </section>`;
}

function Notifications() {
  const [allowed, setAllowed] = useState(permission());
  const { notify, sound } = preferences.value;
  const toggle = async () => {
    if (!notify && allowed === "default") setAllowed(await Notification.requestPermission());
    await choose({ notify: !notify });
  };
  const words = {
    granted: "The browser shows one for each new help request while this page is open, in front or not.",
    default: "The browser will ask you once whether this page may show them.",
    denied: "The browser does not let this page show them. Allow notifications for this address in its site settings.",
    unsupported: "This browser has none.",
  }[allowed];
  return html`<section class="card padded" aria-labelledby="notifications-title">
    <h2 id="notifications-title">New help requests</h2>
    <label class="setting"><span><strong>Notification</strong><span class="quiet block">${words}</span></span>
      <input type="checkbox" class="switch" role="switch" checked=${notify && allowed === "granted"} disabled=${allowed === "denied" || allowed === "unsupported"} onChange=${toggle} /></label>
    <label class="setting"><span><strong>Sound</strong><span class="quiet block">Two short tones, once the page has been used.</span></span>
      <input type="checkbox" class="switch" role="switch" checked=${sound} onChange=${() => choose({ sound: !sound })} /></label>
    <p class="quiet">The title of the page counts who waits in any case.</p>
  </section>`;
}

function Shortcuts() {
  const { shortcuts } = preferences.value;
  const keys = keysOf(shortcuts);
  const [asked, setAsked] = useState("");
  const [problem, setProblem] = useState("");
  useLayoutEffect(() => {
    if (asked === "") return undefined;
    const press = (/** @type {KeyboardEvent} */ event) => {
      const chord = chordOf(event);
      if (chord === "") return;
      event.preventDefault();
      event.stopPropagation();
      const other = takenBy(asked, chord, shortcuts);
      if (event.key !== "Escape") {
        if (!usable(chord)) setProblem(`${chord} is needed by the page itself.`);
        else if (other !== "") setProblem(`${chord} is taken: ${SHORTCUTS[other].words}.`);
        else {
          setProblem("");
          void choose({ shortcuts: { ...shortcuts, [asked]: chord } });
        }
      }
      setAsked("");
    };
    window.addEventListener("keydown", press, true);
    return () => window.removeEventListener("keydown", press, true);
  }, [asked, shortcuts]);
  return html`<section class="card padded" aria-labelledby="shortcuts-part-title">
    <h2 id="shortcuts-part-title">Shortcuts</h2>
    ${problem !== "" && html`<p class="error" role="alert"><${Icon} name="warning" /><span>${problem}</span></p>`}
    <dl class="keys">
      ${Object.entries(SHORTCUTS).map(
        ([name, { words, keys: preset }]) => html`<div key=${name}><dt>${words}</dt><dd>
          ${keys[name] !== preset && html`<button type="button" class="link" onClick=${() => choose({ shortcuts: Object.fromEntries(Object.entries(shortcuts).filter(([other]) => other !== name)) })}>Back to ${preset}</button>`}
          <button type="button" class="button button-small key-button" aria-label=${`${words}: ${keys[name]}. Change`} onClick=${() => setAsked(name)}>${asked === name ? "Press keys…" : html`<kbd>${keys[name]}</kbd>`}</button></dd></div>`,
      )}
    </dl>
    <p class="quiet">Press one to change it, then the new keys; Escape leaves it. A letter alone works where nothing is typed into. Digits always begin a code on the page of devices.</p>
  </section>`;
}

function About() {
  return html`<section class="card padded" aria-labelledby="about-title">
    <h2 id="about-title">About</h2>
    <${WithStanding}
      show=${(/** @type {StandingRow} */ row) =>
        row.about &&
        html`<dl class="facts wide">
            <div><dt>Handrail</dt><dd>${row.about.product}, ${row.about.licence}</dd></div>
            <div><dt>Python</dt><dd>${row.about.python}</dd></div>
            <div><dt>Browser</dt><dd>${navigator.userAgent.match(/(Edg|OPR|Chrome|Chromium|Firefox)\/[\d.]+/)?.[0].replace("/", " ") ?? "unknown"}</dd></div>
          </dl>
          <p class="quiet">Everything on this page is served by this computer; nothing is fetched from elsewhere and nothing is reported to anybody.</p>
          <h3>Libraries of this page</h3><${Licences} rows=${row.about.page} />
          <h3>Libraries of the program</h3><${Licences} rows=${row.about.program} />`}
    />
  </section>`;
}

/** @param {{rows: LicenceRow[]}} props */
function Licences({ rows }) {
  return html`<table class="licences"><thead><tr><th scope="col">Name</th><th scope="col">Version</th><th scope="col">Licence</th></tr></thead>
    <tbody>${rows.map(({ name, version, licence }) => html`<tr key=${name}><th scope="row">${name}</th><td class="num">${version}</td><td>${licence}</td></tr>`)}</tbody></table>`;
}
