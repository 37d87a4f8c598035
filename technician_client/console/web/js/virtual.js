// Which rows of a long list are in the page: those in view and a few beyond, whatever the length. Pure.

/**
 * @param {number} scrollTop pixels above the view
 * @param {number} height of the view, pixels
 * @param {number} rowHeight pixels, the same for every row
 * @param {number} count of all rows
 * @param {number} [beyond] rows kept above and below the view
 * @returns {{first: number, end: number}} rows [first, end)
 */
export function visibleRows(scrollTop, height, rowHeight, count, beyond = 8) {
  const top = Math.floor(Math.max(0, scrollTop) / rowHeight);
  const bottom = Math.ceil((Math.max(0, scrollTop) + Math.max(height, rowHeight)) / rowHeight);
  const end = Math.min(count, bottom + beyond);
  // In steps, so that most scrolling changes nothing in the page.
  const first = Math.max(0, Math.min(top - beyond, Math.max(0, count - 1)));
  return { first: first - (first % 4), end };
}

/**
 * Where to scroll so that a row is in view; where it is already, nothing changes.
 * @param {number} index @param {number} scrollTop @param {number} height @param {number} rowHeight
 */
export function scrollFor(index, scrollTop, height, rowHeight) {
  const top = index * rowHeight;
  if (top < scrollTop) return top;
  if (top + rowHeight > scrollTop + height) return top + rowHeight - height;
  return scrollTop;
}

/**
 * Which row a key leads to, or null for a key that leads nowhere.
 * @param {string} key @param {number} at -1: none yet @param {number} count @param {number} page rows of a view
 */
export function rowAfterKey(key, at, count, page) {
  if (count === 0) return null;
  const bounded = (/** @type {number} */ index) => Math.max(0, Math.min(count - 1, index));
  switch (key) {
    case "ArrowDown":
      return bounded(at + 1);
    case "ArrowUp":
      return bounded(at - 1);
    case "PageDown":
      return bounded(at + page);
    case "PageUp":
      return bounded(at - page);
    case "Home":
      return 0;
    case "End":
      return count - 1;
    default:
      return null;
  }
}

const FORGET_MS = 900;

/** Letters typed one after another, and the row that begins with them. */
export class TypeAhead {
  constructor() {
    this.typed = "";
    this.at = 0;
  }

  /**
   * @param {string} letter @param {number} now milliseconds
   * @param {number} from the present row @param {number} count
   * @param {(index: number) => string} nameOf in lower case
   * @returns {number} the row, or `from` where none begins so
   */
  row(letter, now, from, count, nameOf) {
    this.typed = now - this.at > FORGET_MS ? letter.toLowerCase() : this.typed + letter.toLowerCase();
    this.at = now;
    // One letter again and again goes from one to the next; more letters may stay where they are.
    const step = this.typed.length === 1 ? 1 : 0;
    for (let offset = step; offset < count + step; offset += 1) {
      const index = (Math.max(0, from) + offset) % count;
      if (nameOf(index).startsWith(this.typed)) return index;
    }
    return from;
  }
}
