// Finding text in a terminal's past: over broken lines, wide characters, and around the ends.

import assert from "node:assert/strict";
import test from "node:test";
import { MOST_MATCHES, findAll, nextMatch, placeOf } from "../../technician_client/console/web/js/features/terminal_search.js";

const COLUMNS = 10;
const WIDE = /\p{Script=Han}/u;

/** What xterm.js would keep of these printed lines. @param {...string} printed */
function bufferOf(...printed) {
  /** @type {{wrapped: boolean, cells: {text: string, width: number}[]}[]} */
  const rows = [];
  for (const text of printed) {
    let row = { wrapped: false, cells: /** @type {{text: string, width: number}[]} */ ([]) };
    for (const character of text) {
      const width = WIDE.test(character) ? 2 : 1;
      if (row.cells.length + width > COLUMNS) {
        rows.push(row);
        row = { wrapped: true, cells: [] };
      }
      row.cells.push({ text: character, width }, ...(width === 2 ? [{ text: "", width: 0 }] : []));
    }
    rows.push(row);
  }
  return {
    length: rows.length,
    getLine: (/** @type {number} */ at) => {
      const row = rows[at];
      if (row === undefined) return undefined;
      return {
        isWrapped: row.wrapped,
        length: COLUMNS,
        translateToString: (/** @type {boolean | undefined} */ trim) => {
          const text = row.cells.map((cell) => cell.text).join("");
          return trim ? text.trimEnd() : text + " ".repeat(Math.max(0, COLUMNS - row.cells.length));
        },
        getCell: (/** @type {number} */ column) => {
          const cell = row.cells[column] ?? { text: "", width: 1 };
          return { getChars: () => cell.text, getWidth: () => cell.width };
        },
      };
    },
  };
}

/** @param {ReturnType<typeof bufferOf>} buffer @param {string} words */
function places(buffer, words) {
  return findAll(buffer, words).map((match) => placeOf(buffer, match));
}

test("words are found whatever their case, oldest first, and signs mean themselves", () => {
  const buffer = bufferOf("an Error", "error. err", "a.b", "axb");
  assert.deepEqual(places(buffer, "ERROR"), [{ row: 0, column: 3, cells: 5 }, { row: 1, column: 0, cells: 5 }]);
  assert.deepEqual(places(buffer, "a.b"), [{ row: 2, column: 0, cells: 3 }]);
  assert.deepEqual(places(buffer, "(["), []);
  assert.deepEqual(places(buffer, ""), []);
  assert.equal(places(bufferOf("a-b/c"), "-b/").length, 1);
});

test("a line that was broken is one line", () => {
  const buffer = bufferOf("1234567890abcdefghij", "x");
  assert.deepEqual(places(buffer, "0ab"), [{ row: 0, column: 9, cells: 3 }]);
  assert.deepEqual(places(buffer, "cd"), [{ row: 1, column: 2, cells: 2 }]);
  assert.deepEqual(places(buffer, "jx"), []);
});

test("a wide character fills two cells", () => {
  const buffer = bufferOf("日本 end");
  assert.deepEqual(places(buffer, "本"), [{ row: 0, column: 2, cells: 2 }]);
  assert.deepEqual(places(buffer, "end"), [{ row: 0, column: 5, cells: 3 }]);
});

test("the search goes from the newest backwards, and around the ends", () => {
  const buffer = bufferOf("a", "b", "a", "a");
  const found = findAll(buffer, "a");
  assert.equal(nextMatch(found, null, -1), 2);
  assert.equal(nextMatch(found, found[2], -1), 1);
  assert.equal(nextMatch(found, found[0], -1), 2);
  assert.equal(nextMatch(found, found[2], 1), 0);
  assert.equal(nextMatch(found, { row: 1, index: 0, length: 1 }, 1), 1);
  assert.equal(nextMatch([], null, 1), -1);
});

test("of very many only the newest are kept", () => {
  const buffer = bufferOf(...Array.from({ length: MOST_MATCHES / 5 + 10 }, () => "aaaaa"));
  const found = findAll(buffer, "a");
  assert.equal(found.length, MOST_MATCHES);
  assert.equal(found.at(-1)?.row, buffer.length - 1);
});
