"""Two ends of a forwarded connection, each joined to a real socket."""

import asyncio
import socket
import struct
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest

from hostio.forward_pump import PENDING_BYTES, Pump
from protocol.errors import LimitExceeded
from protocol.forwarding import Flow
from protocol.messages.forward import WINDOW_BYTES, ForwardCredit, ForwardData, ForwardEnd
from tests.kit.waiting import eventually_async, let_pass

Said = ForwardData | ForwardEnd | ForwardCredit
Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class End:
    """A pump with its socket; `streams` is whoever uses the connection at this end."""

    def __init__(self, say: Callable[[Said], None], pending: Callable[[], int], running: asyncio.Event | None) -> None:
        self.pump = Pump(Flow(1), say, pending, running)

    async def start(self) -> None:
        ours, theirs = socket.socketpair()
        self.theirs = theirs
        self.own: Streams = await asyncio.open_connection(sock=ours)
        self.streams: Streams = await asyncio.open_connection(sock=theirs)
        self.carrying = asyncio.get_running_loop().create_task(self.pump.carry(*self.own))

    async def stop(self) -> None:
        self.carrying.cancel()
        await asyncio.wait([self.carrying])
        self.pump.close(self.own[1])
        self.streams[1].transport.abort()


@asynccontextmanager
async def both(running: asyncio.Event | None = None, pending: Callable[[], int] = lambda: 0) -> AsyncIterator[tuple[End, End]]:
    """Two ends that hear one another; `running` and `pending` are the first one's."""
    one = End(lambda message: two.pump.hear(message), pending, running)
    two = End(lambda message: one.pump.hear(message), lambda: 0, None)
    await one.start()
    await two.start()
    try:
        yield one, two
    finally:
        await one.stop()
        await two.stop()


async def test_more_than_a_window_goes_both_ways_whole() -> None:
    data = bytes(range(256)) * (WINDOW_BYTES // 64)
    async with both() as (one, two), asyncio.timeout(60):
        for end in (one, two):
            end.streams[1].write(data)
            end.streams[1].write_eof()
        assert await one.streams[0].read() == data
        assert await two.streams[0].read() == data
        await one.carrying
        await two.carrying
        assert one.pump.flow.over and two.pump.flow.over


async def test_one_direction_ends_before_the_other() -> None:
    async with both() as (one, two), asyncio.timeout(60):
        one.streams[1].write(b"question")
        one.streams[1].write_eof()
        assert await two.streams[0].read() == b"question"
        assert not one.carrying.done()
        two.streams[1].write(b"answer")
        two.streams[1].write_eof()
        assert await one.streams[0].read() == b"answer"


async def test_what_is_held_goes_on_later() -> None:
    running = asyncio.Event()
    async with both(running) as (one, two):
        one.streams[1].write(b"out")
        two.streams[1].write(b"in")
        await let_pass(0.1)
        assert not two.pump.flow.received and two.pump.flow.sent == 2
        running.set()
        async with asyncio.timeout(60):
            assert await two.streams[0].readexactly(3) == b"out"
            assert await one.streams[0].readexactly(2) == b"in"


async def test_a_full_lane_is_waited_for() -> None:
    waiting = PENDING_BYTES + 1
    async with both(pending=lambda: waiting) as (one, two):
        one.streams[1].write(b"later")
        await let_pass(0.1)
        assert one.pump.flow.sent == 0
        waiting = 0
        async with asyncio.timeout(60):
            assert await two.streams[0].readexactly(5) == b"later"


async def test_it_can_be_ended_from_outside() -> None:
    async with both() as (one, _):
        one.pump.end()
        await asyncio.wait_for(one.carrying, 60)
        assert not one.pump.flow.over


async def test_a_socket_that_breaks_is_told_and_leaves_nothing_running(monkeypatch: pytest.MonkeyPatch) -> None:
    """Both directions have ended before it is let go of, whatever one of them does when the other fails."""
    writing = list[asyncio.Task[None]]()
    plain = Pump._inward

    async def slow_to_end(pump: Pump, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        writing.append(task)
        try:
            await plain(pump, writer)
        finally:
            await asyncio.sleep(0.05)  # the very thing: a direction that takes its time

    monkeypatch.setattr(Pump, "_inward", slow_to_end)

    async def broken(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        writer.transport.abort()

    server = await asyncio.start_server(broken, "127.0.0.1", 0)
    async with server:
        reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
        pump = Pump(Flow(1), lambda _: None, lambda: 0)
        with pytest.raises(ConnectionResetError):
            await asyncio.wait_for(pump.carry(reader, writer), 60)
        pump.close(writer)
    (task,) = writing
    assert task.done()


async def test_who_sends_without_credit_is_caught() -> None:
    pump = Pump(Flow(1), lambda _: None, lambda: 0)
    with pytest.raises(LimitExceeded):
        pump.hear(ForwardCredit(1, 1))


async def test_what_was_heard_wakes_who_waits_for_credit() -> None:
    said: list[Said] = []
    ours, theirs = socket.socketpair()
    pump = Pump(Flow(1), said.append, lambda: 0)
    reader, writer = await asyncio.open_connection(sock=ours)
    _, other = await asyncio.open_connection(sock=theirs)
    carrying = asyncio.get_running_loop().create_task(pump.carry(reader, writer))
    other.write(bytes(WINDOW_BYTES + 1))
    await eventually_async(lambda: pump.flow.sent == WINDOW_BYTES, "the window is spent")
    pump.hear(ForwardCredit(1, 1))
    await eventually_async(lambda: pump.flow.sent == WINDOW_BYTES + 1, "the last byte")
    pump.end()
    await asyncio.wait_for(carrying, 60)
    pump.close(writer)
    other.transport.abort()
