// The passphrase again, before what reaches farthest: one question at a time, whoever on the page needs the answer.

import { signal } from "./lib.js";

/** @type {import("../vendor/signals.js").Signal<null | ((proved: boolean) => void)>} what hears the answer of the open question */
export const question = signal(null);

/** Ask for the passphrase. @returns {Promise<boolean>} whether it was the right one */
export function askPassphrase() {
  question.value?.(false);
  return new Promise((resolve) => {
    question.value = (proved) => {
      question.value = null;
      resolve(proved);
    };
  });
}
