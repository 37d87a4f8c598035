// Ports of the device on this computer: what is forwarded, and a form for one more.

import { html, useEffect, useState } from "../lib.js";
import { offers, placeOf, readWish, target } from "../features/forwards.js";
import { bytes } from "../format.js";
import { Icon } from "../icons.js";
import { Empty } from "../parts/controls.js";

/** @typedef {import("../session_store.js").SessionStore} SessionStore */

/** @type {Readonly<{port: string, local: string, host: string}>} */
const BLANK = Object.freeze({ port: "", local: "", host: "" });

/** @param {{store: SessionStore}} props */
export function PortsPanel({ store }) {
  const { forwards } = store;
  const rows = forwards.rows.value;
  const open = store.open.value;
  useEffect(() => {
    if (open) forwards.look();
  }, [open, forwards]);
  if (forwards.rules.value?.enabled === false && rows.length === 0) {
    return html`<${Empty} icon="plug" title="Forwarding is switched off on that computer">Whoever looks after it allows it: <code>enabled = true</code> under <code>[forward]</code> in agent.toml.<//>`;
  }
  return html`<div class="panel ports">
    <${Start} store=${store} />
    ${
      rows.length === 0
        ? html`<${Empty} icon="plug" title="No port is forwarded">Programs on this computer reach a service of the device as if it ran here: a database, a web page, SSH.<//>`
        : html`<ul class="port-list" aria-label="Forwarded ports">${rows.map((row) => html`<${Row} key=${row.number} store=${store} row=${row} />`)}</ul>`
    }
    <p class="quiet small">While a port is forwarded, every program on this computer can use it. The user's banner says that you are connected.</p>
  </div>`;
}

/** @param {{store: SessionStore}} props */
function Start({ store }) {
  const { forwards } = store;
  const [texts, setTexts] = useState(BLANK);
  const [wrong, setWrong] = useState("");
  const newest = forwards.newest.value;
  useEffect(() => setTexts(BLANK), [newest]);
  const rules = forwards.rules.value;
  const [further, setFurther] = useState(false);
  const write = (/** @type {"port" | "local" | "host"} */ name) => (/** @type {any} */ event) => setTexts({ ...texts, [name]: event.target.value });
  const submit = (/** @type {Event} */ event) => {
    event.preventDefault();
    const { wish, text } = readWish(texts);
    setWrong(text);
    forwards.error.value = "";
    if (wish !== null) forwards.start(wish);
  };
  const error = wrong || forwards.error.value;
  return html`<form class="port-form" aria-label="Forward a port" onSubmit=${submit}>
    <div class="port-fields">
      <label class="field">Port on the device
        <input type="text" inputmode="numeric" list="port-services" maxlength="5" placeholder="5432" value=${texts.port} onInput=${write("port")} />
      </label>
      <label class="field">Port here
        <input type="text" inputmode="numeric" maxlength="5" placeholder="the same" value=${texts.local} onInput=${write("local")} />
      </label>
      <button type="submit" class="button button-primary" disabled=${!store.open.value || forwards.starting.value !== null}><${Icon} name="plug" />Forward</button>
    </div>
    <${Allowed} rules=${rules} onChoose=${(/** @type {{host: string, port: string}} */ place) => {
      setTexts({ ...texts, ...place });
      setFurther(true);
    }} />
    ${
      rules?.patterns.length !== 0 &&
      html`<details class="port-further" open=${further} onToggle=${(/** @type {any} */ event) => setFurther(event.target.open)}>
        <summary>A computer behind the device</summary>
        <label class="field">Its name or address, seen from there
          <input type="text" maxlength="253" placeholder="printer.example" value=${texts.host} onInput=${write("host")} />
        </label>
      </details>`
    }
    <datalist id="port-services">${offers(store.diagnostics.tables.value.get("listening_ports")?.rows ?? []).map(({ port, words }) => html`<option key=${port} value=${String(port)}>${words}</option>`)}</datalist>
    ${error && html`<p class="error" role="alert"><${Icon} name="warning" />${error}</p>`}
  </form>`;
}

/** What the signed policy allows, said before anything is tried. @param {{rules: import("../features/forwards.js").Rules | null, onChoose: (place: {host: string, port: string}) => void}} props */
function Allowed({ rules, onChoose }) {
  if (rules === null) return html`<p class="quiet small">Asking the device what may be reached through it…</p>`;
  if (rules.patterns.length === 0) return html`<p class="quiet small">Every port of the device itself may be reached. The organisation's signed policy (forward_to) allows no other computer through it.</p>`;
  return html`<div class="port-allowed">
    <p class="quiet small">Every port of the device itself may be reached, and through it, by the organisation's signed policy:</p>
    <ul aria-label="What the policy allows">
      ${rules.patterns.map((pattern) => {
        const place = placeOf(pattern);
        return html`<li key=${pattern}>${place === null ? html`<code>${pattern}</code>` : html`<button type="button" class="link" title="Put it into the form" onClick=${() => onChoose(place)}><code>${pattern}</code></button>`}</li>`;
      })}
    </ul>
  </div>`;
}

/** @param {{store: SessionStore, row: import("../features/forwards.js").Forward}} props */
function Row({ store, row }) {
  const { number, local, open, connections, sent, received, problem } = row;
  const copy = () =>
    navigator.clipboard.writeText(local).then(
      () => store.notify(`${local} is on your clipboard.`, "good"),
      () => store.notify("The browser does not let this page write your clipboard."),
    );
  const counted = connections === 1 ? "1 connection" : `${connections} connections`;
  return html`<li class="port">
    <p class="port-where"><strong class="mono">${local}</strong><span> leads to ${target(row)}</span></p>
    <p class="port-counts quiet">${connections === 0 ? "Nothing has connected yet" : html`${counted}, ${open} open · ${bytes(sent)} there · ${bytes(received)} back`}</p>
    ${!store.open.value && html`<p class="port-problem" role="status">Waits for the connection to the device; programs are turned away meanwhile.</p>`}
    ${store.open.value && problem && html`<p class="port-problem" role="status"><${Icon} name="warning" size=${14} />${problem}</p>`}
    <div class="port-actions">
      <button type="button" class="icon-button" title="Copy the address here" aria-label=${`Copy ${local}`} onClick=${copy}><${Icon} name="clipboard" /></button>
      <button type="button" class="button button-small button-danger-quiet" aria-label=${`Stop ${local}`} onClick=${() => store.forwards.stop(number)}><${Icon} name="stop" size=${14} />Stop</button>
    </div>
  </li>`;
}
