// The bar at the top: where one can go, whose console this is, and whether the relay is there.

import { html } from "../lib.js";
import { Icon } from "../icons.js";
import { consoleUp, hello, relay, waiting } from "../live.js";
import { route } from "../router.js";
import { THEMES, chooseTheme, theme } from "../theme.js";
import { Segmented } from "./controls.js";

const THEME_ICONS = /** @type {const} */ ({ system: "system", light: "sun", dark: "moon" });
const PLACES = /** @type {const} */ ([
  { href: "#/", words: "Devices", icon: "home", pages: ["home", "session"] },
  { href: "#/library", words: "Library", icon: "book", pages: ["library", "fix", "run"] },
  { href: "#/past", words: "Past sessions", icon: "clock", pages: ["past", "past_session"] },
  { href: "#/recordings", words: "Recordings", icon: "record", pages: ["recordings", "recording"] },
  { href: "#/settings", words: "Settings", icon: "gear", pages: ["settings"] },
]);

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
  return html`<${Segmented} label="Colours" options=${options} value=${theme.value} onChange=${chooseTheme} />`;
}

export function TopBar() {
  const who = hello.value;
  const { page } = route.value;
  const queue = waiting.value.length;
  return html`<header class="topbar">
    <a class="brand" href="#/" aria-label="Handrail, devices"><span class="brand-mark"><${Icon} name="rail" size=${18} /></span><span class="brand-word">Handrail</span></a>
    <nav class="places" aria-label="Pages">
      ${PLACES.map(
        ({ href, words, icon, pages }) => html`<a href=${href} aria-current=${/** @type {readonly string[]} */ (pages).includes(page) ? "page" : undefined}>
          <${Icon} name=${icon} /><span>${words}</span>${href === "#/" && queue > 0 && html`<span class="count count-new" title="Waiting for help">${queue}<span class="visually-hidden"> waiting</span></span>`}
        </a>`,
      )}
    </nav>
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
