"""Addresses of relays, their keys, and what they answer."""

from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import load_pem_x509_certificate
from hypothesis import given
from hypothesis import strategies as st

from protocol.link import canonical_origin
from protocol.relay_address import (
    HttpAnswer,
    RelayAddress,
    RelayAddressError,
    is_loopback,
    parse_pin,
    parse_relay_url,
    spki_sha256,
)
from tests.kit.tls_server import tls_files


@pytest.mark.parametrize(
    ("url", "address", "origin"),
    [
        ("https://relay.example", RelayAddress("https", "relay.example", 443, False), "https://relay.example"),
        (" HTTPS://Relay.Example:8443/ ", RelayAddress("https", "relay.example", 8443, False), "https://relay.example:8443"),
        ("https://relay.example:443", RelayAddress("https", "relay.example", 443, False), "https://relay.example"),
        ("http://127.0.0.1:8080", RelayAddress("http", "127.0.0.1", 8080, True), "http://127.0.0.1:8080"),
        ("http://localhost", RelayAddress("http", "localhost", 80, True), "http://localhost"),
        ("https://[2001:db8::1]:8443", RelayAddress("https", "2001:db8::1", 8443, False), "https://[2001:db8::1]:8443"),
        ("http://[::1]:1", RelayAddress("http", "::1", 1, True), "http://[::1]:1"),
    ],
)
def test_addresses(url: str, address: RelayAddress, origin: str) -> None:
    parsed = parse_relay_url(url)
    assert (parsed, parsed.origin) == (address, origin)
    assert canonical_origin(parsed.origin) == origin  # what the login signs
    assert parsed.websocket("/link") == origin.replace("http", "ws", 1) + "/link"


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("", "not a relay's address"),
        ("relay.example", "not a relay's address"),
        ("ftp://relay.example", "not a relay's address"),
        ("https://", "not a relay's address"),
        ("https://relay.example:x", "not a relay's address"),
        ("https://relay.example:99999", "no port 99999"),
        ("https://relay.example:0", "no port 0"),
        ("https://[::zz]", "not a relay's address"),
        ("https://[1:2]", "is not an address"),
        ("https://relay.example/path", "says more"),
        ("https://relay.example?x=1", "says more"),
        ("https://relay.example#x", "says more"),
        ("https://user@relay.example", "says more"),
        ("https://user:pass@relay.example", "says more"),
        ("http://relay.example", "not encrypted"),
        ("http://127.0.0.1.example", "not encrypted"),
        ("https://relay.example\n.evil", "not a relay's address"),
    ],
)
def test_other_addresses_are_refused_in_words(url: str, words: str) -> None:
    with pytest.raises(RelayAddressError, match=words):
        parse_relay_url(url)


@given(st.text(max_size=40).map("https://".__add__) | st.text(max_size=40))
def test_whatever_is_read_has_one_host_and_can_be_signed(url: str) -> None:
    try:
        parsed = parse_relay_url(url)
    except RelayAddressError:
        return
    assert parsed.host and not set(parsed.host) & set(" /?#@\n[]") and 0 < parsed.port < 65536


def test_loopback_is_this_computer_only() -> None:
    assert is_loopback("localhost") and is_loopback("127.8.9.1") and is_loopback("::1")
    assert is_loopback("LocalHost") and is_loopback("[::1]")
    assert not is_loopback("10.0.0.1") and not is_loopback("localhost.example")


def test_pins() -> None:
    assert parse_pin("") == b"" and parse_pin("ab" * 32) == b"\xab" * 32
    for bad in ("ab", "xy" * 32, "ab" * 33):
        with pytest.raises(RelayAddressError, match="64 hex digits"):
            parse_pin(bad)


def test_the_pin_of_a_certificate(tmp_path: Path) -> None:
    certificate, _, pin = tls_files(tmp_path)
    der = load_pem_x509_certificate(certificate.read_bytes()).public_bytes(Encoding.DER)
    assert spki_sha256(der).hex() == pin
    unknown = der.replace(bytes.fromhex("06072a8648ce3d0201"), bytes.fromhex("06072a8648ce3b0201"))
    for rubbish in (b"", b"0\x00", unknown):
        assert spki_sha256(rubbish) == b""


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b'{"title":"Full","detail":"No room."}', "No room."),
        (b'{"title":"Full"}', "Full"),
        (b"{}", "status 507"),
        (b"nonsense", "status 507"),
        (b"[" * 5000, "status 507"),
        (b'{"detail":"\\u001b[2Jx\\u202e"}', "\\x1b[2Jx\\u202e"),
        (b'{"detail":"\xff"}', "status 507"),
    ],
)
def test_a_problem_is_one_harmless_line(body: bytes, words: str) -> None:
    assert HttpAnswer(507, body, "").problem() == words
    assert len(HttpAnswer(507, b'{"detail":"' + b"x" * 900 + b'"}', "").problem()) == 300


def test_the_relays_clock() -> None:
    noon = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
    assert HttpAnswer(200, b"", "Sat, 21 Nov 2026 12:00:00 GMT").clock() == noon
    assert HttpAnswer(200, b"", "Sat, 21 Nov 2026 12:00:00 -0000").clock() == noon
    for none in ("", "yesterday", "Sat, 99 Nov 2026 12:00:00 GMT", "Sat, 21 Nov 99999999999 12:00:00 GMT"):
        assert HttpAnswer(200, b"", none).clock() is None
