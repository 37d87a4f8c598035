// Which panel stands beside the picture, which below it, and how large they are. Kept in this browser, so that the page comes back as it was.

import { signal } from "../lib.js";

const KEY = "handrail-side";
export const NARROWEST = 280;
export const LOWEST = 140;
/** The picture keeps at least this many CSS pixels each way. */
const PICTURE_LEAST = 320;

/** @typedef {"beside" | "below"} Place */

export class Side {
  /**
   * @param {string} first the panel shown where nothing was kept
   * @param {Pick<Storage, "getItem" | "setItem">} storage
   */
  constructor(first, storage = localStorage) {
    this.storage = storage;
    const kept = read(storage);
    /** The panel beside the picture; "" while the side is folded away. */
    this.beside = signal(typeof kept.beside === "string" ? kept.beside : first);
    /** The panel below the picture, or "". Never the one beside it as well. */
    this.below = signal(typeof kept.below === "string" && kept.below !== this.beside.value ? kept.below : "");
    /** @type {import("../../vendor/signals.js").Signal<Record<string, number>>} sizes that were dragged, by "place panel", CSS pixels */
    this.sizes = signal(sizesOf(kept.sizes));
    /** The panel that came last, which a folded side opens again. */
    this.last = this.beside.value || (typeof kept.last === "string" ? kept.last : first);
  }

  /** Whether a panel is on the page. @param {string} name */
  shows(name) {
    return this.beside.value === name || this.below.value === name;
  }

  /** Bring a panel onto the page, wherever it belongs now. @param {string} name */
  show(name) {
    if (this.below.value === name) return;
    this.beside.value = name;
    this.last = name;
    this.keep();
  }

  /** Fold the side away, or open it where it was. */
  toggle() {
    if (this.beside.value === "") this.show(this.last);
    else this.hide(this.beside.value);
  }

  /** @param {string} name */
  hide(name) {
    if (this.below.value === name) this.below.value = "";
    if (this.beside.value === name) this.beside.value = "";
    this.keep();
  }

  /** @param {string} name @param {Place} place */
  move(name, place) {
    const [to, from] = place === "below" ? [this.below, this.beside] : [this.beside, this.below];
    if (from.value === name) from.value = "";
    to.value = name;
    this.keep();
  }

  /**
   * How large a panel is, in CSS pixels, kept within the window.
   * @param {string} name
   * @param {Place} place
   * @param {number} usual
   */
  size(name, place, usual) {
    return bounded(place, this.sizes.value[`${place} ${name}`] ?? usual);
  }

  /** @param {string} name @param {Place} place @param {number} wanted */
  resize(name, place, wanted) {
    this.sizes.value = { ...this.sizes.value, [`${place} ${name}`]: Math.round(bounded(place, wanted)) };
    this.keep();
  }

  keep() {
    this.storage.setItem(KEY, JSON.stringify({ beside: this.beside.value, below: this.below.value, last: this.last, sizes: this.sizes.value }));
  }
}

/** The largest size of a panel at a place. @param {Place} place */
export function largest(place) {
  return place === "beside" ? Math.max(NARROWEST, window.innerWidth - PICTURE_LEAST) : Math.max(LOWEST, window.innerHeight - PICTURE_LEAST);
}

/** @param {Place} place @param {number} wanted */
function bounded(place, wanted) {
  return Math.max(place === "beside" ? NARROWEST : LOWEST, Math.min(largest(place), wanted));
}

/** @param {Pick<Storage, "getItem">} storage @returns {Record<string, unknown>} */
function read(storage) {
  const text = storage.getItem(KEY);
  if (text === null) return {};
  try {
    const value = JSON.parse(text);
    return typeof value === "object" && value !== null ? value : {};
  } catch (error) {
    if (error instanceof SyntaxError) return {};
    throw error;
  }
}

/** @param {unknown} value @returns {Record<string, number>} */
function sizesOf(value) {
  if (typeof value !== "object" || value === null) return {};
  return Object.fromEntries(Object.entries(value).filter(([, size]) => typeof size === "number" && Number.isFinite(size)));
}
