// What the whole console knows: who is here, the relay, the devices and the sessions. Kept current by one socket.

import { Problem, ask } from "./ask.js";
import { hearCalls } from "./features/calls.js";
import { batch, computed, signal } from "./lib.js";
import { Fleet } from "./fleet.js";
import { hearPreferences } from "./preferences.js";
import { Socket } from "./socket.js";

/** @type {import("../vendor/signals.js").Signal<null | {name: string, tier: number, organisation: string, relay: string,
 *   product: string, capabilities: Record<string, {words: string, tier: number}>}>} */
export const hello = signal(null);
/** @type {import("../vendor/signals.js").Signal<null | {online: boolean, text: string, refused: boolean, retryAt: number}>}
 *  null: not known yet; retryAt: performance.now() of the next attempt, 0 for now */
export const relay = signal(null);
/** Whether this page has a connection to the console itself. */
export const consoleUp = signal(true);
/** Every device, joined with what earlier sessions told. It changes in place; `fleetVersion` says that it did. */
export const fleet = new Fleet();
/** 0: not loaded yet. */
export const fleetVersion = signal(0);
/** @type {import("../vendor/signals.js").Signal<SessionRow[]>} */
export const sessions = signal([]);
/** Seconds since 1970, moved on once in a while so that "3 minutes ago" stays true. */
export const clock = signal(Date.now() / 1000);

export const waiting = computed(() => (fleetVersion.value > 0 ? fleet.waiting() : []));

/**
 * Runs of fixes on many devices, newest first, without their devices.
 * @type {import("../vendor/signals.js").Signal<null | RunRow[]>}
 */
export const runs = signal(null);
/** @type {Set<(told: import("./library_rules.js").RunTold) => void>} who shows the devices of a run */
export const runListeners = new Set();

/** @param {any} value */
function hear(value) {
  switch (value.type) {
    case "hello":
      hello.value = value;
      hearPreferences(value.preferences);
      break;
    case "relay":
      relay.value = {
        online: value.online,
        text: value.text,
        refused: value.refused,
        retryAt: value.retry_in > 0 ? performance.now() + 1000 * value.retry_in : 0,
      };
      break;
    case "known":
      fleet.learn(value.devices);
      if (fleetVersion.value > 0) fleetVersion.value += 1;
      break;
    case "runs":
      runs.value = value.runs;
      break;
    case "run":
      runs.value = (runs.value ?? []).some(({ id }) => id === value.run)
        ? (runs.value ?? []).map((run) => (run.id === value.run ? value.row : run))
        : [value.row, ...(runs.value ?? [])];
      break;
    case "run_device":
    case "run_output":
      for (const listener of runListeners) listener(value);
      break;
    case "devices":
      if (fleet.hear(value)) fleetVersion.value += 1;
      break;
    case "sessions":
      sessions.value = value.sessions;
      break;
    case "calls":
      hearCalls(value.calls);
      break;
  }
}

/** Begin to listen. Called once. */
export function startLive() {
  const socket = new Socket("/api/v1/live", {
    onText: (value) => batch(() => hear(value)),
    onOpen: () => {
      consoleUp.value = true;
    },
    onDown: () => {
      consoleUp.value = false;
    },
  });
  setInterval(() => {
    clock.value = Date.now() / 1000;
  }, 5000);
  return socket;
}

/**
 * Begin to open a session.
 * @param {{code?: string, device?: string, wanted: string[], reason: string, label: string, after_restart?: number}} wish
 * @returns {Promise<string>} the session's name
 */
export async function openSession(wish) {
  return (await ask("POST", "/api/v1/sessions", wish)).id;
}

/** @param {string} name */
export async function endSession(name) {
  try {
    await ask("DELETE", `/api/v1/sessions/${encodeURIComponent(name)}`);
  } catch (error) {
    if (!(error instanceof Problem)) throw error; // it has ended already
  }
}
