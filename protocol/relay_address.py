"""Where a relay is, whose key answers there, and what its short answers say: what every peer reads the same way.

Pure: the carrying (sockets, TLS, HTTP) is done by `hostio`.
"""

import hashlib
import ipaddress
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Final

import msgspec
from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from protocol.errors import HandrailError
from protocol.printable import printable

PROBLEM_BYTES: Final = 4096
_URL: Final = re.compile(r"(https?)://(\[[0-9a-f:.]+\]|[^\s/?#@:\[\]]+)(?::([0-9]{1,5}))?/?", re.IGNORECASE)
_LIKE: Final = "Write it like https://relay.example:8443"


class RelayAddressError(HandrailError):
    """The relay's address cannot be used; the text says how it must look."""


@dataclass(frozen=True, slots=True)
class RelayAddress:
    """Where a relay is. `loopback`: on this computer itself."""

    scheme: str
    host: str
    port: int
    loopback: bool

    @property
    def origin(self) -> str:
        """Scheme, host and port as both sides sign it at login: no default port, no path."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        default = 443 if self.scheme == "https" else 80
        return f"{self.scheme}://{host}" + ("" if self.port == default else f":{self.port}")

    def websocket(self, path: str) -> str:
        """The WebSocket address of `path` ("/link")."""
        return ("wss" if self.scheme == "https" else "ws") + self.origin[len(self.scheme) :] + path


def parse_relay_url(url: str) -> RelayAddress:
    """Read a relay's URL.

    Raises:
        RelayAddressError: not https, or http for another computer, or with a path, query or credentials.
    """
    match = _URL.fullmatch(url.strip())
    if match is None:
        if re.match(r"https?://[^\s/?#@]+[/?#@]", url.strip(), re.IGNORECASE):
            raise RelayAddressError(f"{url!r} says more than a relay's address may: keep only https://HOST:PORT")
        raise RelayAddressError(f"{url!r} is not a relay's address. {_LIKE}")
    scheme, host = match.group(1).lower(), match.group(2).strip("[]").lower()
    port = int(match.group(3) or (443 if scheme == "https" else 80))
    if not 0 < port < 65536:
        raise RelayAddressError(f"{url!r} is not an address: there is no port {port}. {_LIKE}")
    if ":" in host:
        try:
            ipaddress.ip_address(host)
        except ValueError as error:
            raise RelayAddressError(f"{url!r} is not an address: {error}. {_LIKE}") from error
    loopback = is_loopback(host)
    if scheme == "http" and not loopback:
        raise RelayAddressError(f"{url!r} is not encrypted. Plain http is for this computer itself only; use https://")
    return RelayAddress(scheme, host, port, loopback)


def is_loopback(host: str) -> bool:
    """Whether this host name is this computer itself; an IPv6 address may stand in brackets."""
    if host.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def parse_pin(spki: str) -> bytes:
    """A relay's pin (hex) as bytes; b"" for the system's certificate authorities.

    Raises:
        RelayAddressError: it is none.
    """
    try:
        pin = bytes.fromhex(spki)
    except ValueError:
        pin = b"?"
    if len(pin) not in (0, 32):
        raise RelayAddressError("The relay's pin must be 64 hex digits (the SHA-256 of its TLS key).")
    return pin


def spki_sha256(certificate_der: bytes) -> bytes:
    """SHA-256 of a certificate's SubjectPublicKeyInfo, whatever its kind of key; b"" when the bytes are no certificate."""
    try:
        key = x509.load_der_x509_certificate(certificate_der).public_key()
    except (ValueError, TypeError, UnsupportedAlgorithm, x509.InvalidVersion):
        return b""
    return hashlib.sha256(key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).digest()


class _Problem(msgspec.Struct, frozen=True):
    """The parts of an RFC 9457 answer that are shown."""

    title: str = ""
    detail: str = ""


@dataclass(frozen=True, slots=True)
class HttpAnswer:
    """What the relay answered. `date` is its own Date header ("" when it sent none), unverified like the rest."""

    status: int
    body: bytes
    date: str

    def problem(self) -> str:
        """One line of the relay's own words about a failure, for a person to read."""
        try:
            problem = msgspec.json.decode(self.body[:PROBLEM_BYTES], type=_Problem)
        except (ValueError, RecursionError):
            return f"status {self.status}"
        words = problem.detail or problem.title or f"status {self.status}"
        return printable(words[:300])

    def clock(self) -> datetime | None:
        """What the relay's clock said; None when it did not say."""
        try:
            date = parsedate_to_datetime(self.date) if self.date else None
        except (ValueError, OverflowError):
            return None
        return date.replace(tzinfo=UTC) if date is not None and date.tzinfo is None else date


class EnrolmentTaken(msgspec.Struct, frozen=True):
    """202 to a request for enrolment: where to ask for the answer, and the token to ask with."""

    enrolment: str
    poll_token: str


class EnrolmentState(msgspec.Struct, frozen=True):
    """200 to a question for it: `status` is "waiting" or "answered"; then `answer` is the signer's document."""

    status: str
    answer: bytes = b""
