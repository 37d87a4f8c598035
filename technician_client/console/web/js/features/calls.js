// Colleagues who call this technician by name: the console has asked the device who it is and what for.

import { ask, plainly } from "../ask.js";
import { computed, signal } from "../lib.js";
import { PRESETS } from "../wishes.js";

/**
 * @typedef {{device: string, label: string, name: string, tier: number, note: string, called_at: number, seconds: number}} CallRow
 *   technician_client/console/calls.py: `label` is the device's, as certified, `name` and `tier` the caller's, `seconds` until it runs out
 * @typedef {CallRow & {until: number}} Call `until` by performance.now()
 */

export const MOST_REASON = 200;

/** @type {import("../../vendor/signals.js").Signal<Call[]>} who calls this technician by name */
export const incoming = signal([]);
/** @type {import("../../vendor/signals.js").Signal<ReadonlySet<string>>} which of them were answered here */
const answered = signal(new Set());

/** What tells one call from a later one at the same device. @param {{device: string, called_at: number}} call */
export function keyOf({ device, called_at }) {
  return `${device} ${called_at}`;
}

/** The calls that wait for an answer, the oldest first. */
export const calls = computed(() => incoming.value.filter((call) => !answered.value.has(keyOf(call))));

/** It is answered; what was answered and is over is forgotten. @param {Call} call */
function mark(call) {
  const standing = new Set(incoming.value.map(keyOf));
  answered.value = new Set([...answered.value, keyOf(call)].filter((key) => standing.has(key)));
}

/** @param {CallRow[]} rows */
export function hearCalls(rows) {
  incoming.value = rows.map((row) => ({ ...row, until: performance.now() + row.seconds * 1000 }));
}

/**
 * Begin to open a session there.
 * @param {Call} call @param {(wish: {device: string, label: string, wanted: string[], reason: string}) => Promise<string>} open gives its name
 * @returns {Promise<string>} "" or what went wrong
 */
export async function join(call, open) {
  try {
    const wanted = [...PRESETS[0].capabilities];
    const name = await open({ device: call.device, label: call.label, wanted, reason: `${call.name} called me in` });
    mark(call);
    location.hash = `#/session/${name}`;
    return "";
  } catch (error) {
    return plainly(error);
  }
}

/** Say that one will not come. @param {Call} call @param {string} reason @returns {Promise<string>} "" or what went wrong */
export async function decline(call, reason) {
  try {
    await ask("POST", `/api/v1/calls/${encodeURIComponent(call.device)}/decline`, { reason: reason.trim().slice(0, MOST_REASON) });
    mark(call);
    return "";
  } catch (error) {
    return plainly(error);
  }
}
