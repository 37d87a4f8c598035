"""The receipt, its rating, and the list."""

import msgspec
import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QLabel, QListWidget, QPushButton

from agent.desktop.receipt_window import ReceiptWindow
from agent.desktop.texts import Texts
from agent.receipts import Rating, ReceiptEvent, ReceiptRow, ReceiptShown

RECEIPT = ReceiptShown(
    "00aa11bb", "Till 3", "Example Ltd", "Ana Ruiz", 2, "printer", False, "2026-11-01T10:00:00Z", "2026-11-01T10:05:09Z",
    "ended by the technician", [ReceiptEvent(1000.0, "session opened", {"granted": "view"})],
)  # fmt: skip


class Person:
    """The window and what is wanted of it."""

    def __init__(self, texts: Texts) -> None:
        self.wanted: list[str] = []
        self.ratings: list[tuple[str, int, str]] = []
        self.window = ReceiptWindow(texts, self)

    def receipt_wanted(self, session: str) -> None:
        self.wanted.append(session)

    def receipts_wanted(self) -> None:
        self.wanted.append("all")

    def rated(self, session: str, stars: int, comment: str) -> None:
        self.ratings.append((session, stars, comment))

    def press(self, name: str) -> None:
        found = [
            one for one in self.window.findChildren(QPushButton) if name in (one.accessibleName(), one.text()) and one.isVisible()
        ]
        found[-1].click()

    def shown(self) -> list[str]:
        return [one.text() for one in self.window.findChildren(QLabel) if one.isVisible()]


@pytest.fixture
def person(application: QApplication, texts: Texts) -> Person:
    return Person(texts)


def test_a_receipt_is_shown_and_rated(person: Person) -> None:
    person.window.show_receipt(RECEIPT)
    assert "Ana Ruiz helped on this computer" in person.shown()
    assert "Connected. Allowed: see your screen." in person.shown()
    assert not person.window._send.isEnabled()
    person.press("4 stars")
    assert [star.property("checked") for star in person.window._star_buttons] == [True] * 4 + [False]
    QTest.keyClicks(person.window._comment, "quick")
    person.press("Keep this rating")
    assert person.ratings == [("00aa11bb", 4, "quick")]
    person.window.kept("another")
    assert not any("Thank you" in text for text in person.shown())
    person.window.kept("00aa11bb")
    assert any("Thank you" in text for text in person.shown())


def test_an_earlier_rating_is_there(person: Person) -> None:
    person.window.show_receipt(msgspec.structs.replace(RECEIPT, rating=Rating(2, "slow", 1.0)))
    assert person.window._comment.toPlainText() == "slow"
    assert person.window._stars == 2
    person.press("All receipts")
    assert person.wanted == ["all"]


def test_the_list_leads_to_a_receipt(person: Person) -> None:
    person.window.show_rows([])
    assert any("no receipts yet" in text for text in person.shown())
    person.window.show_rows([ReceiptRow("aa", "Ana", "E", "?", "?"), ReceiptRow("bb", "Bo", "E", "?", "?", 5)])
    listed = person.window.findChildren(QListWidget)[-1]
    assert listed.count() == 2
    listed.setCurrentRow(1)
    listed.itemActivated.emit(listed.currentItem())
    assert person.wanted == ["bb"]
    QTest.keyClick(person.window, Qt.Key.Key_Escape)
    assert person.window.isHidden()
