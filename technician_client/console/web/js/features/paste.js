// Pasting into the picture: what this computer's clipboard holds goes there first, and only then the key. The browser hands it over
// with its own paste event, which needs no permission, because the key that asks for it is not kept from it.

/** @typedef {import("./keys.js").KeyMessage} KeyMessage */

/** Whether this key pastes: Ctrl+V, Ctrl+Shift+V, Shift+Insert. @param {{code: string, key: string, ctrlKey: boolean, altKey: boolean, shiftKey: boolean, metaKey: boolean, repeat: boolean}} event */
export function isPaste({ code, key, ctrlKey, altKey, shiftKey, metaKey, repeat }) {
  if (repeat || altKey || metaKey) return false;
  return ctrlKey ? key.toLowerCase() === "v" : shiftKey && code === "Insert";
}

export class PasteFirst {
  /**
   * @param {object} parts
   * @param {() => boolean} parts.wanted whether anything may be put there now
   * @param {(what: Blob | string | null) => Promise<boolean>} parts.put whether the key may follow
   * @param {(message: KeyMessage) => void} parts.send
   * @param {(call: () => void) => void} [parts.soon] call it once the browser has had its turn
   */
  constructor({ wanted, put, send, soon = (call) => void setTimeout(call, 0) }) {
    this.wanted = wanted;
    this.put = put;
    this.send = send;
    this.soon = soon;
    /** @type {KeyMessage[] | null} what was pressed and let go of since, in order */
    this.waiting = null;
    this.code = "";
    this.here = false;
  }

  /** The key that pastes was pressed. @param {string} code @param {KeyMessage[]} messages */
  begin(code, messages) {
    const mine = [...messages];
    this.waiting = mine;
    this.code = code;
    this.here = false;
    this.soon(() => {
      // Nothing on the clipboard: the browser says nothing then.
      if (this.waiting === mine && !this.here) this.flush(true);
    });
  }

  /** Keys that come meanwhile wait their turn. @param {KeyMessage} message @returns {boolean} whether it was kept */
  hold(message) {
    this.waiting?.push(message);
    return this.waiting !== null;
  }

  /** The browser says what is pasted. @param {Blob | string | null} what @returns {boolean} whether it was asked for here */
  came(what) {
    const mine = this.waiting;
    if (mine === null || this.here) return false;
    this.here = true;
    this.put(what).then((done) => {
      if (this.waiting === mine) this.flush(done);
    });
    return true;
  }

  /** Everything was let go of. */
  drop() {
    this.waiting = null;
  }

  /** @param {boolean} paste false: it is not there, and pasting something else would be worse than nothing */
  flush(paste) {
    const waiting = /** @type {KeyMessage[]} */ (this.waiting ?? []);
    this.waiting = null;
    for (const message of waiting) if (paste || message.code !== this.code) this.send(message);
  }
}
