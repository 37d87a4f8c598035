"""The street door: who is counted from when, how long a handshake may take, and what is refused by which name."""

import asyncio
import errno
import socket
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from relay.config import Bounds
from relay.metrics import Refusal
from relay.porter import HANDSHAKE_SECONDS, bind
from tests.kit.relays import RunningRelay, serving
from tests.kit.waiting import eventually_async

CLIENT_HELLO_BEGINS = b"\x16\x03\x01\x02\x00\x01"


@asynccontextmanager
async def half_open(client: RunningRelay, words: bytes = CLIENT_HELLO_BEGINS) -> AsyncIterator[asyncio.StreamReader]:
    """Somebody who begins a handshake and says no more."""
    reader, writer = await asyncio.open_connection("127.0.0.1", client.port)
    writer.write(words)
    try:
        yield reader
    finally:
        writer.close()


async def hung_up(reader: asyncio.StreamReader) -> bool:
    async with asyncio.timeout(60):
        try:
            return await reader.read(100) == b""
        except ConnectionError:
            return True


def value(client: RunningRelay, name: str) -> float:
    return client.relay.metrics.registry.get_sample_value(f"handrail_relay_{name}") or 0.0


async def test_a_handshake_counts_from_the_accept_on_and_newcomers_are_turned_away(tmp_path: Path) -> None:
    async with serving(tmp_path, tls=True, bounds=Bounds(connections=2)) as client, half_open(client), half_open(client):
        await eventually_async(lambda: value(client, "handshakes") == 2, "both are counted")
        assert value(client, "connections") == 2
        async with half_open(client) as third:
            assert await hung_up(third)
        assert client.relay.metrics.refused(Refusal.CONNECTIONS) == 1
        assert value(client, "handshakes") == 2


async def test_one_address_is_bounded_too(tmp_path: Path) -> None:
    async with serving(tmp_path, tls=True, bounds=Bounds(connections_per_address=1)) as client, half_open(client):
        await eventually_async(lambda: value(client, "connections") == 1, "the first is counted")
        async with half_open(client) as second:
            assert await hung_up(second)
        assert client.relay.metrics.refused(Refusal.CONNECTIONS_PER_ADDRESS) == 1


async def test_a_handshake_that_takes_too_long_is_given_up_by_name(tmp_path: Path) -> None:
    assert HANDSHAKE_SECONDS == 10.0
    async with serving(tmp_path, tls=True, handshake_seconds=4.0) as client:
        async with half_open(client) as begun, half_open(client, b"") as silent:
            assert await hung_up(begun)
            assert await hung_up(silent)
        assert client.relay.metrics.refused(Refusal.HANDSHAKE_DEADLINE) == 2
        assert (value(client, "connections"), value(client, "handshakes")) == (0, 0)
        async with client.http() as http, http.get("/healthz") as answer:
            assert answer.status == 200


async def test_what_is_no_handshake_is_named_and_forgotten(tmp_path: Path) -> None:
    async with serving(tmp_path, tls=True) as client:
        async with half_open(client, b"GET / HTTP/1.1\r\n\r\n") as reader:
            await hung_up(reader)
        await eventually_async(lambda: client.relay.metrics.refused(Refusal.HANDSHAKE) == 1, "it is named")
        async with half_open(client):
            await eventually_async(lambda: value(client, "handshakes") == 1, "one more begins")
        await eventually_async(lambda: client.relay.metrics.refused(Refusal.HANDSHAKE) == 2, "who left is named")
        assert (value(client, "connections"), value(client, "handshakes")) == (0, 0)


async def test_after_a_handshake_the_header_has_its_own_time(tmp_path: Path) -> None:
    async with serving(tmp_path, tls=True, header_seconds=0.3) as client:
        reader, writer = await asyncio.open_connection("127.0.0.1", client.port, ssl=client.context)
        writer.write(b"GET /healthz HTTP/1.1\r\nX-Slow: ")
        async with asyncio.timeout(60):
            assert await reader.read() == b""
        writer.close()
        assert client.relay.metrics.refused(Refusal.HEADER_DEADLINE) == 1
        await eventually_async(lambda: value(client, "connections") == 0, "it is counted out")


