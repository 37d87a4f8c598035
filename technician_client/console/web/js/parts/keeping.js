// In the bar of a session: recording, a picture of the screen, and the restart of the computer with what became of it.

import { html, useEffect, useLayoutEffect, useRef, useState } from "../lib.js";
import { duration } from "../format.js";
import { screenshotName, takeScreenshot } from "../features/screenshot.js";
import { Icon } from "../icons.js";
import { Spinner } from "./controls.js";

/** @typedef {import("../session_store.js").SessionStore} SessionStore */

/** A button that begins and ends the recording, and says that it goes on. @param {{store: SessionStore}} props */
export function RecordButton({ store }) {
  const { recording } = store;
  const state = recording.state.value;
  const granted = store.may("recording");
  const asking = store.asking.value.has("recording");
  const [, tick] = useState(0);
  useEffect(() => {
    if (state?.stage !== "on") return undefined;
    const timer = setInterval(() => tick((count) => count + 1), 1000);
    return () => clearInterval(timer);
  }, [state?.stage]);
  useEffect(() => {
    if (granted && recording.wished) recording.record(true);
  }, [granted]);
  if (state === null) return null;
  const press = () => {
    if (recording.running) recording.record(false);
    else if (granted) recording.record(true);
    else {
      recording.wished = true;
      store.ask("recording");
    }
  };
  const on = state.stage === "on";
  const words = { on: "End the recording", held: "End the recording", announcing: "The recording is announced", off: "Record" }[state.stage];
  const title = asking
    ? "The user is being asked whether you may record."
    : on
      ? "The session is recorded, and the user sees that. Press to end it."
      : granted
        ? "Record what is shown. The user sees that you do."
        : "Record what is shown. Not allowed yet: press to ask the user.";
  return html`<button type="button" id="action-record" class="icon-button record ${on ? "record-on" : ""}" title=${title} aria-label=${words} aria-pressed=${recording.running} disabled=${asking || state.stage === "announcing"} onClick=${press}>
    <${Icon} name="record" size=${18} />${on && html`<span class="num record-time">${duration(recording.elapsed(performance.now()))}</span>`}
  </button>`;
}

/** @param {SessionStore} store */
export async function screenshot(store) {
  const canvas = /** @type {HTMLCanvasElement | null} */ (document.getElementById("screen"));
  if (canvas === null || store.layout.value === null) {
    store.notify("There is no picture yet.");
    return;
  }
  try {
    const done = await takeScreenshot(canvas, screenshotName(store.session.value?.label ?? "", new Date()));
    store.notify(done === "copied" ? "The picture is saved and on your clipboard." : "The picture is saved. Your browser does not let it onto the clipboard.", "good");
  } catch (error) {
    store.notify(String(/** @type {Error} */ (error).message));
  }
}

/** How far a restart has come, in words; nothing for one that was not ordered, or has ended. */
const RESTARTING = /** @type {Readonly<Record<string, string>>} */ (
  Object.freeze({
    sent: "Telling the computer",
    asking: "The user is being asked. They may have work to save.",
    restarting: "They allowed it, and the computer restarts.",
    away: "It is down. Waiting for it to come back.",
  })
);

/** Asks once more, and says how far the restart has come. @param {{store: SessionStore}} props */
export function RestartDialog({ store }) {
  /** @type {{current: HTMLDialogElement | null}} */
  const dialog = useRef(null);
  const [reason, setReason] = useState("");
  const open = store.restarting.value;
  const state = store.restart.state.value;
  const back = store.session.value?.after_restart ?? 0;
  const words = RESTARTING[state?.stage ?? ""];
  useLayoutEffect(() => {
    if (open) dialog.current?.showModal();
    else dialog.current?.close();
  }, [open]);
  const close = () => {
    store.restarting.value = false;
  };
  const submit = (/** @type {Event} */ event) => {
    event.preventDefault();
    store.restart.order(reason.trim().slice(0, 200));
  };
  return html`<dialog class="dialog" ref=${dialog} onClose=${close} aria-labelledby="restart-title">
    <form onSubmit=${submit}>
      <h2 id="restart-title">Restart the computer</h2>
      <p class="quiet">${
        back > 0
          ? `The user lets you come back once within ${Math.round(back / 60)} minutes after the restart: the session goes on by itself.`
          : "The session ends with the restart. To come back without a new question, the user must have agreed to that when the session opened."
      }</p>
      ${
        words === undefined
          ? html`<label class="field"><span>Reason <span class="quiet">shown to them</span></span>
              <input type="text" maxlength="200" value=${reason} placeholder="For example: the update needs it" onInput=${(/** @type {any} */ event) => setReason(event.target.value)} /></label>`
          : html`<p role="status"><${Spinner} text=${words} /></p>`
      }
      <div class="dialog-foot">
        ${state?.stage === "refused" && html`<p class="error" role="alert"><${Icon} name="warning" />${state.text || "The computer does not restart."}</p>`}
        <div class="dialog-actions">
          <button type="button" class="button" onClick=${close}>${words === undefined ? "Cancel" : "Close"}</button>
          ${words === undefined && html`<button type="submit" class="button button-danger">Restart</button>`}
        </div>
      </div>
    </form>
  </dialog>`;
}
