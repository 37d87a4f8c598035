"""The banner stays, and hands on what is pressed."""

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QLabel, QPushButton

from agent.desktop.banner import Banner
from agent.desktop.state import ChatLine, DesktopState
from agent.desktop.texts import Texts
from agent.status import SessionStatus


class Person:
    """What is pressed on the banner."""

    def __init__(self, texts: Texts) -> None:
        self.done: list[tuple[object, ...]] = []
        self.state = DesktopState()
        self.banner = Banner(texts, self, lambda: 160.0, hotkey=True)

    def session_stopped(self, session: str) -> None:
        self.done.append(("stop", session))

    def session_paused(self, session: str, paused: bool) -> None:
        self.done.append(("pause", session, paused))

    def chat_opened(self, session: str) -> None:
        self.done.append(("chat", session))

    def pointing_stopped(self, session: str) -> None:
        self.done.append(("no pointing", session))

    def open(self, number: str, *, paused: bool = False) -> None:
        granted = ["view", "chat", "pointer"]
        self.state.sessions[number] = SessionStatus(number, "Ana", "Example", 1, granted, False, paused, 100.0, 900.0)
        self.banner.show_state(self.state)

    def buttons(self) -> list[str]:
        return [one.text() for one in self.banner.findChildren(QPushButton) if one.isVisible()]

    def press(self, text: str) -> None:
        next(one for one in self.banner.findChildren(QPushButton) if one.text() == text).click()


@pytest.fixture
def person(application: QApplication, texts: Texts) -> Person:
    return Person(texts)


def test_it_shows_while_a_session_lasts(person: Person) -> None:
    person.banner.show_state(person.state)
    assert person.banner.isHidden()
    person.open("a")
    assert not person.banner.isHidden()
    assert any(one.text() == "1:00" for one in person.banner.findChildren(QLabel))
    person.state.sessions.clear()
    person.banner.show_state(person.state)
    assert person.banner.isHidden()


def test_it_cannot_be_closed_or_minimised(person: Person) -> None:
    person.open("a")
    person.banner.close()
    QTest.keyClick(person.banner, Qt.Key.Key_Escape)
    assert person.banner.isVisible()
    person.banner.showMinimized()
    assert not person.banner.isMinimized()
    assert person.banner.isVisible()


def test_what_is_pressed_is_done_to_that_session(person: Person) -> None:
    person.open("a")
    person.press("Pause")
    person.press("Chat")
    person.press("No drawing")
    person.press("Stop")
    person.open("a", paused=True)
    person.press("Go on")
    assert person.done == [("pause", "a", True), ("chat", "a"), ("no pointing", "a"), ("stop", "a"), ("pause", "a", False)]


def test_each_session_has_its_row_and_unread_lines_are_counted(person: Person) -> None:
    person.open("a")
    height = person.banner.height()
    person.state.conversation("b").add(ChatLine(False, "Ana", "hi", 0.0))
    person.state.conversation("b").unread = 1
    person.open("b")
    assert person.banner.height() > height
    assert person.buttons().count("Stop") == 2
    assert "Chat (1)" in person.buttons()


def test_it_can_be_moved_aside_but_not_off_the_screen(person: Person) -> None:
    person.open("a")
    QTest.mousePress(person.banner, Qt.MouseButton.LeftButton, pos=QPoint(3, 3))
    QTest.mouseMove(person.banner, QPoint(-4000, 4000))
    QApplication.processEvents()
    QTest.mouseRelease(person.banner, Qt.MouseButton.LeftButton)
    area = person.banner.screen().availableGeometry()
    assert area.contains(person.banner.geometry().center())
