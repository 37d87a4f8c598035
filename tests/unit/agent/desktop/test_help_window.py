"""From one line to a code and to somebody who comes."""

from collections.abc import Callable, Sequence

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QPushButton, QWidget

from agent.desktop import help_window as help_module
from agent.desktop.help_window import HelpWindow
from agent.desktop.state import DesktopState
from agent.desktop.texts import Texts
from agent.local_messages import CodeShown, HelpEnded, PlaceShown
from protocol.articles import Article, fitting, parse_article
from tests.kit.clock import Clock
from tests.kit.desk import AWAY, CONNECTED
from tests.kit.qt import qt_until

ARTICLES = [
    parse_article("printer", "# The printer does not print\nWords: printer\n\nIs it on?\n- Open the lid."),
    parse_article("network", "# No network\nWords: network\n\nIs the cable in?"),
]


class Person:
    """The window, and what is wanted of it."""

    def __init__(self, texts: Texts, now: Clock) -> None:
        self.wanted: list[str] = []
        self.asked: list[str] = []
        self.cancelled = 0
        self.now = now
        self.state = DesktopState()
        self.state.agent_here()
        self.state.relay = CONNECTED
        self.window = HelpWindow(texts, self, now)
        self.window.present()
        self.window.show_state(self.state)

    def help_wanted(self, text: str) -> None:
        self.wanted.append(text)
        self.state.ask_for_help(text, self.now())
        self.window.show_state(self.state)

    def help_cancelled(self) -> None:
        self.cancelled += 1
        self.state.cancel_help()

    def articles_wanted(self, text: str, found: Callable[[Sequence[Article]], None]) -> None:
        self.asked.append(text)
        found(fitting(ARTICLES, text))

    def press(self, text: str) -> None:
        next(one for one in self.window.findChildren(QPushButton) if one.text() == text and one.isVisible()).click()

    def offered(self) -> list[str]:
        return [one.text() for one in self.window._fitting.findChildren(QPushButton) if one.isVisible()]

    def given(self, code: str = "482913507", seconds: float = 600.0) -> None:
        self.state.hear(CodeShown(code, seconds), self.now(), 0.0)
        self.window.show_state(self.state)


@pytest.fixture
def person(application: QApplication, texts: Texts, now: Clock) -> Person:
    return Person(texts, now)


def test_one_line_and_enter(person: Person) -> None:
    QTest.keyClicks(person.window._line, "  no sound ")
    QTest.keyClick(person.window._line, Qt.Key.Key_Return)
    assert person.wanted == ["no sound"]
    assert person.window._about.text() == "A code is being fetched…"
    assert not person.window._code_card.isVisible()


def test_the_code_is_shown_in_groups_with_its_time(person: Person) -> None:
    person.help_wanted("x")
    person.given()
    person.now.value += 61
    person.window.show_state(person.state)
    window = person.window
    assert window._code.text() == "482 913 507"
    assert window._code.accessibleName() == "Code 4 8 2, 9 1 3, 5 0 7"
    assert window._left.text() == "8:59 left"
    assert "waiting for 1:01" in window._queue.text()
    window._copy.click()
    assert QGuiApplication.clipboard().text() == "482 913 507"
    assert window._copy.text() == "Copied"
    window.show_state(person.state)
    assert window._copy.text() == "Copied"


def test_a_guests_code_is_shown_whole(person: Person) -> None:
    person.help_wanted("x")
    person.given("482913507-ABCDEFGH")
    assert person.window._code.text() == "482 913 507-ABCD EFGH"


def test_a_code_that_has_run_out_is_replaced(person: Person) -> None:
    person.help_wanted("x")
    person.given(seconds=30.0)
    person.now.value += 31
    person.window.show_state(person.state)
    assert person.window._about.text() == "The code has run out."
    assert not person.window._code_card.isVisible()
    person.window._again.click()
    assert len(person.wanted) == 2


