// Caps Lock and Num Lock on both sides. A browser tells them only with its events; the device tells its own by input.keyboard.

/**
 * @typedef {{caps: boolean | null, num: boolean | null}} Locks null: there is no such lock, or it is not known
 * @typedef {{code?: string, getModifierState?(key: string): boolean}} LockLike an event of mouse or keyboard
 */

/** Their own events tell the state before or after the press, as the system likes. */
const LOCK_KEYS = new Set(["CapsLock", "NumLock"]);

/** Whether this computer has a Num Lock: the keypad of a Mac always makes digits. */
export function hasNumLock(platform = navigator.platform) {
  return !/^(Mac|iP)/.test(platform);
}

/** @param {Locks | null} one @param {Locks | null} other */
function same(one, other) {
  return one !== null && other !== null && one.caps === other.caps && one.num === other.num;
}

export class LockKeys {
  /**
   * @param {object} parts
   * @param {(locks: Locks) => void} parts.onChange those here, first and when they have changed
   * @param {(tag: string, fields: Record<string, unknown>) => void} parts.send
   * @param {boolean} [parts.num] whether this computer has a Num Lock
   */
  constructor({ onChange, send, num = hasNumLock() }) {
    this.onChange = onChange;
    this.send = send;
    this.num = num;
    /** @type {Locks | null} */
    this.here = null;
    /** @type {Locks | null} what the device was told since the focus came */
    this.told = null;
  }

  /** Learn from an event. @param {LockLike} event */
  see(event) {
    if (event.getModifierState === undefined || LOCK_KEYS.has(event.code ?? "")) return;
    const now = { caps: event.getModifierState("CapsLock"), num: this.num ? event.getModifierState("NumLock") : null };
    if (same(now, this.here)) return;
    this.here = now;
    this.onChange(now);
  }

  /** Make the locks there like those here, if they have changed since that was last said. */
  tell() {
    if (this.here === null || same(this.here, this.told)) return;
    this.told = this.here;
    this.send("input.locks", { ...this.here, keep: false });
  }

  /** The focus goes, and the device puts its own back. Returns whether there was anything to put back. */
  leave() {
    const any = this.told !== null;
    this.told = null;
    return any;
  }
}

const NAMES = /** @type {const} */ ({ caps: "Caps Lock", num: "Num Lock" });

/**
 * The locks that differ, in words. Pure.
 * @param {Locks} there
 * @param {Locks | null} here
 * @returns {{lock: "caps" | "num", name: string, there: boolean, here: boolean}[]}
 */
export function differing(there, here) {
  /** @type {{lock: "caps" | "num", name: string, there: boolean, here: boolean}[]} */
  const found = [];
  if (here === null) return found;
  for (const lock of /** @type {const} */ (["caps", "num"])) {
    const [far, near] = [there[lock], here[lock]];
    if (typeof far === "boolean" && typeof near === "boolean" && far !== near) found.push({ lock, name: NAMES[lock], there: far, here: near });
  }
  return found;
}
