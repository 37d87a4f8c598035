// What the technician has chosen. The console keeps it in a file; this browser keeps a copy, so that a page is never painted wrong first.

import { Problem, ask, plainly } from "./ask.js";
import { effect, signal } from "./lib.js";

const KEY = "handrail-preferences";
/** preferences.py takes no more. */
const MOST_KEYBOARDS = 1000;

/**
 * @typedef {object} Preferences technician_client/console/preferences.py
 * @property {"system" | "light" | "dark"} theme
 * @property {"system" | "more"} contrast
 * @property {boolean} notify
 * @property {boolean} sound
 * @property {Record<string, string>} shortcuts
 * @property {string[]} favourites
 * @property {Record<string, "text" | "physical">} keyboards by device
 * @property {"direct" | "touchpad"} touch what a finger on the picture does
 */

/** @type {Readonly<Preferences>} */
const NOTHING_CHOSEN = Object.freeze({ theme: "system", contrast: "system", notify: false, sound: true, shortcuts: {}, favourites: [], keyboards: {}, touch: "direct" });

/** @returns {Preferences} */
function stored() {
  try {
    const value = JSON.parse(localStorage.getItem(KEY) ?? "{}");
    return value !== null && typeof value === "object" ? { ...NOTHING_CHOSEN, ...value } : { ...NOTHING_CHOSEN };
  } catch {
    return { ...NOTHING_CHOSEN };
  }
}

export const preferences = signal(stored());
/** What went wrong when the last choice was kept, "" when nothing did. */
export const notKept = signal("");

effect(() => {
  document.documentElement.dataset.theme = preferences.value.theme;
  document.documentElement.dataset.contrast = preferences.value.contrast;
  localStorage.setItem(KEY, JSON.stringify(preferences.value));
});

/** What the console says is chosen. @param {Preferences} value */
export function hearPreferences(value) {
  preferences.value = value;
}

/** @param {Partial<Preferences>} change */
export async function choose(change) {
  preferences.value = { ...preferences.value, ...change };
  try {
    await ask("POST", "/api/v1/preferences", preferences.value);
    notKept.value = "";
  } catch (error) {
    notKept.value = error instanceof Problem ? plainly(error) : "The console does not answer, so your choice lasts only as long as this browser remembers it.";
  }
}

/** @param {string} id */
export function isFavourite(id) {
  return preferences.value.favourites.includes(id);
}

/** @param {string} id */
export function toggleFavourite(id) {
  const { favourites } = preferences.value;
  return choose({ favourites: isFavourite(id) ? favourites.filter((one) => one !== id) : [...favourites, id] });
}

/** How keys go to a device: "auto" unless something else was chosen for it. @param {string} id @returns {import("./features/keys.js").KeyMode} */
export function keyboardOf(id) {
  const { keyboards } = preferences.value;
  return Object.hasOwn(keyboards, id) ? keyboards[id] : "auto";
}

/** @param {string} id @param {import("./features/keys.js").KeyMode} mode */
export function rememberKeyboard(id, mode) {
  const others = Object.entries(preferences.value.keyboards).filter(([other]) => other !== id);
  return choose({ keyboards: Object.fromEntries(mode === "auto" ? others : [...others.slice(1 - MOST_KEYBOARDS), [id, mode]]) });
}
