// One recording, played: the picture as the technician saw it, a bar to seek, speeds, and all of it by keyboard.

import { html, useLayoutEffect, useMemo, useRef, useState } from "../lib.js";
import { duration } from "../format.js";
import { scaleOf } from "../features/geometry.js";
import { Screen } from "../features/screen.js";
import { Icon } from "../icons.js";
import { readMessage } from "../messages.js";
import { Segmented, Spinner } from "../parts/controls.js";

const SPEEDS = [
  { value: "0.5", words: "½×" },
  { value: "1", words: "1×" },
  { value: "2", words: "2×" },
  { value: "4", words: "4×" },
  { value: "8", words: "8×" },
];
const STEP = 5;
const LEAP = 60;

/** @param {{name: string}} props */
export function RecordingPage({ name }) {
  const [about, setAbout] = useState(/** @type {{seconds: number, label: string, started_at: number} | null} */ (null));
  const [at, setAt] = useState({ seconds: 0, playing: false });
  const [dragged, setDragged] = useState(/** @type {number | null} */ (null));
  const [speed, setSpeed] = useState("1");
  const [fault, setFault] = useState("");
  const [size, setSize] = useState(/** @type {{width: number, height: number} | null} */ (null));
  /** @type {{current: HTMLCanvasElement | null}} */
  const canvas = useRef(null);
  /** @type {{current: HTMLCanvasElement | null}} */
  const pointer = useRef(null);
  /** @type {{current: HTMLDivElement | null}} */
  const room = useRef(null);
  /** @type {{current: Screen | null}} */
  const screen = useRef(null);
  const socket = useMemo(() => new WebSocket(`${location.origin.replace(/^http/, "ws")}/api/v1/recordings/${encodeURIComponent(name)}/play`), [name]);
  const say = (/** @type {Record<string, unknown>} */ command) => socket.readyState === WebSocket.OPEN && socket.send(JSON.stringify(command));

  useLayoutEffect(() => {
    if (canvas.current === null || pointer.current === null) return undefined;
    const send = (/** @type {string} */ tag, /** @type {Record<string, unknown>} */ fields = {}) => {
      if (tag === "screen.ack") say({ type: "painted", sequence: fields.sequence });
    };
    screen.current = new Screen({ canvas: canvas.current, pointer: pointer.current, send, onLayout: ({ width, height }) => setSize({ width, height }) });
    socket.binaryType = "arraybuffer";
    socket.addEventListener("message", ({ data }) => {
      if (typeof data !== "string") return screen.current?.receive(data);
      const told = JSON.parse(data);
      if (Array.isArray(told)) return screen.current?.hear(/** @type {any} */ (readMessage(told)));
      if (told.type === "recording") setAbout(told);
      if (told.type === "at") setAt(told);
      if (told.type === "fault") setFault(told.text);
      return undefined;
    });
    socket.addEventListener("close", ({ code }) => code !== 4002 && setFault((before) => before || "The console has stopped playing. Load this page again."));
    return () => socket.close();
  }, [socket]);

  useLayoutEffect(() => {
    const fit = () => {
      const box = canvas.current?.parentElement;
      if (!box || room.current === null || size === null) return;
      const scale = scaleOf("fit", size, { width: room.current.clientWidth, height: room.current.clientHeight }, window.devicePixelRatio);
      box.style.width = `${size.width * scale}px`;
      box.style.height = `${size.height * scale}px`;
      screen.current?.cursor.zoom(scale);
    };
    const observer = new ResizeObserver(fit);
    if (room.current) observer.observe(room.current);
    fit();
    return () => observer.disconnect();
  }, [size]);

  const length = about?.seconds ?? 0;
  const now = dragged ?? at.seconds;
  const seek = (/** @type {number} */ to) => say({ type: "seek", at: Math.max(0, Math.min(length, to)) });
  const toggle = () => say(at.playing ? { type: "pause" } : { type: "play", speed: Number(speed) });
  const choose = (/** @type {string} */ value) => {
    setSpeed(value);
    if (at.playing) say({ type: "play", speed: Number(value) });
  };
  const key = (/** @type {KeyboardEvent} */ event) => {
    const target = /** @type {HTMLElement} */ (event.target);
    if (event.ctrlKey || event.altKey || event.metaKey || (event.key === " " && target.tagName === "BUTTON")) return;
    if (target.getAttribute("role") === "radio" && event.key.startsWith("Arrow")) return;
    const act = { " ": toggle, k: toggle, ArrowLeft: () => seek(now - STEP), ArrowRight: () => seek(now + STEP), j: () => seek(now - LEAP), l: () => seek(now + LEAP), Home: () => seek(0), End: () => seek(length) }[event.key];
    if (act === undefined) return;
    event.preventDefault();
    act();
  };
  useLayoutEffect(() => {
    window.addEventListener("keydown", key);
    return () => window.removeEventListener("keydown", key);
  });

  return html`<main class="player" id="content" tabindex="-1">
    <div class="player-head">
      <a class="icon-button" href="#/recordings" aria-label="All recordings" title="All recordings"><${Icon} name="back" size=${18} /></a>
      <h1>${about?.label ?? "Recording"}</h1>
      ${about && html`<span class="quiet">${new Date((about.started_at + now) * 1000).toLocaleString([], { dateStyle: "medium", timeStyle: "medium" })}</span>`}
    </div>
    <div class="player-room" ref=${room}>
      <div class="picture" hidden=${size === null}>
        <canvas id="screen" ref=${canvas} width="1" height="1" role="img" aria-label="What was on the screen"></canvas>
        <canvas class="pointer" ref=${pointer} width="1" height="1" aria-hidden="true"></canvas>
      </div>
      ${fault ? html`<p class="error" role="alert"><${Icon} name="warning" />${fault}</p>` : size === null && html`<${Spinner} text="Opening the recording" />`}
    </div>
    <div class="player-bar" role="group" aria-label="Playback">
      <button type="button" class="button button-primary" aria-label=${at.playing ? "Pause" : "Play"} title="Space" disabled=${about === null} onClick=${toggle}><${Icon} name=${at.playing ? "pause" : "play"} /></button>
      <span class="num player-time">${duration(now)}</span>
      <input type="range" min="0" max=${length} step="0.1" value=${now} aria-label="Position" aria-valuetext=${`${duration(now)} of ${duration(length)}`}
        onInput=${(/** @type {any} */ event) => {
          setDragged(Number(event.target.value));
          seek(Number(event.target.value));
        }}
        onChange=${() => setDragged(null)} />
      <span class="num player-time">${duration(length)}</span>
      <${Segmented} label="Speed" options=${SPEEDS} value=${speed} onChange=${choose} />
      <span class="quiet player-keys"><kbd>Space</kbd> <kbd>←</kbd> <kbd>→</kbd> 5 s, <kbd>J</kbd> <kbd>L</kbd> 1 min</span>
    </div>
  </main>`;
}
