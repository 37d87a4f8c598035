// Which help requests a technician has not heard of yet. Pure.

/**
 * Which requests are new since the last look. A device that asks again later is new again.
 * @param {Map<string, number>} seen device -> since when it waits
 * @param {import("./fleet.js").Entry[]} queue
 * @returns {import("./fleet.js").Entry[]}
 */
export function newRequests(seen, queue) {
  const fresh = queue.filter(({ device }) => seen.get(device.id) !== device.waiting_since);
  seen.clear();
  for (const { device } of queue) seen.set(device.id, device.waiting_since);
  return fresh;
}
