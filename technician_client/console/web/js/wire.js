// The binary half of the console's wire (protocol/SPEC.md, "console-browser"): updates of the picture and the pointer's shape.

export const UPDATE = 1;
export const CURSOR = 2;

const UPDATE_HEADER = 24;
const OPERATION_HEADER = 16;

/**
 * @typedef {{kind: "copy", x: number, y: number, width: number, height: number, fromX: number, fromY: number}} CopyOperation
 * @typedef {{kind: "pixels", x: number, y: number, width: number, height: number, pixels: Uint8ClampedArray<ArrayBuffer>}} PixelsOperation
 * @typedef {{kind: "fill", x: number, y: number, width: number, height: number, colour: number}} FillOperation a pixel as little-endian RGBA
 * @typedef {{kind: "video", x: number, y: number, width: number, height: number, stream: number, key: boolean, codec: string,
 *   data: Uint8Array<ArrayBuffer>}} VideoOperation
 * @typedef {CopyOperation | PixelsOperation | FillOperation | VideoOperation} Operation
 * @typedef {{kind: "update", sequence: number, epoch: number, capturedAt: number, exact: boolean, operations: Operation[]}} Update
 * @typedef {{kind: "cursor", serial: number, width: number, height: number, hotX: number, hotY: number,
 *   pixels: Uint8ClampedArray<ArrayBuffer>}} CursorShape
 */

export class WireError extends Error {}

/**
 * One binary message. Pixels and coded pictures are views of `buffer`, not copies.
 * @param {ArrayBuffer} buffer
 * @returns {Update | CursorShape}
 */
export function readBinary(buffer) {
  const view = new DataView(buffer);
  try {
    switch (view.getUint8(0)) {
      case UPDATE:
        return readUpdate(buffer, view);
      case CURSOR:
        return readCursor(buffer, view);
      default:
        throw new WireError("an unknown kind of binary message");
    }
  } catch (error) {
    if (error instanceof RangeError) throw new WireError("a binary message ends too early");
    throw error;
  }
}

/**
 * @param {ArrayBuffer} buffer
 * @param {DataView} view
 * @returns {Update}
 */
function readUpdate(buffer, view) {
  const count = view.getUint16(2, true);
  /** @type {Operation[]} */
  const operations = [];
  let at = UPDATE_HEADER;
  for (let index = 0; index < count; index += 1) {
    const [operation, next] = readOperation(buffer, view, at);
    operations.push(operation);
    at = next;
  }
  if (at !== buffer.byteLength) throw new WireError("an update does not end where it says");
  return {
    kind: "update",
    exact: (view.getUint8(1) & 1) === 1,
    epoch: view.getUint32(4, true),
    sequence: view.getFloat64(8, true),
    capturedAt: view.getFloat64(16, true),
    operations,
  };
}

/**
 * @param {ArrayBuffer} buffer
 * @param {DataView} view
 * @param {number} at
 * @returns {[Operation, number]} the operation and where the next one begins
 */
function readOperation(buffer, view, at) {
  const code = view.getUint8(at);
  const place = {
    x: view.getUint16(at + 2, true),
    y: view.getUint16(at + 4, true),
    width: view.getUint16(at + 6, true),
    height: view.getUint16(at + 8, true),
  };
  const body = at + OPERATION_HEADER;
  switch (code) {
    case 1: {
      const fromX = view.getUint16(at + 10, true);
      const fromY = view.getUint16(at + 12, true);
      return [{ kind: "copy", ...place, fromX, fromY }, body];
    }
    case 2: {
      const size = place.width * place.height * 4;
      return [{ kind: "pixels", ...place, pixels: new Uint8ClampedArray(buffer, body, size) }, body + size];
    }
    case 3: {
      return [{ kind: "fill", ...place, colour: view.getUint32(body, true) }, body + 4];
    }
    case 4: {
      const key = (view.getUint8(at + 1) & 1) === 1;
      const codecSize = view.getUint16(at + 10, true);
      const stream = view.getUint32(body, true);
      const size = view.getUint32(body + 4, true);
      const codec = String.fromCharCode(...new Uint8Array(buffer, body + 8, codecSize));
      const data = new Uint8Array(buffer, body + 8 + codecSize, size);
      return [{ kind: "video", ...place, stream, key, codec, data }, (body + 8 + codecSize + size + 3) & ~3];
    }
    default:
      throw new WireError(`an unknown operation ${code}`);
  }
}

/**
 * @param {ArrayBuffer} buffer
 * @param {DataView} view
 * @returns {CursorShape}
 */
function readCursor(buffer, view) {
  const width = view.getUint16(8, true);
  const height = view.getUint16(10, true);
  return {
    kind: "cursor",
    serial: view.getUint32(4, true),
    width,
    height,
    hotX: view.getUint16(12, true),
    hotY: view.getUint16(14, true),
    pixels: new Uint8ClampedArray(buffer, 16, width * height * 4),
  };
}
