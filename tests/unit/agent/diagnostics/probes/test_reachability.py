"""Names, TCP and TLS, against real sockets on this machine."""

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import cast

import dns.message
import dns.rcode
import dns.rrset
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from agent.diagnostics.probe import Target, Unsupported
from agent.diagnostics.probes import reachability
from agent.diagnostics.probes.reachability import (
    Reachability,
    ask_name_server,
    days_until_expiry,
    is_name,
    plain,
    try_tcp,
    try_tls,
)
from protocol.relay_address import spki_sha256
from tests.kit.recorded import machine

NOW = datetime.now(UTC)


def certificate(directory: Path, days: int = 90) -> tuple[ssl.SSLContext, bytes]:
    """A self-signed certificate for 127.0.0.1: a server's context and the DER."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "relay")])
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(NOW - timedelta(days=1))
        .not_valid_after(NOW + timedelta(days=days, hours=1))
        .sign(key, hashes.SHA256())
    )
    pem = directory / "server.pem"
    private = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    pem.write_bytes(private + made.public_bytes(serialization.Encoding.PEM))
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(pem)
    return context, made.public_bytes(serialization.Encoding.DER)


@asynccontextmanager
async def server(context: ssl.SSLContext | None = None) -> AsyncIterator[int]:
    async def greet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    running = await asyncio.start_server(greet, "127.0.0.1", 0, ssl=context)
    async with running:
        yield running.sockets[0].getsockname()[1]


class NameServer(asyncio.DatagramProtocol):
    """Answers every question as told; None: not at all."""

    def __init__(self, answer: Callable[[dns.message.Message], dns.message.Message] | None) -> None:
        self.answer = answer

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.DatagramTransport, transport)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        if self.answer is not None:
            self.transport.sendto(self.answer(dns.message.from_wire(data)).to_wire(), addr)


@asynccontextmanager
async def name_server(answer: Callable[[dns.message.Message], dns.message.Message] | None) -> AsyncIterator[int]:
    loop = asyncio.get_running_loop()
    transport, _ = await loop.create_datagram_endpoint(lambda: NameServer(answer), local_addr=("127.0.0.1", 0))
    try:
        yield transport.get_extra_info("sockname")[1]
    finally:
        transport.close()


def good(query: dns.message.Message) -> dns.message.Message:
    response = dns.message.make_response(query)
    response.answer.append(dns.rrset.from_text(query.question[0].name, 60, "IN", "A", "10.0.0.9"))
    return response


def unknown(query: dns.message.Message) -> dns.message.Message:
    response = dns.message.make_response(query)
    response.set_rcode(dns.rcode.NXDOMAIN)
    return response


async def test_a_name_server_that_answers() -> None:
    async with name_server(good) as port:
        row = await ask_name_server("127.0.0.1", "relay.example", port)
    assert (row["ok"], row["error"], row["address"]) == (True, "", "127.0.0.1")


async def test_a_name_that_nobody_knows() -> None:
    async with name_server(unknown) as port:
        assert (await ask_name_server("127.0.0.1", "relay.example", port))["error"] == "the name server answers NXDOMAIN"
        assert (await ask_name_server("127.0.0.1", "localhost", port))["ok"] is True


async def test_a_name_server_that_is_silent_or_gone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reachability, "STEP_SECONDS", 0.2)
    async with name_server(None) as port:
        assert (await ask_name_server("127.0.0.1", "relay.example", port))["error"] == "no answer within 0.2 s"
    assert (await ask_name_server("127.0.0.1", "relay.example", port))["ok"] is False
    assert (await ask_name_server("not an address", "relay.example", port))["ok"] is False


async def test_tcp() -> None:
    async with server() as port:
        row = await try_tcp(Target("127.0.0.1", port))
        assert (row["ok"], row["address"]) == (True, "127.0.0.1")
    row = await try_tcp(Target("127.0.0.1", port))
    assert (row["ok"], row["error"]) == (False, "Connection refused")
    row = await try_tcp(Target("no-such-host.invalid", 1))
    assert row["ok"] is False and str(row["error"])


async def test_tls_by_pin(tmp_path: Path) -> None:
    context, der = certificate(tmp_path)
    async with server(context) as port:
        row = await try_tls(Target("127.0.0.1", port, pin=spki_sha256(der).hex()), NOW.timestamp())
        assert (row["ok"], row["certificate_days"], row["tls_version"]) == (True, 90, "TLSv1.3")
        row = await try_tls(Target("127.0.0.1", port, pin="00" * 32), NOW.timestamp())
        assert row["ok"] is False and "in between" in str(row["error"])


async def test_tls_by_the_systems_authorities(tmp_path: Path) -> None:
    context, _ = certificate(tmp_path)
    async with server(context) as port:
        row = await try_tls(Target("127.0.0.1", port), NOW.timestamp())
    assert row["ok"] is False and "not trusted: self-signed" in str(row["error"])


async def test_something_that_does_not_speak_tls() -> None:
    async def other(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(10)
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        writer.close()

    running = await asyncio.start_server(other, "127.0.0.1", 0)
    async with running:
        row = await try_tls(Target("127.0.0.1", running.sockets[0].getsockname()[1]), NOW.timestamp())
    assert row["ok"] is False and "TLS handshake failed" in str(row["error"])


async def test_nothing_but_what_was_named_is_contacted(tmp_path: Path) -> None:
    async with server() as port:
        targets = (Target("127.0.0.1", port, tls=False), Target("127.0.0.1", port, tls=False))
        rows = await Reachability().rows(machine(tmp_path, targets=targets))
    assert [(row["test"], row["host"], row["ok"]) for row in rows] == [("tcp", "127.0.0.1", True)]
    with pytest.raises(Unsupported, match="nothing to test"):
        await Reachability().rows(machine(tmp_path))


def test_small_things() -> None:
    assert is_name("relay.example") and not is_name("10.0.0.1") and not is_name("::1")
    assert days_until_expiry(b"no certificate", 0) is None
    assert plain(socket.gaierror(-2, "Name or service not known")) == "the name does not resolve: Name or service not known"
    assert plain(OSError("odd")) == "odd" and plain(ValueError()) == "ValueError"
