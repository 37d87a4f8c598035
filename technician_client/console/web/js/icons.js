// Line icons, 20 x 20, drawn here. Decoration only: each stands beside or inside something that has a name.

import { html } from "./lib.js";

const PATHS = {
  rail: "M3 14.5c4.5 0 5.5-7 13.5-8.5M6 13.8V17M13.5 7V17",
  search: "M9 3.5a5.5 5.5 0 1 1 0 11 5.5 5.5 0 0 1 0-11ZM13 13l4 4",
  shield: "M10 2.5l6 2.2v4.6c0 4-2.6 6.7-6 8.2-3.4-1.5-6-4.2-6-8.2V4.7l6-2.2ZM7.4 10l1.9 1.9 3.4-3.6",
  back: "M12 4.5 6.5 10l5.5 5.5",
  forward: "M8 4.5 13.5 10 8 15.5",
  hand: "M6.5 10V5a1.2 1.2 0 0 1 2.4 0v4-5.3a1.2 1.2 0 0 1 2.4 0V9 4.8a1.2 1.2 0 0 1 2.4 0V12c0 3-1.8 5-4.6 5-2.2 0-3.4-1-4.4-2.8L3.4 11a1.2 1.2 0 0 1 2-1.3L6.5 11",
  screen: "M3 4.5h14v9H3zM7.5 17h5M10 13.5V17",
  expand: "M3.5 7.5v-4h4M16.5 7.5v-4h-4M3.5 12.5v4h4M16.5 12.5v4h-4",
  keyboard: "M2.5 5.5h15v9h-15zM5.5 8.5h.01M8.5 8.5h.01M11.5 8.5h.01M14.5 8.5h.01M6.5 11.5h7",
  pulse: "M2.5 10.5h3l2-5.5 4 10 2-4.5h4",
  warning: "M10 3.2 17.6 16H2.4L10 3.2ZM10 8v4M10 14h.01",
  critical: "M10 2.5a7.5 7.5 0 1 1 0 15 7.5 7.5 0 0 1 0-15ZM10 6v5M10 13.8h.01",
  notice: "M10 2.5a7.5 7.5 0 1 1 0 15 7.5 7.5 0 0 1 0-15ZM10 9.2v4.6M10 6.4h.01",
  check: "M4 10.5l4 4 8-9",
  cross: "M5 5l10 10M15 5 5 15",
  wrench: "M12.2 4.1a4 4 0 0 0 4.6 5.2l-7.6 7.1a1.9 1.9 0 0 1-2.7-2.7L13.6 6M12.2 4.1l2.2-.9.6 3",
  table: "M3 4.5h14v11H3zM3 8.2h14M3 11.8h14M8.5 8.2v7.3",
  chat: "M3 4.5h14v9.5H9l-3.8 3v-3H3z",
  stop: "M5.5 5.5h9v9h-9z",
  refresh: "M15.8 8A6 6 0 1 0 16 11.5M16.2 3.8V8H12",
  sun: "M10 6.8a3.2 3.2 0 1 1 0 6.4 3.2 3.2 0 0 1 0-6.4ZM10 2v1.8M10 16.2V18M2 10h1.8M16.2 10H18M4.3 4.3l1.3 1.3M14.4 14.4l1.3 1.3M15.7 4.3l-1.3 1.3M5.6 14.4l-1.3 1.3",
  moon: "M16.5 12A7 7 0 0 1 8 3.5 7 7 0 1 0 16.5 12Z",
  system: "M10 2.8a7.2 7.2 0 1 1 0 14.4 7.2 7.2 0 0 1 0-14.4ZM10 3v14M12.5 3.6v12.8M15 5v10",
  person: "M10 3.2a3.2 3.2 0 1 1 0 6.4 3.2 3.2 0 0 1 0-6.4ZM3.8 17c.6-3.4 3-5.2 6.2-5.2s5.6 1.8 6.2 5.2",
  key: "M7 8a3.4 3.4 0 1 1 0 6.8A3.4 3.4 0 0 1 7 8ZM9.6 9.2 16.5 3.5M14 5.6l2 2.2M12 7.3l1.4 1.6",
  down: "M5 7.5l5 5 5-5",
  send: "M3 10 17 3.5 12.5 17l-2.8-5.2L3 10ZM9.7 11.8 17 3.5",
  away: "M3 3l14 14M6 6.2A9 9 0 0 0 3 8.3M8.7 5a9.5 9.5 0 0 1 8.3 3.3M5.6 11.2A6 6 0 0 1 9 9.4M12 9.8a6 6 0 0 1 2.4 1.4M10 14.6h.01",
  dockBelow: "M3 3.5h14v13H3zM3 11.5h14",
  dockBeside: "M3 3.5h14v13H3zM11.5 3.5v13",
  play: "M6.5 4.5v11l9-5.5-9-5.5Z",
};

/** @typedef {keyof typeof PATHS} IconName */

/** @param {{name: IconName, size?: number}} props */
export function Icon({ name, size = 16 }) {
  return html`<svg class="icon" viewBox="0 0 20 20" width=${size} height=${size} aria-hidden="true" focusable="false">
    <path d=${PATHS[name]} />
  </svg>`;
}
