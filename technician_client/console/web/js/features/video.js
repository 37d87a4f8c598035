// Coded pictures to frames through WebCodecs, one decoder for each stream.

/**
 * @typedef {import("../wire.js").VideoOperation} VideoOperation
 * @typedef {{pixels: Uint8ClampedArray, width: number, recycle: () => void}} Picture rows of `width` pixels, red green blue 255
 * @typedef {{done: boolean, picture: Picture | null}} Ticket
 */

const STREAMS = 8;

/** What an agent may encode, best first: H.264 with full colour (High 4:4:4 Predictive), High, Constrained Baseline; AV1. */
export const CANDIDATES = Object.freeze(["avc1.f40034", "avc1.f4002a", "avc1.640034", "avc1.64002a", "avc1.42e02a", "av01.0.09M.08"]);

/**
 * The candidates that this browser decodes.
 * @param {(config: VideoDecoderConfig) => Promise<{supported?: boolean}>} [ask]
 * @returns {Promise<string[]>}
 */
export async function supportedDecoders(ask) {
  const question = ask ?? (typeof VideoDecoder === "undefined" ? null : (config) => VideoDecoder.isConfigSupported(config));
  if (question === null) return [];
  const answers = await Promise.all(
    CANDIDATES.map(async (codec) => {
      try {
        return (await question({ codec, optimizeForLatency: true })).supported === true;
      } catch {
        return false;
      }
    }),
  );
  return CANDIDATES.filter((_, index) => answers[index]);
}

/** Decoded frames as pixels. Buffers are used again: a fresh one for each picture costs as much as filling it. */
class FrameReader {
  constructor() {
    /** @type {ArrayBuffer[]} */
    this.spare = [];
  }

  /**
   * The pixels of a frame; closes it.
   * @param {VideoFrame} frame
   * @returns {Promise<Picture>}
   */
  async read(frame) {
    const { width, height } = /** @type {DOMRectReadOnly} */ (frame.visibleRect);
    try {
      // TypeScript does not know the format yet; a browser that does not know it either says so by the size.
      const options = /** @type {any} */ ({ format: "RGBA" });
      const size = width * height * 4;
      if (frame.allocationSize(options) !== size) return this.drawn(frame, width, height);
      const buffer = this.buffer(size);
      await frame.copyTo(buffer, options);
      return { pixels: new Uint8ClampedArray(buffer), width, recycle: () => this.spare.push(buffer) };
    } finally {
      frame.close();
    }
  }

  /** @param {number} size @returns {ArrayBuffer} */
  buffer(size) {
    this.spare = this.spare.filter(({ byteLength }) => byteLength === size);
    return this.spare.pop() ?? new ArrayBuffer(size);
  }

  /** The slower way. @param {VideoFrame} frame @param {number} width @param {number} height @returns {Picture} */
  drawn(frame, width, height) {
    const context = new OffscreenCanvas(width, height).getContext("2d", { alpha: false, willReadFrequently: true });
    if (context === null) throw new Error("this browser has no canvas");
    context.drawImage(frame, 0, 0, width, height);
    return { pixels: context.getImageData(0, 0, width, height).data, width, recycle: () => {} };
  }
}

class Stream {
  /**
   * @param {() => void} onError
   */
  constructor(onError) {
    this.reader = new FrameReader();
    this.onError = onError;
    /** @type {Map<number, {ticket: Ticket, ready: () => void}>} */
    this.pending = new Map();
    this.codec = "";
    this.time = 0;
    this.broken = false;
    this.decoder = new VideoDecoder({
      output: (frame) => this.output(frame),
      error: () => {
        this.fail();
        onError();
      },
    });
  }

  /** @param {VideoFrame} frame */
  output(frame) {
    // Pictures come out in order: one that is passed over will not come any more.
    for (const [time, { ticket, ready }] of this.pending) {
      if (time > frame.timestamp) break;
      this.pending.delete(time);
      if (time === frame.timestamp) {
        this.read(frame, ticket).then(ready);
        return;
      }
      ticket.done = true;
      ready();
    }
    frame.close();
  }

  /** @param {VideoFrame} frame @param {Ticket} ticket */
  async read(frame, ticket) {
    try {
      const picture = await this.reader.read(frame);
      if (ticket.done) picture.recycle(); // given up meanwhile
      else ticket.picture = picture;
    } catch {
      this.onError();
    }
    ticket.done = true;
  }

  fail() {
    this.broken = true;
    const waiting = [...this.pending.values()];
    this.pending.clear();
    for (const { ticket } of waiting) ticket.done = true;
    for (const { ready } of waiting) ready();
  }

  /**
   * @param {VideoOperation} operation
   * @param {Ticket} ticket
   * @param {() => void} ready
   */
  decode(operation, ticket, ready) {
    if (operation.codec !== this.codec) {
      this.codec = operation.codec;
      this.decoder.configure({ codec: operation.codec, optimizeForLatency: true });
    }
    this.time += 1;
    this.pending.set(this.time, { ticket, ready });
    this.decoder.decode(
      new EncodedVideoChunk({ type: operation.key ? "key" : "delta", timestamp: this.time, data: operation.data }),
    );
  }

  close() {
    if (this.decoder.state !== "closed") this.decoder.close();
    this.fail();
  }
}

/** The decoders of all streams. Implements `Decoders` of paint_queue.js. */
export class VideoStreams {
  /** @param {() => void} onLost a picture is missing: everything must be sent anew */
  constructor(onLost) {
    this.onLost = onLost;
    /** @type {Map<number, Stream>} */
    this.streams = new Map();
  }

  /**
   * @param {VideoOperation} operation
   * @param {() => void} ready
   * @returns {Ticket}
   */
  decode(operation, ready) {
    /** @type {Ticket} */
    const ticket = { done: false, picture: null };
    let stream = this.streams.get(operation.stream);
    if (stream?.broken && operation.key) {
      this.drop(operation.stream);
      stream = undefined;
    }
    if (stream === undefined && operation.key) stream = this.begin(operation.stream);
    if (stream === undefined || stream.broken) {
      ticket.done = true;
      if (stream === undefined) this.onLost();
      return ticket;
    }
    try {
      stream.decode(operation, ticket, ready);
    } catch {
      stream.fail();
      ticket.done = true;
      this.onLost();
    }
    return ticket;
  }

  /** @param {number} name */
  begin(name) {
    while (this.streams.size >= STREAMS) this.drop(Math.min(...this.streams.keys()));
    const stream = new Stream(this.onLost);
    this.streams.set(name, stream);
    return stream;
  }

  /** @param {number} name */
  drop(name) {
    this.streams.get(name)?.close();
    this.streams.delete(name);
  }

  /** @param {Ticket} ticket */
  discard(ticket) {
    ticket.done = true;
    ticket.picture?.recycle();
    ticket.picture = null;
  }

  reset() {
    for (const name of [...this.streams.keys()]) this.drop(name);
  }
}
