"""What features see of a session, and that it never lets them past the grants."""

from pathlib import Path
from typing import ClassVar

import pytest

from agent.features.base import Feature
from agent.features.chat import ChatFeature
from agent.session_view import SessionView
from protocol.capabilities import Capability
from protocol.errors import LocalProtocolError, RefusalReason
from protocol.messages import Lane, Message
from protocol.messages.chat import ChatMessage
from protocol.messages.input import PointerMove, ReleaseAll
from protocol.messages.logs import LogEnded, LogLine, LogLines, LogSources
from protocol.messages.screen import ScreenState
from protocol.messages.session import Refusal
from protocol.session import MessageReceived, Opened
from tests.kit.assisted import Assistance

CHAT, CONTROL = Capability.CHAT, Capability.CONTROL


class Hands(Feature):
    handles: ClassVar = (PointerMove, ReleaseAll)

    async def handle(self, message: Message) -> None:
        raise AssertionError(message)


class Logs(Feature):
    handles: ClassVar = (LogSources,)

    async def handle(self, message: Message) -> None:
        raise AssertionError(message)


async def opened(one: Assistance, *granted: Capability) -> SessionView:
    person = one.sit_down()
    await person.allow(*granted)
    await one.event(Opened)
    assert one.session._view is not None
    return one.session._view


async def test_it_shows_who_is_there_and_what_is_granted(tmp_path: Path) -> None:
    async with Assistance(tmp_path, (ChatFeature, Hands), wanted=(CHAT, CONTROL)) as one:
        view = await opened(one, CHAT, CONTROL)
        assert (view.identity.display_name, view.tier, view.label) == ("Ana Ruiz", 3, "Reception PC")
        assert not view.unattended
        assert view.settings is one.settings
        assert view.trust is one.files  # type: ignore[comparison-overlap]
        assert view.rules.unattended == []
        assert view.relay is None
        assert view.pending(Lane.SCREEN) == 0
        assert view.round_trip is None or view.round_trip >= 0
        assert view.granted(CONTROL)
        assert not view.granted(Capability.VIEW)


async def test_a_pause_holds_back_what_moves_and_not_what_lets_go(tmp_path: Path) -> None:
    async with Assistance(tmp_path, (ChatFeature, Hands), wanted=(CHAT, CONTROL)) as one:
        view = await opened(one, CHAT, CONTROL)
        assert view.admits(PointerMove(1, 1))
        one.session.pause(True)
        assert not view.granted(CONTROL)
        assert not view.admits(PointerMove(1, 1))
        assert view.admits(ReleaseAll())
        assert view.admits(ChatMessage("x"))
        one.session.revoke(CHAT, "user")
        assert not view.admits(ChatMessage("x"))


async def test_what_was_read_before_a_pause_does_not_leave_after_a_revocation(tmp_path: Path) -> None:
    diagnostics = Capability.DIAGNOSTICS
    async with Assistance(tmp_path, (ChatFeature, Logs), wanted=(CHAT, diagnostics)) as one:
        view = await opened(one, CHAT, diagnostics)
        lines, ended = LogLines(1, [LogLine(1.0, 4, "cron.service", "secret")]), LogEnded(1)
        view.send(lines)
        one.session.pause(True)
        view.send(lines)
        one.session.revoke(diagnostics, "user")
        view.send(ended)
        one.session.pause(False)
        heard: list[Message] = []
        while ended not in heard:
            heard.append((await one.event(MessageReceived)).message)
        assert heard.count(lines) == 1
        assert view.pending(Lane.CONTROL) == 0


async def test_refusals_of_a_flood_are_few(tmp_path: Path) -> None:
    async with Assistance(tmp_path, (ChatFeature, Hands), wanted=(CHAT, CONTROL)) as one:
        view = await opened(one, CHAT)
        for _ in range(100):
            view.refuse_sparingly(PointerMove(1, 1), RefusalReason.PAUSED, "wait")
        view.send(ScreenState("running"))
        refusals = 0
        while True:
            message = (await one.event(MessageReceived)).message
            if isinstance(message, ScreenState):
                break
            refusals += isinstance(message, Refusal) and message.text == "wait"
        assert refusals <= 1


async def test_nothing_is_said_after_the_end_and_nothing_false_before(tmp_path: Path) -> None:
    async with Assistance(tmp_path, (ChatFeature, Hands), wanted=(CHAT,)) as one:
        view = await opened(one, CHAT)
        with pytest.raises(LocalProtocolError):
            view.send(PointerMove(1, 1))
        one.session.end("done")
        view.send(ScreenState("running"))
        view.refuse(ChatMessage("x"), RefusalReason.PAUSED, "late")
        assert not view.admits(ChatMessage("x"))
        await one.ended()
