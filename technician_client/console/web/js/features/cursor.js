// The pointer of the assisted machine, drawn by the viewer: at the technician's own pointer while they control, so that it never
// lags, and where the machine says it is while they only watch.

/** @typedef {import("../wire.js").CursorShape} CursorShape */

export class Cursor {
  /** @param {HTMLCanvasElement} canvas an element of its own above the picture */
  constructor(canvas) {
    this.canvas = canvas;
    this.context = canvas.getContext("2d");
    this.hotX = 0;
    this.hotY = 0;
    this.hidden = true;
    /** @type {{x: number, y: number} | null} */
    this.remote = null;
    /** @type {{x: number, y: number} | null} */
    this.local = null;
    this.scale = 1;
  }

  /** @param {CursorShape} shape */
  shape(shape) {
    this.hidden = shape.width === 0 || shape.height === 0;
    this.hotX = shape.hotX;
    this.hotY = shape.hotY;
    if (!this.hidden && this.context !== null) {
      this.canvas.width = shape.width;
      this.canvas.height = shape.height;
      this.context.putImageData(new ImageData(shape.pixels, shape.width, shape.height), 0, 0);
    }
    this.place();
  }

  /**
   * Where the machine says its pointer is, in source pixels.
   * @param {number} x
   * @param {number} y
   */
  moved(x, y) {
    this.remote = { x, y };
    this.place();
  }

  /** @param {{x: number, y: number} | null} point the technician's pointer in source pixels while they control */
  follow(point) {
    this.local = point;
    this.place();
  }

  /** @param {number} scale CSS pixels for one source pixel */
  zoom(scale) {
    this.scale = scale;
    this.place();
  }

  place() {
    const at = this.local ?? this.remote;
    if (this.hidden || at === null) {
      this.canvas.style.display = "none";
      return;
    }
    // Drawn no smaller than three quarters of its size, or it is lost in a picture that is scaled down.
    const size = Math.max(this.scale, 0.75);
    this.canvas.style.display = "block";
    this.canvas.style.width = `${this.canvas.width * size}px`;
    this.canvas.style.height = `${this.canvas.height * size}px`;
    const left = at.x * this.scale - this.hotX * size;
    const top = at.y * this.scale - this.hotY * size;
    this.canvas.style.transform = `translate(${left}px, ${top}px)`;
  }
}
