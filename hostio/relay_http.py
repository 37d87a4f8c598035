"""Short HTTP requests to the relay: registering, enrolling, the signed files. Blocking: run them in a worker thread.

The relay's TLS key is pinned where the bundle names it, compared before a byte of the request is sent; else the system's
certificate authorities vouch for it. No redirect is followed, every answer is bounded in bytes and in time, plain HTTP goes to
this computer only.
What comes back is unverified: only signatures inside it count.
"""

import hmac
import http.client
import io
import socket
import ssl
import time
import urllib.request
from functools import partial
from typing import Any, Protocol
from urllib.parse import quote, urlsplit

import msgspec

from hostio.errors import RelayUnreachable
from protocol.errors import TrustError
from protocol.relay_address import HttpAnswer, parse_pin, parse_relay_url, spki_sha256
from protocol.version import PRODUCT

ANSWER_SECONDS = 120.0
_HEADER_BYTES = 256 * 1024


class _PinnedConnection(http.client.HTTPSConnection):
    """A TLS connection to the holder of one key."""

    def __init__(self, host: str, port: int, *, timeout: float, pin: bytes) -> None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE  # the pin is the check: a self-signed relay has nothing else to show
        super().__init__(host, port, timeout=timeout, context=context)
        self._pin = pin

    def connect(self) -> None:
        """Connect, and compare the key before anything is sent.

        Raises:
            TrustError: another key.
        """
        super().connect()
        der = self.sock.getpeercert(binary_form=True)
        if der is None or not hmac.compare_digest(spki_sha256(der), self._pin):
            self.close()
            raise TrustError(
                f"{self.host} does not hold the key that was pinned for the relay. Either somebody sits in between, or the "
                "relay was given a new key: ask your administrator, and do not go on."
            )


class _Raw(Protocol):
    """What `socket.makefile` reads from."""

    def readinto(self, buffer: Any, /) -> int | None: ...

    def close(self) -> None: ...


class _Bounded(io.RawIOBase):
    """The bytes of an answer, so many at most and until a moment: a byte now and then, headers, chunks or `100 Continue` without
    end hold nobody up."""

    def __init__(self, raw: _Raw, connection: socket.socket, most: int, seconds: float) -> None:
        self._raw = raw
        self._connection = connection
        self._left = most
        self._until = time.monotonic() + seconds

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any, /) -> int | None:
        remaining = self._until - time.monotonic()
        if remaining <= 0:
            raise TimeoutError
        limit = self._connection.gettimeout()
        self._connection.settimeout(remaining if limit is None else min(limit, remaining))
        count = self._raw.readinto(buffer)
        self._left -= count or 0
        if self._left < 0:
            raise http.client.HTTPException("it sends more than was asked for")
        return count

    def close(self) -> None:
        self._raw.close()
        super().close()


class _Answer(http.client.HTTPResponse):
    """An answer that is read through `_Bounded`."""

    def __init__(self, connection: Any, *arguments: Any, most: int, seconds: float, **named: Any) -> None:
        super().__init__(connection, *arguments, **named)
        raw: Any = self.fp.detach()
        self.fp = io.BufferedReader(_Bounded(raw, connection, most, seconds))


class RelayHttp:
    """The relay's HTTP side."""

    def __init__(self, url: str, spki: str, *, timeout: float = 20.0, answer_seconds: float = ANSWER_SECONDS) -> None:
        """Args:
            url: "https://host:port" (http for this computer only).
            spki: hex SHA-256 of the relay's TLS SPKI, "" for the system's CAs.
            timeout: seconds for connecting and for each read. answer_seconds: for the whole of an answer.

        Raises:
            RelayAddressError: the address or the pin cannot be used.
        """
        address = parse_relay_url(url)
        self._secure = address.scheme == "https"
        self._loopback = address.loopback
        self._pin = parse_pin(spki)
        self._host, self._port = address.host, address.port
        self._timeout = timeout
        self._answer_seconds = answer_seconds
        self.url = address.origin

    def request(
        self,
        method: str,
        path: str,
        *,
        body: bytes | None = None,
        content_type: str = "application/json",
        bearer: str = "",
        max_bytes: int = 256 * 1024,
    ) -> HttpAnswer:
        """One request, one connection. `path` begins with "/" and is percent-encoded here.

        Raises:
            TrustError: the relay does not hold the right key.
            RelayUnreachable: no answer in time, or one that was cut short or is larger than `max_bytes`.
        """
        connection = self._connection()
        bounded: Any = partial(_Answer, most=max_bytes + _HEADER_BYTES, seconds=self._answer_seconds)
        connection.response_class = bounded
        headers = {"User-Agent": f"handrail/{PRODUCT}", "Accept": "application/json, */*"}
        if body is not None:
            headers["Content-Type"] = content_type
        if bearer:
            headers["Authorization"] = f"Bearer {bearer}"
        try:
            connection.request(method, quote(path, safe="/-._~:?=&"), body=body, headers=headers)
            with connection.getresponse() as response:
                data = response.read(max_bytes + 1)
            date = response.getheader("Date") or ""
        except ssl.SSLCertVerificationError as error:
            raise TrustError(
                f"{self.url} shows a certificate that this computer does not trust ({error.verify_message}). "
                "A relay with its own certificate needs its pin, which `handrail-relay init` printed."
            ) from error
        except (OSError, http.client.HTTPException, ValueError) as error:  # ValueError: a chunk of a size below zero
            raise RelayUnreachable(
                f"The relay {self.url} does not answer ({_plain(error)}). Check the network and that the relay runs."
            ) from error
        finally:
            connection.close()
        if len(data) > max_bytes:
            raise RelayUnreachable(f"{self.url} sent more than {max_bytes} bytes where less was expected.")
        if response.length:
            raise RelayUnreachable(f"{self.url} broke its answer off. Check the network and that the relay runs.")
        return HttpAnswer(response.status, data, date[:64])

    def post_json(self, path: str, document: object, *, bearer: str = "") -> HttpAnswer:
        """POST a JSON document. Raises as `request`."""
        return self.request("POST", path, body=msgspec.json.encode(document), bearer=bearer)

    def _connection(self) -> http.client.HTTPConnection:
        proxy = None if self._loopback else urllib.request.getproxies().get("https" if self._secure else "http")
        if proxy and urllib.request.proxy_bypass(self._host):
            proxy = None
        host, port = self._host, self._port
        if proxy:
            through = urlsplit(proxy if "//" in proxy else f"//{proxy}")
            host, port = through.hostname or "", through.port or 8080
        connection: http.client.HTTPConnection
        if not self._secure:
            connection = http.client.HTTPConnection(host, port, timeout=self._timeout)
        elif self._pin:
            connection = _PinnedConnection(host, port, timeout=self._timeout, pin=self._pin)
        else:
            context: Any = ssl.create_default_context()
            connection = http.client.HTTPSConnection(host, port, timeout=self._timeout, context=context)
        if proxy:
            connection.set_tunnel(self._host, self._port)
        return connection


def _plain(error: BaseException) -> str:
    return "no answer in time" if isinstance(error, TimeoutError) else str(error) or type(error).__name__
