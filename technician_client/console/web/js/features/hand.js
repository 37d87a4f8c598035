// The technician's mouse while it points and draws: nothing of it reaches a program over there.

import { sourcePoint } from "./geometry.js";

/**
 * Listen on the picture while pointing is on.
 * @param {object} parts
 * @param {HTMLElement} parts.picture
 * @param {import("./drawing.js").Drawing} parts.drawing
 * @param {() => {width: number, height: number}} parts.size
 * @returns {() => void} the way out
 */
export function followHand({ picture, drawing, size }) {
  const point = (/** @type {PointerEvent} */ event) => sourcePoint(picture.getBoundingClientRect(), size(), event);
  const down = (/** @type {PointerEvent} */ event) => {
    if (event.button !== 0) return;
    event.preventDefault();
    picture.setPointerCapture(event.pointerId);
    drawing.press(point(event));
  };
  const move = (/** @type {PointerEvent} */ event) => drawing.move(point(event));
  const up = () => drawing.release();
  const leave = () => drawing.leave();
  const none = (/** @type {Event} */ event) => event.preventDefault();
  /** @type {[string, (event: any) => void][]} */
  const all = [["pointerdown", down], ["pointermove", move], ["pointerup", up], ["pointercancel", up], ["pointerleave", leave], ["contextmenu", none]];
  for (const [name, handle] of all) picture.addEventListener(name, handle);
  return () => {
    for (const [name, handle] of all) picture.removeEventListener(name, handle);
    drawing.leave();
  };
}
