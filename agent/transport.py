"""The tunnel to a technician, through the relay: one that tells the truth about what has left.

A tunnel seals only what the network can take. The kernel would swallow megabytes at once, and a key press queued behind them
would wait for all of it; so the kernel is asked to keep little that is unsent (TCP_NOTSENT_LOWAT, tcp(7)), and `Tunnel.send`
returns only when it would take more. What is not sealed stays in the lanes of the session, where the urgent overtakes.
"""

import asyncio
import select
import socket
from dataclasses import dataclass

from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed

from agent.settings import LinkSettings
from hostio.relay_websocket import open_websocket
from protocol.relay_address import RelayAddress, parse_relay_url

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


class Tunnel:
    """One end of a session's tunnel: bytes both ways, cut anywhere."""

    def __init__(self, websocket: ClientConnection) -> None:
        self._websocket = websocket
        self._gate = _Gate(websocket.transport)

    @classmethod
    async def open(cls, relay: Relay, ticket: str, settings: LinkSettings, *, max_bytes: int) -> "Tunnel":
        """Dial the tunnel that `ticket` pays for. Raises as `open_websocket`."""
        return cls(
            await open_websocket(
                relay, "/tunnel", spki=relay.spki, dialling=settings.dialling, max_bytes=max_bytes, ticket=ticket
            )
        )

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
