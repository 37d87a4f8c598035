"""The menu offers what makes sense now."""

from agent.desktop.menu_model import Command, entries
from agent.desktop.state import ChatLine, DesktopState
from agent.desktop.texts import Texts
from agent.status import SessionStatus
from tests.kit.desk import AWAY, CONNECTED


def offered(state: DesktopState, texts: Texts) -> set[Command]:
    return {entry.command for entry in entries(state, texts) if entry.enabled}


def test_what_is_offered_follows_the_state(texts: Texts) -> None:
    state = DesktopState()
    assert offered(state, texts) == {Command.ABOUT}
    state.agent_here()
    state.relay = AWAY
    assert Command.HELP in offered(state, texts), "articles help without a relay"
    state.relay = CONNECTED
    ready = {Command.HELP, Command.RECEIPTS, Command.ALLOWED, Command.ABOUT}
    assert offered(state, texts) == ready
    state.ask_for_help("x", 0.0)
    assert offered(state, texts) == ready - {Command.HELP} | {Command.CODE}
    state.cancel_help()
    state.sessions["s"] = SessionStatus("s", "Ana", "Example", 1, ["chat"], False, True, 0.0, 0.0)
    state.conversation("s").add(ChatLine(False, "Ana", "hi", 0.0))
    state.conversation("s").unread = 2
    assert offered(state, texts) == ready | {Command.CHAT, Command.PAUSE, Command.STOP}
    words = {entry.command: entry.text for entry in entries(state, texts)}
    assert (words[Command.CHAT], words[Command.PAUSE]) == ("Chat (2)", "Go on")
