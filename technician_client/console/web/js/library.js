// The approved fixes and runs of them on many devices: what the console is asked, and what is made of its answers.

import { ask } from "./ask.js";
import { signal } from "./lib.js";

/** @type {import("../vendor/signals.js").Signal<null | {scripts: LibraryRow[], approval: ApprovalRow, read_at: number}>} */
export const library = signal(null);
export const libraryError = signal("");

/** Devices of one run, at most; technician_client/console/office_api.py DEVICES_AT_ONCE. */
export const MOST_DEVICES = 500;

export const STATES = /** @type {Readonly<Record<RunDevice["state"], {words: string, level: string}>>} */ (
  Object.freeze({
    waiting: { words: "Waiting its turn", level: "idle" },
    running: { words: "Running", level: "now" },
    good: { words: "Well", level: "good" },
    bad: { words: "Not well", level: "poor" },
    left_alone: { words: "Left alone", level: "idle" },
    cancelled: { words: "Stopped", level: "fair" },
  })
);

export const STEPS = /** @type {Readonly<Record<string, string>>} */ (
  Object.freeze({
    asking: "asking the relay",
    tunnel: "calling",
    connected: "connected",
    open: "open",
    verify_signature: "checking signatures",
    consent: "the person there is asked",
    detect: "looking whether it is needed",
    run: "running",
    verify: "checking that it worked",
    undo: "undoing",
    findings: "taking the findings again",
  })
);

export async function loadLibrary() {
  try {
    library.value = await ask("GET", "/api/v1/library");
    libraryError.value = "";
  } catch (problem) {
    libraryError.value = String(/** @type {Error} */ (problem).message);
  }
}
