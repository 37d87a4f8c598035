"""Chat both ways."""

import pytest
from PySide6.QtCore import QCoreApplication, QEvent, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QLabel

from agent.desktop.chat_window import ChatWindow
from agent.desktop.state import MOST_CHAT_LINES, ChatLine, Conversation
from agent.desktop.texts import Texts


class Person:
    """The window and what is said."""

    def __init__(self, texts: Texts) -> None:
        self.said: list[tuple[str, str]] = []
        self.seen: list[str] = []
        self.window = ChatWindow("s1", "Ana", texts, self)

    def chat_said(self, session: str, text: str) -> None:
        self.said.append((session, text))

    def chat_seen(self, session: str) -> None:
        self.seen.append(session)

    def shown(self) -> list[str]:
        return [one.text() for one in self.window.findChildren(QLabel) if not one.isHidden()]


@pytest.fixture
def person(application: QApplication, texts: Texts) -> Person:
    return Person(texts)


def test_lines_are_shown_once_and_never_as_markup(person: Person) -> None:
    chat = Conversation("Ana", [ChatLine(False, "Ana", "<b>hello</b>", 0.0)])
    person.window.present(take_keyboard=False)
    person.window.show_chat(chat)
    chat.add(ChatLine(True, "", "hi", 60.0))
    person.window.show_chat(chat)
    person.window.show_chat(chat)
    shown = person.shown()
    assert shown.count("<b>hello</b>") == 1
    assert shown.count("hi") == 1
    assert any(text.startswith("You, ") for text in shown)
    assert "Nothing has been said yet." not in shown


def test_a_long_chat_shows_its_newest_lines(person: Person) -> None:
    chat = Conversation("Ana")
    for at in range(MOST_CHAT_LINES - 1):
        chat.add(ChatLine(False, "Ana", "the same", float(at)))
    person.window.show_chat(chat)
    for text in ("one more", "beyond", "far beyond"):
        chat.add(ChatLine(False, "Ana", text, 0.0))
        person.window.show_chat(chat)
    QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
    shown = [one.text() for one in person.window.findChildren(QLabel)]
    assert [shown.count(text) for text in ("the same", "one more", "beyond", "far beyond")] == [MOST_CHAT_LINES - 3, 1, 1, 1]
    for at in range(MOST_CHAT_LINES + 5):  # more at once than are kept
        chat.add(ChatLine(False, "Ana", f"line {at}", 0.0))
    person.window.show_chat(chat)
    QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
    shown = [one.text() for one in person.window.findChildren(QLabel)]
    assert [text for text in shown if text.startswith("line ")] == [f"line {at}" for at in range(5, MOST_CHAT_LINES + 5)]
    assert "far beyond" not in shown


def test_enter_sends_and_nothing_is_not_sent(person: Person) -> None:
    person.window.present(take_keyboard=True)
    QTest.keyClick(person.window._line, Qt.Key.Key_Return)
    QTest.keyClicks(person.window._line, " it works ")
    QTest.keyClick(person.window._line, Qt.Key.Key_Return)
    assert person.said == [("s1", "it works")]
    assert person.window._line.text() == ""
    person.window.not_sent("Chat is not part of this session.")
    assert "Not sent: Chat is not part of this session." in person.shown()
    QTest.keyClick(person.window, Qt.Key.Key_Escape)
    assert person.window.isHidden()


def test_when_the_session_is_over_nothing_can_be_said(person: Person) -> None:
    person.window.show_chat(Conversation("Ana", over=True))
    assert not person.window._line.isEnabled()
    assert "The session is over." in person.shown()