def test_cancelling_closing_and_coming(person: Person) -> None:
    person.help_wanted("x")
    person.given()
    QTest.keyClick(person.window, Qt.Key.Key_Escape)
    assert person.window.isHidden()
    assert person.cancelled == 0
    person.window.present()
    person.state.hear(HelpEnded("used", True), person.now(), 0.0)
    person.window.show_state(person.state)
    assert "used the code" in person.window._about.text()
    assert not person.window._stop.isVisible()
    person.window.done()
    assert person.window.isHidden()
    person.help_wanted("y")
    person.window.present()
    person.window._stop.click()
    assert person.cancelled == 1


def test_without_a_relay_it_says_why(person: Person) -> None:
    person.state.relay = AWAY
    person.window.show_state(person.state)
    assert "cannot be reached" in person.window._note_text.text()
    assert not person.window._get.isEnabled()
    QTest.keyClick(person.window._line, Qt.Key.Key_Return)
    assert person.wanted == []
    person.state.relay = CONNECTED
    person.state.help_refused("Too many codes.")
    person.window.show_state(person.state)
    assert person.window._note_text.text() == "Too many codes."


def test_the_place_in_the_queue_is_told(person: Person) -> None:
    person.help_wanted("x")
    person.given()
    said = []
    for ahead, waiting in ((2, 4), (0, 3), (0, 1)):
        person.state.hear(PlaceShown(ahead, waiting), person.now(), 0.0)
        person.window.show_state(person.state)
        said.append(person.window._queue.text())
    assert "You are number 3 of 4 who wait." in said[0]
    assert "You are next." in said[1]
    assert "Nobody waits before you." in said[2]
    person.help_cancelled()
    person.help_wanted("again")
    assert person.state.help.place is None


def test_articles_that_fit_are_offered_while_one_types(person: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[str] = []

    def note(_widget: QWidget, text: str) -> None:
        said.append(text)

    monkeypatch.setattr(help_module, "announce", note)
    plain = person.window.height()
    QTest.keyClicks(person.window._line, "the printer")
    qt_until(lambda: person.offered() == ["The printer does not print"], "an article")
    assert person.asked == ["the printer"], "not with every key"
    assert person.window.height() > plain
    QTest.keyClicks(person.window._line, " and the network")
    qt_until(lambda: len(person.offered()) == 2, "two articles")
    assert said == [
        "1 article may help: The printer does not print",
        "2 articles may help, the first one: No network",
    ]
    person.window._line.clear()
    qt_until(lambda: not person.offered(), "nothing fits")
    assert person.window.height() == plain


def test_an_article_is_read_and_solves_it(person: Person) -> None:
    person.window._line.setText("printer")
    qt_until(lambda: person.offered(), "an article")
    person.press("The printer does not print")
    page = person.window._article_page
    assert page.isVisible() and not person.window._ask_page.isVisible()
    assert page._text.text() == "Is it on?\n• Open the lid."
    person.window.show_state(person.state)
    assert page.isVisible(), "it stays while time passes"
    person.press("Back")
    assert person.window._line.text() == "printer"
    person.press("The printer does not print")
    person.press("This solved it")
    assert person.window.isHidden()
    assert person.wanted == []
    person.window.present()
    person.window.show_state(person.state)
    assert person.window._ask_page.isVisible()
    assert person.window._line.text() == "" and not person.offered()


def test_who_still_needs_help_goes_on_to_the_code(person: Person) -> None:
    person.window._line.setText("printer")
    qt_until(lambda: person.offered(), "an article")
    person.press("The printer does not print")
    person.state.relay = AWAY
    person.window.show_state(person.state)
    assert not person.window._article_page.still.isEnabled()
    person.state.relay = CONNECTED
    person.window.show_state(person.state)
    person.press("I still need help")
    assert person.wanted == ["printer"]
    person.given()
    assert person.window._code_card.isVisible()
    assert not person.window._article_page.isVisible()


def test_an_answer_to_what_is_no_longer_asked_changes_nothing(person: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    late: list[Callable[[Sequence[Article]], None]] = []

    def keep(_text: str, found: Callable[[Sequence[Article]], None]) -> None:
        late.append(found)

    monkeypatch.setattr(person, "articles_wanted", keep)
    person.window._line.setText("printer")
    qt_until(lambda: late, "asked")
    person.window._line.setText("something else")
    late[0](ARTICLES)
    assert not person.offered()