async def test_without_descriptors_it_waits_and_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("relay.porter.PAUSE_SECONDS", 0.05)
    async with serving(tmp_path) as client:
        loop = asyncio.get_running_loop()
        plain, failures = loop.sock_accept, [OSError(errno.EMFILE, "Too many open files"), OSError(errno.ECONNABORTED, "gone")]

        async def poor(door: socket.socket) -> Any:
            if failures:
                raise failures.pop(0)
            return await plain(door)

        monkeypatch.setattr(loop, "sock_accept", poor)
        for _ in range(3):  # the first is taken by the accept that waits already
            async with client.http() as http, http.get("/healthz") as answer:
                assert answer.status == 200
        assert client.relay.metrics.refused(Refusal.DESCRIPTORS) == 1


async def test_an_error_that_lasts_is_said_and_not_spun_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("relay.porter.PAUSE_SECONDS", 0.2)
    async with serving(tmp_path) as client:
        loop, asked = asyncio.get_running_loop(), list[float]()
        plain = loop.sock_accept

        async def broken(door: socket.socket) -> Any:
            asked.append(loop.time())
            raise OSError(errno.EINVAL, "Invalid argument")

        monkeypatch.setattr(loop, "sock_accept", broken)
        async with client.http() as http, http.get("/healthz") as answer:
            assert answer.status == 200  # taken by the accept that waits already
        await eventually_async(lambda: len(asked) >= 18, "it is tried again")
        assert len(asked) < 30
        assert "no connections can be accepted: Invalid argument" in caplog.text
        monkeypatch.setattr(loop, "sock_accept", plain)
        async with client.http() as http, http.get("/healthz") as answer:
            assert answer.status == 200


async def test_whatever_one_newcomer_brings_about_the_others_are_served(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async with serving(tmp_path) as client:
        loop = asyncio.get_running_loop()

        async def broken(*_: object, **__: object) -> Any:
            raise RuntimeError("a bug")

        with monkeypatch.context() as patched:
            patched.setattr(loop, "connect_accepted_socket", broken)
            async with half_open(client) as reader:
                assert await hung_up(reader)
        assert client.relay.metrics.refused(Refusal.HANDSHAKE) == 1
        assert "a bug" in caplog.text
        assert value(client, "connections") == 0
        async with client.http() as http, http.get("/healthz") as answer:
            assert answer.status == 200


async def test_it_listens_on_every_address_with_one_port() -> None:
    sockets = await bind("*", 0)
    try:
        assert len({one.getsockname()[1] for one in sockets}) == 1
        assert len({one.family for one in sockets}) == len(sockets) >= 1
        taken = sockets[0].getsockname()[1]
        with pytest.raises(OSError, match="in use"):
            await bind("127.0.0.1", taken)
    finally:
        for one in sockets:
            one.close()


async def test_a_stop_leaves_no_handshake_behind(tmp_path: Path) -> None:
    async with serving(tmp_path, tls=True) as client:
        reader, writer = await asyncio.open_connection("127.0.0.1", client.port)
        writer.write(CLIENT_HELLO_BEGINS)
        await eventually_async(lambda: value(client, "handshakes") == 1, "it has begun")
    assert await hung_up(reader)
    writer.close()
    assert value(client, "handshakes") == 0


def test_the_kit_speaks_tls(tmp_path: Path) -> None:
    """The tests above mean something only if a whole handshake succeeds."""

    async def whole() -> str:
        async with serving(tmp_path, tls=True) as client:
            _, writer = await asyncio.open_connection("127.0.0.1", client.port, ssl=client.context)
            tls = writer.get_extra_info("ssl_object")
            assert isinstance(tls, ssl.SSLObject)
            writer.close()
            return tls.version() or ""

    assert asyncio.run(whole()) == "TLSv1.3"
