"""The local socket: who is heard, what is read, and that garbage costs nobody anything."""

import asyncio
import json
import os
import socket
import stat
from pathlib import Path

import pytest

from agent.allowed import AllowedHere
from agent.errors import LocalRefused, NotRunning
from agent.local import (
    MOST_CONNECTIONS,
    LocalClient,
    LocalConnection,
    LocalServer,
    Reply,
    allowed_user,
    make_private,
    peer_credentials,
)
from agent.local_messages import (
    AllowedReply,
    AreYouThere,
    ArticlesReply,
    AskStatus,
    Done,
    HelpEnded,
    Request,
    Said,
    StillHere,
    StopSession,
)
from protocol.articles import Article
from protocol.errors import HandrailError, RefusalReason, Refused, Unavailable
from tests.kit.waiting import eventually_async


class Handler:
    """Notes requests and answers as told."""

    def __init__(self) -> None:
        self.requests: list[Request] = []
        self.connections: list[LocalConnection] = []
        self.departures = 0
        self.error: HandrailError | None = None
        self.answer: Said | None = None

    async def request(self, connection: LocalConnection, request: Request) -> Said | None:
        self.requests.append(request)
        self.connections.append(connection)
        if self.error is not None:
            raise self.error
        return self.answer

    def gone(self, connection: LocalConnection) -> None:
        self.departures += 1


async def test_a_request_is_answered_and_events_come_by_themselves(tmp_path: Path) -> None:
    handler = Handler()
    path = tmp_path / "home" / "agent.sock"
    async with LocalServer(path, handler).serving():
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
        async with LocalClient.connected(path) as client:
            assert await client.request(AskStatus) == Done(1)
            handler.connections[0].say(HelpEnded("over"))
            assert await client.events.get() == HelpEnded("over")
            assert handler.connections[0].pid == os.getpid()
        await eventually_async(lambda: handler.departures, "the handler hears of the end")
    assert not path.exists()


@pytest.mark.parametrize(
    "answer",
    [
        Done(1),
        AllowedReply(1, AllowedHere("Example Ltd", "front", None)),
        ArticlesReply(1, [Article(id="printer", title="The printer", words=["printer"], text="Is it on?")]),
    ],
)
async def test_every_kind_of_answer_reaches_who_asked(tmp_path: Path, answer: Reply) -> None:
    handler = Handler()
    handler.answer = answer
    async with LocalServer(tmp_path / "s", handler).serving(), LocalClient.connected(tmp_path / "s") as client:
        async with asyncio.timeout(60):
            assert await client.request(AskStatus) == answer


@pytest.mark.parametrize(
    "error",
    [Unavailable("not now"), Refused("no", reason=RefusalReason.POLICY), HandrailError("no")],
)
async def test_an_error_is_an_answer(tmp_path: Path, error: HandrailError) -> None:
    handler = Handler()
    handler.error = error
    async with LocalServer(tmp_path / "s", handler).serving(), LocalClient.connected(tmp_path / "s") as client:
        with pytest.raises(LocalRefused, match=str(error)):
            await client.request(StopSession)
        handler.error = None
        assert isinstance(await client.request(StopSession), Done)


@pytest.mark.parametrize(
    "garbage",
    [
        b"\x00\xff\xfe\n",
        b"GET / HTTP/1.1\r\n",
        b"[]\n",
        b'{"do":"consent.everything","id":1}\n',
        b'{"do":"status","id":-1}\n',
        b'{"do":"status","id":1,"more":true}\n',
        b"[" * 5000 + b"\n",
        b"x" * 200_000,
    ],
)
async def test_garbage_is_named_and_cut_off(tmp_path: Path, garbage: bytes) -> None:
    handler = Handler()
    async with LocalServer(tmp_path / "s", handler).serving():
        reader, writer = await asyncio.open_unix_connection(tmp_path / "s")
        writer.write(garbage)
        answer = json.loads(await asyncio.wait_for(reader.readline(), 60))
        assert (answer["say"], answer["id"]) == ("failed", 0)
        assert await asyncio.wait_for(reader.read(), 60) == b""
        writer.close()
        async with LocalClient.connected(tmp_path / "s") as client:
            assert isinstance(await client.request(AskStatus), Done)
    assert len(handler.requests) == 1


async def test_half_a_line_is_no_request(tmp_path: Path) -> None:
    handler = Handler()
    async with LocalServer(tmp_path / "s", handler).serving():
        _, writer = await asyncio.open_unix_connection(tmp_path / "s")
        writer.write(b'{"do":"session.stop","id":1}')
        writer.write_eof()
        await eventually_async(lambda: handler.departures, "the end")
        writer.close()
    assert handler.requests == []


async def test_another_user_is_not_heard(tmp_path: Path) -> None:
    handler = Handler()
    server = LocalServer(tmp_path / "s", handler, credentials=lambda _: (1, os.getuid() + 12345))
    async with server.serving(), LocalClient.connected(tmp_path / "s") as client:
        with pytest.raises((LocalRefused, NotRunning)):
            await client.request(AskStatus)
    assert handler.requests == []


