// Numbers and times in words. Pure.

/** @param {number} seconds how long ago */
export function ago(seconds) {
  if (seconds < 10) return "just now";
  if (seconds < 60) return `${Math.floor(seconds)} s ago`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ago`;
  if (seconds < 86400) return `${Math.floor(seconds / 3600)} h ago`;
  const days = Math.floor(seconds / 86400);
  return days === 1 ? "yesterday" : `${days} days ago`;
}

/** @param {number} seconds that something still lasts */
export function lasts(seconds) {
  if (seconds < 120) return `${Math.max(0, Math.floor(seconds))} s`;
  if (seconds < 7200) return `${Math.floor(seconds / 60)} min`;
  if (seconds < 172_800) return `${Math.floor(seconds / 3600)} h`;
  return `${Math.floor(seconds / 86400)} days`;
}

/** A moment as date and time of this computer. @param {number} seconds since 1970 */
export function moment(seconds) {
  return new Date(seconds * 1000).toLocaleString(undefined, { dateStyle: "medium", timeStyle: "short" });
}

/** A moment as a date. @param {number} seconds since 1970 */
export function day(seconds) {
  return new Date(seconds * 1000).toLocaleDateString(undefined, { dateStyle: "medium" });
}

/** @param {number} count @param {string} one @param {string} [many] */
export function plural(count, one, many = `${one}s`) {
  return `${count.toLocaleString()} ${count === 1 ? one : many}`;
}

/** @param {number} seconds as m:ss or h:mm:ss */
export function duration(seconds) {
  const whole = Math.max(0, Math.floor(seconds));
  const parts = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
  const shown = parts[0] === 0 ? parts.slice(1) : parts;
  return shown.map((part, index) => (index === 0 ? String(part) : String(part).padStart(2, "0"))).join(":");
}

/** @param {number} perSecond bytes */
export function rate(perSecond) {
  if (perSecond < 950) return `${Math.round(perSecond)} B/s`;
  if (perSecond < 950_000) return `${trim(perSecond / 1000)} kB/s`;
  return `${trim(perSecond / 1_000_000)} MB/s`;
}

/** A size as people say it, binary as memory is counted. @param {number} size bytes */
export function bytes(size) {
  const units = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"];
  let unit = 0;
  let value = size;
  while (value >= 999.5 && unit < units.length - 1) {
    value /= 1024;
    unit += 1;
  }
  return `${unit === 0 ? value : trim(value)} ${units[unit]}`;
}

/** @param {number} milliseconds */
export function span(milliseconds) {
  if (milliseconds < 995) return `${Math.round(milliseconds)} ms`;
  return `${trim(milliseconds / 1000)} s`;
}

/** @param {number} value */
function trim(value) {
  return value >= 100 ? String(Math.round(value)) : String(Number(value.toFixed(1)));
}

const MISREAD = /** @type {Record<string, string>} */ ({ 0: "O", 1: "I", 8: "B" });

/** A code as it is typed or pasted, or its beginning: nine digits, a guest's with a dash and eight characters more. @param {string} typed */
export function codeOf(typed) {
  const plain = typed.toUpperCase().replace(/[^0-9A-Z]/g, "").replace(/^[A-Z]+/, "");
  const digits = (/^[0-9]{0,9}/.exec(plain) ?? [""])[0];
  if (digits.length < 9) return digits;
  const secret = plain.slice(9).replace(/[018]/g, (digit) => MISREAD[digit] ?? "").replace(/9/g, "").slice(0, 8);
  return secret === "" ? digits : `${digits}-${secret}`;
}

/** Whether nothing is missing. @param {string} code */
export function codeComplete(code) {
  return /^[0-9]{9}(-[A-Z2-7]{8})?$/.test(code);
}

/** In groups, as it is read out. @param {string} code */
export function grouped(code) {
  const [digits = "", secret] = code.split("-");
  const groups = digits.replace(/(\d{3})(?=\d)/g, "$1 ");
  return secret === undefined ? groups : `${groups}-${secret.replace(/^(.{4})(?=.)/, "$1 ")}`;
}

/** A cell of a table as text. @param {Cell} cell */
export function cellText(cell) {
  if (cell === null || cell === undefined) return "–";
  if (typeof cell === "boolean") return cell ? "yes" : "no";
  if (typeof cell === "number" && !Number.isInteger(cell)) return String(Number(cell.toPrecision(6)));
  return String(cell);
}

/** A name with underscores as words. @param {string} name */
export function words(name) {
  return name.replaceAll("_", " ");
}

/** As much of a fix's digest as people are shown. @param {string} digest */
export function shortDigest(digest) {
  return digest.slice(0, 12);
}
