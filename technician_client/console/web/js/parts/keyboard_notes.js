// What is to be known about the two keyboards: where layouts or locks differ.

import { html, useEffect, useState } from "../lib.js";
import { layoutOf } from "../features/keys.js";
import { differing } from "../features/locks.js";

/** @typedef {import("../session_store.js").SessionStore} SessionStore */

const ON = /** @type {const} */ ({ true: "on", false: "off" });

/** @param {{store: SessionStore}} props */
export function KeyboardNotes({ store }) {
  return html`<${Layouts} store=${store} /><${LockNotes} store=${store} />`;
}

/** The layouts on both sides, where they differ: what is meant is typed all the same. @param {{store: SessionStore}} props */
function Layouts({ store }) {
  const [own, setOwn] = useState("");
  useEffect(() => {
    navigator.keyboard?.getLayoutMap?.().then((map) => setOwn(layoutOf(map)), () => setOwn(""));
  }, []);
  const there = store.keyboard.value?.layouts ?? "";
  if (there === "" || own === "" || there.split(",").includes(own)) return null;
  return html`<span class="quiet" title="Auto and Text type the characters on your keys whatever the layout there. Keys presses the same places, which make other characters there.">Keyboard there: ${there}, yours: ${own}</span>`;
}

/** The keys go on to the device, and nothing moves under the mouse. @param {Event} event */
const keepFocus = (event) => event.preventDefault();

/** Locks that differ, and the way to make them alike for good. @param {{store: SessionStore}} props */
function LockNotes({ store }) {
  if (store.keyboard.value === null) return null;
  return differing(store.keyboard.value, store.locks.value).map(
    ({ lock, name, there, here }) => html`<span class="lock-note quiet" role="status" title=${`Yours is ${ON[`${here}`]}. What you type arrives as you mean it all the same, also in the mode Keys.`}>${name} is ${ON[`${there}`]} there
      ${" "}<button type="button" class="link" aria-label=${`Turn ${name} ${ON[`${here}`]} there`} title="It stays so after the session." onMouseDown=${keepFocus} onClick=${() => store.send("input.locks", { caps: null, num: null, keep: true, [lock]: here })}>Turn ${ON[`${here}`]}</button></span>`,
  );
}
