// Where the picture lies in the window and which source pixel is under the pointer. Pure.

/**
 * @typedef {"fit" | "actual" | number} View a number: percent of "actual"
 * @typedef {{width: number, height: number}} Size
 */

/**
 * CSS pixels for one source pixel.
 * @param {View} view "actual": one source pixel is one pixel of the technician's display
 * @param {Size} source
 * @param {Size} room CSS pixels
 * @param {number} pixelRatio
 */
export function scaleOf(view, source, room, pixelRatio) {
  if (typeof view === "number") return view / 100 / pixelRatio;
  if (view === "actual" || source.width === 0 || source.height === 0) return 1 / pixelRatio;
  return Math.max(0.05, Math.min(room.width / source.width, room.height / source.height));
}

/**
 * The source pixel under a point of the picture's box, kept inside the picture.
 * @param {{left: number, top: number, width: number, height: number}} box of the picture, CSS pixels
 * @param {Size} source
 * @param {{clientX: number, clientY: number}} point
 * @returns {{x: number, y: number}}
 */
export function sourcePoint(box, source, point) {
  const along = (/** @type {number} */ at, /** @type {number} */ start, /** @type {number} */ length, /** @type {number} */ count) =>
    length <= 0 ? 0 : Math.min(count - 1, Math.max(0, Math.floor(((at - start) / length) * count)));
  return {
    x: along(point.clientX, box.left, box.width, source.width),
    y: along(point.clientY, box.top, box.height, source.height),
  };
}
