// What a technician may wish for when a session is opened. Pure.

/** @typedef {{value: string, words: string, text: string, capabilities: readonly string[]}} Preset */

/** @type {readonly Preset[]} */
export const PRESETS = Object.freeze([
  {
    value: "watch",
    words: "Watch",
    text: "See the screen and what is wrong.",
    capabilities: ["view", "chat", "diagnostics", "pointer"],
  },
  {
    value: "control",
    words: "Watch and control",
    text: "Also use mouse and keyboard, and run approved fixes.",
    capabilities: ["view", "chat", "diagnostics", "pointer", "control", "fixes"],
  },
  {
    value: "diagnose",
    words: "Diagnose only",
    text: "No screen: findings, tables and approved fixes.",
    capabilities: ["chat", "diagnostics", "fixes"],
  },
]);

/** The capabilities this console can make use of, in the order in which they are offered. */
export const OFFERED = Object.freeze(["view", "control", "diagnostics", "fixes", "chat", "pointer"]);

/** @param {readonly string[]} chosen @returns {string} the preset with exactly these, or "" */
export function presetOf(chosen) {
  const same = PRESETS.find(
    ({ capabilities }) => capabilities.length === chosen.length && capabilities.every((name) => chosen.includes(name)),
  );
  return same?.value ?? "";
}
