// Finding text in what a terminal has printed: over lines as they were printed, whatever width broke them.

/** @typedef {{getChars(): string, getWidth(): number}} Cell */
/** @typedef {{isWrapped: boolean, length: number, translateToString(trimRight?: boolean): string, getCell(column: number): Cell | undefined}} BufferLine */
/** @typedef {{length: number, getLine(row: number): BufferLine | undefined}} Buffer what xterm.js keeps: rows of cells, oldest first */
/** @typedef {{row: number, index: number, length: number}} Match in the line that begins at `row`, counted in UTF-16 units */
/** @typedef {{row: number, column: number, cells: number}} Place */

export const MOST_MATCHES = 2000;

/**
 * Every place where `words` stand, oldest first, whatever their case; of more than `MOST_MATCHES` the newest.
 * @param {Buffer} buffer
 * @param {string} words
 * @returns {Match[]}
 */
export function findAll(buffer, words) {
  if (words === "") return [];
  const pattern = new RegExp(words.replace(/[.*+?^${}()|[\]\\]/g, "\\$&"), "gi");
  /** @type {Match[]} */
  const found = [];
  for (const { row, text } of printedLines(buffer)) {
    for (const match of text.matchAll(pattern)) found.push({ row, index: match.index, length: match[0].length });
  }
  return found.slice(-MOST_MATCHES);
}

/** Lines as they were printed: rows that were broken for want of width are one. @param {Buffer} buffer */
function* printedLines(buffer) {
  let row = 0;
  while (row < buffer.length) {
    let text = "";
    let next = row;
    do {
      const broken = buffer.getLine(next + 1)?.isWrapped === true;
      text += buffer.getLine(next)?.translateToString(!broken) ?? "";
      next += 1;
    } while (buffer.getLine(next)?.isWrapped === true);
    yield { row, text };
    row = next;
  }
}

/**
 * The cells that a match fills. A wide character fills two.
 * @param {Buffer} buffer
 * @param {Match} match
 * @returns {Place}
 */
export function placeOf(buffer, { row, index, length }) {
  /** @type {Place | null} */
  let place = null;
  let at = 0;
  for (let line = row; line === row || buffer.getLine(line)?.isWrapped === true; line += 1) {
    const cells = buffer.getLine(line);
    for (let column = 0; column < (cells?.length ?? 0); column += 1) {
      const cell = cells?.getCell(column);
      const width = cell?.getWidth() ?? 1;
      if (width === 0) continue; // the second half of a wide character
      if (at >= index && place === null) place = { row: line, column, cells: 0 };
      if (at >= index + length) return /** @type {Place} */ (place);
      if (place !== null) place.cells += width;
      at += cell?.getChars().length || 1;
    }
  }
  return place ?? { row, column: 0, cells: 0 };
}

/** Which of the matches is the next one from `from`, in that direction, around the ends. @param {Match[]} found @param {Match | null} from @param {1 | -1} step */
export function nextMatch(found, from, step) {
  if (found.length === 0) return -1;
  if (from === null) return found.length - 1;
  const after = (/** @type {Match} */ one) => one.row - from.row || one.index - from.index;
  if (step > 0) {
    const at = found.findIndex((one) => after(one) > 0);
    return at < 0 ? 0 : at;
  }
  const at = found.findLastIndex((one) => after(one) < 0);
  return at < 0 ? found.length - 1 : at;
}
