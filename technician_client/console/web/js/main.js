// Where the page begins: the address chooses what is shown. No page needs to be loaded anew.

import { html, render, useLayoutEffect, useRef } from "./lib.js";
import { startAlerts } from "./alerts.js";
import { startLive, waiting } from "./live.js";
import { DevicesPage } from "./pages/devices.js";
import { LibraryPage } from "./pages/library.js";
import { FixPage } from "./pages/library_fix.js";
import { PastPage } from "./pages/past.js";
import { PastSessionPage } from "./pages/past_session.js";
import { RecordingPage } from "./pages/recording.js";
import { RecordingsPage } from "./pages/recordings.js";
import { RunPage } from "./pages/run.js";
import { SessionPage } from "./pages/session.js";
import { SettingsPage } from "./pages/settings.js";
import { isTyping } from "./parts/code_card.js";
import { Empty } from "./parts/controls.js";
import { IncomingCalls } from "./parts/incoming_calls.js";
import { PassphraseDialog } from "./parts/passphrase_dialog.js";
import { ShortcutsDialog, showShortcuts } from "./parts/shortcuts_dialog.js";
import { Banner } from "./parts/states.js";
import { TopBar } from "./parts/topbar.js";
import { preferences } from "./preferences.js";
import { followAddress, route } from "./router.js";
import { chordOf, meaningOf } from "./shortcuts.js";
import { startStanding } from "./standing.js";

const TITLES = { home: "", library: "Library", fix: "Fix", run: "Run", recordings: "Recordings", recording: "Recording", past: "Past sessions", past_session: "Past session", settings: "Settings", nowhere: "No such page" };
const PLACES = /** @type {Record<string, string>} */ ({ home: "#/", library: "#/library", settings: "#/settings" });

function Nowhere() {
  return html`<main class="plain-page" id="content" tabindex="-1"><${Empty} icon="search" title="There is no such page">The address may be old. <a href="#/">Go to the devices</a>.<//></main>`;
}

function Page() {
  const to = route.value;
  switch (to.page) {
    case "home":
      return html`<${DevicesPage} />`;
    case "library":
      return html`<${LibraryPage} />`;
    case "fix":
      return html`<${FixPage} key=${to.id} id=${to.id} />`;
    case "run":
      return html`<${RunPage} key=${to.name} name=${to.name} />`;
    case "recordings":
      return html`<${RecordingsPage} />`;
    case "recording":
      return html`<${RecordingPage} key=${to.name} name=${to.name} />`;
    case "past":
      return html`<${PastPage} />`;
    case "past_session":
      return html`<${PastSessionPage} key=${to.session} session=${to.session} />`;
    case "settings":
      return html`<${SettingsPage} part=${to.part} />`;
    default:
      return html`<${Nowhere} />`;
  }
}

/** Everything but a session, which has the window to itself. */
function Frame() {
  const to = route.value;
  const queue = waiting.value.length;
  useLayoutEffect(() => {
    const words = to.page === "session" ? "" : TITLES[to.page];
    document.title = `${queue > 0 ? `(${queue}) ` : ""}${words ? `${words} – ` : ""}Handrail`;
  }, [to.page, queue]);
  const first = useRef(true);
  useLayoutEffect(() => {
    // A new page begins where it begins, for whoever reads with the keyboard or by ear too.
    if (!first.current) document.getElementById("content")?.focus({ preventScroll: true });
    first.current = false;
  }, [to]);
  useLayoutEffect(() => {
    const act = (/** @type {KeyboardEvent} */ event) => {
      if (event.defaultPrevented || document.querySelector("dialog[open]")) return;
      const meaning = meaningOf(chordOf(event), isTyping(event.target), preferences.peek().shortcuts);
      if (meaning === "help") showShortcuts.value = true;
      else if (PLACES[meaning] !== undefined) location.hash = PLACES[meaning];
      else return;
      event.preventDefault();
    };
    window.addEventListener("keydown", act);
    return () => window.removeEventListener("keydown", act);
  }, []);
  return html`<div class="page">
    <a class="skip" href="#/" onClick=${(/** @type {Event} */ event) => {
      event.preventDefault();
      document.getElementById("content")?.focus();
    }}>Skip to the page</a>
    <${TopBar} />
    <${Banner} />
    <${Page} />
    <${ShortcutsDialog} />
  </div>`;
}

function App() {
  const to = route.value;
  const page = to.page === "session" ? html`<${SessionPage} key=${to.name} name=${to.name} />` : html`<${Frame} />`;
  return html`<${IncomingCalls} />${page}<${PassphraseDialog} />`;
}

const root = document.getElementById("app");
if (root !== null) {
  root.replaceChildren();
  followAddress();
  startLive();
  startStanding();
  startAlerts();
  render(html`<${App} />`, root);
}
