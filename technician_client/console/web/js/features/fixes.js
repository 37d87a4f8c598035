// Approved fix scripts: the catalogue, running one, and the proof that it worked.

import { signal } from "../lib.js";

const MOST_OUTPUT = 200_000;

/** What each outcome means, and how it is shown. */
export const OUTCOMES = Object.freeze({
  fixed: { level: "good", words: "Fixed", text: "The fix ran, and the check afterwards passed." },
  not_needed: { level: "good", words: "Not needed", text: "There was nothing to do." },
  done: { level: "good", words: "Done", text: "The fix ran. It has no check of its own." },
  failed: { level: "poor", words: "Failed", text: "The fix did not run to its end." },
  verify_failed: { level: "poor", words: "Still wrong", text: "The fix ran, but the check afterwards failed." },
  undone: { level: "fair", words: "Undone", text: "It did not work and was undone." },
  timed_out: { level: "poor", words: "Timed out", text: "It took too long and was stopped." },
  cancelled: { level: "fair", words: "Cancelled", text: "You stopped it." },
  refused: { level: "poor", words: "Refused", text: "It was not run." },
});

export const STAGES = Object.freeze([
  { name: "verify_signature", words: "Signed" },
  { name: "consent", words: "Consent" },
  { name: "detect", words: "Detect" },
  { name: "run", words: "Run" },
  { name: "verify", words: "Verify" },
  { name: "findings", words: "Compare" },
]);

/**
 * @typedef {object} Run
 * @property {number} request
 * @property {string} id
 * @property {string} digest of the fix as it was shown
 * @property {string} title
 * @property {string} finding
 * @property {Record<string, string | number | boolean>} parameters
 * @property {string} stage
 * @property {{stream: string, stage: string, text: string}[]} output
 * @property {number} outputSize
 * @property {any} result fields of fixes.result, or null while it runs
 */

/** @typedef {{fix: string, finding: Finding | null, parameters?: Record<string, string | number | boolean>}} Choice a fix, the finding it was
 *   reached from, and what its form begins with where that is no finding's */

/**
 * What is wrong with the values of a form, by parameter.
 * @param {FixParameter[]} parameters
 * @param {Record<string, string | boolean>} typed
 * @returns {{values: Record<string, string | number | boolean>, errors: Record<string, string>}}
 */
export function checkParameters(parameters, typed) {
  /** @type {Record<string, string | number | boolean>} */
  const values = {};
  /** @type {Record<string, string>} */
  const errors = {};
  for (const parameter of parameters) {
    const value = typed[parameter.name];
    if (parameter.kind === "bool") {
      values[parameter.name] = value === true;
      continue;
    }
    const text = typeof value === "string" ? value.trim() : "";
    if (text === "") {
      if (parameter.required) errors[parameter.name] = "This is needed.";
      continue;
    }
    const error = complaint(parameter, text);
    if (error !== null) errors[parameter.name] = error;
    else values[parameter.name] = parameter.kind === "int" ? Number(text) : text;
  }
  return { values, errors };
}

/** @param {FixParameter} parameter @param {string} text @returns {string | null} */
function complaint({ kind, low, high, choices }, text) {
  if (kind === "choice") return choices.includes(text) ? null : "Choose one of the list.";
  if (kind !== "int") return text.startsWith("-") ? "It must not begin with a dash." : null;
  if (!/^-?\d{1,15}$/.test(text)) return "A whole number, please.";
  if (low !== null && Number(text) < low) return `Not below ${low}.`;
  if (high !== null && Number(text) > high) return `Not above ${high}.`;
  return null;
}

/**
 * The values a form begins with: what the finding says, else the script's own defaults.
 * @param {FixParameter[]} parameters
 * @param {Record<string, string | number | boolean>} given
 * @returns {Record<string, string | boolean>}
 */
