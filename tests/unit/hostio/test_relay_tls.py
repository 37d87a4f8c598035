"""The pinned key is accepted and no other, by sockets and by event loops; without a pin the authorities decide."""

import asyncio
import contextlib
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from hostio.relay_tls import PinMismatch, tls_context, unjudged_context, untrusted, wrong_key
from protocol.relay_address import RelayAddressError, spki_sha256
from tests.kit.tls_server import tls_files


@contextmanager
def server(directory: Path) -> Iterator[tuple[int, str, list[bytes]]]:
    """A TLS server for one connection: its port, the pin of its key, and what it was sent."""
    certificate, key, pin = tls_files(directory)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    heard: list[bytes] = []
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            connection, _ = listener.accept()
            connection.settimeout(30)
            with connection, suppress(OSError), context.wrap_socket(connection, server_side=True) as tls:
                heard.append(tls.recv(100))

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield listener.getsockname()[1], pin, heard
        finally:
            thread.join()


def over_a_socket(port: int, pin: str) -> None:
    with (
        socket.create_connection(("127.0.0.1", port), timeout=30) as plain,
        tls_context(pin).wrap_socket(plain, server_hostname="relay.example") as tls,
    ):
        tls.sendall(b"ticket")


def over_a_loop(port: int, pin: str) -> None:
    async def say() -> None:
        _, writer = await asyncio.open_connection("127.0.0.1", port, ssl=tls_context(pin), server_hostname="relay.example")
        writer.write(b"ticket")
        await writer.drain()
        writer.close()
        with contextlib.suppress(ConnectionError):  # who has read what it wanted may hang up first
            await writer.wait_closed()

    asyncio.run(say())


@pytest.mark.parametrize("say", [over_a_socket, over_a_loop])
def test_the_pinned_key_is_enough_whatever_its_name(tmp_path: Path, say: object) -> None:
    with server(tmp_path) as (port, pin, heard):
        say(port, pin)  # type: ignore[operator]
    assert heard == [b"ticket"]


@pytest.mark.parametrize("say", [over_a_socket, over_a_loop])
def test_another_key_is_refused_before_anything_is_sent(tmp_path: Path, say: object) -> None:
    with server(tmp_path) as (port, _, heard), pytest.raises(PinMismatch):
        say(port, "ab" * 32)  # type: ignore[operator]
    assert b"".join(heard) == b""


@pytest.mark.parametrize("pin", ["xyz", "aa", "0" * 63, "0" * 66])
def test_a_malformed_pin_is_refused(pin: str) -> None:
    with pytest.raises(RelayAddressError):
        tls_context(pin)


def test_without_a_pin_the_systems_authorities_decide() -> None:
    context = tls_context("")
    assert context.verify_mode is ssl.CERT_REQUIRED
    assert context.check_hostname
    assert context.minimum_version >= ssl.TLSVersion.TLSv1_2


def test_who_compares_the_key_himself_still_speaks_no_old_tls() -> None:
    assert unjudged_context().minimum_version >= ssl.TLSVersion.TLSv1_2


def test_the_hash_of_no_certificate_matches_nothing() -> None:
    assert spki_sha256(b"nonsense") == b""


def test_what_is_said_names_the_relay_and_what_to_do() -> None:
    assert "https://relay.example does not hold the key" in str(wrong_key("https://relay.example"))
    error = ssl.SSLCertVerificationError(1, "failed")
    error.verify_message = "self-signed certificate"
    said = str(untrusted("https://relay.example", error))
    assert "self-signed certificate" in said and "clock" in said and "handrail-relay init" in said
