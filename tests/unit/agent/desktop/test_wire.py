"""The wire against the daemon's real socket: events, answers, and a daemon that is not there, goes and comes back."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from PySide6.QtWidgets import QApplication

from agent.attention import Pulse
from agent.desktop.wire import MOST_LINE_BYTES, Lines, LineTooLong, Wire
from agent.local_messages import AskStatus, ConsentAsked, Done, Failed, RelayChanged, Said, StatusReply, StopSession
from protocol.errors import RefusalReason
from tests.kit.desk import asking, serving_desk
from tests.kit.qt import qt_until_async
from tests.kit.waiting import eventually_async


class Listener:
    """What the wire says."""

    def __init__(self) -> None:
        self.here = 0
        self.gone: list[str] = []
        self.said: list[Said] = []

    def agent_here(self) -> None:
        self.here += 1

    def agent_gone(self, reason: str) -> None:
        self.gone.append(reason)

    def heard(self, said: Said) -> None:
        self.said.append(said)


@asynccontextmanager
async def wired(home: Path) -> AsyncIterator[tuple[Wire, Listener]]:
    listener = Listener()
    wire = Wire(home / "agent.sock", listener)
    try:
        yield wire, listener
    finally:
        wire.close()


def test_lines_are_cut_wherever_the_bytes_were() -> None:
    lines = Lines()
    assert lines.feed(b"ab") == []
    assert lines.feed(b"c\nd\ne") == [b"abc", b"d"]
    with pytest.raises(LineTooLong):
        lines.feed(b"x" * (MOST_LINE_BYTES + 1))


async def test_it_attaches_hears_and_is_answered(application: QApplication, tmp_path: Path) -> None:
    async with serving_desk(tmp_path) as desk, wired(tmp_path) as (wire, listener):
        wire.dial()
        await qt_until_async(lambda: desk.broker.attached, "attached")
        await qt_until_async(lambda: listener.said, "heard how things stand")
        assert isinstance(listener.said[0], RelayChanged)
        assert listener.here == 1
        answers: list[Said] = []
        wire.request(AskStatus, answers.append)
        wire.request(StopSession, answers.append)
        await qt_until_async(lambda: len(answers) == 2, "two answers")
        assert isinstance(answers[0], StatusReply)
        assert isinstance(answers[1], Failed)
        wire.request(StopSession)
        asked = asyncio.get_running_loop().create_task(desk.broker.ask(asking()))
        await qt_until_async(lambda: any(isinstance(one, ConsentAsked) for one in listener.said), "a question")
        asked.cancel()


async def test_a_daemon_that_is_not_there_is_dialled_until_it_is(application: QApplication, tmp_path: Path) -> None:
    async with wired(tmp_path) as (wire, listener):
        wire.dial()
        await qt_until_async(lambda: listener.gone, "gone")
        answers: list[Said] = []
        wire.request(AskStatus, answers.append)
        assert isinstance(answers[0], Failed)
        assert answers[0].reason is RefusalReason.OFFLINE
        async with serving_desk(tmp_path):
            await qt_until_async(lambda: listener.here, "came back")
            count = len(listener.gone)
            wire.request(AskStatus, answers.append)
        await qt_until_async(lambda: len(listener.gone) > count, "gone again")
        assert not any(isinstance(one, Done) for one in answers)
        assert not wire.up


async def test_what_is_not_of_the_protocol_ends_the_connection(
    application: QApplication, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async def serve(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b'{"say":"failed","id":0,"reason":"limit","text":"too many"}\nnonsense\n')
        await writer.drain()
        writer.close()

    server = await asyncio.start_unix_server(serve, tmp_path / "agent.sock")
    async with server, wired(tmp_path) as (wire, listener):
        wire.dial()
        await qt_until_async(lambda: listener.gone, "cut off")
        assert "not of its protocol" in caplog.text
        assert "too many" in caplog.text


async def test_it_says_that_it_is_there_when_asked(
    application: QApplication, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """How long it may be silent is said by a clock in the test of `agent.attention`; here it is asked and answers."""
    monkeypatch.setattr("agent.front_desk.EVERY_SECONDS", 0.05)
    numbers: list[int] = []
    plain = Pulse.heard

    def heard(pulse: Pulse, number: int) -> None:
        numbers.append(number)
        plain(pulse, number)

    monkeypatch.setattr(Pulse, "heard", heard)
    async with serving_desk(tmp_path) as desk, wired(tmp_path) as (wire, listener):
        wire.dial()
        await qt_until_async(lambda: desk.broker.attached, "attached")
        watching = asyncio.get_running_loop().create_task(desk.desk.watch_over())
        await qt_until_async(lambda: numbers[:3] == [1, 2, 3], "it answers each time")
        assert (desk.broker.attached, listener.gone, listener.here) == (1, [], 1)
        with monkeypatch.context() as impatient:
            impatient.setattr("agent.attention.MOST_SECONDS", 0.2)
            # Qt's loop stands still: to the person nothing moves.
            await eventually_async(lambda: not desk.broker.attached, "it counts as gone")
        await qt_until_async(lambda: listener.here == 2, "it dials again by itself")
        watching.cancel()
        await asyncio.wait([watching])
