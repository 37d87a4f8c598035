// The bar at the top: whose console this is, and whether the relay is there.

import { html } from "../lib.js";
import { Icon } from "../icons.js";
import { consoleUp, hello, relay } from "../live.js";
import { THEMES, theme } from "../theme.js";
import { Segmented } from "./controls.js";

const THEME_ICONS = /** @type {const} */ ({ system: "system", light: "sun", dark: "moon" });

export function RelayStatus() {
  const state = relay.value;
  if (!consoleUp.value) {
    return html`<span class="status status-poor" role="status"><span class="dot"></span>The console has stopped</span>`;
  }
  if (state === null) return html`<span class="status" role="status"><span class="dot"></span>Calling the relay</span>`;
  const words = state.online ? "Relay connected" : "Relay away";
  return html`<span class="status ${state.online ? "status-good" : "status-poor"}" role="status" title=${hello.value?.relay ?? ""}>
    <span class="dot"></span>${words}
  </span>`;
}

export function ThemeChoice() {
  const options = THEMES.map((value) => ({
    value,
    words: html`<${Icon} name=${THEME_ICONS[value]} /><span class="visually-hidden">${value}</span>`,
    title: value === "system" ? "As the system" : `${value[0].toUpperCase()}${value.slice(1)}`,
  }));
  return html`<${Segmented} label="Colours" options=${options} value=${theme.value} onChange=${(/** @type {any} */ value) => (theme.value = value)} />`;
}

export function TopBar() {
  const who = hello.value;
  return html`<header class="topbar">
    <a class="brand" href="#/"><span class="brand-mark"><${Icon} name="rail" size=${18} /></span>Handrail</a>
    <span class="topbar-space"></span>
    <${RelayStatus} />
    ${
      who &&
      html`<span class="who" title=${`Organisation ${who.organisation}`}>
        <${Icon} name="person" /><span class="who-name">${who.name}</span><span class="tag">Tier ${who.tier}</span>
      </span>`
    }
    <${ThemeChoice} />
  </header>`;
}
