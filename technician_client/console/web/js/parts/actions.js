// THE TABLE OF ACTIONS: what the bar above the session offers, left of "Allowed" and "End session". A new action is one entry.
//
//   name        its id on the page (`#action-<name>`)
//   words       its name, read out and shown as tooltip (and beside the icon in the menu)
//   about       one line more for the tooltip; may say why it is not possible now
//   icon        from icons.js
//   place       "bar": an icon in the bar (few: what is used in every session); "menu": a line under "More"
//   run         (store) => done when pressed; reaches features and store.side. Either this or `component`.
//   component   instead of a plain button, gets {store}: a menu, a switch with words, a state (only in the bar)
//   capability  one that must be granted; without it a press asks the user for it
//   offered     (store) => whether it is there at all now (default: always)
//   pressed     (store) => for a switch: whether it is on

import { html } from "../lib.js";
import { Icon } from "../icons.js";
import { Menu } from "./controls.js";
import { RecordButton, screenshot } from "./keeping.js";

/** @typedef {import("../session_store.js").SessionStore} SessionStore */
/**
 * @typedef {object} Action
 * @property {string} name
 * @property {string} words
 * @property {string} about
 * @property {import("../icons.js").IconName} icon
 * @property {"bar" | "menu"} place
 * @property {(store: SessionStore) => unknown} [run]
 * @property {(props: {store: SessionStore}) => any} [component]
 * @property {string} [capability]
 * @property {(store: SessionStore) => boolean} [offered]
 * @property {(store: SessionStore) => boolean} [pressed]
 */

/** @type {readonly Action[]} */
export const ACTIONS = Object.freeze([
  { name: "record", words: "Record", about: "Record what is shown", icon: "record", place: "bar", component: RecordButton },
  { name: "screenshot", words: "Picture of the screen", about: "Saved as a lossless PNG and put on your clipboard", icon: "picture", place: "bar", capability: "view", run: screenshot },
  {
    name: "restart",
    words: "Restart the computer",
    about: "The user is asked once more",
    icon: "restart",
    place: "menu",
    capability: "reboot",
    run: (store) => {
      store.restart.forget();
      store.restarting.value = true;
    },
  },
]);

/** @param {{store: SessionStore}} props */
export function Actions({ store }) {
  const offered = ACTIONS.filter((action) => action.offered?.(store) ?? true);
  const bar = offered.filter(({ place }) => place === "bar");
  const menu = offered.filter(({ place }) => place === "menu");
  return html`${bar.map((action) => (action.component ? html`<${action.component} key=${action.name} store=${store} />` : html`<${Plain} key=${action.name} store=${store} action=${action} />`))}
  ${
    menu.length > 0 &&
    html`<${Menu} label=${html`More<${Icon} name="down" size=${14} />`} title="More that can be done" align="right" name="more">
      ${(/** @type {() => void} */ close) => menu.map((action) => html`<${Plain} key=${action.name} store=${store} action=${action} onDone=${close} />`)}
    <//>`
  }`;
}

/** @param {{store: SessionStore, action: Action, onDone?: () => void}} props */
function Plain({ store, action, onDone }) {
  const { name, words, about, icon, capability, place } = action;
  const granted = capability === undefined || store.may(capability);
  const asking = capability !== undefined && store.asking.value.has(capability);
  const press = () => {
    if (granted) action.run?.(store);
    else store.ask(/** @type {string} */ (capability));
    onDone?.();
  };
  const title = granted ? `${words}. ${about}` : `${words}. Not allowed yet: press to ask the user.`;
  return html`<button
    type="button"
    id=${`action-${name}`}
    class="${place === "menu" ? "menu-item" : "icon-button"} ${granted ? "" : "action-locked"}"
    title=${title}
    aria-label=${words}
    aria-pressed=${action.pressed?.(store)}
    disabled=${asking}
    onClick=${press}
  >
    ${place === "menu" ? html`<span class="action-words"><${Icon} name=${icon} />${words}</span><span class="quiet">${granted ? about : "Ask for it"}</span>` : html`<${Icon} name=${icon} size=${18} />`}
  </button>`;
}
