"""All of it together, without a screen, against the daemon's real local side."""

import asyncio
import re
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec
import pytest
import pytest_asyncio
from PySide6.QtWidgets import QAbstractButton, QApplication, QLabel, QLineEdit, QPlainTextEdit, QWidget

from agent.consent import Outcome
from agent.desktop.app import Desktop
from agent.desktop.menu_model import Command
from agent.desktop.runner import AgentRunner
from agent.desktop.state import HelpStage, Mood
from agent.desktop.texts import Texts, read_said, read_table
from agent.local_messages import ChatHeard, SessionOver
from agent.presence import UNSEEN
from agent.receipts import ReceiptEvent, ReceiptShelf, ReceiptShown
from agent.resuming import GIVEN_UP
from agent.settings import AgentSettings
from agent.status import SessionStatus
from protocol.capabilities import Capability
from protocol.link_messages import HelpCancel, HelpCode, HelpPlace, HelpRequest
from tests.kit.desk import AWAY_NOW, Desk, asking, serving_desk
from tests.kit.qt import qt_until_async

SESSION = "00aa11bb22cc33dd"


class NoRunner(AgentRunner):
    """Notes that an agent was to be started."""

    def __init__(self) -> None:
        super().__init__(["/bin/false"], lambda _line: None)
        self.started = 0

    def start(self) -> None:
        self.started += 1


class Stage:
    """A daemon's side, and the desktop of a person."""

    def __init__(self, desk: Desk, desktop: Desktop, runner: NoRunner) -> None:
        self.desk, self.desktop, self.runner = desk, desktop, runner

    def open(self, *, paused: bool = False) -> SessionStatus:
        status = SessionStatus(SESSION, "Ana Ruiz", "Example Ltd", 2, ["view", "chat"], False, paused, time.time(), 0.0)
        self.desk.show(status)
        return status


@asynccontextmanager
async def staged(home: Path, language: str) -> AsyncIterator[Stage]:
    async with serving_desk(home) as desk:
        runner = NoRunner()
        desktop = Desktop(AgentSettings(home=home), Texts(language), runner=runner)
        desktop.start()
        await qt_until_async(lambda: desk.broker.attached and desktop.state.mood is Mood.READY, "attached")
        yield Stage(desk, desktop, runner)
        desktop.close()


@pytest_asyncio.fixture
async def stage(application: QApplication, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Stage]:
    monkeypatch.delenv("DISPLAY", raising=False)
    async with staged(tmp_path, "en") as found:
        yield found


@pytest_asyncio.fixture
async def german(application: QApplication, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Stage]:
    monkeypatch.delenv("DISPLAY", raising=False)
    async with staged(tmp_path, "de") as found:
        yield found


def everything_said(*windows: QWidget) -> list[str]:
    """What is read on these windows, and what a screen reader says of them."""
    found = [window.windowTitle() for window in windows]
    for window in windows:
        for one in window.findChildren(QWidget):
            if one.isVisibleTo(window):
                found += [one.accessibleName(), one.accessibleDescription(), one.toolTip()]
                found += [one.text()] if isinstance(one, QLabel | QAbstractButton) else []
                found += [one.placeholderText()] if isinstance(one, QLineEdit | QPlainTextEdit) else []
    return [text for text in found if text]


def english(said: list[str]) -> set[str]:
    """What of it is a sentence of the English table, or one of the agent's own, and not of the German table as well."""
    ours, theirs = [[compiled(words) for words in read_table(one).values() if telling(words)] for one in ("en", "de")]
    ours += read_said().values()
    return {text for text in said if fits(text, ours) and not fits(text, theirs)}


def telling(words: str) -> bool:
    """Whether there is a word in it that belongs to a language."""
    return re.search(r"[a-zäöüß]{3}", re.sub(r"\{\w+\}", "", words)) is not None


def compiled(words: str) -> re.Pattern[str]:
    parts = re.split(r"(\{\w+\})", words)
    return re.compile("".join(".+" if part.startswith("{") else re.escape(part) for part in parts), re.DOTALL)


def fits(text: str, patterns: list[re.Pattern[str]]) -> bool:
    return any(one.fullmatch(text) for one in patterns)


def words(*windows: object) -> list[str]:
    return [one.text() for window in windows for one in window.findChildren(QLabel) if one.isVisible()]  # type: ignore[attr-defined]


async def test_a_question_is_answered(stage: Stage) -> None:
    question = asyncio.get_running_loop().create_task(stage.desk.broker.ask(asking()))
    await qt_until_async(lambda: stage.desktop.consent.isVisible(), "asked")
    stage.desktop.more_time_wanted(1)
    stage.desktop.consent_answered(1, [Capability.VIEW], False)
    await qt_until_async(question.done, "answered")
    assert (await question).granted == {Capability.VIEW}
    assert not stage.desktop.consent.isVisible()


