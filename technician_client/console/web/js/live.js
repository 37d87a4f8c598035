// What the whole console knows: who is here, the relay, the devices and the sessions. Kept current by one socket.

import { batch, computed, signal } from "./lib.js";
import { Socket } from "./socket.js";
import { askPassphrase } from "./step_up.js";

/** @type {import("../vendor/signals.js").Signal<null | {name: string, tier: number, organisation: string, relay: string,
 *   product: string, capabilities: Record<string, {words: string, tier: number}>}>} */
export const hello = signal(null);
/** @type {import("../vendor/signals.js").Signal<null | {online: boolean, text: string}>} null: not known yet */
export const relay = signal(null);
/** Whether this page has a connection to the console itself. */
export const consoleUp = signal(true);
/** @type {import("../vendor/signals.js").Signal<null | Map<string, DeviceRow>>} null: not loaded yet */
export const devices = signal(null);
/** @type {import("../vendor/signals.js").Signal<SessionRow[]>} */
export const sessions = signal([]);
/** Seconds since 1970, moved on once in a while so that "3 minutes ago" stays true. */
export const clock = signal(Date.now() / 1000);

export const waiting = computed(() =>
  [...(devices.value?.values() ?? [])].filter((device) => device.waiting).sort((a, b) => a.waiting_since - b.waiting_since),
);

/** @param {any} value */
function hear(value) {
  switch (value.type) {
    case "hello":
      hello.value = value;
      break;
    case "relay":
      relay.value = { online: value.online, text: value.text };
      break;
    case "devices": {
      const rows = new Map(value.replace ? [] : (devices.value ?? []));
      for (const device of value.devices) rows.set(device.id, device);
      devices.value = rows;
      break;
    }
    case "sessions":
      sessions.value = value.sessions;
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
  const answer = await fetch("/api/v1/sessions", {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(wish),
  });
  const body = await answer.json();
  if (body.reason === "step_up" && (await askPassphrase())) return openSession(wish);
  if (!answer.ok) throw new Error([body.title, body.detail].filter(Boolean).join(". "));
  return body.id;
}

/** @param {string} name */
export async function endSession(name) {
  await fetch(`/api/v1/sessions/${encodeURIComponent(name)}`, { method: "DELETE" });
}
