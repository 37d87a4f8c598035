// How this page asks the console over HTTP: one place for what is sent, what went wrong in words, and the passphrase that some
// requests want first.

import { askPassphrase } from "./step_up.js";

export const AWAY = "The console does not answer. Is it still running?";

/** The console said no, and why (RFC 9457). */
export class Problem extends Error {
  /** @param {number} status @param {{title?: string, detail?: string, reason?: string}} told */
  constructor(status, { title = "", detail = "", reason = "" }) {
    super([title, detail].filter(Boolean).join(". "));
    this.status = status;
    this.title = title;
    this.detail = detail;
    this.reason = reason;
  }
}

/** What went wrong, shortly: without the problem's title, where the place that shows it says as much. @param {unknown} error */
export function plainly(error) {
  if (error instanceof Problem) return error.detail || error.title;
  return error instanceof Error ? error.message : String(error);
}

/**
 * An answer that is good, whatever its body.
 * @param {string} path @param {RequestInit} [request] @returns {Promise<Response>}
 * @throws {Problem} the console said no; an Error in words where it does not answer
 */
export async function reach(path, request = {}) {
  let answer;
  try {
    answer = await fetch(path, request);
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    throw new Error(AWAY);
  }
  if (answer.ok) return answer;
  const text = await answer.text();
  throw new Problem(answer.status, (answer.headers.get("Content-Type") ?? "").includes("json") ? JSON.parse(text) : { detail: text });
}

/**
 * A question in JSON and its answer. Where the console wants the passphrase first, the person is asked for it, and the question put
 * again.
 * @param {string} method @param {string} path @param {unknown} [body] @returns {Promise<any>} {} where there is nothing to tell
 */
export async function ask(method, path, body) {
  const sent = body === undefined ? {} : { headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) };
  try {
    const answer = await reach(path, { method, ...sent });
    return answer.status === 204 ? {} : await answer.json();
  } catch (error) {
    if (error instanceof Problem && error.reason === "step_up" && (await askPassphrase())) return ask(method, path, body);
    throw error;
  }
}

/**
 * Have the console check a passphrase.
 * @param {string} passphrase
 * @returns {Promise<string>} "" or what was wrong
 */
export async function prove(passphrase) {
  try {
    await ask("POST", "/api/v1/step-up", { passphrase });
    return "";
  } catch (error) {
    return plainly(error);
  }
}
