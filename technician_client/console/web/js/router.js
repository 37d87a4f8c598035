// Which page the address means. Every page has an address of its own, so that back, forward and a kept link work.

import { signal } from "./lib.js";

/**
 * @typedef {{page: "home"} | {page: "session", name: string} | {page: "library"} | {page: "fix", id: string} |
 *   {page: "run", name: string} | {page: "settings", part: string} | {page: "recordings"} | {page: "recording", name: string} |
 *   {page: "past"} | {page: "past_session", session: string} | {page: "nowhere"}} Route
 */

export const SETTINGS_PARTS = Object.freeze(["identity", "relay", "appearance", "notifications", "shortcuts", "about"]);

/** @param {string} hash of the address, "" or "#/..." @returns {Route} */
export function routeOf(hash) {
  const [first = "", second = "", third = ""] = hash.replace(/^#?\/?/, "").split("/");
  if (first === "" && second === "") return { page: "home" };
  if (first === "session" && /^[\w-]{1,64}$/.test(second)) return { page: "session", name: second };
  if (first === "library" && second === "") return { page: "library" };
  if (first === "library" && second === "runs" && /^[\w-]{1,64}$/.test(third)) return { page: "run", name: third };
  if (first === "library" && second !== "runs" && /^[a-z0-9][a-z0-9._-]{0,79}$/.test(second) && third === "") return { page: "fix", id: second };
  if (first === "recordings" && second === "") return { page: "recordings" };
  if (first === "recordings" && /^[A-Za-z0-9][A-Za-z0-9-]{0,120}$/.test(second) && third === "") return { page: "recording", name: second };
  if (first === "past" && second === "") return { page: "past" };
  if (first === "past" && /^[\w-]{1,64}$/.test(second) && third === "") return { page: "past_session", session: second };
  if (first === "settings") {
    if (second === "") return { page: "settings", part: SETTINGS_PARTS[0] };
    if (SETTINGS_PARTS.includes(second)) return { page: "settings", part: second };
  }
  return { page: "nowhere" };
}

export const route = signal(/** @type {Route} */ ({ page: "home" }));

/** Begin to follow the address. Called once. */
export function followAddress() {
  const look = () => {
    route.value = routeOf(location.hash);
  };
  look();
  window.addEventListener("hashchange", look);
}
