"""Dialling the relay: only its own key, no redirects, and a tunnel that tells when the network is full."""

import asyncio
import contextlib
import datetime
import ssl
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from websockets.asyncio.server import ServerConnection, serve
from websockets.http11 import Request, Response

from agent.settings import LinkSettings
from agent.transport import Relay, Tunnel, open_websocket
from hostio.errors import RelayUnreachable
from protocol.errors import TrustError
from protocol.relay_address import RelayAddressError, spki_sha256
from tests.kit.waiting import eventually_async

SETTINGS = LinkSettings(connect_seconds=5.0)


@pytest.fixture
def tls(tmp_path: Path) -> tuple[ssl.SSLContext, str]:
    """A server's context with a certificate of its own, and the pin of its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "relay")])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(5)
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    path = tmp_path / "both.pem"
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    path.write_bytes(pem + certificate.public_bytes(serialization.Encoding.PEM))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(path)
    return context, spki_sha256(certificate.public_bytes(serialization.Encoding.DER)).hex()


@contextlib.asynccontextmanager
async def relay(
    handler: Callable[[ServerConnection], object],
    *,
    context: ssl.SSLContext | None = None,
    answer: Callable[[ServerConnection, Request], Response | None] | None = None,
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


async def test_the_pinned_key_is_enough(tls: tuple[ssl.SSLContext, str]) -> None:
    context, pin = tls
    async with relay(echo, context=context) as port:
        tunnel = await Tunnel.open(at(port, pin, "https"), "t", SETTINGS, max_bytes=1 << 18)
        assert await tunnel.send(b"x" * 100_000)
        assert await tunnel.receive() == b"x" * 100_000
        await tunnel.close()


async def test_another_key_is_refused_before_anything_is_sent(tls: tuple[ssl.SSLContext, str]) -> None:
    context, _ = tls
    requests: list[Request] = []

    def note(_: ServerConnection, request: Request) -> None:
        requests.append(request)

    async with relay(echo, context=context, answer=note) as port:
        with pytest.raises(TrustError, match="Nothing was sent"):
            await open_websocket(at(port, "ab" * 32, "https"), "/link", SETTINGS, max_bytes=1000, ticket="secret")
    assert requests == []


async def test_without_a_pin_an_authority_must_vouch(tls: tuple[ssl.SSLContext, str]) -> None:
    async with relay(echo, context=tls[0]) as port:
        with pytest.raises(TrustError, match="does not trust"):
            await open_websocket(at(port, "", "https"), "/link", SETTINGS, max_bytes=1000)


@pytest.mark.parametrize(
    ("status", "words"), [(401, "ticket"), (429, "patience"), (503, "starting or stopping"), (404, "no Handrail relay")]
)
async def test_an_answer_that_is_no_websocket_is_a_sentence(status: int, words: str) -> None:
    def refuse(socket: ServerConnection, _: Request) -> Response:
        return socket.respond(status, "no\n")

    async with relay(echo, answer=refuse) as port:
        with pytest.raises(RelayUnreachable, match=words):
            await open_websocket(at(port), "/link", SETTINGS, max_bytes=1000)


async def test_no_redirect_is_followed() -> None:
    def redirect(socket: ServerConnection, _: Request) -> Response:
        response = socket.respond(302, "over there\n")
        response.headers["Location"] = "http://127.0.0.1:1/elsewhere"
        return response

    async with relay(echo, answer=redirect) as port:
        with pytest.raises(RelayUnreachable, match="answered 302"):
            await open_websocket(at(port), "/tunnel", SETTINGS, max_bytes=1000, ticket="t")


async def test_nobody_there_is_a_sentence() -> None:
    with pytest.raises(RelayUnreachable, match="does not answer"):
        await open_websocket(at(9), "/link", SETTINGS, max_bytes=1000)


async def test_a_server_that_says_nothing_is_given_up() -> None:
    ended = asyncio.Event()

    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError):
            await reader.read()
        writer.close()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()
        ended.set()

    server = await asyncio.start_server(silent, "127.0.0.1", 0)
    async with server:
        with pytest.raises(RelayUnreachable, match="in time"):
            await open_websocket(
                at(server.sockets[0].getsockname()[1]), "/link", LinkSettings(connect_seconds=0.1), max_bytes=1000
            )
        await asyncio.wait_for(ended.wait(), 60)


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


@pytest.mark.parametrize(
    "url",
    [
        "ftp://relay",
        "http://relay.example",
        "https://",
        "https://relay/path",
        "https://relay?x",
        "https://u:p@relay",
        "https://relay:x",
    ],
)
def test_addresses_that_will_not_do(url: str) -> None:
    with pytest.raises(RelayAddressError):
        Relay.parse(url, "")


def test_origins_carry_no_default_port() -> None:
    assert Relay.parse("https://relay.example", "").origin == "https://relay.example"
    assert Relay.parse("https://relay.example:8443/", "").origin == "https://relay.example:8443"
    assert Relay.parse("https://[::1]:8443", "").websocket("/link") == "wss://[::1]:8443/link"
    assert Relay.parse("http://127.0.0.1:80", "").websocket("/link") == "ws://127.0.0.1/link"
