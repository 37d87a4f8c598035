"""What this is."""

from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QLabel

from agent.desktop.about_window import AboutWindow
from agent.desktop.texts import Texts
from protocol.version import PRODUCT


def test_it_names_version_computer_and_organisation(application: QApplication, texts: Texts) -> None:
    window = AboutWindow(texts)
    window.present("Till 3", "")
    shown = [one.text() for one in window.findChildren(QLabel) if one.isVisible()]
    assert f"Version {PRODUCT}" in shown
    assert "This computer: Till 3" in shown
    assert not any(text.startswith("Organisation") for text in shown)
    QTest.keyClick(window, Qt.Key.Key_Escape)
    assert window.isHidden()
