// The end-to-end messages as JSON arrays: [tag, field, field, ...]. The order of the fields is that of protocol/messages; a test
// holds this table to tests/vectors/console/fields.json, which is made from there.

/** @type {Readonly<Record<string, readonly string[]>>} */
export const FIELDS = Object.freeze({
  "input.pointer_move": ["x", "y"],
  "input.pointer_button": ["x", "y", "button", "pressed"],
  "input.pointer_wheel": ["x", "y", "dx", "dy"],
  "input.key": ["code", "key", "pressed", "mode"],
  "input.type_text": ["text"],
  "input.release_all": [],
  "input.type_piece": ["request", "text"],
  "input.typed": ["request", "missed"],
  "input.locks": ["caps", "num", "keep"],
  "input.keyboard": ["layouts", "caps", "num"],
  "pointer.place": ["x", "y"],
  "pointer.away": [],
  "pointer.click": ["x", "y"],
  "pointer.stroke": ["stroke", "shape", "colour", "stays", "start", "points"],
  "pointer.clear": [],
  "pointer.state": ["shown", "text"],
  "screen.start": ["decoders", "max_fps", "monitor", "quality"],
  "screen.stop": [],
  "screen.refresh": [],
  "screen.ack": ["sequence", "decode_ms", "queue"],
  "screen.layout": ["epoch", "width", "height", "origin_x", "origin_y", "monitors", "backend", "note"],
  "screen.state": ["state", "text"],
  "screen.report": ["seconds", "ways", "held", "byte_rate", "path_ms", "in_flight"],
  "screen.cursor_move": ["x", "y"],
  "diagnostics.collect": ["request", "tables"],
  "diagnostics.table": ["request", "name", "status", "duration_ms", "budget_ms", "rows", "reason", "truncated"],
  "diagnostics.done": ["request", "findings", "duration_ms", "taken_at"],
  "live.start": ["request", "interval", "processes", "services", "order", "text"],
  "live.stop": [],
  "live.sample": [
    "request", "taken_at", "cpu", "cores", "memory_used", "memory_total", "swap_used", "swap_total", "disk_read", "disk_write",
    "received", "sent", "load", "skipped",
  ],
  "live.processes": ["request", "running", "total", "rows"],
  "live.services": ["request", "status", "total", "rows", "reason"],
  "fixes.list": ["request"],
  "fixes.catalogue": ["request", "fixes"],
  "fixes.run": ["request", "id", "parameters", "finding", "digest"],
  "fixes.cancel": ["request"],
  "fixes.stage": ["request", "stage"],
  "fixes.output": ["request", "stage", "stream", "text"],
  "fixes.result": [
    "request", "id", "version", "outcome", "duration_ms", "exit_code", "reason", "text", "truncated", "before", "after", "digest",
  ],
  "power.reboot": ["request", "reason"],
  "power.state": ["request", "stage", "back_within"],
  "terminal.open": ["request", "columns", "rows", "command", "tty"],
  "terminal.open_root": ["request", "columns", "rows", "command", "tty"],
  "terminal.opened": ["request", "terminal", "user", "as_root"],
  "terminal.list": ["request"],
  "terminal.listing": ["request", "terminals"],
  "terminal.attach": ["terminal", "offset"],
  "terminal.input": ["terminal", "data", "end"],
  "terminal.taken": ["terminal", "offset"],
  "terminal.resize": ["terminal", "columns", "rows"],
  "terminal.output": ["terminal", "offset", "data", "stream"],
  "terminal.ack": ["terminal", "offset"],
  "terminal.close": ["terminal"],
  "terminal.ended": ["terminal", "status", "text"],
  "logs.sources": ["request"],
  "logs.listing": ["request", "sources"],
  "logs.follow": ["request", "source", "unit", "priority", "text", "lines", "follow"],
  "logs.lines": ["request", "lines", "left_out"],
  "logs.stop": ["request"],
  "logs.ended": ["request", "text"],
  "chat.message": ["text", "sent_at", "name"],
  "forward.ask": ["request"],
  "forward.rules": ["request", "enabled", "patterns"],
  "colleagues.people": ["people", "called"],
  "colleagues.invite": ["request", "tier", "note", "peer"],
  "colleagues.invite_cancel": [],
  "colleagues.notes": ["name", "tier", "note", "called_at", "enough"],
  "colleagues.control_ask": ["request"],
  "colleagues.control_asked": ["number", "name", "open"],
  "colleagues.control_keep": ["number"],
  "colleagues.hand_over": ["request", "number"],
  "colleagues.state": ["request", "state", "text", "seconds"],
  "clipboard.watch": [],
  "clipboard.changed": ["serial", "kinds", "concealed", "ours"],
  "session.refusal": ["refused", "request", "reason", "text", "capability"],
  "session.paused": ["paused", "by"],
  "session.capability_return": ["capability"],
});

/** Monitors inside a layout are arrays as well. */
const MONITOR = ["name", "x", "y", "width", "height", "primary"];

/**
 * An object with the fields of a message, from its array.
 * @param {unknown[]} array
 * @returns {{tag: string, [field: string]: any} | null} null for a message this page does not know
 */
export function readMessage(array) {
  const tag = array[0];
  const names = typeof tag === "string" ? FIELDS[tag] : undefined;
  if (typeof tag !== "string" || names === undefined) return null;
  /** @type {{tag: string, [field: string]: any}} */
  const message = { tag };
  names.forEach((name, index) => {
    message[name] = array[index + 1];
  });
  if (tag === "screen.layout") message.monitors = (message.monitors ?? []).map(readMonitor);
  return message;
}

/** @param {unknown[]} array */
function readMonitor(array) {
  return Object.fromEntries(MONITOR.map((name, index) => [name, array[index]]));
}

/**
 * The text to send for a message.
 * @param {string} tag
 * @param {Record<string, unknown>} [fields] every field of the message
 */
export function writeMessage(tag, fields = {}) {
  const names = FIELDS[tag];
  if (names === undefined) throw new RangeError(`no message is called ${tag}`);
  return JSON.stringify([tag, ...names.map((name) => {
    if (!(name in fields)) throw new RangeError(`${tag} needs ${name}`);
    return fields[name];
  })]);
}
