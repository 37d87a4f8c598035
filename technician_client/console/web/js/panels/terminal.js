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
  const [searching, setSearching] = useState(false);
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
      ${current !== null && html`<${Close} store=${store} tab=${current} />`}
      <button type="button" class="icon-button" title="New terminal" aria-label="New terminal" onClick=${() => terminals.open(false, sizeOf(current))}><${Icon} name="plus" /></button>
      <${Administrator} store=${store} onOpen=${() => terminals.open(true, sizeOf(current))} />
      <button type="button" class="icon-button" title="Search what was printed (Ctrl+Shift+F)" aria-label="Search what was printed" aria-expanded=${searching} disabled=${current === null} onClick=${() => setSearching(!searching)}><${Icon} name="search" /></button>
      <label class="terminal-reading" title="Printed lines are read out by a screen reader"><input type="checkbox" checked=${reading} onChange=${(/** @type {any} */ event) => read(event.target.checked)} />Screen reader</label>
    </div>
    ${searching && current !== null && html`<${Search} tab=${current} onClose=${() => setSearching(false)} />`}
    ${
      tabs.length === 0
        ? html`<${Empty} icon="terminal" title=${known ? "No terminal is open" : "Looking for terminals"}>The user's banner says that you type commands as them. They can stop it at any time.<//>`
        : tabs.map((tab) => html`<${Screen} key=${nameOf(tab)} store=${store} tab=${tab} hidden=${tab !== current} reading=${reading} onSearch=${() => setSearching(true)} />`)
    }
    <p class="terminal-keys quiet"><kbd>Ctrl+Shift+C</kbd> copies, <kbd>Ctrl+Shift+V</kbd> pastes, <kbd>Ctrl+Shift+F</kbd> searches, <kbd>${LEAVE.words}</kbd> leads out.</p>
  </div>`;
}

/** @param {Terminal} tab */
function nameOf(tab) {
  return `terminal-${tab.request || `n${tab.number}`}`;
}

/** Whose it is, and of several which. @param {Terminal} tab */
function wordsOf(tab) {
  return tab.number > 1 ? `${tab.user.value} ${tab.number}` : tab.user.value || "opening";
}

/** @param {Terminal | null} tab */
function sizeOf(tab) {
  return tab?.view ? { columns: tab.view.columns, rows: tab.view.rows } : USUAL;
}

/** @param {{store: SessionStore, tab: Terminal, current: boolean}} props */
function Tab({ store, tab, current }) {
  const { terminals } = store;
  const words = wordsOf(tab);
  const ended = tab.state.value === "ended";
  return html`<button type="button" role="tab" id=${nameOf(tab)} class="terminal-tab ${current ? "terminal-tab-on" : ""} ${ended ? "terminal-tab-ended" : ""}" aria-selected=${current} tabindex=${current ? 0 : -1} onClick=${() => (terminals.current.value = tab)}>
    ${tab.asRoot && html`<${Icon} name="key" size=${14} />`}${words}${ended && html`<span class="visually-hidden">, ended</span>`}
  </button>`;
}

/** Ends the terminal that is shown, or takes one away that has ended. @param {{store: SessionStore, tab: Terminal}} props */
function Close({ store, tab }) {
  const title = tab.state.value === "ended" ? "Close" : "End it and everything that was started in it";
  return html`<button type="button" class="icon-button terminal-close" title=${title} aria-label=${`Close terminal ${wordsOf(tab)}`} onClick=${() => store.terminals.close(tab)}><${Icon} name="cross" size=${12} /></button>`;
}

/** @param {{store: SessionStore, onOpen: () => void}} props */
function Administrator({ store, onOpen }) {
  const asking = store.asking.value.has("terminal_root");
  const act = () => (store.may("terminal_root") ? onOpen() : store.ask("terminal_root"));
  const title = store.may("terminal_root") ? "New terminal as the administrator" : "Ask the user for terminals as the administrator";
  return html`<button type="button" class="icon-button" title=${title} aria-label=${title} disabled=${asking} onClick=${act}>${asking ? html`<${Spinner} text="" />` : html`<${Icon} name="key" />`}</button>`;
}

/** Words that were printed: the newest first, further back by Enter. @param {{tab: Terminal, onClose: () => void}} props */
function Search({ tab, onClose }) {
  const [words, setWords] = useState("");
  const [found, setFound] = useState({ at: 0, of: 0 });
  /** @type {{current: HTMLInputElement | null}} */
  const field = useRef(null);
  const view = /** @type {TerminalView | null} */ (tab.view);
  const look = (/** @type {string} */ text, /** @type {1 | -1 | 0} */ step) => setFound(view?.search(text, step) ?? { at: 0, of: 0 });
  const close = () => {
    onClose();
    view?.focus();
  };
  useEffect(() => {
    field.current?.focus();
    if (words !== "") look(words, 0);
  }, [tab]);
  const write = (/** @type {any} */ event) => {
    setWords(event.target.value);
    look(event.target.value, 0);
  };
  const press = (/** @type {KeyboardEvent} */ event) => {
    if (event.key !== "Escape" && event.key !== "Enter") return;
    event.preventDefault();
    event.stopPropagation();
    if (event.key === "Escape") close();
    else look(words, event.shiftKey ? 1 : -1);
  };
  const count = words === "" ? "" : found.of === 0 ? "Not found" : `${found.at} of ${found.of}`;
  return html`<div class="terminal-search" role="search" aria-label="Search what was printed">
    <input type="search" ref=${field} aria-label="Words that were printed" placeholder="Words that were printed" maxlength="200" value=${words} onInput=${write} onKeyDown=${press} />
    <span class="terminal-found quiet" role="status">${count}</span>
    <button type="button" class="icon-button" title="Further back (Enter)" aria-label="Further back" disabled=${found.of === 0} onClick=${() => look(words, -1)}><${Icon} name="up" size=${14} /></button>
    <button type="button" class="icon-button" title="Newer (Shift+Enter)" aria-label="Newer" disabled=${found.of === 0} onClick=${() => look(words, 1)}><${Icon} name="down" size=${14} /></button>
    <button type="button" class="icon-button" title="Close (Escape)" aria-label="Close the search" onClick=${close}><${Icon} name="cross" size=${12} /></button>
  </div>`;
}

/** @param {{store: SessionStore, tab: Terminal, hidden: boolean, reading: boolean, onSearch: () => void}} props */
function Screen({ store, tab, hidden, reading, onSearch }) {
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
      TerminalView.make(tab, host, { reading, onLeave: leave, onSearch }).then(
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
