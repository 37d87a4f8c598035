// THE TABLE OF PANELS: everything that stands beside (or below) the picture. A new panel is one entry here and nothing else:
// the rail, the keyboard, the tooltip, the badge, the size, the place below the picture and "Ask for it" come from the entry.
//
//   name        its id on the page (`#tab-<name>`) and in what the browser keeps; never changes
//   words       its name under the icon and as its heading: one short word
//   about       one line, shown as tooltip
//   icon        from icons.js (add a path there)
//   component   gets {store}; unmounted while it is not shown, so whatever must outlive that belongs into its feature store
//               (js/features/...). It fills the height (`.panel`), and scrolls within itself or lets the side scroll.
//   capability  any one of these must be granted. Otherwise the icon is greyed and the panel is `refused` with a button that
//               asks the user for the first of them. None: always there.
//   refused     what the page says then
//   partly      the component is shown without the capability too, and says itself what is missing (a chat that was)
//   stays       (store) => whether it is shown on while the connection is lost and nothing is granted: what it shows goes on there
//   badge       (store) => what stands at the icon: {text, words, kind} or "busy" or null. `words` is read out.
//   width       CSS pixels beside the picture before anybody drags it; wide panels (a terminal, files) take 640 or so
//   below       may also be docked below the picture: a button in its heading moves it there and back
//
// From anywhere: store.side.show("fixes") brings a panel onto the page.

import { ChatPanel } from "../panels/chat.js";
import { ClipboardPanel } from "../panels/clipboard.js";
import { FilesPanel } from "../panels/files.js";
import { FindingsPanel } from "../panels/findings.js";
import { FixesPanel } from "../panels/fixes.js";
import { PeoplePanel } from "../panels/people.js";
import { NotesPanel } from "../panels/notes.js";
import { SystemPanel } from "../panels/system.js";
import { LogsPanel } from "../panels/logs.js";
import { PortsPanel } from "../panels/ports.js";
import { TablesPanel } from "../panels/tables.js";
import { TerminalPanel } from "../panels/terminal.js";

/** @typedef {import("../session_store.js").SessionStore} SessionStore */
/** @typedef {null | "busy" | {text: string, words: string, kind?: "warning" | "new"}} Badge */
/**
 * @typedef {object} Panel
 * @property {string} name
 * @property {string} words
 * @property {string} about
 * @property {import("../icons.js").IconName} icon
 * @property {(props: {store: SessionStore}) => any} component
 * @property {readonly string[]} capability
 * @property {string} [refused]
 * @property {boolean} [partly]
 * @property {(store: SessionStore) => boolean} [stays]
 * @property {(store: SessionStore) => Badge} [badge]
 * @property {number} [width]
 * @property {boolean} [below]
 */

