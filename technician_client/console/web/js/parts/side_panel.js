// Beside the picture: what is wrong, what is there, what can be done, and the talk.

import { html, useEffect, useRef, useState } from "../lib.js";
import { Icon } from "../icons.js";
import { ChatPanel } from "../panels/chat.js";
import { FindingsPanel } from "../panels/findings.js";
import { FixesPanel } from "../panels/fixes.js";
import { TablesPanel } from "../panels/tables.js";

/** @typedef {import("../session_store.js").SessionStore} SessionStore */
/** @typedef {{name: string, words: string, icon: import("../icons.js").IconName}} Tab */

/** @type {readonly Tab[]} */
const TABS = [
  { name: "findings", words: "Findings", icon: "pulse" },
  { name: "tables", words: "Tables", icon: "table" },
  { name: "fixes", words: "Fixes", icon: "wrench" },
  { name: "chat", words: "Chat", icon: "chat" },
];
const NARROWEST = 300;
const WIDEST = 900;
const STEP = 40;

/** @param {{store: SessionStore}} props */
export function SidePanel({ store }) {
  const [tab, setTab] = useState("findings");
  const [width, setWidth] = useState(380);
  /** @type {{current: HTMLElement | null}} */
  const panel = useRef(null);
  useEffect(() => panel.current?.style.setProperty("--panel-width", `${width}px`), [width]);
  useEffect(() => {
    store.chat.show(tab === "chat");
    return () => store.chat.show(false);
  }, [tab]);
  const turn = (/** @type {KeyboardEvent} */ event) => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (step === undefined) return;
    const at = TABS.findIndex(({ name }) => name === tab);
    const next = TABS[(at + step + TABS.length) % TABS.length].name;
    setTab(next);
    document.getElementById(`tab-${next}`)?.focus();
  };
  /** A fix chosen among the findings is shown among the fixes. */
  const [chosen, setChosen] = useState(/** @type {{fix: string, finding: Finding | null} | null} */ (null));
  const choose = (/** @type {string} */ fix, /** @type {Finding | null} */ finding) => {
    setChosen({ fix, finding });
    setTab("fixes");
  };
  return html`<aside class="side" ref=${panel} aria-label="Diagnostics, fixes and chat">
    <${Splitter} width=${width} onWidth=${setWidth} />
    <div class="tabs" role="tablist" aria-label="Beside the picture" onKeyDown=${turn}>
      ${TABS.map(
        ({ name, words, icon }) => html`<button type="button" role="tab" id=${`tab-${name}`} aria-selected=${tab === name} aria-controls="side-panel" tabindex=${tab === name ? 0 : -1} onClick=${() => setTab(name)}>
          <${Icon} name=${icon} />${words}<${Badge} store=${store} name=${name} />
        </button>`,
      )}
    </div>
    <div class="side-content" role="tabpanel" id="side-panel" aria-labelledby=${`tab-${tab}`}>
      ${tab === "findings" && html`<${FindingsPanel} store=${store} onFix=${choose} />`}
      ${tab === "tables" && html`<${TablesPanel} store=${store} />`}
      ${tab === "fixes" && html`<${FixesPanel} store=${store} chosen=${chosen} onChoose=${setChosen} />`}
      ${tab === "chat" && html`<${ChatPanel} store=${store} />`}
    </div>
  </aside>`;
}

/** @param {{store: SessionStore, name: string}} props */
function Badge({ store, name }) {
  if (name === "findings") {
    const count = store.diagnostics.findings.value.length;
    const urgent = store.diagnostics.urgent.value > 0;
    return count > 0 ? html`<span class="count ${urgent ? "count-warning" : ""}">${count}</span>` : null;
  }
  if (name === "chat") return store.chat.unread.value > 0 ? html`<span class="count count-new">${store.chat.unread.value}</span>` : null;
  if (name === "fixes") return store.fixes.run.value !== null && store.fixes.run.value.result === null ? html`<span class="spinner"></span>` : null;
  return null;
}

/** @param {{width: number, onWidth: (width: number) => void}} props */
function Splitter({ width, onWidth }) {
  const set = (/** @type {number} */ wanted) => onWidth(Math.round(Math.max(NARROWEST, Math.min(WIDEST, wanted))));
  const drag = (/** @type {PointerEvent} */ event) => {
    const target = /** @type {HTMLElement} */ (event.currentTarget);
    target.setPointerCapture(event.pointerId);
    const move = (/** @type {PointerEvent} */ next) => set(window.innerWidth - next.clientX);
    const up = () => target.removeEventListener("pointermove", move);
    target.addEventListener("pointermove", move);
    target.addEventListener("pointerup", up, { once: true });
    target.addEventListener("pointercancel", up, { once: true });
  };
  const key = (/** @type {KeyboardEvent} */ event) => {
    const step = { ArrowLeft: STEP, ArrowRight: -STEP }[event.key];
    if (step === undefined) return;
    event.preventDefault();
    set(width + step);
  };
  return html`<div class="splitter" role="separator" aria-orientation="vertical" aria-label="Width of the panel" aria-valuenow=${width} aria-valuemin=${NARROWEST} aria-valuemax=${WIDEST} tabindex="0" onPointerDown=${drag} onKeyDown=${key}></div>`;
}
