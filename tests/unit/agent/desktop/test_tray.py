"""The tray's menu follows the state; what it looks like on a real bus is in tests/integration/desktop."""

import pytest
from PySide6.QtWidgets import QApplication, QSystemTrayIcon

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


def test_the_desktop_is_told_of_new_words_alone(application: QApplication, texts: Texts, monkeypatch: pytest.MonkeyPatch) -> None:
    """The state is shown anew each second; each tool tip that is set goes over the bus."""
    told: list[str] = []
    plain = QSystemTrayIcon.setToolTip

    def counted(icon: QSystemTrayIcon, words: str) -> None:
        told.append(words)
        plain(icon, words)

    monkeypatch.setattr(QSystemTrayIcon, "setToolTip", counted)
    tray, state = Tray(texts, lambda _: None, lambda: None), DesktopState()
    for _ in range(3):
        tray.show_state(state)
    assert len(told) == 1
    state.agent_here()
    state.relay = CONNECTED
    tray.show_state(state)
    assert len(told) == 2
    tray.close()
