"""Short HTTP requests to the relay: registering, enrolling, the signed files. Blocking: run them in a worker thread.

The relay's TLS key is pinned where the bundle names it, compared before a byte of the request is sent; else the system's
certificate authorities vouch for it. No redirect is followed, every answer is bounded in bytes and in time, plain HTTP goes to
this computer only. A proxy is chosen as for WebSockets (`hostio.proxies`).
What comes back is unverified: only signatures inside it count.
"""

import base64
import http.client
import importlib
import io
import re
import socket
import ssl
import time
from functools import partial
from typing import TYPE_CHECKING, Any, Final, Protocol
from urllib.parse import quote

import msgspec

from hostio.errors import RelayUnreachable, in_words
from hostio.proxies import NEEDS_SOCKS, proxy_for
from hostio.relay_tls import PinMismatch, tls_context, untrusted, wrong_key
from protocol.printable import printable
from protocol.relay_address import HttpAnswer, RelayAddressError, parse_pin, parse_relay_url
from protocol.version import PRODUCT

if TYPE_CHECKING:
    from hostio.proxies import Proxy

ANSWER_SECONDS = 120.0
_HEADER_BYTES = 256 * 1024
_NO_TUNNEL: Final = re.compile(r"Tunnel connection failed: ([0-9]{1,4})\b")


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


class _NoTunnel(OSError):
    """A SOCKS proxy says no, in its own words."""

    def __str__(self) -> str:
        return str(self.args[0]) if self.args else "it says no"


class _ThroughSocks(http.client.HTTPSConnection):
    """A connection whose bytes a SOCKS proxy carries."""

    def __init__(self, proxy: "Proxy", host: str, port: int, *, timeout: float, context: ssl.SSLContext) -> None:
        super().__init__(host, port, timeout=timeout, context=context)
        self._proxy = proxy
        self._judging = context
        self._seconds = timeout

    def connect(self) -> None:
        # The library that WebSockets take for this, of an extra of its own.
        library: Any = importlib.import_module("python_socks")
        blocking: Any = importlib.import_module("python_socks.sync")
        kind = library.ProxyType.SOCKS5 if self._proxy.scheme.startswith("socks5") else library.ProxyType.SOCKS4
        names_there = self._proxy.scheme in ("socks5h", "socks4a")
        socks = blocking.Proxy(kind, self._proxy.host, self._proxy.port, self._proxy.username, self._proxy.password, names_there)
        try:
            raw = socks.connect(self.host, self.port, timeout=self._seconds)
        except library.ProxyError as error:
            raise _NoTunnel(*error.args) from error
        raw.settimeout(self._seconds)
        self.sock = self._judging.wrap_socket(raw, server_hostname=self.host)


class _ThroughHttp(http.client.HTTPSConnection):
    """A connection whose bytes a proxy carries that was asked to by CONNECT. `proxy_headers` are for the proxy alone."""

    def __init__(
        self, proxy: "Proxy", host: str, port: int, proxy_headers: dict[str, str], *, timeout: float, context: ssl.SSLContext
    ) -> None:
        super().__init__(proxy.host, proxy.port, timeout=timeout, context=context)
        self._far = host
        self._judging = context
        # An IPv6 address stands in brackets there (RFC 9110 7.2), and without them in the certificate.
        self.set_tunnel(f"[{host}]" if ":" in host else host, port, proxy_headers)

    def connect(self) -> None:
        http.client.HTTPConnection.connect(self)
        self.sock = self._judging.wrap_socket(self.sock, server_hostname=self._far)


class RelayHttp:
    """The relay's HTTP side."""

    def __init__(
        self,
        url: str,
        spki: str,
        *,
        proxy: str | None = None,
        timeout: float = 20.0,
        answer_seconds: float = ANSWER_SECONDS,
    ) -> None:
        """Args:
            url: "https://host:port" (http for this computer only).
            spki: hex SHA-256 of the relay's TLS SPKI, "" for the system's CAs.
            proxy: a proxy's URL, "" for none, None for the system's.
            timeout: seconds for connecting and for each read. answer_seconds: for the whole of an answer.

        Raises:
            RelayAddressError: the address or the pin cannot be used.
        """
        address = parse_relay_url(url)
        self._secure = address.scheme == "https"
        self._address = address
        self._proxy = proxy
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
            RelayUnreachable: no answer in time, or one that was cut short or is larger than `max_bytes`; a proxy said no.
            RelayAddressError: the proxy's address cannot be used.
        """
        connection = self._connection()
        bounded: Any = partial(_Answer, most=max_bytes + _HEADER_BYTES, seconds=self._answer_seconds)
        connection.response_class = bounded
        headers = {"Host": self.url.partition("//")[2], "User-Agent": f"handrail/{PRODUCT}", "Accept": "application/json, */*"}
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
        except ImportError as error:
            raise RelayAddressError(NEEDS_SOCKS) from error
        except (OSError, http.client.HTTPException, ValueError) as error:  # ValueError: a chunk of a size below zero
            status = _NO_TUNNEL.match(str(error))
            if status is not None or isinstance(error, _NoTunnel):
                why = printable(str(error)[:200]) if status is None else f"status {status.group(1)}"
                raise RelayUnreachable(f"The proxy on the way to {self.url} does not let us through: {why}.") from error
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
        if not self._secure:  # this computer itself
            return http.client.HTTPConnection(self._host, self._port, timeout=self._timeout)
        proxy = proxy_for(self._address, self._proxy)
        context = tls_context(self._spki)
        if proxy is None:
            return http.client.HTTPSConnection(self._host, self._port, timeout=self._timeout, context=context)
        if proxy.scheme == "https":
            raise RelayAddressError(
                f"The proxy {proxy.host} is spoken to by https, which short requests to the relay cannot do. Name it by http://; "
                "what goes through it is encrypted for the relay all the same."
            )
        if proxy.scheme.startswith("socks"):
            return _ThroughSocks(proxy, self._host, self._port, timeout=self._timeout, context=context)
        headers = {"User-Agent": f"handrail/{PRODUCT}"}
        if proxy.user_info is not None:
            told = base64.b64encode(":".join(proxy.user_info).encode()).decode()
            headers["Proxy-Authorization"] = f"Basic {told}"
        return _ThroughHttp(proxy, self._host, self._port, headers, timeout=self._timeout, context=context)
