// What the library makes of scripts and devices. Pure.

/**
 * Which devices of a group a fix can be run on: those online whose certificate said so before, and those never met, whose certificate
 * is looked at before anything is asked of them.
 * @param {import("./fleet.js").Entry[]} entries @param {string} group
 */
export function ofGroup(entries, group) {
  return entries.filter(({ device, known }) => device.online && (known === null || known.group === group));
}

/** @param {import("./fleet.js").Entry[]} entries @returns {Record<string, string>} id -> name, as the order wants them */
export function named(entries) {
  return Object.fromEntries(entries.map(({ device, name }) => [device.id, name.slice(0, 40)]));
}

/** Lines of a unified diff with what they are and their numbers before and after. @param {string[]} lines */
export function diffRows(lines) {
  let before = 0;
  let after = 0;
  return lines.map((text) => {
    const hunk = /^@@ -(\d+)(?:,\d+)? \+(\d+)/.exec(text);
    if (hunk !== null) {
      before = Number(hunk[1]);
      after = Number(hunk[2]);
      return { kind: "hunk", text, before: null, after: null };
    }
    if (text.startsWith("--- ") || text.startsWith("+++ ")) return { kind: "file", text: text.slice(4), before: null, after: null };
    if (text.startsWith("-")) return { kind: "gone", text: text.slice(1), before: before++, after: null };
    if (text.startsWith("+")) return { kind: "new", text: text.slice(1), before: null, after: after++ };
    return { kind: "same", text: text.slice(1), before: before++, after: after++ };
  });
}

/** Who is asked before it runs. @param {{consent: "ask" | "policy", run_as: string}} row */
export function consentWords({ consent }) {
  return consent === "ask"
    ? "The person at the device is asked before every run."
    : "The person at the device is asked, unless your organisation's signed policy lets it run unattended.";
}

/**
 * What the console tells of one device of a run: how it stands, or what it has printed since; `at` is how much came before.
 * @typedef {{type: "run_device", run: string, row: Omit<RunDevice, "output">}
 *   | {type: "run_output", run: string, device: string, at: number, text: string}} RunTold
 */

/** @param {RunDevice | undefined} row @param {RunTold} told @returns {RunDevice | null} null: something was missed; load the run again */
export function hearDevice(row, told) {
  if (told.type === "run_device") return { output: row?.output ?? "", ...told.row };
  if (row === undefined || row.output.length < told.at) return null;
  if (row.output.length >= told.at + told.text.length) return row;
  return { ...row, output: row.output.slice(0, told.at) + told.text };
}
