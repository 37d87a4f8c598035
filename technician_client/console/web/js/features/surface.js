// The picture, held twice: in this page's memory, where a move is a move of bytes, and on the canvas, which is told what changed.
//
// A canvas that is drawn onto itself is copied whole, each time; with the picture in memory a scrolled page costs a fifth of
// that. Painted straight on the visible canvas: desynchronised and opaque, without a detour through an animation frame.

const BYTES = 4;
const BLACK = 0xff000000;

/** Implements `Surface` of paint_queue.js. */
export class MemorySurface {
  /** @param {HTMLCanvasElement} canvas */
  constructor(canvas) {
    const context = canvas.getContext("2d", { alpha: false, desynchronized: true });
    if (context === null) throw new Error("this browser has no canvas");
    this.canvas = canvas;
    this.context = context;
    this.image = new ImageData(canvas.width, canvas.height);
    this.words = new Uint32Array(this.image.data.buffer).fill(BLACK);
  }

  /** @param {number} width @param {number} height */
  resize(width, height) {
    if (this.image.width === width && this.image.height === height) return;
    this.canvas.width = width;
    this.canvas.height = height;
    this.image = new ImageData(width, height);
    this.words = new Uint32Array(this.image.data.buffer).fill(BLACK);
  }

  /** @param {import("../wire.js").CopyOperation} operation */
  copy({ x, y, width, height, fromX, fromY }) {
    const { words } = this;
    const stride = this.canvas.width;
    // Rows in the order in which none is overwritten before it was read; within a row copyWithin sees to that.
    const down = y > fromY;
    for (let step = 0; step < height; step += 1) {
      const row = down ? height - 1 - step : step;
      const from = (fromY + row) * stride + fromX;
      words.copyWithin((y + row) * stride + x, from, from + width);
    }
    this.show(x, y, width, height);
  }

  /** @param {import("../wire.js").PixelsOperation} operation */
  pixels({ x, y, width, height, pixels }) {
    this.write(x, y, width, height, pixels, width);
  }

  /** @param {import("../wire.js").FillOperation} operation */
  fill({ x, y, width, height, colour }) {
    const stride = this.canvas.width;
    for (let row = y; row < y + height; row += 1) this.words.fill(colour, row * stride + x, row * stride + x + width);
    this.show(x, y, width, height);
  }

  /** @param {import("../wire.js").VideoOperation} operation @param {import("./video.js").Picture} picture */
  video({ x, y, width, height }, { pixels, width: stride }) {
    this.write(x, y, width, height, pixels, stride);
  }

  /**
   * @param {number} x @param {number} y @param {number} width @param {number} height
   * @param {Uint8ClampedArray} pixels rows of `stride` pixels
   * @param {number} stride
   */
  write(x, y, width, height, pixels, stride) {
    const { data } = this.image;
    for (let row = 0; row < height; row += 1) {
      const from = row * stride * BYTES;
      data.set(pixels.subarray(from, from + width * BYTES), ((y + row) * this.canvas.width + x) * BYTES);
    }
    this.show(x, y, width, height);
  }

  /** @param {number} x @param {number} y @param {number} width @param {number} height */
  show(x, y, width, height) {
    this.context.putImageData(this.image, 0, 0, x, y, width, height);
  }
}
