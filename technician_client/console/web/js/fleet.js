// The devices as the list shows them: what the relay says, joined with what earlier sessions told; searched and in order. Pure.

/**
 * @typedef {object} Health
 * @property {number} critical
 * @property {number} warning
 * @property {number} notice
 * @property {string} worst
 * @property {number} checked seconds since 1970
 *
 * @typedef {object} KnownRow technician_client/console/api.py known_row
 * @property {string} id
 * @property {string} label
 * @property {string} group
 * @property {string} user
 * @property {string} asset_tag
 * @property {Health | null} health
 * @property {number} last_session
 *
 * @typedef {object} Entry one device in the list
 * @property {DeviceRow} device
 * @property {KnownRow | null} known
 * @property {string} name
 * @property {string} key in lower case, for order and typing
 * @property {string} words everything that is searched, in lower case
 */

/** What is shown: "all", "online", "care" (something was found wrong), "favourites". @typedef {"all" | "online" | "care" | "favourites"} Which */

const collator = new Intl.Collator(undefined, { numeric: true, sensitivity: "base" });

/** @param {Entry} a @param {Entry} b */
export function inOrder(a, b) {
  return Number(b.device.online) - Number(a.device.online) || collator.compare(a.key, b.key) || (a.device.id < b.device.id ? -1 : 1);
}

/** How a device is, in a word for its colour and words for people. @param {KnownRow | null} known @returns {{level: "good" | "fair" | "poor" | "unknown", words: string}} */
export function healthWords(known) {
  const health = known?.health ?? null;
  if (health === null) return { level: "unknown", words: "Not checked yet" };
  const counts = /** @type {const} */ (["critical", "warning", "notice"]).filter((kind) => health[kind] > 0).map((kind) => `${health[kind]} ${kind}`);
  if (counts.length === 0) return { level: "good", words: "Nothing found" };
  const level = health.critical > 0 ? "poor" : health.warning > 0 ? "fair" : "good";
  return { level, words: counts.join(", ") };
}

/** @param {DeviceRow} device @param {KnownRow | null} known @returns {Entry} */
function entryOf(device, known) {
  const name = device.label || known?.label || device.id;
  const words = [name, device.id, device.platform, known?.label, known?.user, known?.asset_tag, known?.group];
  return { device, known, name, key: name.toLowerCase(), words: words.filter(Boolean).join("\n").toLowerCase() };
}

/** Every device, kept in order as rows change, so that one change among ten thousand costs little. */
export class Fleet {
  constructor() {
    /** @type {Map<string, Entry>} */
    this.entries = new Map();
    /** @type {Map<string, KnownRow>} */
    this.known = new Map();
    /** @type {Entry[]} */
    this.sorted = [];
    this.online = 0;
    /** @type {DeviceRow[]} of a whole list that is on its way */
    this.coming = [];
  }

  /**
   * One piece of what the console tells. A whole list is put in place at its last piece; what changed, at once.
   * @param {{devices: DeviceRow[], replace: boolean, piece: number, last: boolean}} told
   * @returns {boolean} whether anything is shown otherwise than before
   */
  hear({ devices, replace, piece, last }) {
    if (!replace) {
      this.update(devices, false);
      return true;
    }
    if (piece === 0) this.coming = [];
    this.coming.push(...devices);
    if (!last) return false;
    this.update(this.coming, true);
    this.coming = [];
    return true;
  }

  /** @param {DeviceRow[]} devices @param {boolean} replace it is the whole list */
  update(devices, replace) {
    if (replace) this.entries.clear();
    this.put(devices.map((device) => entryOf(device, this.known.get(device.id) ?? null)), replace);
  }

  /** @param {KnownRow[]} rows */
  learn(rows) {
    for (const row of rows) this.known.set(row.id, row);
    /** @type {Entry[]} */
    const changed = [];
    for (const row of rows) {
      const entry = this.entries.get(row.id);
      if (entry !== undefined) changed.push(entryOf(entry.device, row));
    }
    this.put(changed, false);
  }

  /** @param {Entry[]} changed @param {boolean} anew */
  put(changed, anew) {
    if (changed.length === 0 && !anew) return;
    const ids = new Set(changed.map(({ device }) => device.id));
    for (const entry of changed) this.entries.set(entry.device.id, entry);
    const news = changed.length === ids.size ? changed : [...ids].map((id) => /** @type {Entry} */ (this.entries.get(id)));
    this.sorted = anew ? [...news].sort(inOrder) : merge(this.sorted.filter(({ device }) => !ids.has(device.id)), [...news].sort(inOrder));
    this.online = 0;
    for (const { device } of this.sorted) this.online += Number(device.online);
  }

  /** @returns {string[]} every group that is known, in order */
  groups() {
    const groups = new Set();
    for (const { known } of this.entries.values()) if (known?.group) groups.add(known.group);
    return [...groups].sort(collator.compare);
  }

  /**
   * @param {{text?: string, which?: Which, group?: string, favourites?: ReadonlySet<string>}} wish
   * @returns {Entry[]}
   */
  view({ text = "", which = "all", group = "", favourites = new Set() }) {
    const wanted = text.toLowerCase().split(/\s+/).filter(Boolean);
    if (wanted.length === 0 && which === "all" && group === "") return this.sorted;
    return this.sorted.filter((entry) => {
      if (which === "online" && !entry.device.online) return false;
      if (which === "favourites" && !favourites.has(entry.device.id)) return false;
      if (which === "care" && !["poor", "fair"].includes(healthWords(entry.known).level)) return false;
      if (group !== "" && entry.known?.group !== group) return false;
      return wanted.every((word) => entry.words.includes(word));
    });
  }

  /** Those of whom somebody waits for help, who has waited longest first. @returns {Entry[]} */
  waiting() {
    return this.sorted.filter(({ device }) => device.waiting).sort((a, b) => a.device.waiting_since - b.device.waiting_since);
  }

  /** Devices that there was a session with, the latest first. @param {number} most */
  recent(most) {
    return this.sorted
      .filter(({ known }) => (known?.last_session ?? 0) > 0)
      .sort((a, b) => (b.known?.last_session ?? 0) - (a.known?.last_session ?? 0))
      .slice(0, most);
  }
}

/** Two lists in order to one. @param {Entry[]} left @param {Entry[]} right */
function merge(left, right) {
  if (right.length === 0) return left;
  /** @type {Entry[]} */
  const out = [];
  let at = 0;
  for (const entry of right) {
    // Binary search: few changes among many rows compare little.
    let low = at;
    let high = left.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (inOrder(left[middle], entry) < 0) low = middle + 1;
      else high = middle;
    }
    for (; at < low; at += 1) out.push(left[at]);
    out.push(entry);
  }
  for (; at < left.length; at += 1) out.push(left[at]);
  return out;
}
