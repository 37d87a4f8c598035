// Keys that do something wherever one is, by default and as chosen. A lone letter works only where nothing is typed into.

/** @type {Readonly<Record<string, {words: string, keys: string}>>} */
export const SHORTCUTS = Object.freeze({
  code: { words: "Go to the field for the code", keys: "c" },
  search: { words: "Search devices", keys: "/" },
  next: { words: "Help who has waited longest", keys: "h" },
  home: { words: "Go to the devices", keys: "Alt+1" },
  library: { words: "Go to the library", keys: "Alt+2" },
  settings: { words: "Go to the settings", keys: "Alt+3" },
  help: { words: "Show the shortcuts", keys: "?" },
});

const NAMES = /** @type {Record<string, string>} */ ({ " ": "Space" });

/** A key press as it is written down: "Alt+C", "/", "?"; "" for a modifier alone. @param {{key: string, altKey: boolean, ctrlKey: boolean, metaKey: boolean, shiftKey: boolean}} event */
export function chordOf(event) {
  if (["Alt", "Control", "Meta", "Shift", "AltGraph", "Dead", "Process", "Unidentified"].includes(event.key)) return "";
  const name = NAMES[event.key] ?? event.key;
  const modified = event.altKey || event.ctrlKey || event.metaKey;
  const shown = name.length === 1 && modified ? name.toUpperCase() : name;
  const parts = [event.ctrlKey && "Ctrl", event.altKey && "Alt", event.metaKey && "Meta", event.shiftKey && name.length > 1 && "Shift"];
  return [...parts.filter(Boolean), shown].join("+");
}

/** Whether it may be chosen: not what a page cannot do without. @param {string} chord */
export function usable(chord) {
  return chord !== "" && !["Tab", "Shift+Tab", "Enter", "Escape", "Space"].includes(chord) && !/^(Shift\+)?(Arrow|Page|Home|End|Delete|Backspace)/.test(chord);
}

/** The keys of everything, as chosen. @param {Record<string, string>} chosen @returns {Record<string, string>} */
export function keysOf(chosen) {
  return Object.fromEntries(Object.entries(SHORTCUTS).map(([name, { keys }]) => [name, chosen[name] ?? keys]));
}

/** What else has these keys, or "". @param {string} name @param {string} chord @param {Record<string, string>} chosen */
export function takenBy(name, chord, chosen) {
  const found = Object.entries(keysOf(chosen)).find(([other, keys]) => other !== name && keys === chord);
  return found === undefined ? "" : found[0];
}

/** What a key press means, or "". @param {string} chord @param {boolean} typing something is being typed into @param {Record<string, string>} chosen */
export function meaningOf(chord, typing, chosen) {
  if (chord === "" || (typing && !/^(Ctrl|Alt|Meta)\+/.test(chord))) return "";
  return Object.entries(keysOf(chosen)).find(([, keys]) => keys === chord)?.[0] ?? "";
}
