"""The rules as a window."""

from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QLabel

from agent.allowed import AllowedHere
from agent.desktop.allowed_window import AllowedWindow
from agent.desktop.texts import Texts
from tests.unit.agent.desktop.test_allowed_model import allowed


def shown(window: AllowedWindow) -> list[str]:
    return [one.text() for one in window.findChildren(QLabel) if one.isVisible()]


def test_it_shows_the_rules_and_goes(application: QApplication, texts: Texts) -> None:
    window = AllowedWindow(texts)
    window.present(AllowedHere("Example Ltd", "front", None))
    assert any("has not received" in text for text in shown(window))
    window.present(allowed())
    assert "Ana Ruiz (tier 2)" in [text.removeprefix("•  ") for text in shown(window)]
    assert not any("has not received" in text for text in shown(window))
    assert window.height() <= application.primaryScreen().availableGeometry().height()
    QTest.keyClick(window, Qt.Key.Key_Escape)
    assert window.isHidden()
