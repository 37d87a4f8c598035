// What the keyboard of a telephone or tablet does to a text field, as strokes: so many characters taken back, and a text. Pure.
//
// Such a keyboard sends hardly any keys: it writes, replaces and takes away text. The field is therefore never empty (or nothing
// could be taken away), and what it holds is compared with what it held.

/** Stands in the field before anything is typed: no word and no end of a sentence, so that nothing is proposed or made a capital. */
export const FILLER = "________";
const LONGEST = 200;

/** Scripts whose letters are written first and converted then: what stands there meanwhile is not meant yet. */
const CONVERTED = /[\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Han}\p{Script=Hangul}\p{Script=Bopomofo}\p{Script=Yi}]/u;

const graphemes = new Intl.Segmenter(undefined, { granularity: "grapheme" });

/** @param {string} text @returns {string[]} what a person takes for one character each */
function characters(text) {
  return [...graphemes.segment(text)].map(({ segment }) => segment);
}

export class SoftText {
  constructor() {
    /** What the field held when it was last looked at, as far as it was passed on. */
    this.passed = FILLER;
    this.converts = false;
  }

  /**
   * @param {string} value what the field holds now
   * @param {boolean} composing the keyboard has not settled it yet
   * @returns {{erase: number, text: string}} so many characters back, then this
   */
  came(value, composing) {
    const [before, after] = [characters(this.passed), characters(value)];
    let same = 0;
    while (same < before.length && same < after.length && before[same] === after[same]) same += 1;
    const text = after.slice(same).join("");
    this.converts = composing && (this.converts || CONVERTED.test(text));
    if (this.converts) return { erase: 0, text: "" };
    this.passed = value;
    return { erase: before.length - same, text };
  }

  /** Whether the field should begin anew (`again`), once nothing is being composed. */
  get worn() {
    return this.passed.length > LONGEST || !this.passed.startsWith(FILLER) || this.passed.includes("\n");
  }

  /** Begin anew; returns what the field is to hold. */
  again() {
    this.passed = FILLER;
    this.converts = false;
    return FILLER;
  }
}
