// One terminal on the page, by xterm.js. What a device prints is hostile: it moves the cursor and colours text within the
// terminal and does nothing else. No title, no clipboard, no links.

import { isLeave } from "./keys.js";
import { findAll, nextMatch, placeOf } from "./terminal_search.js";

/** OSC commands that are thrown away: titles (0, 1, 2), the working directory (7), links (8), notifications (9, 777), the clipboard
 * (52), colours of the page's own palette (4, 5, 104, 105), iTerm's (1337). */
const IGNORED_OSC = Object.freeze([0, 1, 2, 4, 5, 7, 8, 9, 52, 104, 105, 777, 1337]);

const LIGHT = Object.freeze({
  background: "#ffffff", foreground: "#14191f", cursor: "#0b6b74", cursorAccent: "#ffffff", selectionBackground: "#bfe0e3",
  black: "#14191f", red: "#b3261e", green: "#17723a", yellow: "#8a5300", blue: "#2456b0", magenta: "#8a2f8f", cyan: "#0b6b74",
  white: "#6b7682", brightBlack: "#525d68", brightRed: "#c7372e", brightGreen: "#1d8445", brightYellow: "#9c6000",
  brightBlue: "#2f66c7", brightMagenta: "#a23aa8", brightCyan: "#0d7c86", brightWhite: "#3a444e",
});
const DARK = Object.freeze({
  background: "#11161b", foreground: "#e8edf1", cursor: "#4fc4cd", cursorAccent: "#11161b", selectionBackground: "#1f4d57",
  black: "#3a444e", red: "#ff9a91", green: "#5cc985", yellow: "#f0b954", blue: "#8fb8ff", magenta: "#e0a0e6", cyan: "#4fc4cd",
  white: "#cfd7de", brightBlack: "#8b97a3", brightRed: "#ffb4ad", brightGreen: "#7fdca1", brightYellow: "#f6cd80",
  brightBlue: "#b0cdff", brightMagenta: "#ecbdf0", brightCyan: "#74d5dc", brightWhite: "#ffffff",
});

/** @typedef {import("./terminal.js").Terminal} Terminal */

/**
 * Cells of a colour of their own get it by a style attribute, on elements that xterm.js makes from the page's document, whatever its
 * option `documentOverride` says. So from the first terminal on `setAttribute("style", ...)` of every <span> of the page sets the
 * property, which our policy allows; every other attribute, element and library is as before.
 */
function stylesAreProperties() {
  HTMLSpanElement.prototype.setAttribute = function setAttribute(/** @type {string} */ name, /** @type {string} */ value) {
    if (name === "style") this.style.cssText = value;
    else Element.prototype.setAttribute.call(this, name, value);
  };
}

/** The emulator, fetched when it is first needed. */
async function emulator() {
  const [{ Terminal: Xterm }, { FitAddon }] = await Promise.all([import("../../vendor/xterm.js"), import("../../vendor/xterm-fit.js")]);
  stylesAreProperties();
  return { Xterm, FitAddon };
}

/**
 * Do something during which xterm.js makes its <style> elements: `act` must be done when it returns, since until then every <style>
 * that anybody on the page makes is another. Our policy refuses those from everybody; what takes their place
 * fills style sheets that a script made, which are allowed.
 * @param {() => void} act
 * @returns {() => void} takes the sheets away again
 */
function withSheets(act) {
  /** @type {Set<CSSStyleSheet>} */
  const sheets = new Set();
  const drop = (/** @type {CSSStyleSheet} */ sheet) => {
    sheets.delete(sheet);
    document.adoptedStyleSheets = document.adoptedStyleSheets.filter((one) => one !== sheet);
  };
  const style = () => {
    const sheet = new CSSStyleSheet();
    sheets.add(sheet);
    document.adoptedStyleSheets = [...document.adoptedStyleSheets, sheet];
    const stand = document.createElement("span");
    stand.hidden = true;
    Object.defineProperty(stand, "textContent", { set: (text) => sheet.replaceSync(text), get: () => "" });
    return stand;
  };
  const create = (/** @type {string} */ name) => (name === "style" ? style() : Document.prototype.createElement.call(document, name));
  Object.defineProperty(document, "createElement", { value: create, configurable: true });
  try {
    act();
  } finally {
    Reflect.deleteProperty(document, "createElement");
  }
  return () => [...sheets].forEach(drop);
}

/** Whether the page is dark now. */
function isDark() {
  return getComputedStyle(document.documentElement).colorScheme === "dark" || (document.documentElement.dataset.theme !== "light" && window.matchMedia("(prefers-color-scheme: dark)").matches);
}

