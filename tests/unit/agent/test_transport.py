"""A tunnel through the relay, whose key is its own, that tells when the network is full."""

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator, Callable
from pathlib import Path

from websockets.asyncio.server import ServerConnection, serve
from websockets.http11 import Request

from agent.settings import LinkSettings
from agent.transport import Relay, Tunnel
from tests.kit.tls_server import tls_files
from tests.kit.waiting import eventually_async

SETTINGS = LinkSettings(connect_seconds=5.0)


@contextlib.asynccontextmanager
async def relay(
    handler: Callable[[ServerConnection], object],
    *,
    context: ssl.SSLContext | None = None,
    answer: Callable[[ServerConnection, Request], None] | None = None,
) -> AsyncIterator[int]:
    server = await serve(handler, "127.0.0.1", 0, ssl=context, process_request=answer, compression=None)  # type: ignore[arg-type]
    async with server:
        yield server.sockets[0].getsockname()[1]


async def echo(socket: ServerConnection) -> None:
    async for message in socket:
        await socket.send(message)


def at(port: int, spki: str = "", scheme: str = "http") -> Relay:
    return Relay.parse(f"{scheme}://127.0.0.1:{port}", spki)


async def test_a_tunnel_carries_bytes_and_the_ticket_is_in_a_header() -> None:
    seen: list[str] = []

    def note(_: ServerConnection, request: Request) -> None:
        seen.append(f"{request.path} {request.headers['Authorization']}")

    async with relay(echo, answer=note) as port:
        tunnel = await Tunnel.open(at(port), "ticket-1", SETTINGS, max_bytes=1 << 18)
        assert await tunnel.send(b"hello")
        assert await tunnel.receive() == b"hello"
        await tunnel.close()
        assert await tunnel.receive() is None
        assert not await tunnel.send(b"late")
    assert seen == ["/tunnel Bearer ticket-1"]


async def test_the_pinned_key_is_enough(tmp_path: Path) -> None:
    certificate, key, pin = tls_files(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    async with relay(echo, context=context) as port:
        tunnel = await Tunnel.open(at(port, pin, "https"), "t", SETTINGS, max_bytes=1 << 18)
        assert await tunnel.send(b"x" * 100_000)
        assert await tunnel.receive() == b"x" * 100_000
        await tunnel.close()


async def test_sending_waits_for_a_network_that_is_full() -> None:
    """What cannot go stays with the caller: a reader that stops costs at most what kernel and buffers hold, not megabytes."""
    go_on = asyncio.Event()
    received = 0

    async def slow(socket: ServerConnection) -> None:
        nonlocal received
        await go_on.wait()
        async for message in socket:
            received += len(message)

    async with relay(slow) as port:
        tunnel = await Tunnel.open(at(port), "t", SETTINGS, max_bytes=1 << 18)
        sent = 0

        async def pump() -> None:
            nonlocal sent
            while sent < 64 * 1024 * 1024:
                await tunnel.send(bytes(32 * 1024))
                sent += 32 * 1024

        task = asyncio.get_running_loop().create_task(pump())
        before = -1

        def still() -> bool:
            nonlocal before
            stands, before = sent == before and sent > 0, sent
            return stands

        await eventually_async(still, "sending stands still", every=0.2)
        assert sent < 16 * 1024 * 1024
        held = sent
        go_on.set()
        await eventually_async(lambda: sent > held + 4 * 1024 * 1024, "it flows again")
        task.cancel()
        await asyncio.wait([task])
        await tunnel.close()
    assert received > held


async def test_closing_frees_a_sender_that_waits() -> None:
    over = asyncio.Event()

    async def deaf(socket: ServerConnection) -> None:
        await over.wait()
        socket.transport.abort()
        await socket.wait_closed()

    async with relay(deaf) as port:
        tunnel = await Tunnel.open(at(port), "t", SETTINGS, max_bytes=1 << 18)

        async def pump() -> None:
            while await tunnel.send(bytes(64 * 1024)):
                pass

        task = asyncio.get_running_loop().create_task(pump())
        await asyncio.sleep(0)
        closing = asyncio.get_running_loop().create_task(tunnel.close())
        await asyncio.wait_for(closing, 60)
        await asyncio.wait_for(task, 60)
        over.set()


def test_origins_carry_no_default_port() -> None:
    assert Relay.parse("https://relay.example", "").origin == "https://relay.example"
    assert Relay.parse("https://relay.example:8443/", "").origin == "https://relay.example:8443"
    assert Relay.parse("https://[::1]:8443", "").websocket("/link") == "wss://[::1]:8443/link"
    assert Relay.parse("http://127.0.0.1:80", "").websocket("/link") == "ws://127.0.0.1/link"
