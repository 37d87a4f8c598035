// Paints updates as if strictly in the order in which they came. Everything is painted at once, inside the message handler, as
// long as nothing waits; behind a video picture that is still being decoded the rest waits too, so that a tile sent after a video
// picture lies over it. Only tiles that touch nothing of what waits go past it: a character typed beside a film shows at once.

/**
 * @typedef {import("../wire.js").Update} Update
 * @typedef {import("../wire.js").Operation} Operation
 * @typedef {import("../wire.js").VideoOperation} VideoOperation
 *
 * @typedef {object} Surface what is painted on
 * @property {(width: number, height: number) => void} resize
 * @property {(operation: import("../wire.js").CopyOperation) => void} copy
 * @property {(operation: import("../wire.js").PixelsOperation) => void} pixels
 * @property {(operation: import("../wire.js").FillOperation) => void} fill
 * @property {(operation: VideoOperation, picture: any) => void} video
 *
 * @typedef {object} Ticket a coded picture that is being decoded; `done` with no `picture`: it failed
 * @property {boolean} done
 * @property {any} picture
 *
 * @typedef {object} Decoders
 * @property {(operation: VideoOperation, ready: () => void) => Ticket} decode
 * @property {(ticket: Ticket) => void} discard
 * @property {() => void} reset
 *
 * @typedef {object} Painted
 * @property {Update} update
 * @property {number} milliseconds from its arrival to its last stroke
 * @property {number} waiting updates that wait behind it
 * @property {boolean} stale it belonged to an older layout and was left out
 */

/** A picture that takes longer than this to decode is given up. */
export const STALL_MS = 2000;

/** @typedef {{x: number, y: number, width: number, height: number}} Area */

/** @param {Operation} operation @returns {Area[]} what it writes, and what it reads */
function areasOf(operation) {
  if (operation.kind !== "copy") return [operation];
  const { fromX, fromY, width, height } = operation;
  return [operation, { x: fromX, y: fromY, width, height }];
}

/** @param {Area} one @param {Area} other */
function apart(one, other) {
  return (
    one.x + one.width <= other.x || other.x + other.width <= one.x || one.y + one.height <= other.y || other.y + other.height <= one.y
  );
}

export class PaintQueue {
  /**
   * @param {Surface} surface
   * @param {Decoders} decoders
   * @param {object} hooks
   * @param {(painted: Painted) => void} hooks.onPainted
   * @param {() => void} hooks.onLost the picture is no longer right: everything must be sent anew
   * @param {() => number} [hooks.now] milliseconds
   * @param {(run: () => void, ms: number) => unknown} [hooks.later]
   */
  constructor(surface, decoders, { onPainted, onLost, now = () => performance.now(), later = (run, ms) => setTimeout(run, ms) }) {
    this.surface = surface;
    this.decoders = decoders;
    this.onPainted = onPainted;
    this.onLost = onLost;
    this.now = now;
    this.later = later;
    /** @type {number | null} */
    this.epoch = null;
    /** @type {{update: Update, tickets: Map<number, Ticket>, next: number, arrived: number}[]} */
    this.entries = [];
    this.draining = false;
    /** @type {{entry: object, next: number} | null} what the newest stall timer watches */
    this.watched = null;
  }

  /** How many updates wait. */
  get length() {
    return this.entries.length;
  }

  /**
   * A new geometry: what is still queued belongs to the old one.
   * @param {{epoch: number, width: number, height: number}} layout
   */
  layout({ epoch, width, height }) {
    const dropped = this.entries;
    this.entries = [];
    for (const entry of dropped) {
      for (const ticket of entry.tickets.values()) this.decoders.discard(ticket);
      this.report(entry, true);
    }
    this.decoders.reset();
    this.epoch = epoch;
    this.surface.resize(width, height);
  }

  /** @param {Update} update */
  add(update) {
    const entry = { update, tickets: new Map(), next: 0, arrived: this.now() };
    if (update.epoch !== this.epoch) {
      this.report(entry, true);
      return;
    }
    if (this.entries.length > 0 && this.touchesNothing(update)) this.paint(entry);
    this.entries.push(entry);
    update.operations.forEach((operation, index) => {
      if (operation.kind === "video") entry.tickets.set(index, this.decoders.decode(operation, () => this.drain()));
    });
    this.drain();
  }

  /** Whether an update is made of tiles alone and no waiting operation reads or writes where they lie. @param {Update} update */
  touchesNothing({ operations }) {
    if (!operations.every(({ kind }) => kind === "pixels" || kind === "fill")) return false;
    const waiting = this.entries.flatMap(({ update, next }) => update.operations.slice(next).flatMap(areasOf));
    return operations.every((tile) => waiting.every((area) => apart(tile, area)));
  }

  drain() {
    if (this.draining) return;
    this.draining = true;
    try {
      while (this.entries.length > 0) {
        const entry = this.entries[0];
        if (!this.paint(entry)) {
          this.watch(entry);
          return;
        }
        this.entries.shift();
        this.report(entry, false);
      }
    } finally {
      this.draining = false;
    }
  }

  /**
   * @param {{update: Update, tickets: Map<number, Ticket>, next: number}} entry
   * @returns {boolean} whether all of it is painted
   */
  paint(entry) {
    const { operations } = entry.update;
    while (entry.next < operations.length) {
      const operation = operations[entry.next];
      switch (operation.kind) {
        case "copy":
          this.surface.copy(operation);
          break;
        case "pixels":
          this.surface.pixels(operation);
          break;
        case "fill":
          this.surface.fill(operation);
          break;
        case "video": {
          const ticket = entry.tickets.get(entry.next);
          if (ticket !== undefined && !ticket.done) return false;
          if (ticket?.picture) this.surface.video(operation, ticket.picture);
          if (ticket !== undefined) this.decoders.discard(ticket);
          break;
        }
      }
      entry.next += 1;
    }
    return true;
  }

  /**
   * Gives up on a decoder that swallowed a picture.
   * @param {{tickets: Map<number, Ticket>, next: number}} entry
   */
  watch(entry) {
    const { next } = entry;
    if (this.watched?.entry === entry && this.watched.next === next) return;
    this.watched = { entry, next };
    this.later(() => {
      const ticket = entry.tickets.get(next);
      const stuck = this.entries[0] === entry && entry.next === next;
      if (!stuck || ticket === undefined || ticket.done) return;
      this.decoders.reset();
      ticket.done = true;
      this.onLost();
      this.drain();
    }, STALL_MS);
  }

  /**
   * @param {{update: Update, arrived: number}} entry
   * @param {boolean} stale
   */
  report(entry, stale) {
    this.onPainted({
      update: entry.update,
      milliseconds: this.now() - entry.arrived,
      waiting: this.entries.length,
      stale,
    });
  }
}
