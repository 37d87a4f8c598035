// The link in numbers over the last minute, and where the picture is held up. Pure.

export const WINDOW_MS = 60_000;
/** A change that is painted so much later than the fastest ones was a stall: the picture stood still for whoever looked. */
export const STALL_MS = 500;

/** @typedef {{roundTrip: number | null, worst: number | null, mean: number, peak: number, stalls: number, longest: number}} LinkNumbers
 * @typedef {"link" | "device" | "here" | ""} Place
 */

export class LinkHistory {
  constructor() {
    /** @type {{at: number, trip: number | null, bytes: number}[]} one each second */
    this.seconds = [];
    /** @type {{at: number, ms: number}[]} */
    this.stalls = [];
    this.stalled = false;
  }

  forget() {
    this.seconds = [];
    this.stalls = [];
    this.stalled = false;
  }

  /** What the console counted in the last second. @param {Stats} stats @param {number} now milliseconds */
  counted(stats, now) {
    this.seconds.push({ at: now, trip: stats.round_trip_last_ms ?? stats.round_trip_ms, bytes: stats.bytes_per_second });
    this.seconds = this.seconds.filter(({ at }) => now - at < WINDOW_MS);
  }

  /** A change was painted, `late` milliseconds later than the fastest take. Late ones in a row are one stall. @param {number} late @param {number} now milliseconds */
  painted(late, now) {
    const stalled = late >= STALL_MS;
    if (stalled && this.stalled) {
      const stall = this.stalls[this.stalls.length - 1];
      stall.at = now;
      stall.ms = Math.max(stall.ms, late);
    } else if (stalled) this.stalls.push({ at: now, ms: late });
    this.stalled = stalled;
    if (this.stalls.length > 1000) this.stalls.shift();
  }

  /** @param {Stats | null} stats the newest @param {number} now milliseconds @returns {LinkNumbers} */
  numbers(stats, now) {
    const trips = this.seconds.flatMap(({ at, trip }) => (trip === null || now - at >= WINDOW_MS ? [] : [trip]));
    const rates = this.seconds.filter(({ at }) => now - at < WINDOW_MS).map(({ bytes }) => bytes);
    const stalls = this.stalls.filter(({ at }) => now - at < WINDOW_MS);
    return {
      roundTrip: stats?.round_trip_ms ?? null,
      worst: trips.length === 0 ? null : Math.max(...trips),
      mean: rates.length === 0 ? 0 : rates.reduce((sum, one) => sum + one, 0) / rates.length,
      peak: Math.max(0, ...rates),
      stalls: stalls.length,
      longest: Math.max(0, ...stalls.map(({ ms }) => ms)),
    };
  }
}

const SENTENCES = /** @type {Readonly<Record<Place, string>>} */ (
  Object.freeze({
    link: "The link holds the picture up: more is waiting there than it carries. The quality Data saver sends less.",
    device: "The device holds the picture up: it is busy making it. Ending a busy program there helps.",
    here: "This computer holds the picture up: it paints slowly. Close other tabs, or choose the quality Faster.",
    "": "Nothing holds the picture up.",
  })
);

/** How much of its time the device may spend on making the picture before that is what holds it up. */
const BUSY = 0.7;

/**
 * Where the picture is held up, judged by what this computer paints and by what the device reported last.
 * @param {{stats: Stats | null, decode: number, report: any, numbers: LinkNumbers}} facts `decode`: milliseconds for an update here;
 *   `report`: a screen.report or null
 * @returns {{place: Place, words: string}}
 */
export function bottleneck({ stats, decode, report, numbers }) {
  const held = new Map(/** @type {[string, number][]} */ (report?.held ?? []));
  const work = /** @type {[string, string, number, number, number][]} */ (report?.ways ?? []).reduce((sum, way) => sum + way[4], 0);
  const place = /** @returns {Place} */ () => {
    if (stats === null) return "";
    if (decode > 60 || stats.unpainted > 20 || (held.get("viewer") ?? 0) > 0) return "here";
    if (report !== null && report.seconds > 0 && work / (1000 * report.seconds) > BUSY) return "device";
    if ((held.get("link") ?? 0) + (held.get("backlog") ?? 0) + (held.get("unacknowledged") ?? 0) > 0) return "link";
    return numbers.stalls > 0 || (numbers.roundTrip ?? 0) > 400 ? "link" : "";
  };
  const found = place();
  return { place: found, words: SENTENCES[found] };
}
