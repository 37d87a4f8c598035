"""WebSockets to the relay: dialling with a pinned key, and a tunnel that tells the truth about what has left.

A tunnel seals only what the network can take. The kernel would swallow megabytes at once, and a key press queued behind them
would wait for all of it; so the kernel is asked to keep little that is unsent (TCP_NOTSENT_LOWAT, tcp(7)), and `Tunnel.send`
returns only when it would take more. What is not sealed stays in the lanes of the session, where the urgent overtakes.
"""

import asyncio
import hmac
import select
import socket
import ssl
from dataclasses import dataclass
from typing import Any

from websockets.asyncio.client import ClientConnection, connect
from websockets.datastructures import HeadersLike
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidProxy, InvalidStatus, InvalidURI, ProxyError

from agent.settings import LinkSettings
from hostio.errors import RelayUnreachable
from protocol.errors import TrustError
from protocol.relay_address import RelayAddress, parse_relay_url, spki_sha256
from protocol.version import PRODUCT

CLOSE_SECONDS = 2.0
PING_SECONDS = 20.0
NOT_SENT_BYTES = 16 * 1024


@dataclass(frozen=True, slots=True)
class Relay(RelayAddress):
    """A relay as the bundle names it. `spki` is the hex SHA-256 of its TLS key, "" for the system's certificate authorities."""

    spki: str

    @classmethod
    def parse(cls, url: str, spki: str) -> "Relay":
        """Read a relay's address.

        Raises:
            RelayAddressError: not `https://HOST[:PORT]`, or plain http to another computer.
        """
        address = parse_relay_url(url)
        return cls(address.scheme, address.host, address.port, address.loopback, spki)


async def open_websocket(
    relay: Relay, path: str, settings: LinkSettings, *, max_bytes: int, ticket: str = ""
) -> ClientConnection:
    """Open a WebSocket. The relay's key is compared before the request (and so a ticket) is sent; no redirect is followed.

    Raises:
        TrustError: the relay does not hold the pinned key, or its certificate is not trusted.
        RelayUnreachable: it does not answer, or not as a relay.
    """
    pin = bytes.fromhex(relay.spki)

    class Pinned(ClientConnection):
        async def handshake(self, additional_headers: HeadersLike | None = None, user_agent_header: str | None = None) -> None:
            if pin:
                _check_pin(self.transport, pin, relay.origin)
            await super().handshake(additional_headers, user_agent_header)

    options: dict[str, Any] = {"ssl": tls_context(bool(pin))} if relay.scheme == "https" else {}
    proxy: Any = True if settings.proxy == "" else None if settings.proxy == "none" else settings.proxy
    try:
        return await _Connect(
            relay.websocket(path),
            additional_headers={"Authorization": f"Bearer {ticket}"} if ticket else None,
            user_agent_header=f"handrail-agent/{PRODUCT}",
            compression=None,
            proxy=None if relay.loopback else proxy,
            open_timeout=settings.connect_seconds,
            close_timeout=CLOSE_SECONDS,
            ping_interval=PING_SECONDS,
            ping_timeout=PING_SECONDS,
            max_size=max_bytes,
            write_limit=settings.send_buffer,
            create_connection=Pinned,
            **options,
        )
    except ssl.SSLCertVerificationError as error:
        raise TrustError(
            f"{relay.origin} shows a certificate that this computer does not trust ({error.verify_message}). Check this "
            "computer's clock; a relay with a certificate of its own needs its pin in the bundle."
        ) from error
    except InvalidStatus as error:
        raise RelayUnreachable(_status_sentence(relay, error.response.status_code)) from error
    except (InvalidProxy, InvalidURI, ProxyError) as error:
        raise RelayUnreachable(f"The proxy on the way to {relay.origin} does not let us through: {error}.") from error
    except (OSError, TimeoutError, InvalidHandshake, EOFError) as error:
        why = "no answer in time" if isinstance(error, TimeoutError) else _plain(error)
        raise RelayUnreachable(
            f"The relay {relay.origin} does not answer ({why}). Check the network and that the relay runs."
        ) from error