export function startValues(parameters, given) {
  return Object.fromEntries(
    parameters.map(({ name, kind, default: preset }) => {
      const value = given[name] ?? preset ?? (kind === "bool" ? false : "");
      return [name, kind === "bool" ? value === true : String(value)];
    }),
  );
}

export class Fixes {
  /**
   * @param {(tag: string, fields: Record<string, unknown>) => void} send
   * @param {() => number} newRequest
   * @param {(result: any) => void} onResult
   */
  constructor(send, newRequest, onResult) {
    this.send = send;
    this.newRequest = newRequest;
    this.onResult = onResult;
    this.listRequest = 0;
    /** @type {import("../../vendor/signals.js").Signal<FixEntry[] | null>} */
    this.catalogue = signal(null);
    /** @type {import("../../vendor/signals.js").Signal<Run | null>} the newest run */
    this.run = signal(null);
    /** @type {import("../../vendor/signals.js").Signal<Choice | null>} the fix that is looked at */
    this.chosen = signal(null);
  }

  list() {
    this.listRequest = this.newRequest();
    this.send("fixes.list", { request: this.listRequest });
  }

  /** @param {string} id */
  entry(id) {
    return this.catalogue.value?.find((fix) => fix.id === id) ?? null;
  }

  /**
   * Run a fix as it is shown here; the device runs no other than the one of this digest.
   * @param {FixEntry} fix
   * @param {Record<string, string | number | boolean>} parameters
   * @param {string} finding
   */
  start(fix, parameters, finding) {
    const request = this.newRequest();
    const { id, digest, title } = fix;
    this.run.value = { request, id, digest, title, finding, parameters, stage: "", output: [], outputSize: 0, result: null };
    this.send("fixes.run", { request, id, parameters, finding, digest });
  }

  /**
   * The console wanted the passphrase before it passes this run on.
   * @param {number} request
   * @param {boolean} proved whether it was typed
   */
  stepUp(request, proved) {
    const run = this.run.value;
    if (run === null || run.request !== request || run.result !== null) return;
    if (proved) this.send("fixes.run", { request, id: run.id, parameters: run.parameters, finding: run.finding, digest: run.digest });
    else this.run.value = { ...run, result: refusedResult(run, { reason: "", text: "It was not run: your passphrase was not typed." }) };
  }

  cancel() {
    if (this.run.value !== null) this.send("fixes.cancel", { request: this.run.value.request });
  }

  /** The connection was lost: the device ends what it was running, and no result of it will come. */
  lost() {
    const run = this.run.value;
    if (run === null || run.result !== null) return;
    const text = "The connection was lost, and the device ended the fix. The findings show what it changed.";
    this.run.value = { ...run, result: { ...refusedResult(run, { reason: "", text }), outcome: "failed" } };
  }

  /** @param {{tag: string, [field: string]: any}} message */
  hear(message) {
    if (message.tag === "fixes.catalogue") {
      if (message.request === this.listRequest) this.catalogue.value = message.fixes;
      return;
    }
    const run = this.run.value;
    if (run === null || message.request !== run.request) return;
    switch (message.tag) {
      case "fixes.stage":
        this.run.value = { ...run, stage: message.stage };
        break;
      case "fixes.output":
        if (run.outputSize < MOST_OUTPUT) {
          const { stream, stage, text } = message;
          this.run.value = { ...run, output: [...run.output, { stream, stage, text }], outputSize: run.outputSize + text.length };
        }
        break;
      case "fixes.result":
        this.run.value = { ...run, result: message };
        this.onResult(message);
        break;
      case "session.refusal":
        this.run.value = { ...run, result: refusedResult(run, message) };
        break;
    }
  }
}

/** @param {Run} run @param {{[field: string]: any}} refusal */
function refusedResult(run, { reason, text }) {
  return { id: run.id, version: "", outcome: "refused", duration_ms: 0, exit_code: null, reason, text, truncated: false, before: [], after: [], digest: "" };
}
