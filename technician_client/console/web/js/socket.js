// A WebSocket to our own origin that comes back by itself.

const FIRST_MS = 400;
const MOST_MS = 5000;

/** Close codes after which coming back makes no sense: replaced by another tab, not understood. */
const FINAL = new Set([4001, 4002]);

export class Socket {
  /**
   * @param {string} path
   * @param {object} hooks
   * @param {(value: any) => void} hooks.onText parsed JSON
   * @param {(buffer: ArrayBuffer) => void} [hooks.onBinary]
   * @param {() => void} [hooks.onOpen]
   * @param {(code: number) => void} [hooks.onDown] it is closed; code 4001 and 4002 are final
   */
  constructor(path, { onText, onBinary = () => {}, onOpen = () => {}, onDown = () => {} }) {
    this.address = `${location.origin.replace(/^http/, "ws")}${path}`;
    this.onText = onText;
    this.onBinary = onBinary;
    this.onOpen = onOpen;
    this.onDown = onDown;
    this.wait = FIRST_MS;
    this.closed = false;
    /** @type {WebSocket | null} */
    this.socket = null;
    this.dial();
  }

  dial() {
    const socket = new WebSocket(this.address);
    socket.binaryType = "arraybuffer";
    this.socket = socket;
    socket.addEventListener("open", () => {
      this.wait = FIRST_MS;
      this.onOpen();
    });
    socket.addEventListener("message", ({ data }) => {
      if (this.closed) return;
      if (typeof data === "string") this.onText(JSON.parse(data));
      else this.onBinary(data);
    });
    socket.addEventListener("close", ({ code }) => {
      this.socket = null;
      if (this.closed) return;
      this.onDown(code);
      if (FINAL.has(code)) {
        this.closed = true;
        return;
      }
      setTimeout(() => {
        if (!this.closed) this.dial();
      }, this.wait);
      this.wait = Math.min(MOST_MS, this.wait * 2);
    });
  }

  /** @param {string} text @returns {boolean} whether it could be sent */
  send(text) {
    if (this.socket?.readyState !== WebSocket.OPEN) return false;
    this.socket.send(text);
    return true;
  }

  close() {
    this.closed = true;
    this.socket?.close();
  }
}
