// This technician's certificate and way to the relay: asked for when the page opens, now and then, and when it is renewed.

import { ask, plainly } from "./ask.js";
import { computed, signal } from "./lib.js";
import { clock } from "./live.js";

const AGAIN_MS = 10 * 60 * 1000;

/** @type {import("../vendor/signals.js").Signal<null | StandingRow>} null: not known yet */
export const standing = signal(null);
export const standingError = signal("");
export const renewing = signal(false);

/** "good", "due" (renewal is awaited), "expired". @param {StandingRow} row @param {number} now seconds since 1970 */
export function certificateState(row, now) {
  if (now >= row.not_after) return "expired";
  return now >= row.renewal_from ? "due" : "good";
}

export const expired = computed(() => standing.value !== null && certificateState(standing.value, clock.value) === "expired");

export async function loadStanding() {
  try {
    standing.value = await ask("GET", "/api/v1/standing");
    standingError.value = "";
  } catch (problem) {
    standingError.value = plainly(problem);
  }
}

/** @returns {Promise<string>} what went wrong, "" when it is renewed */
export async function renew() {
  renewing.value = true;
  try {
    const renewed = await ask("POST", "/api/v1/renew");
    standing.value = { ...standing.value, ...renewed };
    return "";
  } catch (problem) {
    return plainly(problem);
  } finally {
    renewing.value = false;
  }
}

/** Begin to look. Called once. */
export function startStanding() {
  void loadStanding();
  setInterval(() => void loadStanding(), AGAIN_MS);
}
