"""The window that asks, without a screen: what each way to answer says to the daemon."""

from collections.abc import Collection

import pytest
from PySide6.QtCore import QEvent, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QCheckBox, QPushButton

from agent.consent import ConsentQuestion, wishes_for
from agent.desktop.consent_model import ARMING_SECONDS, Countdown
from agent.desktop.consent_window import ConsentWindow
from agent.desktop.state import OpenQuestion
from agent.desktop.texts import Texts
from protocol.capabilities import Capability
from tests.kit.clock import Clock
from tests.kit.desk import asking


class Person:
    """The window and what it says."""

    def __init__(self, texts: Texts, now: Clock) -> None:
        self.said: list[tuple[int, frozenset[Capability], bool]] = []
        self.more: list[int] = []
        self.lasting: list[bool] = []
        self.now = now
        self.window = ConsentWindow(texts, self, now)

    def consent_answered(self, question: int, granted: Collection[Capability], yes: bool, after_restart: bool = False) -> None:
        self.said.append((question, frozenset(granted), yes))
        self.lasting.append(after_restart)

    def more_time_wanted(self, question: int) -> None:
        self.more.append(question)

    def ask(self, *questions: ConsentQuestion, armed: bool = True) -> None:
        self.window.show_questions(
            [OpenQuestion(number, one, Countdown(self.now() + 180, 180)) for number, one in enumerate(questions, 1)]
        )
        if armed:
            self.rest(ARMING_SECONDS + 0.01)

    def rest(self, seconds: float) -> None:
        """Touch nothing for so long; the window looks now and then whether that is long enough."""
        for _ in range(20):
            self.now.value += seconds / 20
            self.window._look_whether_armed()

    def button(self, name: str) -> QPushButton:
        found = [
            one
            for one in self.window.findChildren(QPushButton)
            if name in (one.accessibleName(), one.text()) and not one.isHidden() and one.parent() is not None
        ]
        return found[-1]


@pytest.fixture
def person(application: QApplication, texts: Texts, now: Clock) -> Person:
    return Person(texts, now)


def test_each_large_answer_says_what_it_grants(person: Person) -> None:
    person.ask(asking())
    person.button("Watch").click()
    person.button("Watch and control").click()
    person.button("No").click()
    watch = {Capability.VIEW, Capability.CHAT, Capability.DIAGNOSTICS}
    assert person.said == [(1, watch, False), (1, watch | {Capability.CONTROL}, False), (1, frozenset(), False)]


def test_nothing_counts_before_the_moment_is_over(person: Person) -> None:
    person.ask(asking(), armed=False)
    for name in ("Watch", "Watch and control", "No", "More time", "More: choose one by one"):
        assert not person.button(name).isEnabled(), name
    QTest.keyClick(person.window, Qt.Key.Key_Return)
    QTest.keyClick(person.window, Qt.Key.Key_Escape)
    QTest.mouseClick(person.button("Watch and control"), Qt.MouseButton.LeftButton)
    assert person.said == []
    person.rest(ARMING_SECONDS - 0.1)
    QTest.keyClick(person.window, Qt.Key.Key_Space)
    person.rest(0.2)
    assert not person.button("No").isEnabled()
    person.rest(ARMING_SECONDS + 0.01)
    assert person.button("No").isEnabled()


def test_escape_and_closing_are_no(person: Person) -> None:
    person.ask(asking())
    QTest.keyClick(person.window, Qt.Key.Key_Escape)
    person.window.close()
    assert person.said == [(1, frozenset(), False)] * 2
    assert not person.window.isHidden()


def test_single_choices_begin_unticked_and_only_those_ticked_are_granted(person: Person) -> None:
    person.ask(asking())
    person.button("More: choose one by one").click()
    ticks = {one.text(): one for one in person.window.findChildren(QCheckBox) if one.isVisible()}
    assert len(ticks) == 5
    assert not any(one.isChecked() for one in ticks.values())
    assert not person.button("Allow what is ticked").isEnabled()
    ticks["Chat with you"].click()
    ticks["Run fixes that your organisation has approved"].click()
    person.button("Allow what is ticked").click()
    assert person.said == [(1, {Capability.CHAT, Capability.FIXES}, False)]
    person.button("Hide the single choices").click()
    assert not person.button("Watch").isHidden()


def test_without_the_screen_one_chooses_one_by_one(person: Person) -> None:
    person.ask(asking(wishes=wishes_for([Capability.CHAT])))
    assert [one.text() for one in person.window.findChildren(QCheckBox) if not one.isHidden()] == ["Chat with you"]
    person.button("No").click()
    assert person.said == [(1, frozenset(), False)]


def test_a_fix_is_agreed_to_by_yes(person: Person) -> None:
    person.ask(asking(kind="confirm", wishes=[], title="Run this fix?", text="It empties the bin."))
    person.button("Yes, go ahead").click()
    assert person.said == [(1, frozenset(), True)]


def test_the_next_question_starts_its_own_moment(person: Person) -> None:
    person.ask(asking(), asking(kind="capability", wishes=wishes_for([Capability.FILES_IN])))
    assert person.button("No").isEnabled()
    person.window.show_questions(
        [OpenQuestion(2, asking(kind="capability", wishes=wishes_for([Capability.FILES_IN])), Countdown(person.now() + 180, 180))]
    )
    QApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
    assert not person.button("Allow this").isEnabled()
    person.rest(ARMING_SECONDS + 0.01)
    assert person.button("No").isEnabled()
    person.button("Allow this").click()
    assert person.said == [(2, {Capability.FILES_IN}, False)]


def test_more_time_and_the_end(person: Person) -> None:
    person.ask(asking())
    person.button("More time").click()
    assert person.more == [1]
    person.window.show_questions([])
    assert person.window.isHidden()
    person.window.close()
    assert person.said == []


def test_coming_back_after_a_restart_is_a_question_of_its_own(person: Person) -> None:
    person.ask(asking())
    assert person.window._restart.isHidden()
    person.window.show_questions([])
    person.ask(asking(after_restart=600.0))
    restart = person.window._restart
    assert "within 10 min" in restart.text()
    assert not restart.isChecked()
    person.button("Watch").click()
    restart.click()
    person.button("Watch").click()
    person.button("No").click()
    assert person.lasting == [False, True, False]
