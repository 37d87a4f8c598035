// Where the page begins: the address chooses between the list of devices and one session.

import { html, render, signal } from "./lib.js";
import { startLive } from "./live.js";
import { DevicesPage } from "./pages/devices.js";
import { SessionPage } from "./pages/session.js";
import { PassphraseDialog } from "./parts/passphrase_dialog.js";
import "./theme.js";

const address = signal(location.hash);
window.addEventListener("hashchange", () => {
  address.value = location.hash;
});

function App() {
  const session = /^#\/session\/([\w-]{1,64})$/.exec(address.value);
  const page = session === null ? html`<${DevicesPage} />` : html`<${SessionPage} key=${session[1]} name=${session[1]} />`;
  return html`${page}<${PassphraseDialog} />`;
}

const root = document.getElementById("app");
if (root !== null) {
  root.replaceChildren();
  startLive();
  render(html`<${App} />`, root);
}
