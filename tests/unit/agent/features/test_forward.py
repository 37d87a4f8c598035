"""Forwarded ports on the device: real connections to real servers, bounded, named and recorded."""

import asyncio
import socket
import struct
from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
import pytest

from agent.features.forward import ForwardFeature
from agent.settings import ForwardSettings
from protocol.capabilities import Capability
from protocol.messages.forward import (
    MOST_STREAMS,
    PIECE_BYTES,
    WINDOW_BYTES,
    ForwardAsk,
    ForwardClosed,
    ForwardCredit,
    ForwardData,
    ForwardEnd,
    ForwardOpen,
    ForwardOpened,
    ForwardRules,
)
from tests.kit.feature_context import RecordingContext
from tests.kit.processes import free_port
from tests.kit.waiting import eventually_async, let_pass


class Desk:
    def __init__(self, tmp_path: Path) -> None:
        self.context = RecordingContext(tmp_path)
        self.feature = ForwardFeature(self.context)

    async def open(self, stream: int, port: int, host: str = "127.0.0.1") -> None:
        await self.feature.handle(ForwardOpen(stream, port, host))

    def data(self, stream: int) -> bytes:
        return b"".join(one.data for one in self.context.of(ForwardData) if one.stream == stream)

    async def closed(self, stream: int) -> ForwardClosed:
        def look() -> ForwardClosed | None:
            return next((one for one in self.context.of(ForwardClosed) if one.stream == stream), None)

        found = await eventually_async(look, f"the end of {stream}")
        assert found is not None
        return found


async def test_what_may_be_reached_is_said(desk: Desk) -> None:
    await desk.feature.handle(ForwardAsk(5))
    desk.context.rules = msgspec.structs.replace(desk.context.rules, forward_to=["printer.example:631"])
    await desk.feature.handle(ForwardAsk(6))
    desk.context.settings = msgspec.structs.replace(desk.context.settings, forward=ForwardSettings(enabled=False))
    await desk.feature.handle(ForwardAsk(7))
    assert desk.context.of(ForwardRules) == [
        ForwardRules(5, True),
        ForwardRules(6, True, ["printer.example:631"]),
        ForwardRules(7, False),
    ]


async def others_have_left() -> None:
    """Until the servers' handlers have noticed that their connections are over."""
    mine = asyncio.current_task()
    handlers = [task for task in asyncio.all_tasks() if task is not mine and "serve" in repr(task.get_coro())]
    await asyncio.wait(handlers, timeout=5) if handlers else None


@pytest.fixture
async def desk(tmp_path: Path, echo: int) -> AsyncIterator[Desk]:
    one = Desk(tmp_path)
    yield one
    await one.context.close(one.feature)
    assert not one.context.failures