def test_same_user_or_root() -> None:
    assert allowed_user(1000, 1000)
    assert allowed_user(0, 1000)
    assert not allowed_user(1001, 1000)


def test_the_kernel_says_who_it_is() -> None:
    ours, theirs = socket.socketpair(socket.AF_UNIX)
    with ours, theirs:
        assert peer_credentials(ours) == (os.getpid(), os.getuid())


async def test_too_many_connections_are_refused_by_name(tmp_path: Path) -> None:
    handler = Handler()
    async with LocalServer(tmp_path / "s", handler).serving():
        writers = []
        for _ in range(MOST_CONNECTIONS):
            _, writer = await asyncio.open_unix_connection(tmp_path / "s")
            writers.append(writer)
            writer.write(b'{"do":"status","id":1}\n')
        await eventually_async(lambda: len(handler.requests) == MOST_CONNECTIONS, "everybody is in")
        reader, extra = await asyncio.open_unix_connection(tmp_path / "s")
        assert "Too many" in json.loads(await asyncio.wait_for(reader.readline(), 60))["text"]
        for writer in [*writers, extra]:
            writer.close()


async def test_a_program_that_does_not_read_is_cut_off(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    handler = Handler()
    async with LocalServer(tmp_path / "s", handler).serving():
        _, writer = await asyncio.open_unix_connection(tmp_path / "s")
        writer.write(b'{"do":"status","id":1}\n')
        await eventually_async(lambda: handler.connections, "the connection")
        for _ in range(400):
            handler.connections[0].say(HelpEnded("x" * 10_000))
        await eventually_async(lambda: handler.departures, "it is cut off")
        writer.close()
    assert "does not read" in caplog.text


async def test_nobody_listens(tmp_path: Path) -> None:
    with pytest.raises(NotRunning, match="handrail-agent run"):
        async with LocalClient.connected(tmp_path / "s"):
            pass


async def test_a_left_over_socket_is_replaced(tmp_path: Path) -> None:
    left = socket.socket(socket.AF_UNIX)
    left.bind(str(tmp_path / "s"))
    left.close()
    with pytest.raises(NotRunning):
        async with LocalClient.connected(tmp_path / "s"):
            pass
    async with LocalServer(tmp_path / "s", Handler()).serving(), LocalClient.connected(tmp_path / "s") as client:
        assert isinstance(await client.request(AskStatus), Done)


async def test_the_daemon_that_goes_away_is_noticed(tmp_path: Path) -> None:
    handler = Handler()
    server = LocalServer(tmp_path / "s", handler)
    async with server.serving():
        client_context = LocalClient.connected(tmp_path / "s")
        client = await client_context.__aenter__()
        await client.request(AskStatus)
    assert await asyncio.wait_for(client.events.get(), 60) is None
    with pytest.raises(NotRunning):
        await client.request(AskStatus)
    await client_context.__aexit__(None, None, None)


async def test_a_path_that_is_too_long_is_said(tmp_path: Path) -> None:
    with pytest.raises(HandrailError, match="shorter home"):
        async with LocalServer(tmp_path / ("x" * 120) / "s", Handler()).serving():
            pass


def test_a_home_is_made_private(tmp_path: Path) -> None:
    home = tmp_path / "a" / "b"
    make_private(home)
    home.chmod(0o755)
    make_private(home)
    assert stat.S_IMODE(home.stat().st_mode) == 0o700
    (tmp_path / "file").touch()
    with pytest.raises(HandrailError, match="cannot be used"):
        make_private(tmp_path / "file" / "below")


async def test_a_program_says_by_itself_that_it_is_there(tmp_path: Path) -> None:
    handler = Handler()
    async with LocalServer(tmp_path / "s", handler).serving(), LocalClient.connected(tmp_path / "s") as client:
        await client.request(AskStatus)
        handler.connections[0].say(AreYouThere(7))
        await eventually_async(lambda: StillHere(2, 7) in handler.requests, "it answers")
        assert client.events.empty()


async def test_who_is_cut_off_hears_why(tmp_path: Path) -> None:
    handler = Handler()
    async with LocalServer(tmp_path / "s", handler).serving(), LocalClient.connected(tmp_path / "s") as client:
        await client.request(AskStatus)
        assert client.gone is None
        handler.connections[0].cut("You did not answer.")
        assert await asyncio.wait_for(client.events.get(), 60) is None
        assert isinstance(client.gone, LocalRefused) and str(client.gone) == "You did not answer."
        await eventually_async(lambda: handler.departures, "the handler hears of the end")


async def test_who_reads_nothing_is_cut_off_all_the_same(tmp_path: Path) -> None:
    handler = Handler()
    async with LocalServer(tmp_path / "s", handler).serving():
        _, writer = await asyncio.open_unix_connection(tmp_path / "s", limit=1024)
        writer.write(b'{"do":"status","id":1}\n')
        await eventually_async(lambda: handler.connections, "it is connected")
        for _ in range(120):  # fills the socket and then the server's own buffer
            handler.connections[0].say(HelpEnded("x" * 8000))
        handler.connections[0].cut("You did not answer.")
        await eventually_async(lambda: handler.departures, "the handler hears of the end")
        writer.close()
