// Who waits for help, who has waited longest first.

import { html, useEffect, useState } from "../lib.js";
import { duration } from "../format.js";
import { Icon } from "../icons.js";
import { fleetVersion, relay, waiting } from "../live.js";
import { HealthCell } from "./device_list.js";
import { Skeleton } from "./states.js";

/** How long somebody has waited, to the second. @param {{since: number}} props seconds since 1970 */
function Waited({ since }) {
  const [, tick] = useState(0);
  useEffect(() => {
    const timer = setInterval(() => tick((count) => count + 1), 1000);
    return () => clearInterval(timer);
  }, []);
  const seconds = Date.now() / 1000 - since;
  return html`<span class="num waited ${seconds > 600 ? "waited-long" : ""}" title="Waiting since ${new Date(since * 1000).toLocaleTimeString()}"><${Icon} name="clock" size=${14} />${duration(seconds)}</span>`;
}

/** @param {{onDevice: (device: DeviceRow) => void}} props */
export function Queue({ onDevice }) {
  const queue = waiting.value;
  const mayAsk = relay.value?.online === true;
  return html`<section class="card waiting-card" aria-labelledby="waiting-title">
    <h2 id="waiting-title">Waiting for help${queue.length > 0 && html`<span class="count">${queue.length}</span>`}</h2>
    ${
      fleetVersion.value === 0
        ? html`<${Skeleton} rows=${2} text="Asking the relay who waits" />`
        : queue.length === 0
          ? html`<div class="calm"><${Icon} name="check" size=${18} /><p><strong>Nobody waits.</strong> <span class="quiet">Requests appear here at once, and the title of this page counts them.</span></p></div>`
          : html`<ol class="waiting-list" tabindex="0" aria-labelledby="waiting-title">
              ${queue.map(
                ({ device, known, name }, index) => html`<li key=${device.id}>
                  <span class="place num" title="Place in the queue">${index + 1}</span>
                  <span class="waiting-text">
                    <span class="waiting-who"><strong>${name}</strong>${known?.user && html`<span class="quiet">${known.user}</span>`}${known?.group && html`<span class="tag">${known.group}</span>`}<${Waited} since=${device.waiting_since} /></span>
                    ${
                      device.waiting_tier > 0
                        ? html`<span class="tag tag-warning" title="A technician who is there asks for a colleague; why is told to whoever comes">escalated: ${device.waiting_peer === "" ? `tier ${device.waiting_tier} needed` : "a colleague was called by name"}</span>`
                        : html`<q>${device.waiting_text || "No text"}</q>`
                    }
                    ${known?.health && known.health.worst !== "" && html`<${HealthCell} known=${known} />`}
                  </span>
                  <button type="button" class="button ${index === 0 ? "button-primary" : ""}" disabled=${!mayAsk} aria-label=${`Help ${name}`} onClick=${() => onDevice(device)}>Help</button>
                </li>`,
              )}
            </ol>`
    }
  </section>`;
}
