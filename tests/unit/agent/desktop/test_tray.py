"""The tray's menu follows the state; what it looks like on a real bus is in tests/integration/desktop."""

from PySide6.QtWidgets import QApplication

from agent.desktop.menu_model import Command
from agent.desktop.state import DesktopState
from agent.desktop.texts import Texts
from agent.desktop.tray import Tray
from tests.kit.desk import CONNECTED


def test_menu_and_words_follow_the_state(application: QApplication, texts: Texts) -> None:
    chosen: list[Command] = []
    tray = Tray(texts, chosen.append, lambda: None)
    assert not tray.there
    state = DesktopState()
    tray.show_state(state)
    assert not tray._actions[Command.HELP].isEnabled()
    state.agent_here()
    state.relay = CONNECTED
    tray.show_state(state)
    assert tray._icon.toolTip().startswith("Ready")
    tray._actions[Command.HELP].trigger()
    assert chosen == [Command.HELP]
    tray.close()
