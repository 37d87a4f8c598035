// Light, dark, or as the system has it; and more contrast.

import { computed } from "./lib.js";
import { choose, preferences } from "./preferences.js";

/** @typedef {"system" | "light" | "dark"} Theme */

/** @type {readonly Theme[]} */
export const THEMES = Object.freeze(["system", "light", "dark"]);

export const theme = computed(() => preferences.value.theme);

/** @param {Theme} value */
export function chooseTheme(value) {
  return choose({ theme: value });
}
