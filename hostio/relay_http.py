"""Short HTTP requests to the relay: registering, enrolling, the signed files. Blocking: run them in a worker thread.

The relay's TLS key is pinned where the bundle names it, compared before a byte of the request is sent; else the system's
certificate authorities vouch for it. No redirect is followed, every answer is bounded in bytes and in time, plain HTTP goes to
this computer only.
What comes back is unverified: only signatures inside it count.
"""

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

from hostio.errors import RelayUnreachable, in_words
from hostio.relay_tls import PinMismatch, tls_context, untrusted, wrong_key
from protocol.relay_address import HttpAnswer, parse_pin, parse_relay_url
from protocol.version import PRODUCT

ANSWER_SECONDS = 120.0
_HEADER_BYTES = 256 * 1024


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
        parse_pin(spki)
        self._spki = spki
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
        except PinMismatch as error:
            raise wrong_key(self.url) from error
        except ssl.SSLCertVerificationError as error:
            raise untrusted(self.url, error) from error
        except (OSError, http.client.HTTPException, ValueError) as error:  # ValueError: a chunk of a size below zero
            raise RelayUnreachable(
                f"The relay {self.url} does not answer ({in_words(error)}). Check the network and that the relay runs."
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
        else:
            connection = http.client.HTTPSConnection(host, port, timeout=self._timeout, context=tls_context(self._spki))
        if proxy:
            connection.set_tunnel(self._host, self._port)
        return connection
