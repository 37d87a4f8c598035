// Small controls that several pages use.

import { html, useLayoutEffect, useRef, useState } from "../lib.js";
import { Icon } from "../icons.js";

/**
 * One choice of a few, as a row of buttons (radio buttons to the keyboard).
 * @param {{label: string, options: readonly {value: string, words: any, title?: string}[], value: string,
 *   onChange: (value: any) => void, disabled?: boolean}} props
 */
export function Segmented({ label, options, value, onChange, disabled = false }) {
  const turn = (/** @type {KeyboardEvent} */ event) => {
    const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
    if (step === undefined || disabled) return;
    event.preventDefault();
    const at = options.findIndex((option) => option.value === value);
    const next = (at + step + options.length) % options.length;
    onChange(options[next].value);
    /** @type {HTMLElement} */ (event.currentTarget).querySelectorAll("button")[next].focus();
  };
  return html`<div class="segmented" role="radiogroup" aria-label=${label} onKeyDown=${turn}>
    ${options.map(
      (option) => html`<button
        type="button"
        role="radio"
        aria-checked=${option.value === value}
        tabindex=${option.value === value ? 0 : -1}
        title=${option.title}
        disabled=${disabled}
        onClick=${() => onChange(option.value)}
      >
        ${option.words}
      </button>`,
    )}
  </div>`;
}

/**
 * A button that opens a small box below it. Closes on Escape, on a click elsewhere and when the focus leaves.
 * @param {{label: any, title: string, children: any, className?: string, align?: "left" | "right", name?: string,
 *   onClosed?: () => void}} props
 */
export function Menu({ label, title, children, className = "button", align = "left", name = "", onClosed }) {
  const [open, setOpen] = useState(false);
  /** @type {{current: HTMLDivElement | null}} */
  const box = useRef(null);
  const close = () => {
    setOpen(false);
    onClosed?.();
  };
  useLayoutEffect(() => {
    if (!open) return undefined;
    const away = (/** @type {Event} */ event) => {
      if (!box.current?.contains(/** @type {Node} */ (event.target))) close();
    };
    // On the document: what had the focus may have gone from the box meanwhile, and the focus with it.
    const escape = (/** @type {KeyboardEvent} */ event) => {
      if (event.key !== "Escape") return;
      event.stopPropagation();
      close();
      /** @type {HTMLElement | null | undefined} */ (box.current?.querySelector("button"))?.focus();
    };
    document.addEventListener("keydown", escape, true);
    document.addEventListener("pointerdown", away);
    document.addEventListener("focusin", away);
    return () => {
      document.removeEventListener("keydown", escape, true);
      document.removeEventListener("pointerdown", away);
      document.removeEventListener("focusin", away);
    };
  }, [open]);
  return html`<div class="menu" ref=${box} data-menu=${name}>
    <button type="button" class=${className} title=${title} aria-expanded=${open} aria-haspopup="true" onClick=${() => (open ? close() : setOpen(true))}>
      ${label}
    </button>
    ${open && html`<div class="menu-box menu-${align}">${typeof children === "function" ? children(close) : children}</div>`}
  </div>`;
}

/** @param {{text?: string}} props */
export function Spinner({ text = "" }) {
  return html`<span class="spinner-line" role="status"><span class="spinner" aria-hidden="true"></span>${text}</span>`;
}

/**
 * What stands where there is nothing else to show.
 * @param {{icon: import("../icons.js").IconName, title: string, children?: any}} props
 */
export function Empty({ icon, title, children }) {
  return html`<div class="empty">
    <span class="empty-icon"><${Icon} name=${icon} size=${28} /></span>
    <p class="empty-title">${title}</p>
    ${children && html`<div class="empty-text">${children}</div>`}
  </div>`;
}

/** @param {{severity: "critical" | "warning" | "notice"}} props */
export function Severity({ severity }) {
  return html`<span class="severity severity-${severity}"><${Icon} name=${severity} size=${14} />${severity}</span>`;
}
