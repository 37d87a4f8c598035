// What draws a technician's attention to a new help request, or to a colleague who calls them: the title, a sound, and a notification
// where the browser may show one.

import { newRequests } from "./alert_rules.js";
import { incoming, keyOf } from "./features/calls.js";
import { effect } from "./lib.js";
import { fleetVersion, waiting } from "./live.js";
import { preferences } from "./preferences.js";

/** Whether notifications can be asked for, are allowed or denied. @returns {"default" | "granted" | "denied" | "unsupported"} */
export function permission() {
  return typeof Notification === "undefined" ? "unsupported" : Notification.permission;
}

/** Two short tones, made here. A browser lets them be heard once the page has been clicked or typed into. */
function ring() {
  const audio = new AudioContext();
  for (const [at, pitch] of [
    [0, 660],
    [0.16, 880],
  ]) {
    const tone = audio.createOscillator();
    const volume = audio.createGain();
    tone.frequency.value = pitch;
    volume.gain.setValueAtTime(0.0001, audio.currentTime + at);
    volume.gain.exponentialRampToValueAtTime(0.12, audio.currentTime + at + 0.02);
    volume.gain.exponentialRampToValueAtTime(0.0001, audio.currentTime + at + 0.15);
    tone.connect(volume).connect(audio.destination);
    tone.start(audio.currentTime + at);
    tone.stop(audio.currentTime + at + 0.16);
  }
  setTimeout(() => audio.close(), 800);
}

/** @param {import("./fleet.js").Entry} entry */
function notify({ device, name }) {
  const shown = new Notification(`${name} asks for help`, { body: device.waiting_text || "No text", tag: `handrail-${device.id}`, silent: true });
  shown.addEventListener("click", () => {
    window.focus();
    location.hash = "#/";
    shown.close();
  });
}

/** @param {import("./features/calls.js").Call} call */
function notifyCall({ device, name, label, note }) {
  const shown = new Notification(`${name} calls you to ${label}`, { body: note || "No note.", tag: `handrail-call-${device}`, silent: true });
  shown.addEventListener("click", () => {
    window.focus();
    shown.close();
  });
}

/** Whoever calls is worth a word at once, also when the page has just been loaded. */
function startCallAlerts() {
  /** @type {Set<string>} */
  let seen = new Set();
  effect(() => {
    const fresh = incoming.value.filter((call) => !seen.has(keyOf(call)));
    seen = new Set(incoming.value.map(keyOf));
    if (fresh.length === 0) return;
    const { sound, notify: wanted } = preferences.peek();
    if (sound) ring();
    if (wanted && permission() === "granted") fresh.slice(0, 3).forEach(notifyCall);
  });
}

/** Begin to watch. Called once. */
export function startAlerts() {
  startCallAlerts();
  /** @type {Map<string, number>} */
  const seen = new Map();
  let first = true;
  effect(() => {
    if (fleetVersion.value === 0) return;
    const fresh = newRequests(seen, waiting.value);
    const quiet = first;
    first = false;
    if (quiet || fresh.length === 0) return;
    const { sound, notify: wanted } = preferences.peek();
    if (sound) ring();
    if (wanted && permission() === "granted") fresh.slice(0, 3).forEach(notify);
  });
}
