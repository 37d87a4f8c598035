// One session: waiting for consent, the live desktop with its tools, and the end.

import { html, useEffect, useLayoutEffect, useMemo, useState } from "../lib.js";
import { Icon } from "../icons.js";
import { duration } from "../format.js";
import { hello } from "../live.js";
import { SessionStore } from "../session_store.js";
import { Menu, Spinner } from "../parts/controls.js";
import { Opening, Over, Unknown } from "../parts/opening.js";
import { Quality } from "../parts/quality.js";
import { Actions } from "../parts/actions.js";
import { RestartDialog } from "../parts/keeping.js";
import { Dock, SidePanel } from "../parts/side_panel.js";
import { Stage } from "../parts/stage.js";
import { Permissions } from "../parts/permissions.js";

/** @param {{name: string}} props */
export function SessionPage({ name }) {
  const store = useMemo(() => new SessionStore(name), [name]);
  useEffect(() => () => store.close(), [store]);
  const session = store.session.value;
  useLayoutEffect(() => {
    document.title = session ? `${session.label || "Session"} – Handrail` : "Handrail";
  }, [session?.label]);

  if (store.link.value === "unknown" && session === null) return html`<${Unknown} />`;
  if (session === null) return html`<div class="page session-page"><div class="center"><${Spinner} text="Opening" /></div></div>`;
  if (session.phase === "over") return html`<${Over} session=${session} store=${store} />`;
  if (session.phase !== "open" && session.phase !== "reconnecting") return html`<${Opening} session=${session} store=${store} />`;
  return html`<${LiveSession} session=${session} store=${store} />`;
}

/** @param {{session: SessionSnapshot, store: SessionStore}} props */
function LiveSession({ session, store }) {
  return html`<div class="page session-page">
    <${SessionBar} session=${session} store=${store} />
    <${LinkBanner} store=${store} />
    ${
      session.phase === "reconnecting" &&
      (store.restart.underway
        ? html`<div class="banner" role="status"><${Icon} name="restart" />The computer restarts. Waiting for it to come back${store.restart.state.value !== null && store.restart.state.value.back > 0 ? `, for at most ${Math.round(store.restart.state.value.back / 60)} minutes; the session then goes on by itself` : ""}.</div>`
        : html`<div class="banner banner-poor" role="alert"><${Icon} name="away" />The connection to the device was lost. Reconnecting; what was granted is kept for a while, nobody is asked again.</div>`)
    }
    <main class="workspace">
      <div class="workspace-column">
        <${Stage} store=${store} />
        <${Dock} store=${store} />
      </div>
      <${SidePanel} store=${store} />
    </main>
    <${Notices} store=${store} />
    <${RestartDialog} store=${store} />
  </div>`;
}

/** @param {{session: SessionSnapshot, store: SessionStore}} props */
function SessionBar({ session, store }) {
  const [sure, setSure] = useState(false);
  useEffect(() => {
    if (!sure) return undefined;
    const timer = setTimeout(() => setSure(false), 4000);
    return () => clearTimeout(timer);
  }, [sure]);
  return html`<header class="sessionbar">
    <a class="icon-button" href="#/" title="All devices; the session stays open for half a minute" aria-label="All devices"><${Icon} name="back" size=${18} /></a>
    <div class="session-name">
      <h1>${session.label}</h1>
      <${Certified} session=${session} />
    </div>
    <${Elapsed} session=${session} store=${store} />
    ${session.unattended && html`<span class="tag" title="Policy allows access to this device without asking">Unattended</span>`}
    ${store.paused.value !== null && html`<span class="tag tag-warning">${store.paused.value === "unwatched" ? "Nobody sees it" : "Paused by the user"}</span>`}
    <span class="topbar-space"></span>
    <${Actions} store=${store} />
    <${Quality} store=${store} />
    <${Permissions} store=${store} />
    <button type="button" class="button ${sure ? "button-danger" : "button-danger-quiet"}" onClick=${() => (sure ? store.end() : setSure(true))}>
      <${Icon} name="stop" size=${14} />${sure ? "Really end?" : "End session"}
    </button>
  </header>`;
}

/** @param {{session: SessionSnapshot}} props */
function Certified({ session }) {
  const label = session.guest ? html`<${Icon} name="shield" size=${14} />Guest` : html`<${Icon} name="shield" size=${14} />Certified`;
  return html`<${Menu} label=${label} title="Who this is" className="certified" name="certified">
    <dl class="facts">
      <div><dt>Device</dt><dd>${session.label}</dd></div>
      <div><dt>Id</dt><dd class="mono">${session.peer}</dd></div>
      <div><dt>Organisation</dt><dd class="mono">${hello.value?.organisation ?? ""}</dd></div>
      <div><dt>Session</dt><dd class="mono">${session.session_id}</dd></div>
      ${session.sas && html`<div><dt>Check digits</dt><dd class="digits">${session.sas.slice(0, 3)} ${session.sas.slice(3)}</dd></div>`}
      ${session.says && html`<div><dt>They say</dt><dd>${session.says}</dd></div>`}
    </dl>
    <p class="quiet">
      ${session.guest
        ? "This computer is not enrolled and nobody certifies its name. It knows the code that you were told, and both sides have proved so."
        : "Its certificate was issued by your organisation. The user's screen shows the same six digits."}
    </p>
  <//>`;
}

/** @param {{session: SessionSnapshot, store: SessionStore}} props */
function Elapsed({ session, store }) {
  const [, tick] = useState(0);
  useEffect(() => {
    const timer = setInterval(() => tick((count) => count + 1), 1000);
    return () => clearInterval(timer);
  }, []);
  const open = (session.open_for ?? 0) + (performance.now() - store.receivedAt.value) / 1000;
  const left = session.seconds === null ? null : session.seconds - open;
  const title = left === null ? "" : `The grant lasts another ${duration(left)}`;
  return html`<span class="elapsed" title=${title}>${duration(open)}${
    left !== null && left < 300 && html`<span class="tag tag-warning">${duration(left)} left</span>`
  }</span>`;
}

/** @param {{store: SessionStore}} props */
function LinkBanner({ store }) {
  switch (store.link.value) {
    case "replaced":
      return html`<div class="banner banner-poor" role="alert">
        <${Icon} name="screen" />Another tab shows this session now.
        <button type="button" class="link" onClick=${() => location.reload()}>Show it here</button>
      </div>`;
    case "down":
      return html`<div class="banner banner-poor" role="alert"><${Icon} name="away" />The console on this computer does not answer. This page keeps trying.</div>`;
    default:
      return null;
  }
}

/** @param {{store: SessionStore}} props */
function Notices({ store }) {
  return html`<div class="notices" role="status" aria-live="polite">
    ${store.notices.value.map(
      ({ id, text, level }) => html`<div class="notice notice-${level}" key=${id}>
        <${Icon} name=${level === "good" ? "check" : "warning"} /><span>${text}</span>
        <button type="button" class="icon-button" aria-label="Dismiss" onClick=${() => store.dismiss(id)}><${Icon} name="cross" size=${14} /></button>
      </div>`,
    )}
  </div>`;
}
