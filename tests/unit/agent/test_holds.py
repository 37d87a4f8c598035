"""What holds a session back: one hold, several at once, and what features and technician are told of each."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar

import pytest

import agent.held_back
from agent.features.base import Feature
from agent.features.chat import ChatFeature
from protocol.capabilities import Capability
from protocol.errors import RefusalReason
from protocol.messages import Lane, Message
from protocol.messages.chat import ChatMessage
from protocol.messages.diagnostics import DiagnosticsCollect, DiagnosticsDone
from protocol.messages.input import PointerMove
from protocol.messages.screen import ScreenState, ScreenUpdate
from protocol.messages.session import Paused, Refusal
from protocol.session import MessageReceived, Opened
from tests.kit.assisted import Assistance
from tests.kit.waiting import eventually_async

CHAT, CONTROL, DIAGNOSTICS = Capability.CHAT, Capability.CONTROL, Capability.DIAGNOSTICS


class Hands(Feature):
    """Notes its pauses."""

    handles: ClassVar = (PointerMove,)
    notes: ClassVar[list[str]] = []

    async def handle(self, message: Message) -> None:
        self.notes.append("moved")

    def paused(self, paused: bool) -> None:
        self.notes.append("held" if paused else "free")


class Eyes(Hands):
    """Answers a little later, whatever has happened meanwhile."""

    handles: ClassVar = (DiagnosticsCollect,)
    notes: ClassVar[list[str]] = []
    asked: ClassVar[asyncio.Event]
    ready: ClassVar[asyncio.Event]

    async def handle(self, message: Message) -> None:
        assert isinstance(message, DiagnosticsCollect)
        self.asked.set()
        await self.ready.wait()
        self.context.send(DiagnosticsDone(request=message.request, findings=[], duration_ms=1, taken_at=0))


async def opened(one: Assistance) -> Any:
    Hands.notes.clear()
    Eyes.notes.clear()
    Eyes.asked, Eyes.ready = asyncio.Event(), asyncio.Event()
    person = one.sit_down()
    await person.allow(CHAT, CONTROL, DIAGNOSTICS)
    await one.event(Opened)
    return person


def whole(tmp_path: Path) -> Assistance:
    return Assistance(tmp_path, (ChatFeature, Hands, Eyes), wanted=(CHAT, CONTROL, DIAGNOSTICS))


async def told(one: Assistance, fits: Callable[[Message], bool] = lambda _: True) -> Message:
    """The next message of the agent's that fits."""
    while True:
        message = (await one.event(MessageReceived)).message
        if fits(message):
            return message


async def paused(one: Assistance) -> tuple[bool, str]:
    message = await told(one, lambda message: isinstance(message, Paused))
    assert isinstance(message, Paused)
    return message.paused, message.by


async def test_a_session_that_nobody_sees_stands_still_both_ways_until_somebody_does(tmp_path: Path) -> None:
    async with whole(tmp_path) as one:
        person = await opened(one)
        one.say(DiagnosticsCollect(request=1))
        await Eyes.asked.wait()
        one.broker.detach(person)
        assert await paused(one) == (True, "unwatched")
        Eyes.ready.set()
        one.say(DiagnosticsCollect(request=2))
        one.say(PointerMove(1, 1))
        answers = [await told(one) for _ in range(2)]
        assert [type(answer) for answer in answers] == [Refusal, Refusal]  # and no answer to what was asked before
        assert isinstance(answers[0], Refusal)
        assert (answers[0].request, answers[0].reason) == (2, RefusalReason.PAUSED)
        assert "nobody there can see the session" in answers[0].text
        one.broker.attach(person)
        assert await paused(one) == (False, "unwatched")
        assert await told(one, lambda message: isinstance(message, DiagnosticsDone))
        actions = [(record.action, record.detail) for record in one.audit.records(one.session.id)]
        assert ("held back", {"by": "unwatched"}) in actions
        assert ("not held back any more", {"by": "unwatched"}) in actions
    assert (Hands.notes[:2], Eyes.notes[:2]) == (["held", "free"], ["held", "free"])


async def test_what_the_person_paused_stays_paused_when_their_window_comes_back(tmp_path: Path) -> None:
    async with whole(tmp_path) as one:
        person = await opened(one)
        one.session.pause(True)
        assert await paused(one) == (True, "user")
        one.broker.detach(person)
        assert await paused(one) == (True, "unwatched")
        assert one.board.sessions[0].paused
        one.broker.attach(person)
        assert await paused(one) == (True, "user")
        one.session.pause(False)
        assert await paused(one) == (False, "user")
        assert not one.board.sessions[0].paused


async def test_a_question_holds_only_hands_also_when_a_pause_ends_over_it(tmp_path: Path) -> None:
    async with whole(tmp_path) as one:
        await opened(one)
        holds = one.session._holds
        assert holds.set("question", True)
        assert await paused(one) == (True, "question")
        assert not holds.set("question", True)
        one.session.pause(True)
        assert await paused(one) == (True, "user")
        one.session.pause(False)
        assert [await paused(one) for _ in range(2)] == [(False, "user"), (True, "question")]
        holds.set("local_input", True)
        assert await paused(one) == (True, "local_input")
        holds.set("local_input", False)
        assert await paused(one) == (True, "question")
        holds.set("question", False)
        assert await paused(one) == (False, "question")
        await eventually_async(lambda: Hands.notes[-1:] == ["free"], "hands are free")
        assert Eyes.notes == ["held", "free"]


async def test_what_waits_for_the_end_of_a_pause_is_bounded_and_in_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    most = 40
    monkeypatch.setattr(agent.held_back, "MOST", most)
    async with whole(tmp_path) as one:
        await opened(one)
        view = one.session._view
        assert view is not None
        one.session.pause(True)
        for number in range(most + 1):
            view.send(DiagnosticsDone(request=number, findings=[], duration_ms=1, taken_at=0))
        assert view.pending(Lane.CONTROL) > most * 1024
        view.send(ChatMessage("I am back in a minute"))
        view.send(ScreenState("paused"))
        view.send(ScreenUpdate(sequence=1, epoch=1, captured_at=0, operations=[]))
        assert [type(await told(one)) for _ in range(3)] == [Paused, ChatMessage, ScreenState]
        one.session.pause(False)
        numbers = []
        while len(numbers) < most:
            message = await told(one, lambda message: not isinstance(message, Paused))
            assert isinstance(message, DiagnosticsDone)
            numbers.append(message.request)
        assert numbers == list(range(most))
