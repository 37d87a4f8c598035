"""What the person can start from the tray's menu or the small window: no Qt here."""

from dataclasses import dataclass
from enum import StrEnum

from agent.desktop.state import DesktopState
from agent.desktop.texts import Texts


class Command(StrEnum):
    """Everything on the menu, in its order."""

    HELP = "help"
    CODE = "code"
    CHAT = "chat"
    PAUSE = "pause"
    STOP = "stop"
    RECEIPTS = "receipts"
    ALLOWED = "allowed"
    ABOUT = "about"


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the menu. `new_group`: a line stands above it."""

    command: Command
    text: str
    enabled: bool
    new_group: bool = False


def entries(state: DesktopState, texts: Texts) -> list[Entry]:
    """The menu as it stands."""
    sessions = bool(state.sessions)
    chat = texts("banner.chat_unread", count=state.unread) if state.unread else texts("menu.chat")
    return [
        # Also while the relay is away: the organisation's articles are here.
        Entry(Command.HELP, texts("menu.help"), state.agent_up and not state.help.waiting),
        Entry(Command.CODE, texts("menu.code"), state.help.waiting),
        Entry(Command.CHAT, chat, bool(state.chatting), True),
        Entry(Command.PAUSE, texts("menu.resume" if state.all_paused else "menu.pause"), sessions),
        Entry(Command.STOP, texts("menu.stop"), sessions),
        Entry(Command.RECEIPTS, texts("menu.receipts"), state.agent_up, True),
        Entry(Command.ALLOWED, texts("menu.allowed"), state.agent_up),
        Entry(Command.ABOUT, texts("menu.about"), True),
    ]
