// Coded pictures to frames through WebCodecs, one decoder for each stream.

/**
 * @typedef {import("../wire.js").VideoOperation} VideoOperation
 * @typedef {{done: boolean, picture: VideoFrame | null}} Ticket
 */

const STREAMS = 4;

/** What an agent may encode, best first: H.264 with full colour (High 4:4:4 Predictive), High, Constrained Baseline. */
export const CANDIDATES = Object.freeze(["avc1.f40034", "avc1.f4002a", "avc1.640034", "avc1.64002a", "avc1.42e02a"]);

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

class Stream {
  /**
   * @param {() => void} onError
   */
  constructor(onError) {
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
      ticket.done = true;
      if (time === frame.timestamp) {
        ticket.picture = frame;
        ready();
        return;
      }
      ready();
    }
    frame.close();
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
    ticket.picture?.close();
    ticket.picture = null;
  }

  reset() {
    for (const name of [...this.streams.keys()]) this.drop(name);
  }
}
