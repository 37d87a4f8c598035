"""Dialling the relay: which addresses are taken, whose key, and what is said when it does not work."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import pytest
from aiohttp import web

from hostio.dialling import Dialling
from hostio.errors import RelayUnreachable
from hostio.relay_websocket import PATIENCE_SECONDS, open_websocket
from protocol.errors import HandrailError, Refused, TrustError
from protocol.patience import LONGEST_PATIENCE
from protocol.relay_address import RelayAddressError, parse_relay_url
from tests.kit.processes import free_port
from tests.kit.tls_server import tls_files

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass(frozen=True)
class ServerTls:
    """A server's self-signed key."""

    context: ssl.SSLContext
    pin: str


@pytest.fixture
def tls(tmp_path: Path) -> ServerTls:
    certificate, key, pin = tls_files(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    return ServerTls(context, pin)


@asynccontextmanager
async def server(handler: Handler, context: ssl.SSLContext | None = None) -> AsyncIterator[str]:
    app = web.Application()
    app.router.add_get("/{path:.*}", handler)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.2)
    await runner.setup()
    port = free_port()
    await web.TCPSite(runner, "127.0.0.1", port, ssl_context=context).start()
    try:
        yield f"{'https' if context else 'http'}://127.0.0.1:{port}"
    finally:
        await runner.cleanup()


@asynccontextmanager
async def raw_server(handler: Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]) -> AsyncIterator[int]:
    """A TCP server; its connections are over when it is left."""
    open_ones: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        open_ones.add(task)
        try:
            await handler(reader, writer)
        finally:
            writer.close()
            with suppress(OSError):
                await writer.wait_closed()
            open_ones.discard(task)

    listener = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with listener:
        yield int(listener.sockets[0].getsockname()[1])
        for task in tuple(open_ones):
            task.cancel()
        await asyncio.gather(*open_ones, return_exceptions=True)


async def echo(request: web.Request) -> web.StreamResponse:
    socket = web.WebSocketResponse()
    await socket.prepare(request)
    await socket.send_str(request.headers.get("Authorization", "none"))
    await socket.close()
    return socket


async def dial(url: str, pin: str = "", ticket: str = "", proxy: str | None = None) -> str:
    dialling = Dialling("handrail", 5.0, proxy)
    socket = await open_websocket(parse_relay_url(url), "/tunnel", spki=pin, dialling=dialling, max_bytes=1000, ticket=ticket)
    try:
        return str(await socket.recv())
    finally:
        await socket.close()


@pytest.mark.parametrize(
    ("url", "origin", "websocket"),
    [
        ("https://relay.example:8443", "https://relay.example:8443", "wss://relay.example:8443/link"),
        ("https://Relay.Example/", "https://relay.example", "wss://relay.example/link"),
        ("https://relay.example:443", "https://relay.example", "wss://relay.example/link"),
        ("http://127.0.0.1:8080", "http://127.0.0.1:8080", "ws://127.0.0.1:8080/link"),
        ("http://localhost:80", "http://localhost", "ws://localhost/link"),
        ("https://[2001:db8::1]:8443", "https://[2001:db8::1]:8443", "wss://[2001:db8::1]:8443/link"),
        ("http://[::1]:8443", "http://[::1]:8443", "ws://[::1]:8443/link"),
    ],
)
def test_addresses_are_read(url: str, origin: str, websocket: str) -> None:
    address = parse_relay_url(url)
    assert address.origin == origin
    assert address.websocket("/link") == websocket


@pytest.mark.parametrize(
    "url",
    [
        "",
        "relay.example",
        "ftp://relay.example",
        "http://relay.example",
        "http://10.0.0.1:8080",
        "https://user:secret@relay.example",
        "https://relay.example/path",
        "https://relay.example?x=1",
        "https://relay.example:99999",
        "https://[::1",
        "https://",
    ],
)
def test_other_addresses_are_refused_with_a_hint(url: str) -> None:
    with pytest.raises(RelayAddressError):
        parse_relay_url(url)


async def test_the_pinned_key_is_accepted_whatever_its_name(tls: ServerTls) -> None:
    async with server(echo, tls.context) as url:
        assert await dial(url, tls.pin, ticket="t" * 20) == "Bearer " + "t" * 20


async def test_another_key_is_refused_before_the_ticket_is_sent(tls: ServerTls) -> None:
    requests: list[web.Request] = []

    async def notice(request: web.Request) -> web.StreamResponse:
        requests.append(request)
        return await echo(request)

    async with server(notice, tls.context) as url:
        with pytest.raises(TrustError, match="do not go on"):
            await dial(url, "0" * 64, ticket="secret")
    assert requests == []


