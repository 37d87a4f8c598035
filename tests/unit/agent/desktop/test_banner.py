"""The banner stays, and hands on what is pressed."""

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QLabel, QPushButton, QWidget

from agent.desktop import banner as banner_module
from agent.desktop.banner import ANNOUNCE_SECONDS, EARLIER_SHOWN, FRESH_SECONDS, Banner
from agent.desktop.happenings import Happenings
from agent.desktop.state import ChatLine, DesktopState
from agent.desktop.texts import Texts
from agent.receipts import ReceiptEvent
from agent.status import SessionStatus


class Person:
    """What is pressed on the banner."""

    def __init__(self, texts: Texts) -> None:
        self.done: list[tuple[object, ...]] = []
        self.state = DesktopState()
        self.wall = 160.0
        self.banner = Banner(texts, self, lambda: self.wall, hotkey=True)

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

    def hear(self, number: str, action: str, **detail: str | int | bool) -> None:
        self.state.happenings.setdefault(number, Happenings()).hear(ReceiptEvent(self.wall, action, detail))
        self.banner.show_state(self.state)

    def labels(self) -> list[str]:
        return [one.text() for one in self.banner.findChildren(QLabel) if one.isVisible()]

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


def lines(person: Person) -> list[str]:
    """What it says of what happened, without the times."""
    return [text[7:] for text in person.labels() if text[2:3] == ":" and text[5:7] == "  "]


def test_it_says_what_they_do_and_what_they_did_before(person: Person) -> None:
    person.open("a")
    plain = person.banner.height()
    person.hear("a", "file sent", path="Documents/report.pdf", size=3)
    assert lines(person) == ["Ana took report.pdf"]
    assert person.banner.height() > plain
    assert "Earlier" not in person.buttons(), "there is nothing before it"
    person.hear("a", "clipboard read", kind="text", size=3)
    for user in range(EARLIER_SHOWN + 3):
        person.hear("a", "terminal opened", user=f"user{user}")
    one = person.banner.height()
    assert lines(person) == [f"Ana opened a terminal as user{EARLIER_SHOWN + 2}"]
    person.press("Earlier")
    assert lines(person) == [f"Ana opened a terminal as user{EARLIER_SHOWN + 2 - at}" for at in range(EARLIER_SHOWN + 1)]
    assert person.banner.height() > one
    person.press("Only the newest")
    assert len(lines(person)) == 1
    assert person.banner.height() == one


def test_what_is_new_stands_out_for_a_moment(person: Person) -> None:
    person.open("a")
    person.hear("a", "clipboard read", kind="text", size=3)
    (line,) = [one for one in person.banner.findChildren(QLabel) if "clipboard" in one.text()]
    assert line.property("role") == "strong"
    person.wall += FRESH_SECONDS
    person.banner.show_state(person.state)
    assert line.property("role") == "soft"


def test_markup_in_a_name_is_text(person: Person) -> None:
    person.open("a")
    person.hear("a", "file sent", path="<img src=x>", size=3)
    (line,) = [one for one in person.banner.findChildren(QLabel) if "<img" in one.text()]
    assert line.textFormat() is Qt.TextFormat.PlainText


def test_a_screen_reader_says_who_came_and_what_they_do(person: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[str] = []

    def note(widget: QWidget, text: str) -> None:
        assert widget.window() is person.banner
        said.append(text)

    monkeypatch.setattr(banner_module, "announce", note)
    person.open("a")
    assert said == ["Ana of Example is connected. They can see your screen, chat with you and point and draw on your screen."]
    for number in range(5):
        person.hear("a", "file received", path=f"Downloads/{number}", size=1)
    assert said[1:] == ["Ana put 0 into Downloads"], "not each of many"
    person.wall += ANNOUNCE_SECONDS
    person.banner.show_state(person.state)
    person.banner.show_state(person.state)
    assert said[2:] == ["Ana put 5 files into Downloads, the last one 4"]
    person.wall += 60
    person.open("a")
    assert len(said) == 3, "nothing is said again"
