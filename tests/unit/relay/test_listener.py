"""The door: caps, deadlines, budgets."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from relay.addresses import parse_address, parse_networks
from relay.config import Bounds
from relay.listener import HEADER_SECONDS, KEEP_ALIVE_SECONDS, Gate
from relay.metrics import Loss, Metrics, Refusal
from tests.kit.relays import RunningRelay, serving
from tests.kit.waiting import eventually_async, let_pass

Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


@asynccontextmanager
async def dial(client: RunningRelay) -> AsyncIterator[Streams]:
    reader, writer = await asyncio.open_connection("127.0.0.1", client.port)
    try:
        yield reader, writer
    finally:
        writer.close()
        try:
            await writer.wait_closed()
        except ConnectionError:
            pass


async def rest(reader: asyncio.StreamReader) -> bytes:
    try:
        async with asyncio.timeout(60):
            return await reader.read()
    except ConnectionError:
        return b""


def test_the_times_are_those_of_the_security_design() -> None:
    assert (KEEP_ALIVE_SECONDS, HEADER_SECONDS) == (15.0, 10.0)
    assert Gate(Metrics(), 1, 1).header_seconds == HEADER_SECONDS


def test_the_gate_counts_in_all_and_per_address() -> None:
    metrics = Metrics()
    gate = Gate(metrics, most=3, most_per_address=1, proxies=parse_networks(["10.0.0.0/8"]))
    a, b, proxy = (parse_address(text) for text in ("192.0.2.1", "192.0.2.2", "10.1.2.3"))
    assert gate.admit(a) == "192.0.2.1"
    assert gate.admit(a) is None
    assert gate.admit(proxy) == gate.admit(proxy) == "10.1.2.3"
    assert gate.admit(b) is None
    gate.leave("10.1.2.3")
    assert gate.admit(b) == "192.0.2.2"
    assert (metrics.refused(Refusal.CONNECTIONS), metrics.refused(Refusal.CONNECTIONS_PER_ADDRESS)) == (1, 1)
    for key in ("192.0.2.1", "192.0.2.2", "10.1.2.3"):
        gate.leave(key)
    assert (gate.total, dict(gate.by_address)) == (0, {})


async def test_newcomers_beyond_the_cap_are_refused_and_the_others_go_on(tmp_path: Path) -> None:
    async with serving(tmp_path, bounds=Bounds(connections=2)) as client, dial(client) as first, dial(client) as second:
        # Each has been served once, so both are surely admitted.
        for reader, writer in (first, second):
            writer.write(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
            assert b"200 OK" in await reader.readuntil(b'"ok"}')
        for _ in range(5):
            async with dial(client) as (reader, _writer):
                assert b"503" in await rest(reader)
        await eventually_async(lambda: client.relay.metrics.refused(Refusal.CONNECTIONS) == 5, "all five are refused")
        reader, writer = first
        writer.write(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
        assert b"200 OK" in await reader.readuntil(b'"ok"}')


async def test_half_a_header_is_cut_at_its_deadline(tmp_path: Path) -> None:
    async with serving(tmp_path, header_seconds=0.2) as client:
        async with dial(client) as (reader, writer), dial(client) as (silent, _):
            writer.write(b"GET /healthz HTTP/1.1\r\nHost: x\r\nX-Slow: ")
            assert await rest(reader) == b""
            assert await rest(silent) == b""
        assert client.relay.metrics.refused(Refusal.HEADER_DEADLINE) == 2


async def test_whoever_is_in_is_not_asked_again_to_hurry(tmp_path: Path) -> None:
    async with serving(tmp_path, header_seconds=2.0) as client, client.http() as http:
        async with http.get("/healthz") as answer:
            assert answer.status == 200
        await let_pass(2.2)
        async with http.get("/healthz") as answer:
            assert answer.status == 200, "the deadline is the first header's alone"


async def test_garbage_and_oversized_headers_are_answered_400(tmp_path: Path) -> None:
    async with serving(tmp_path) as client:
        for data in (
            b"\x16\x03\x01\x02\x00garbage\r\n\r\n",
            b"GET / HTTP/9\r\n\r\n",
            b"GET /" + b"x" * 5000 + b" HTTP/1.1\r\n\r\n",
        ):
            async with dial(client) as (reader, writer):
                writer.write(data)
                assert (await rest(reader)).partition(b"\r\n")[0].endswith(b"400 Bad Request")
        many = b"GET / HTTP/1.1\r\nHost: x\r\n" + b"".join(b"X-%d: y\r\n" % n for n in range(200)) + b"\r\n"
        async with dial(client) as (reader, writer):
            writer.write(many)
            assert (await rest(reader)).partition(b"\r\n")[0].endswith(b"400 Bad Request")
        assert client.relay.metrics.lost(Loss.INTERNAL_ERROR) == 0
        assert client.relay.metrics.refused(Refusal.MALFORMED) == 4


async def test_half_of_a_later_header_lasts_no_longer_than_an_idle_connection(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("relay.listener.KEEP_ALIVE_SECONDS", 0.5)
    async with serving(tmp_path) as client, dial(client) as (reader, writer):
        writer.write(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
        assert b"200 OK" in await reader.readuntil(b'"ok"}')
        writer.write(b"GET /healthz HTTP/1.1\r\nHost: x\r\nX-Slow: ")
        end = asyncio.get_running_loop().time() + 10
        while not reader.at_eof():  # a byte now and then buys no time
            assert asyncio.get_running_loop().time() < end, "the rest of the header is waited for"
            writer.write(b"x")
            try:
                async with asyncio.timeout(0.1):
                    assert await reader.read() == b""
            except TimeoutError:
                continue
            except ConnectionError:
                break


async def test_a_login_may_not_be_longer_than_a_login(tmp_path: Path) -> None:
    async with serving(tmp_path) as client:
        link = await client.open("/link", compression=None)
        await link.recv()
        await link.send(b"x" * 40_000)
        await link.wait_closed()
        assert client.relay.metrics.refused(Refusal.LOGIN_BYTES) == 1
        assert len(client.relay.hub) == 0


async def test_small_messages_are_not_held_back(tmp_path: Path) -> None:
    async with serving(tmp_path) as client:
        await client.open("/link", compression=None)
        assert client.relay.listener is not None
        [connection] = client.relay.listener.connections
        assert connection.transport is not None
        assert connection.transport.get_extra_info("socket").getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY) != 0


async def test_a_fault_of_ours_is_500_counted_and_says_nothing(tmp_path: Path) -> None:
    async with serving(tmp_path) as client, client.http() as http:
        client.relay.surface._routes = None  # type: ignore[assignment]
        async with http.get("/healthz") as answer:
            assert (answer.status, (await answer.json(content_type=None))["reason"]) == (500, "internal")
            assert "Traceback" not in await answer.text()
        assert client.relay.metrics.lost(Loss.INTERNAL_ERROR) == 1


async def test_a_client_that_leaves_before_its_answer_is_no_fault_of_ours(tmp_path: Path) -> None:
    async with serving(tmp_path) as client:
        done = asyncio.Event()
        plain = client.relay.surface._find

        def late(request: object) -> object:
            done.set()
            raise ConnectionResetError("Cannot write to closing transport")

        client.relay.surface._find = late  # type: ignore[method-assign, assignment]
        async with dial(client) as (reader, writer):
            writer.write(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
            assert await rest(reader) == b""
            assert done.is_set()
        client.relay.surface._find = plain  # type: ignore[method-assign]
        async with client.http() as http, http.get("/healthz") as answer:
            assert answer.status == 200
        assert client.relay.metrics.lost(Loss.INTERNAL_ERROR) == 0