@pytest.fixture
async def echo() -> AsyncIterator[int]:
    """A server that sends everything back, and says "bye" after the other's end."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while data := await reader.read(65536):
                writer.write(data)
                await writer.drain()
            writer.write(b"bye")
            await writer.drain()
        except ConnectionError:
            return
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1]
        await others_have_left()


async def test_bytes_go_both_ways_and_each_end_by_itself(desk: Desk, echo: int) -> None:
    await desk.open(1, echo)
    await desk.context.next(ForwardOpened)
    await desk.feature.handle(ForwardData(1, b"hello"))
    await eventually_async(lambda: desk.data(1) == b"hello", "the echo")
    await desk.feature.handle(ForwardEnd(1))
    await eventually_async(lambda: desk.context.of(ForwardEnd), "the end")
    assert desk.data(1) == b"hellobye"
    assert not desk.context.of(ForwardClosed)
    await desk.context.close(desk.feature)
    assert desk.context.audited == [
        ("forward opened", {"to": f"127.0.0.1:{echo}"}),
        ("forward ended", {"to": f"127.0.0.1:{echo}", "connections": 1, "sent_bytes": 8, "received_bytes": 5}),
    ]


async def test_a_server_that_floods_is_sent_on_only_as_far_as_there_is_credit(desk: Desk) -> None:
    async def flood(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                writer.write(b"x" * 65536)
                await writer.drain()
        except ConnectionError:
            return
        finally:
            writer.close()
            over.set()

    over = asyncio.Event()
    async with await asyncio.start_server(flood, "127.0.0.1", 0) as server:
        await desk.open(1, server.sockets[0].getsockname()[1])
        await eventually_async(lambda: len(desk.data(1)) >= WINDOW_BYTES, "the window is full")
        await let_pass(0.1)
        assert len(desk.data(1)) == WINDOW_BYTES
        await desk.feature.handle(ForwardCredit(1, 1000))
        await eventually_async(lambda: len(desk.data(1)) == WINDOW_BYTES + 1000, "so much more")
        await desk.feature.handle(ForwardClosed(1))
        await over.wait()


async def test_what_breaks_the_rules_ends_its_connection_alone(desk: Desk, echo: int) -> None:
    for stream in (1, 2):
        await desk.open(stream, echo)
    await eventually_async(lambda: len(desk.context.of(ForwardOpened)) == 2, "both stand")
    await desk.feature.handle(ForwardCredit(1, 1))
    assert (await desk.closed(1)).outcome == "limit"
    await desk.feature.handle(ForwardData(1, b"late"))  # crossed its end
    await desk.feature.handle(ForwardData(77, b"nobody's"))
    await desk.feature.handle(ForwardData(2, b"fine"))
    await eventually_async(lambda: desk.data(2) == b"fine", "the other goes on")
    await desk.open(2, echo)
    assert (await desk.closed(2)).outcome == "limit"


async def test_bytes_that_nobody_takes_are_bounded(desk: Desk) -> None:
    async def deaf(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await done.wait()
        writer.close()
        over.set()

    done, over = asyncio.Event(), asyncio.Event()
    server = await asyncio.start_server(deaf, "127.0.0.1", 0, limit=1024)
    await desk.open(1, server.sockets[0].getsockname()[1])
    await desk.context.next(ForwardOpened)
    for _ in range(2000):
        await desk.feature.handle(ForwardData(1, b"x" * PIECE_BYTES))
        if desk.context.of(ForwardClosed):
            break
    assert (await desk.closed(1)).outcome == "limit"
    done.set()
    server.close()
    await over.wait()


async def test_what_does_not_come_about_is_named(desk: Desk, echo: int) -> None:
    await desk.open(1, free_port())
    refused = await desk.closed(1)
    assert refused.outcome == "refused"
    assert "Nothing listens" in refused.text
    await desk.open(2, 80, "192.0.2.1")
    assert (await desk.closed(2)).outcome == "not_allowed"
    assert len(desk.context.audited) == 1
    desk.context.rules = msgspec.structs.replace(desk.context.rules, forward_to=["no-such-host.invalid:*"])
    await desk.open(3, 80, "no-such-host.invalid")
    assert (await desk.closed(3)).outcome == "unreachable"
    desk.context.rules = msgspec.structs.replace(desk.context.rules, forward_to=["*:80"])
    for stream, host in ((5, "a..b"), (6, "x" * 100 + ".example"), (7, "10.0.0.1%")):
        await desk.open(stream, 80, host)
        assert (await desk.closed(stream)).outcome == "unreachable"
    desk.context.settings = msgspec.structs.replace(desk.context.settings, forward=ForwardSettings(enabled=False))
    await desk.open(4, echo)
    assert (await desk.closed(4)).outcome == "not_allowed"


async def test_there_are_so_many_and_no_more_and_none_without_the_permission(desk: Desk, echo: int) -> None:
    for stream in range(1, MOST_STREAMS + 2):
        await desk.open(stream, echo)
    assert (await desk.closed(MOST_STREAMS + 1)).outcome == "limit"
    await eventually_async(lambda: len(desk.context.of(ForwardOpened)) == MOST_STREAMS, "the others stand")
    desk.feature.capability_lost(Capability.FORWARD)
    assert len(desk.context.of(ForwardClosed)) == MOST_STREAMS + 1


async def test_a_pause_lets_nothing_through(desk: Desk, echo: int) -> None:
    await desk.open(1, echo)
    await desk.context.next(ForwardOpened)
    desk.feature.paused(True)
    await desk.feature.handle(ForwardData(1, b"held"))
    await let_pass(0.1)
    assert desk.data(1) == b""
    desk.feature.paused(False)
    await eventually_async(lambda: desk.data(1) == b"held", "it goes on")


async def test_nothing_begins_that_cannot_be_recorded(desk: Desk, echo: int) -> None:
    desk.context.audit_is_full = True
    await desk.open(1, echo)
    assert (await desk.closed(1)).outcome == "limit"
    assert not desk.context.of(ForwardOpened)


async def test_a_connection_that_breaks_is_named(desk: Desk) -> None:
    async def broken(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        writer.transport.abort()

    server = await asyncio.start_server(broken, "127.0.0.1", 0)
    async with server:
        await desk.open(1, server.sockets[0].getsockname()[1])
        ended = await desk.closed(1)
    assert ended.outcome == "broken"
    assert "reset" in ended.text
