// Ports of the device on this computer: what is forwarded, and the wish for one more. The listeners are the console's.

import { signal } from "../lib.js";

/** @typedef {{number: number, local: string, host: string, port: number, open: number, connections: number, sent: number, received: number, problem: string}} Forward */
/** @typedef {{port: number, local: number | null, host: string}} Wish */
/** @typedef {{enabled: boolean, patterns: string[]}} Rules what the device says may be reached through it */

export const LOOPBACK = "127.0.0.1";
const TCP = 6; // IANA's number
const HOST = /^(?:[A-Za-z0-9._-]{1,253}|\[?[0-9A-Fa-f:.]{2,45}\]?)$/;

/** What people forward most, by port. */
export const SERVICES = Object.freeze({ 22: "SSH", 80: "Web", 443: "Web (TLS)", 631: "Printers (CUPS)", 3306: "MySQL", 3389: "Remote Desktop", 5432: "PostgreSQL", 5900: "VNC", 8080: "Web" });

/**
 * The wish that a form's texts make.
 * @param {{port: string, local: string, host: string}} texts `local` "": the console chooses; `host` "": the device itself
 * @returns {{wish: Wish | null, text: string}} the wish, or what is wrong with it
 */
export function readWish({ port, local, host }) {
  const number = portOf(port);
  if (number === null || number === 0) return { wish: null, text: "The port on the device is a number from 1 to 65535." };
  const here = local.trim() === "" ? null : portOf(local);
  if (here === null && local.trim() !== "") return { wish: null, text: "The port here is a number up to 65535, or nothing: then one is chosen." };
  const where = host.trim();
  if (where !== "" && !HOST.test(where)) return { wish: null, text: "The computer behind the device is a name or an address, without a port." };
  return { wish: { port: number, local: here, host: where.replace(/^\[|\]$/g, "") || LOOPBACK }, text: "" };
}

/** @param {string} text @returns {number | null} */
function portOf(text) {
  const number = /^[0-9]{1,5}$/.test(text.trim()) ? Number(text) : NaN;
  return number <= 65535 ? number : null;
}

/** Where a forward leads, in words. @param {Forward} forward */
export function target({ host, port }) {
  return host === LOOPBACK ? `port ${port} of the device` : `${host.includes(":") ? `[${host}]` : host}:${port}, through the device`;
}

/**
 * A pattern of the policy, as what a form begins with: null where it stands for more than one place.
 * @param {string} pattern `host:port`
 * @returns {{host: string, port: string} | null}
 */
export function placeOf(pattern) {
  const [, host, port] = /^(.+):([0-9]{1,5})$/.exec(pattern) ?? [];
  return host === undefined || /[*?[\]]/.test(host.replace(/^\[[0-9A-Fa-f:.]+\]$/, "")) ? null : { host, port };
}

/**
 * Ports to offer: what listens on the device, where that is known, then what people forward most.
 * @param {Record<string, unknown>[]} rows of the table listening_ports
 * @returns {{port: number, words: string}[]}
 */
export function offers(rows) {
  /** @type {Map<number, string>} */
  const found = new Map();
  for (const { port, protocol, name: program } of rows) {
    if (typeof port !== "number" || protocol !== TCP) continue;
    const name = typeof program === "string" && program !== "" ? program : (SERVICES[/** @type {keyof typeof SERVICES} */ (port)] ?? "a service");
    if (!found.has(port)) found.set(port, `${name} listens there`);
  }
  for (const [port, words] of Object.entries(SERVICES)) if (!found.has(Number(port))) found.set(Number(port), words);
  return [...found].map(([port, words]) => ({ port, words })).slice(0, 100);
}

export class Forwards {
  /**
   * @param {(text: string) => boolean} say to the console
   * @param {() => Promise<boolean>} askPassphrase
   * @param {() => number} askDevice asks it what may be reached; the number of the request
   */
  constructor(say, askPassphrase, askDevice) {
    this.say = say;
    this.askPassphrase = askPassphrase;
    this.askDevice = askDevice;
    this.request = 0;
    /** @type {import("../../vendor/signals.js").Signal<Rules | null>} null: it has not said so yet */
    this.rules = signal(null);
    /** @type {import("../../vendor/signals.js").Signal<Forward[]>} */
    this.rows = signal([]);
    /** @type {import("../../vendor/signals.js").Signal<Wish | null>} what was asked for and not answered yet */
    this.starting = signal(null);
    /** Why the last one was not started; "" when it was. */
    this.error = signal("");
    /** The number of the one that was started last. */
    this.newest = signal(0);
  }

  /** The rows as the console keeps them, for a page that has just been opened. @param {Forward[]} rows */
  restore(rows) {
    this.rows.value = rows;
  }

  /** Learn what may be reached. */
  look() {
    this.request = this.askDevice();
  }

  /** @param {{tag: string, [field: string]: any}} message of the device */
  hearDevice({ tag, request, enabled, patterns }) {
    if (tag === "forward.rules" && request === this.request) this.rules.value = { enabled, patterns };
  }

  /** @param {Wish} wish */
  start(wish) {
    this.error.value = "";
    this.starting.value = this.say(JSON.stringify({ type: "forward", ...wish })) ? wish : null;
    if (this.starting.value === null) this.error.value = "The console on this computer does not answer.";
  }

  /** @param {number} number */
  stop(number) {
    this.say(JSON.stringify({ type: "forward_stop", number }));
  }

  /** The socket is gone, and the answer with it. */
  lost() {
    this.starting.value = null;
  }

  /** @param {{type: string, [field: string]: any}} value */
  hear(value) {
    if (value.type === "forwards") {
      this.rows.value = value.forwards;
      return;
    }
    const wish = this.starting.value;
    this.starting.value = null;
    if (value.reason === "step_up" && wish !== null) {
      this.askPassphrase().then((proved) => proved && this.start(wish));
      return;
    }
    this.error.value = value.text;
    this.newest.value = value.number;
  }
}
