"""The small window does what the tray does."""

import pytest
from PySide6.QtWidgets import QApplication

from agent.desktop.home_window import HomeWindow
from agent.desktop.menu_model import Command
from agent.desktop.state import DesktopState
from agent.desktop.texts import Texts
from agent.status import SessionStatus
from tests.kit.desk import CONNECTED


def test_it_offers_what_makes_sense(application: QApplication, texts: Texts) -> None:
    chosen: list[Command] = []
    window = HomeWindow(texts, chosen.append, lambda: True)
    state = DesktopState()
    state.agent_here()
    state.relay = CONNECTED
    window.show()
    window.show_state(state)
    assert not window._buttons[Command.STOP].isVisible()
    window._buttons[Command.HELP].click()
    state.sessions["s"] = SessionStatus("s", "Ana", "Example", 1, ["chat"], False, False, 0.0, 0.0)
    window.show_state(state)
    window._buttons[Command.STOP].click()
    assert chosen == [Command.HELP, Command.STOP]
    assert "Ana is connected" in window._headline.text()
    window.close()
    assert window.isHidden()


def test_where_there_is_no_tray_it_stays_within_reach(application: QApplication, texts: Texts) -> None:
    window = HomeWindow(texts, lambda _command: None, lambda: False)
    window.show()
    window.close()
    assert window.isMinimized()
    assert not window.isHidden()


def test_it_is_laid_out_anew_for_another_state_alone(
    application: QApplication, texts: Texts, monkeypatch: pytest.MonkeyPatch
) -> None:
    fitted: list[str] = []
    monkeypatch.setattr(HomeWindow, "fit", lambda window: fitted.append(window._headline.text()))
    window, state = HomeWindow(texts, lambda _command: None, lambda: True), DesktopState()
    for _ in range(3):
        window.show_state(state)
    state.agent_here()
    state.relay = CONNECTED
    window.show_state(state)
    assert len(fitted) == len(set(fitted)) == 2