export class TerminalView {
  /**
   * @param {any} xterm
   * @param {any} fit
   * @param {HTMLElement} host
   * @param {() => void} dispose
   */
  constructor(xterm, fit, host, dispose) {
    this.xterm = xterm;
    this.fitting = fit;
    this.host = host;
    this.disposeSheets = dispose;
    /** @type {import("./terminal_search.js").Match | null} what was found last */
    this.match = null;
    this.colours = window.matchMedia("(prefers-color-scheme: dark)");
    this.recolour = () => {
      this.xterm.options.theme = isDark() ? DARK : LIGHT;
    };
    this.colours.addEventListener("change", this.recolour);
    this.observer = new MutationObserver(this.recolour);
    this.observer.observe(document.documentElement, { attributes: true, attributeFilter: ["data-theme"] });
  }

  /**
   * Make one and connect it to a terminal.
   * @param {Terminal} tab
   * @param {HTMLElement} host where it lives, as large as it shall be
   * @param {{reading: boolean, onLeave: () => void, onSearch: () => void}} manner `reading`: for a screen reader
   */
  static async make(tab, host, { reading, onLeave, onSearch }) {
    const { Xterm, FitAddon } = await emulator();
    const xterm = new Xterm({
      fontFamily: getComputedStyle(document.documentElement).getPropertyValue("--mono"),
      fontSize: 13,
      scrollback: 5000,
      minimumContrastRatio: 4.5,
      screenReaderMode: reading,
      theme: isDark() ? DARK : LIGHT,
      cursorBlink: false,
      macOptionIsMeta: true,
      linkHandler: { activate: () => {} },
    });
    for (const number of IGNORED_OSC) xterm.parser.registerOscHandler(number, () => true);
    const fit = new FitAddon();
    xterm.loadAddon(fit);
    const dispose = withSheets(() => xterm.open(host));
    const view = new TerminalView(xterm, fit, host, dispose);
    view.fit();
    const coder = new TextEncoder();
    xterm.onData((/** @type {string} */ text) => tab.type(coder.encode(text)));
    xterm.onBinary((/** @type {string} */ text) => tab.type(Uint8Array.from(text, (character) => character.charCodeAt(0))));
    xterm.onResize(() => tab.resized());
    xterm.attachCustomKeyEventHandler((/** @type {KeyboardEvent} */ event) => view.key(event, onLeave, onSearch));
    tab.show(view);
    return view;
  }

  get columns() {
    return this.xterm.cols;
  }

  get rows() {
    return this.xterm.rows;
  }

  /** @param {Uint8Array} data @param {() => void} shown called once it stands on the screen */
  write(data, shown) {
    this.xterm.write(data, shown);
  }

  /** Take the size of the place. */
  fit() {
    if (this.host.isConnected && this.host.clientWidth > 0) this.fitting.fit();
  }

  focus() {
    this.xterm.focus();
  }

  /** @param {boolean} reading */
  read(reading) {
    this.xterm.options.screenReaderMode = reading;
  }

  /**
   * Show the next place where `words` stand, from the newest backwards.
   * @param {string} words
   * @param {1 | -1 | 0} step 0: the words have changed, begin anew
   * @returns {{at: number, of: number}} the number of what is shown, from the newest, and how many there are
   */
  search(words, step) {
    const buffer = this.xterm.buffer.active;
    const found = findAll(buffer, words);
    const at = nextMatch(found, step === 0 ? null : this.match, step === 0 ? -1 : step);
    this.match = found[at] ?? null;
    if (this.match === null) {
      this.xterm.clearSelection();
      return { at: 0, of: 0 };
    }
    const { row, column, cells } = placeOf(buffer, this.match);
    this.xterm.select(column, row, cells);
    this.xterm.scrollToLine(Math.max(0, row - Math.floor(this.xterm.rows / 2)));
    return { at: found.length - at, of: found.length };
  }

  /** The keys that are the page's. @param {KeyboardEvent} event @param {() => void} onLeave @param {() => void} onSearch @returns {boolean} whether it is the terminal's */
  key(event, onLeave, onSearch) {
    if (!(event.ctrlKey && event.shiftKey) || event.type !== "keydown") return true;
    if (isLeave(event)) {
      event.preventDefault();
      onLeave();
      return false;
    }
    if (event.code === "KeyF") {
      event.preventDefault();
      onSearch();
      return false;
    }
    if (event.code === "KeyC") {
      event.preventDefault();
      void this.copy();
      return false;
    }
    if (event.code === "KeyV") return false; // the browser's own paste follows
    return true;
  }

  /** What is selected, onto this computer's clipboard. */
  async copy() {
    const text = this.xterm.getSelection();
    if (text !== "") await navigator.clipboard.writeText(text);
  }

  dispose() {
    this.colours.removeEventListener("change", this.recolour);
    this.observer.disconnect();
    this.xterm.dispose();
    this.disposeSheets();
  }
}
