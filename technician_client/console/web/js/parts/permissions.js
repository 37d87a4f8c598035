// What is allowed in this session, what more can be asked for, and what can be given back.

import { html } from "../lib.js";
import { Icon } from "../icons.js";
import { hello } from "../live.js";
import { OFFERED, WORDS } from "../wishes.js";
import { Menu, Spinner } from "./controls.js";

/** @param {{store: import("../session_store.js").SessionStore}} props */
export function Permissions({ store }) {
  const granted = store.granted.value;
  const names = [...OFFERED, ...granted.filter((name) => !OFFERED.includes(name))];
  const label = html`<${Icon} name="key" />Allowed<span class="count">${granted.length}</span>`;
  return html`<${Menu} label=${label} title="What the user allows" className="button" align="right" name="permissions">
    <ul class="grants">
      ${names.map((name) => html`<${Grant} key=${name} name=${name} store=${store} />`)}
    </ul>
    <p class="quiet">The user sees each question and can take anything back at any time.</p>
  <//>`;
}

/** @param {{name: string, store: import("../session_store.js").SessionStore}} props */
function Grant({ name, store }) {
  const rule = hello.value?.capabilities[name];
  const tier = hello.value?.tier ?? 0;
  const words = WORDS[name] ?? name;
  const granted = store.may(name);
  const asking = store.asking.value.has(name);
  const action = () => {
    if (granted) return html`<button type="button" class="link" onClick=${() => store.giveBack(name)} aria-label=${`Give back: ${words}`}>Give back</button>`;
    if (asking) return html`<${Spinner} text="Asking" />`;
    if (rule !== undefined && rule.tier > tier) return html`<span class="quiet">tier ${rule.tier}</span>`;
    return html`<button type="button" class="link" onClick=${() => store.ask(name)} aria-label=${`Ask: ${words}`}>Ask</button>`;
  };
  return html`<li class=${granted ? "granted" : ""}>
    <span class="grant-mark">${granted && html`<${Icon} name="check" size=${14} />`}</span>
    <span>${words}</span>${action()}
  </li>`;
}

/**
 * Stands where something needs a capability that is not granted.
 * @param {{store: import("../session_store.js").SessionStore, capability: string, children: any}} props
 */
export function Needs({ store, capability, children }) {
  const asking = store.asking.value.has(capability);
  return html`<div class="needs">
    <p>${children}</p>
    <button type="button" class="button button-primary" disabled=${asking} onClick=${() => store.ask(capability)}>${asking ? "The user is being asked…" : "Ask for it"}</button>
  </div>`;
}