async def test_the_key_that_ends_everything(stage: Stage) -> None:
    stage.open()
    question = asyncio.get_running_loop().create_task(stage.desk.broker.ask(asking()))
    await qt_until_async(lambda: stage.desktop.state.questions and stage.desktop.state.sessions, "both")
    stage.desktop.panic()
    await qt_until_async(lambda: question.done() and stage.desk.sessions[0].done, "both ended")
    answer = await question
    assert (answer.outcome, answer.granted) == (Outcome.ANSWERED, frozenset())
    assert stage.desk.sessions[0].done[0][0] == "end"


async def test_help_from_the_menu(stage: Stage) -> None:
    desktop = stage.desktop
    desktop.chosen(Command.HELP)
    assert desktop.help.isVisible()
    desktop.help_wanted("no sound")
    await qt_until_async(lambda: stage.desk.sent, "asked")
    assert stage.desk.sent == [HelpRequest(1, "no sound")]
    stage.desk.desk.help_code(HelpCode(1, "482913507", 600.0))
    await qt_until_async(lambda: desktop.state.help.stage is HelpStage.CODE, "a code")
    desktop.help_wanted("no sound at all")
    await qt_until_async(lambda: len(stage.desk.sent) == 3, "a new one")
    assert stage.desk.sent[1:] == [HelpCancel(1), HelpRequest(2, "no sound at all")]
    stage.desk.desk.help_ended(2, "used", used=True)
    question = asyncio.get_running_loop().create_task(stage.desk.broker.ask(asking()))
    await qt_until_async(lambda: desktop.state.questions, "asked")
    stage.desk.broker.answer(1)
    await question
    await qt_until_async(lambda: not desktop.help.isVisible(), "done")


async def test_a_refused_code_says_why(stage: Stage) -> None:
    stage.desk.away = True
    stage.desktop.help_wanted("x")
    await qt_until_async(lambda: stage.desktop.state.help.note, "refused")
    assert stage.desktop.state.help.note == AWAY_NOW
    stage.desktop.chosen(Command.HELP)
    assert "Your organisation's relay cannot be reached at this moment. It is tried again by itself." in words(stage.desktop.help)
    stage.desktop.help_cancelled()
    assert stage.desktop.state.help.note == ""


async def test_a_session_with_chat_pause_and_receipt(stage: Stage, tmp_path: Path) -> None:
    desktop = stage.desktop
    status = stage.open()
    await qt_until_async(lambda: desktop.banner.isVisible(), "the banner")
    stage.desk.desk.announce(ChatHeard(SESSION, "Ana Ruiz", "hello", 0.0))
    await qt_until_async(lambda: SESSION in desktop.chats and desktop.chats[SESSION].isVisible(), "chat")
    assert "hello" in words(desktop.chats[SESSION])
    desktop.chosen(Command.CHAT)
    assert desktop.state.unread == 0
    desktop.chat_said(SESSION, "hi")
    desktop.chosen(Command.PAUSE)
    await qt_until_async(lambda: len(stage.desk.sessions[0].done) == 2 and "hi" in words(desktop.chats[SESSION]), "said")
    assert stage.desk.sessions[0].done == [("say", "hi"), ("pause", True)]
    receipt = {"session": SESSION, "device": "d", "organisation": "Example Ltd", "technician": "Ana Ruiz", "tier": 2}
    receipt |= {"reason": "", "unattended": False, "opened_at": "2026-11-01T10:00:00Z", "ended_at": "2026-11-01T10:00:09Z"}
    (tmp_path / f"2026-11-01T100000Z-{SESSION}.json").write_bytes(msgspec.json.encode({**receipt, "ended_because": "x"}))
    stage.desk.desk._receipts = ReceiptShelf(tmp_path)
    stage.desk.sessions.clear()
    stage.desk.board.drop_session(status.session)
    stage.desk.desk.announce(SessionOver(SESSION, "over", "a path"))
    await qt_until_async(lambda: "Ana Ruiz helped on this computer" in words(desktop.receipts), "the receipt")
    assert not desktop.banner.isVisible()
    desktop.rated(SESSION, 5, "good")
    await qt_until_async(lambda: any("Thank you" in text for text in words(desktop.receipts)), "kept")
    desktop.chosen(Command.RECEIPTS)
    await qt_until_async(lambda: desktop.receipts.windowTitle() == "Receipts", "the list")
    desktop.chat_said(SESSION, "too late")
    await qt_until_async(lambda: any("Not sent" in text for text in words(desktop.chats[SESSION])), "said so")


