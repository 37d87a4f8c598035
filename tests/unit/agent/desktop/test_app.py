"""All of it together, without a screen, against the daemon's real local side."""

import asyncio
import time
from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
import pytest
import pytest_asyncio
from PySide6.QtWidgets import QApplication, QLabel

from agent.consent import Outcome
from agent.desktop.app import Desktop
from agent.desktop.menu_model import Command
from agent.desktop.runner import AgentRunner
from agent.desktop.state import HelpStage, Mood
from agent.desktop.texts import Texts
from agent.local_messages import ChatHeard, SessionOver
from agent.receipts import ReceiptShelf
from agent.settings import AgentSettings
from agent.status import SessionStatus
from protocol.capabilities import Capability
from protocol.link_messages import HelpCancel, HelpCode, HelpRequest
from tests.kit.desk import Desk, asking, serving_desk
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


@pytest_asyncio.fixture
async def stage(application: QApplication, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Stage]:
    monkeypatch.delenv("DISPLAY", raising=False)
    async with serving_desk(tmp_path) as desk:
        runner = NoRunner()
        desktop = Desktop(AgentSettings(home=tmp_path), Texts("en"), runner=runner)
        desktop.start()
        await qt_until_async(lambda: desk.broker.attached and desktop.state.mood is Mood.READY, "attached")
        yield Stage(desk, desktop, runner)
        desktop.close()


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
    assert stage.desktop.state.help.note == "The relay is away."
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
