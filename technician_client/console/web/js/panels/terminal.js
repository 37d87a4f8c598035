// Terminals on the device, as tabs.

import { html, useEffect, useRef, useState } from "../lib.js";
import { LEAVE } from "../features/keys.js";
import { TerminalView } from "../features/terminal_view.js";
import { Icon } from "../icons.js";
import { Empty, Spinner } from "../parts/controls.js";

/** @typedef {import("../session_store.js").SessionStore} SessionStore */
/** @typedef {import("../features/terminal.js").Terminal} Terminal */

const READING = "handrail-terminal-reading";
const USUAL = Object.freeze({ columns: 80, rows: 24 });

/** @param {{store: SessionStore}} props */
export function TerminalPanel({ store }) {
  const { terminals } = store;
  const tabs = terminals.tabs.value;
  const current = terminals.current.value;
  const [reading, setReading] = useState(localStorage.getItem(READING) === "on");
  const known = terminals.known.value;
  useEffect(() => {
    if (known && terminals.tabs.value.length === 0) terminals.open(false, USUAL);
  }, [known]);
  const read = (/** @type {boolean} */ wanted) => {
    localStorage.setItem(READING, wanted ? "on" : "off");
    setReading(wanted);
  };
  const turn = (/** @type {KeyboardEvent} */ event) => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (step === undefined || current === null) return;
    const next = tabs[(tabs.indexOf(current) + step + tabs.length) % tabs.length];
    terminals.current.value = next;
    document.getElementById(nameOf(next))?.focus();
  };
  return html`<div class="panel panel-terminal">
    <div class="terminal-bar">
      <div class="terminal-tabs" role="tablist" aria-label="Terminals" onKeyDown=${turn}>
        ${tabs.map((tab) => html`<${Tab} key=${nameOf(tab)} store=${store} tab=${tab} current=${tab === current} />`)}
      </div>
      <button type="button" class="icon-button" title="New terminal" aria-label="New terminal" onClick=${() => terminals.open(false, sizeOf(current))}><${Icon} name="plus" /></button>
      <${Administrator} store=${store} onOpen=${() => terminals.open(true, sizeOf(current))} />
      <label class="terminal-reading" title="Printed lines are read out by a screen reader"><input type="checkbox" checked=${reading} onChange=${(/** @type {any} */ event) => read(event.target.checked)} />Screen reader</label>
    </div>
    ${
      tabs.length === 0
        ? html`<${Empty} icon="terminal" title=${known ? "No terminal is open" : "Looking for terminals"}>The user's banner says that you type commands as them. They can stop it at any time.<//>`
        : tabs.map((tab) => html`<${Screen} key=${nameOf(tab)} store=${store} tab=${tab} hidden=${tab !== current} reading=${reading} />`)
    }
    <p class="terminal-keys quiet"><kbd>Ctrl+Shift+C</kbd> copies, <kbd>Ctrl+Shift+V</kbd> pastes, <kbd>${LEAVE.words}</kbd> leads out.</p>
  </div>`;
}

/** @param {Terminal} tab */
function nameOf(tab) {
  return `terminal-${tab.request || `n${tab.number}`}`;
}

/** @param {Terminal | null} tab */
function sizeOf(tab) {
  return tab?.view ? { columns: tab.view.columns, rows: tab.view.rows } : USUAL;
}

/** @param {{store: SessionStore, tab: Terminal, current: boolean}} props */
function Tab({ store, tab, current }) {
  const { terminals } = store;
  const words = tab.user.value || "opening";
  const ended = tab.state.value === "ended";
  return html`<span class="terminal-tab ${current ? "terminal-tab-on" : ""} ${ended ? "terminal-tab-ended" : ""}">
    <button type="button" role="tab" id=${nameOf(tab)} aria-selected=${current} tabindex=${current ? 0 : -1} onClick=${() => (terminals.current.value = tab)}>
      ${tab.asRoot && html`<${Icon} name="key" size=${14} />`}${words}${ended && html`<span class="visually-hidden">, ended</span>`}
    </button>
    <button type="button" class="terminal-close" tabindex=${current ? 0 : -1} title=${ended ? "Close" : "End it and everything that was started in it"} aria-label=${`Close terminal ${words}`} onClick=${() => terminals.close(tab)}><${Icon} name="cross" size=${12} /></button>
  </span>`;
}

/** @param {{store: SessionStore, onOpen: () => void}} props */
function Administrator({ store, onOpen }) {
  const asking = store.asking.value.has("terminal_root");
  const act = () => (store.may("terminal_root") ? onOpen() : store.ask("terminal_root"));
  const title = store.may("terminal_root") ? "New terminal as the administrator" : "Ask the user for terminals as the administrator";
  return html`<button type="button" class="icon-button" title=${title} aria-label=${title} disabled=${asking} onClick=${act}>${asking ? html`<${Spinner} text="" />` : html`<${Icon} name="key" />`}</button>`;
}

/** @param {{store: SessionStore, tab: Terminal, hidden: boolean, reading: boolean}} props */
function Screen({ store, tab, hidden, reading }) {
  /** @type {{current: HTMLDivElement | null}} */
  const place = useRef(null);
  useEffect(() => {
    const room = /** @type {HTMLDivElement} */ (place.current);
    const leave = () => document.getElementById(nameOf(tab))?.focus();
    let gone = false;
    if (tab.host === null) {
      const host = (tab.host = document.createElement("div"));
      host.className = "terminal-host";
      room.append(host);
      TerminalView.make(tab, host, { reading, onLeave: leave }).then(
        (made) => gone || made.focus(),
        (error) => store.notify(`The terminal cannot be shown: ${error.message}`),
      );
    } else {
      room.append(tab.host); // made once, kept while the panel is away
    }
    const observer = new ResizeObserver(() => /** @type {TerminalView | null} */ (tab.view)?.fit());
    observer.observe(room);
    return () => {
      gone = true;
      observer.disconnect();
    };
  }, [tab]);
  useEffect(() => {
    const view = /** @type {TerminalView | null} */ (tab.view);
    view?.read(reading);
    if (!hidden && view !== null) {
      view.fit();
      view.focus();
    }
  }, [hidden, reading]);
  const note = tab.state.value === "ended" ? tab.note.value : tab.state.value === "waiting" ? "Waiting for the connection; the program goes on." : "";
  return html`<div class="terminal-screen" role="tabpanel" aria-labelledby=${nameOf(tab)} hidden=${hidden}>
    <div class="terminal-place" ref=${place}></div>
    ${store.paused.value !== null && html`<p class="terminal-note" role="status"><${Icon} name="hand" />The user has paused the session.</p>`}
    ${note && html`<p class="terminal-note" role="status">${note}</p>`}
  </div>`;
}