async def test_about_and_a_second_start(stage: Stage) -> None:
    stage.desktop.chosen(Command.ABOUT)
    await qt_until_async(lambda: "This computer: Reception PC" in words(stage.desktop.about), "about")
    stage.desktop.wanted(False)
    assert stage.desktop.home.isVisible()
    stage.desktop.wanted(True)
    assert stage.desktop.help.isVisible()
    stage.desktop.chosen(Command.STOP)


async def test_where_no_agent_runs_one_is_started(
    application: QApplication, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("DISPLAY", raising=False)
    runner = NoRunner()
    desktop = Desktop(AgentSettings(home=tmp_path), Texts("en"), runner=runner)
    desktop.start(get_help=True)
    await qt_until_async(lambda: runner.started, "started")
    assert desktop.state.mood is Mood.OFFLINE
    desktop._agent_ended("The disk is full.")
    desktop.chosen(Command.HELP)
    assert any("The disk is full." in text for text in words(desktop.help))
    async with serving_desk(tmp_path):
        await qt_until_async(lambda: desktop.state.agent_up, "here")
        before = runner.started
    await qt_until_async(lambda: not desktop.state.agent_up, "gone")
    assert runner.started == before
    desktop.close()


async def test_the_rules_of_this_computer(stage: Stage) -> None:
    stage.desktop.chosen(Command.ALLOWED)
    await qt_until_async(lambda: stage.desktop.allowed.isVisible(), "the rules")
    assert "Who may ask to connect" in words(stage.desktop.allowed)


async def test_no_english_reaches_a_german_reader(german: Stage, tmp_path: Path) -> None:
    desktop, desk, said = german.desktop, german.desk, []
    desk.away = True
    desktop.chosen(Command.HELP)
    desktop.help_wanted("kein Ton")
    await qt_until_async(lambda: desktop.state.help.note, "refused")
    said += everything_said(desktop.help)
    desk.away = False
    desktop.help_wanted("kein Ton")
    await qt_until_async(lambda: desk.sent, "asked")
    request = desk.sent[-1].request  # type: ignore[attr-defined]
    desk.desk.help_code(HelpCode(request, "482913507", 600.0))
    desk.desk.help_place(HelpPlace(request, 1, 3))
    await qt_until_async(lambda: desktop.state.help.place, "the place")
    said += everything_said(desktop.help, desktop.home)
    desk.desk.relay_lost()
    await qt_until_async(lambda: desktop.state.help.stage is HelpStage.IDLE, "lost")
    said += everything_said(desktop.help)

    fix = asking(
        kind="confirm",
        wishes=[],
        reason="",
        title="Run this fix? Platz schaffen",
        words="fix",
        values={"title": "Platz schaffen"},
        details=["Their reason: Die Platte ist voll"],
    )
    for question in (asking(sas="482913", reason="Drucker"), asking(kind="capability", reason="Drucker"), fix):
        asked = asyncio.get_running_loop().create_task(desk.broker.ask(question))
        await qt_until_async(lambda: desktop.state.questions, "asked")
        said += everything_said(desktop.consent)
        desktop.consent_answered(desktop.state.questions[0].number, (), False)
        await qt_until_async(asked.done, "answered")

    german.open()
    await qt_until_async(lambda: desktop.banner.isVisible(), "the banner")
    desktop.chat_opened(SESSION)
    said += everything_said(desktop.banner, desktop.home, desktop.chats[SESSION])
    desk.sessions.clear()
    desktop.chat_said(SESSION, "hallo")
    await qt_until_async(lambda: desktop.chats[SESSION]._problem.text(), "not sent")
    said += everything_said(desktop.chats[SESSION])

    happened = (("terminal opened", {"user": "ana"}), ("fix ended", {"id": "x", "outcome": "fixed"}))
    records = [ReceiptEvent(0.0, action, detail) for action, detail in happened]
    when = "2026-11-01T10:00:00Z"
    for because in ("ended by the person at this computer", "ended by the technician: technician", UNSEEN, GIVEN_UP):
        desktop.receipts.show_receipt(
            ReceiptShown(SESSION, "d", "Beispiel", "Ana Ruiz", 2, "", True, when, when, because, records)  # type: ignore[arg-type]
        )
        said += everything_said(desktop.receipts)
    for command, window in ((Command.ALLOWED, desktop.allowed), (Command.ABOUT, desktop.about)):
        desktop.chosen(command)
        await qt_until_async(window.isVisible, command)
        said += everything_said(window)
    assert len(said) > 100
    assert not english(said)
    assert english(["Nobody waits before you.", "Their reason: x"]) == {"Nobody waits before you.", "Their reason: x"}