class _Connect(connect):
    """Follows no redirect: a ticket must never reach an address that nobody wrote down."""

    def process_redirect(self, exc: Exception) -> Exception | str:
        return exc


def tls_context(pinned: bool) -> ssl.SSLContext:
    """How this agent meets its relay: judged by the system's authorities or, `pinned`, by whoever compares the key afterwards."""
    if not pinned:
        return ssl.create_default_context()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE  # the pin is the check
    return context


def _check_pin(transport: asyncio.BaseTransport, pin: bytes, origin: str) -> None:
    tls = transport.get_extra_info("ssl_object")
    der = None if tls is None else tls.getpeercert(binary_form=True)
    if der is None or not hmac.compare_digest(spki_sha256(der), pin):
        raise TrustError(
            f"{origin} does not hold the key that the enrolment bundle names. Either somebody sits in between, or the relay was "
            "given a new key: ask your administrator. Nothing was sent."
        )


def _status_sentence(relay: Relay, status: int) -> str:
    if status in (401, 403):
        return f"{relay.origin} did not take the ticket: it was used or is too old."
    if status == 429:
        return f"{relay.origin} asks for patience: too many attempts from here."
    if status == 503:
        return f"{relay.origin} is starting or stopping."
    return f"{relay.origin} answered {status}: it is no Handrail relay, or something in between answers for it."


def _plain(error: BaseException) -> str:
    """The cause of a failed connection in few words."""
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return str(error) or type(error).__name__


class Tunnel:
    """One end of a session's tunnel: bytes both ways, cut anywhere."""

    def __init__(self, websocket: ClientConnection) -> None:
        self._websocket = websocket
        self._gate = _Gate(websocket.transport)

    @classmethod
    async def open(cls, relay: Relay, ticket: str, settings: LinkSettings, *, max_bytes: int) -> "Tunnel":
        """Dial the tunnel that `ticket` pays for. Raises as `open_websocket`."""
        return cls(await open_websocket(relay, "/tunnel", settings, max_bytes=max_bytes, ticket=ticket))

    async def receive(self) -> bytes | None:
        """The next bytes; None: the tunnel is gone."""
        try:
            data = await self._websocket.recv(decode=False)
        except ConnectionClosed:
            return None
        return data

    async def send(self, data: bytes) -> bool:
        """Hand bytes to the network and wait until it would take more; False: the tunnel is gone."""
        try:
            await self._websocket.send(data)
        except ConnectionClosed:
            return False
        await self._gate.wait()
        return True

    async def close(self) -> None:
        """Close it; waits for the other side for two seconds at most."""
        self._gate.close()
        await self._websocket.close()


class _Gate:
    """Waits until the kernel has little left to send. It watches a duplicate of the socket, since the event loop's transport
    claims the socket itself; where that cannot be watched, the write buffers' limits alone hold things back."""

    def __init__(self, transport: asyncio.BaseTransport) -> None:
        self._socket: socket.socket | None = None
        self._closed = asyncio.get_running_loop().create_future()
        owned = transport.get_extra_info("socket")
        if owned is None:
            return
        try:
            owned.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            owned.setsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, NOT_SENT_BYTES)
            self._poll = select.poll()
            self._socket = socket.socket(fileno=socket.dup(owned.fileno()))
            self._poll.register(self._socket.fileno(), select.POLLOUT)
        except (OSError, AttributeError):
            return

    async def wait(self) -> None:
        """Until the kernel says that it would take more."""
        if self._socket is None or self._poll.poll(0):
            return
        loop = asyncio.get_running_loop()
        ready = loop.create_future()
        loop.add_writer(self._socket.fileno(), _settle, ready)
        try:
            await asyncio.wait([ready, self._closed], return_when=asyncio.FIRST_COMPLETED)
        finally:
            if self._socket is not None:
                loop.remove_writer(self._socket.fileno())

    def close(self) -> None:
        """Let whoever waits go on."""
        if not self._closed.done():
            self._closed.set_result(None)
        if self._socket is not None:
            asyncio.get_running_loop().remove_writer(self._socket.fileno())
            self._socket.close()
            self._socket = None


def _settle(future: "asyncio.Future[None]") -> None:
    if not future.done():
        future.set_result(None)