/** @type {readonly Panel[]} */
export const PANELS = Object.freeze([
  {
    name: "findings",
    words: "Findings",
    about: "What is wrong with the computer",
    icon: "pulse",
    component: FindingsPanel,
    capability: ["diagnostics"],
    refused: "You may not read the state of this computer.",
    badge: ({ diagnostics }) => {
      const count = diagnostics.findings.value.length;
      if (count === 0) return null;
      return { text: String(count), words: count === 1 ? "1 finding" : `${count} findings`, kind: diagnostics.urgent.value > 0 ? "warning" : undefined };
    },
  },
  {
    name: "system",
    words: "System",
    about: "What the computer does at this moment: graphs, programs, services",
    icon: "gauge",
    component: SystemPanel,
    capability: ["diagnostics"],
    refused: "You may not read the state of this computer.",
    width: 460,
  },
  {
    name: "tables",
    words: "Tables",
    about: "Everything that was read, table by table",
    icon: "table",
    component: TablesPanel,
    capability: ["diagnostics"],
    refused: "You may not read the state of this computer.",
  },
  {
    name: "fixes",
    words: "Fixes",
    about: "What your organisation has approved to run",
    icon: "wrench",
    component: FixesPanel,
    capability: ["fixes", "diagnostics"],
    refused: "You may not run fixes in this session.",
    badge: ({ fixes }) => (fixes.run.value !== null && fixes.run.value.result === null ? "busy" : null),
  },
  {
    name: "logs",
    words: "Log",
    about: "The device's log, as it is written",
    icon: "lines",
    component: LogsPanel,
    capability: ["diagnostics"],
    refused: "You may not read the state of this computer.",
    width: 680,
    below: true,
  },
  {
    name: "terminal",
    words: "Terminal",
    about: "Type commands as the user",
    icon: "terminal",
    component: TerminalPanel,
    capability: ["terminal"],
    refused: "You may not type commands in this session. Its banner tells the user that you do, and they can stop it.",
    width: 680,
    below: true,
    stays: ({ terminals }) => terminals.tabs.value.length > 0,
    badge: ({ terminals }) => (terminals.tabs.value.length > 0 ? { text: String(terminals.tabs.value.length), words: `${terminals.tabs.value.length} open` } : null),
  },
  {
    name: "ports",
    words: "Ports",
    about: "Reach a service of the device from this computer",
    icon: "plug",
    component: PortsPanel,
    capability: ["forward"],
    refused: "You may not connect to services of this computer.",
    width: 480,
    stays: ({ forwards }) => forwards.rows.value.length > 0,
    badge: ({ forwards }) => (forwards.rows.value.length > 0 ? { text: String(forwards.rows.value.length), words: `${forwards.rows.value.length} forwarded` } : null),
  },
  {
    name: "files",
    words: "Files",
    about: "Put files there and take files from there",
    icon: "folder",
    component: FilesPanel,
    capability: ["files_out", "files_in"],
    partly: true,
    width: 560,
    below: true,
    badge: ({ files }) => (files.active.value > 0 ? { text: String(files.active.value), words: `${files.active.value} on their way` } : null),
  },
  {
    name: "clipboard",
    words: "Clipboard",
    about: "Put something on the clipboard there, or take what is on it",
    icon: "clipboard",
    component: ClipboardPanel,
    capability: ["clipboard_out", "clipboard_in"],
    partly: true,
  },
  {
    name: "chat",
    words: "Chat",
    about: "Talk with the user",
    icon: "chat",
    component: ChatPanel,
    capability: ["chat"],
    partly: true,
    badge: ({ chat }) => (chat.unread.value > 0 ? { text: String(chat.unread.value), words: `${chat.unread.value} unread`, kind: "new" } : null),
  },
  {
    name: "people",
    words: "People",
    about: "Who helps here besides you; hand over, or call in a colleague",
    icon: "group",
    component: PeoplePanel,
    capability: ["colleagues"],
    refused: "You may not see who else helps here, nor call in a colleague.",
    badge: ({ company }) => {
      if (company.asking.value.length > 0) return { text: "!", words: "Somebody asks for mouse and keyboard", kind: "warning" };
      if (company.news.value > 0) return { text: String(company.news.value), words: "Something has changed", kind: "new" };
      const others = company.others.value.length;
      return others > 0 ? { text: String(others), words: others === 1 ? "1 colleague is here" : `${others} colleagues are here` } : null;
    },
  },
  {
    name: "notes",
    words: "Notes",
    about: "What you write down about this session",
    icon: "note",
    component: NotesPanel,
    capability: [],
    below: true,
  },
]);

/** Whether a panel is shown, and not what is missing for it. @param {SessionStore} store @param {Panel} panel */
export function shown(store, panel) {
  return panel.partly === true || allowed(store, panel) || (store.reconnecting.value && panel.stays?.(store) === true);
}

/** Whether the session's grants let a panel work. @param {SessionStore} store @param {Panel} panel */
export function allowed(store, { capability }) {
  return capability.length === 0 || capability.some((name) => store.may(name));
}
