// How good the picture is right now, and in one sentence why. Pure.

const WINDOW_MS = 10_000;

/**
 * How old the picture is when it is painted. The two clocks differ by an unknown constant, so that only the delay above the
 * shortest one seen in the last seconds is measured; half a round trip stands for the rest.
 */
export class LatencyEstimate {
  constructor() {
    /** @type {{at: number, offset: number}[]} */
    this.samples = [];
  }

  reset() {
    this.samples = [];
  }

  /**
   * @param {number} capturedAt the agent's clock, milliseconds
   * @param {number} now this clock, milliseconds
   * @returns {number} how much later than the fastest of the last seconds, milliseconds
   */
  painted(capturedAt, now) {
    const offset = now - capturedAt;
    this.samples.push({ at: now, offset });
    while (this.samples.length > 1 && (now - this.samples[0].at > WINDOW_MS || this.samples.length > 2000)) this.samples.shift();
    return offset - this.samples.reduce((least, sample) => Math.min(least, sample.offset), offset);
  }

  /**
   * @param {number | null} roundTrip milliseconds
   * @param {number} now milliseconds
   * @param {number} [recent] how far back "now" reaches, milliseconds
   * @returns {number | null} milliseconds, or null while nothing was painted
   */
  milliseconds(roundTrip, now, recent = 2000) {
    if (this.samples.length === 0) return null;
    const floor = Math.min(...this.samples.map(({ offset }) => offset));
    const fresh = this.samples.filter(({ at }) => now - at <= recent).map(({ offset }) => offset - floor);
    if (fresh.length === 0) return null;
    fresh.sort((a, b) => a - b);
    return fresh[Math.floor(fresh.length / 2)] + (roundTrip ?? 0) / 2;
  }
}

/**
 * @typedef {object} Facts
 * @property {Stats | null} stats
 * @property {number | null} latency milliseconds
 * @property {number} decode milliseconds from an update's arrival to its last stroke, median
 * @property {string | null} paused by whom
 * @property {string} state of the stream: "running", "paused", "lost", "unavailable" or ""
 * @property {string} stateText
 * @property {boolean} exact
 *
 * @typedef {{level: "good" | "fair" | "poor" | "still", words: string, why: string}} Verdict
 */

/** What holds a session back, by `session.paused`. @type {Record<string, string>} */
export const WHY_PAUSED = {
  user: "The user has paused the session.",
  unwatched: "Nobody at the computer can see the session: what showed it has ended. It goes on when it is back, or ends within seconds.",
  question: "The user is being asked something; until they answer, your mouse and keyboard wait.",
  local_input: "The user is using the computer themselves.",
};

/**
 * @param {Facts} facts
 * @returns {Verdict}
 */
export function judge({ stats, latency, decode, paused, state, stateText, exact }) {
  if (paused !== null) {
    return { level: "still", words: "Paused", why: WHY_PAUSED[paused] ?? "The user holds the session back." };
  }
  if (state === "lost" || state === "unavailable") {
    return { level: "poor", words: "No picture", why: stateText || "The display of the computer went away." };
  }
  if (stats === null) return { level: "still", words: "Measuring", why: "The first numbers come in a second." };
  const roundTrip = stats.round_trip_ms ?? 0;
  if (stats.updates_per_second < 0.5) {
    const why = exact
      ? "Nothing changes on the screen, so nothing is sent. What you see is exact, pixel for pixel."
      : "Nothing changes on the screen, so nothing is sent.";
    return { level: roundTrip > 250 ? "fair" : "good", words: "Idle", why };
  }
  if (decode > 60 || stats.unpainted > 20) {
    return { level: "poor", words: "Slow here", why: "This computer is slow to paint. Close other tabs, or choose the quality Faster." };
  }
  if (roundTrip > 400 || (latency ?? 0) > 600) {
    return { level: "poor", words: "Slow link", why: "The way to the device is slow. The quality Data saver sends less." };
  }
  if (roundTrip > 150 || (latency ?? 0) > 200) {
    return { level: "fair", words: "Delayed", why: "The way to the device is long or busy; the picture is a little late." };
  }
  const why = exact ? "The picture is fresh and exact, pixel for pixel." : "The picture is fresh. It becomes exact as soon as motion stops.";
  return { level: "good", words: "Good", why };
}

const WAYS = /** @type {Record<string, string>} */ ({
  "copy moved": "Moved",
  "tile small": "Exact, small",
  "tile flat": "Exact, text and windows",
  "tile photo": "Exact, photographs",
  "video motion": "Film",
  "video link": "Coarse first",
  "refine still": "Made exact",
});
const REASONS = /** @type {Record<string, string>} */ ({
  "copy moved": "The page already has these pixels; only where they go is sent.",
  "tile small": "Small changes go at once, pixel for pixel.",
  "tile flat": "Text and windows compress well without loss.",
  "tile photo": "The link carries this photograph exactly in time.",
  "video motion": "It keeps moving and compresses no other way.",
  "video link": "The link could not carry it exactly in time; it becomes exact when it stands still.",
  "refine still": "What was sent coarse stands still now.",
});
const HELD = /** @type {Record<string, string>} */ ({
  frame_rate: "frame rate",
  unacknowledged: "answers under way",
  link: "the link was full",
  backlog: "not yet sent there",
  viewer: "this computer paints slowly",
});

/**
 * @typedef {{name: string, why: string, count: number, bytes: number, ms: number}} WayRow
 */

/**
 * How the picture went lately, a row for each way, the most bytes first.
 * @param {any} report a screen.report or null
 * @returns {WayRow[]}
 */
export function wayRows(report) {
  if (report === null) return [];
  const rows = /** @type {[string, string, number, number, number][]} */ (report.ways).map(([way, why, count, size, ms]) => {
    const key = `${way} ${why}`;
    return { name: WAYS[key] ?? key, why: REASONS[key] ?? "", count, bytes: size, ms };
  });
  return rows.sort((one, other) => other.bytes - one.bytes);
}

/**
 * What held newer pictures back, in words; "" for nothing.
 * @param {any} report a screen.report or null
 */
export function heldWords(report) {
  if (report === null || report.held.length === 0) return "";
  return /** @type {[string, number][]} */ (report.held).map(([reason, count]) => `${HELD[reason] ?? reason} ${count} ×`).join(", ");
}
