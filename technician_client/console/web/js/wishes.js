// What a technician may wish for when a session is opened. Pure.

/** @typedef {{value: string, words: string, text: string, capabilities: readonly string[]}} Preset */

/** @type {readonly Preset[]} */
export const PRESETS = Object.freeze([
  {
    value: "watch",
    words: "Watch",
    text: "See the screen and what is wrong.",
    capabilities: ["view", "chat", "diagnostics", "colleagues"],
  },
  {
    value: "control",
    words: "Watch and control",
    text: "Also use mouse and keyboard, and run approved fixes.",
    capabilities: ["view", "chat", "diagnostics", "control", "fixes", "colleagues"],
  },
  {
    value: "diagnose",
    words: "Diagnose only",
    text: "No screen: findings, tables and approved fixes.",
    capabilities: ["chat", "diagnostics", "fixes"],
  },
]);

/** What a capability lets the technician do, in the technician's words. The user reads the words of the capability table. */
export const WORDS = /** @type {Readonly<Record<string, string>>} */ (
  Object.freeze({
    view: "see the screen",
    control: "use mouse and keyboard",
    diagnostics: "read the computer's state",
    fixes: "run approved fixes",
    chat: "chat with the user",
    pointer: "point and draw",
    clipboard_in: "put text on the clipboard",
    clipboard_out: "read the clipboard",
    reboot: "restart the computer",
    terminal: "type commands as the user",
    terminal_root: "type commands as the administrator",
    files_in: "put files there",
    files_out: "take files from there",
    recording: "record what is shown",
    forward: "connect to its services",
    colleagues: "work with colleagues",
  })
);

/** The capabilities this console can make use of, in the order in which they are offered. */
export const OFFERED = Object.freeze(["view", "control", "diagnostics", "fixes", "chat", "colleagues", "terminal", "forward", "recording", "clipboard_in", "clipboard_out", "files_in", "files_out", "reboot"]);

/** In the order in which they are offered. @param {readonly string[]} capabilities */
export function inOrder(capabilities) {
  const rest = capabilities.filter((name) => !OFFERED.includes(name));
  return [...OFFERED.filter((name) => capabilities.includes(name)), ...rest];
}

/** @param {readonly string[]} chosen @returns {string} the preset with exactly these, or "" */
export function presetOf(chosen) {
  const same = PRESETS.find(
    ({ capabilities }) => capabilities.length === chosen.length && capabilities.every((name) => chosen.includes(name)),
  );
  return same?.value ?? "";
}