async def test_an_unknown_authority_is_refused_without_a_pin(tls: ServerTls) -> None:
    async with server(echo, tls.context) as url:
        with pytest.raises(TrustError, match="does not trust"):
            await dial(url)


async def test_plain_http_serves_this_computer() -> None:
    async with server(echo) as url:
        assert await dial(url) == "none"


@pytest.mark.parametrize(
    ("status", "kind", "words"),
    [
        (401, Refused, "ticket"),
        (403, Refused, "ticket"),
        (429, RelayUnreachable, "patience"),
        (503, RelayUnreachable, "starting, stopping or full"),
        (404, RelayUnreachable, "no Handrail relay"),
    ],
)
async def test_each_status_is_explained(status: int, kind: type[HandrailError], words: str) -> None:
    async def answer(_request: web.Request) -> web.StreamResponse:
        return web.Response(status=status)

    async with server(answer) as url:
        with pytest.raises(kind, match=words):
            await dial(url, ticket="t")


@pytest.mark.parametrize(
    ("status", "header", "seconds"),
    [(503, "60", 60.0), (503, "31536000", LONGEST_PATIENCE), (503, "soon", None), (429, "7", 7.0), (429, "", PATIENCE_SECONDS)],
)
async def test_how_long_the_relay_asks_to_be_left_alone_is_told_within_bounds(
    status: int, header: str, seconds: float | None
) -> None:
    async def answer(_request: web.Request) -> web.StreamResponse:
        return web.Response(status=status, headers=[("Retry-After", header), ("Retry-After", "1")] if header else None)

    async with server(answer) as url:
        with pytest.raises(RelayUnreachable) as caught:
            await dial(url, ticket="t")
    assert caught.value.retry_after == seconds


async def test_a_redirect_is_not_followed() -> None:
    async with server(echo) as elsewhere:

        async def answer(_request: web.Request) -> web.StreamResponse:
            return web.Response(status=302, headers={"Location": f"{elsewhere}/tunnel"})

        async with server(answer) as url:
            with pytest.raises(RelayUnreachable, match="302"):
                await dial(url, ticket="secret")


async def test_nobody_there_and_nonsense_there(tls: ServerTls) -> None:
    with pytest.raises(RelayUnreachable, match="does not answer"):
        await dial(f"http://127.0.0.1:{free_port()}")

    async def nonsense(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"\x00\xffgarbage\r\n\r\n")
        await writer.drain()

    async with raw_server(nonsense) as port:
        for url, pin in ((f"http://127.0.0.1:{port}", ""), (f"https://127.0.0.1:{port}", tls.pin)):
            with pytest.raises(RelayUnreachable):
                await dial(url, pin)


async def test_silence_is_given_up() -> None:
    async def silent(reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
        await reader.read()

    async with raw_server(silent) as port:
        dialling = Dialling("handrail", 0.1)
        with pytest.raises(RelayUnreachable, match="in time"):
            await open_websocket(parse_relay_url(f"http://127.0.0.1:{port}"), "/link", spki="", dialling=dialling, max_bytes=1000)


async def test_a_proxy_is_used_for_other_computers_and_the_pin_still_counts(tls: ServerTls) -> None:
    asked: list[bytes] = []

    async with server(echo, tls.context) as url:
        port = int(url.rpartition(":")[2])

        async def proxy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            asked.append(await reader.readuntil(b"\r\n\r\n"))
            far_reader, far_writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(b"HTTP/1.1 200 OK\r\n\r\n")

            async def carry(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
                while data := await source.read(65536):
                    target.write(data)
                target.close()

            try:
                await asyncio.gather(carry(reader, far_writer), carry(far_reader, writer), return_exceptions=True)
            finally:
                far_writer.close()
                with suppress(OSError):
                    await far_writer.wait_closed()

        async with raw_server(proxy) as proxy_port:
            address = f"http://127.0.0.1:{proxy_port}"
            far = "https://relay.example:8443"
            assert await dial(far, tls.pin, ticket="t", proxy=address) == "Bearer t"
            with pytest.raises(TrustError):
                await dial(far, "0" * 64, ticket="t", proxy=address)
    assert asked[0].startswith(b"CONNECT relay.example:8443 ")


async def test_a_proxy_that_is_no_address_is_said() -> None:
    with pytest.raises(RelayAddressError):
        await dial("https://relay.example", "0" * 64, proxy="gopher://x")
    for wrong in ("gopher://me:s3cret@x", "http://me:s3cret", "http://me:s3cret@x:port"):
        with pytest.raises(RelayAddressError, match="proxy") as told:
            await dial("https://relay.example", "0" * 64, proxy=wrong)
        assert "s3cret" not in str(told.value)
    with pytest.raises(RelayAddressError, match="python-socks"):
        await dial("https://relay.example", "0" * 64, proxy="socks5://127.0.0.1:1")
