"""Ports of a device on this computer: listeners on 127.0.0.1, and the connections made to them carried in a session.

A listener outlives a cut of the session; its connections do not. Whoever connects while there is no session is turned away.
"""

import asyncio
import logging
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from hostio.forward_pump import Pump
from hostio.tasks import Supervisor
from protocol.errors import HandrailError
from protocol.forwarding import Flow, may_reach
from protocol.messages import Lane
from protocol.messages.forward import (
    MOST_STREAMS,
    PIECE_BYTES,
    ForwardClosed,
    ForwardCredit,
    ForwardData,
    ForwardEnd,
    ForwardOpen,
    ForwardOpened,
    ForwardRules,
    Outcome,
)
from protocol.messages.session import Refusal
from technician_client.transfers import Channel

_LOGGER = logging.getLogger(__name__)
LOOPBACK: Final = "127.0.0.1"
ITEMS: Final = 256
OPEN_SECONDS: Final = 20.0
_WISH = re.compile(r"(?:(?P<local>[0-9]{1,5}):)?(?:(?P<host>\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]{1,253}):)?(?P<port>[0-9]{1,5})\Z")


class ForwardError(HandrailError):
    """A port cannot be forwarded; the text says what to do."""


@dataclass(frozen=True, slots=True)
class ForwardWish:
    """`local` port here (0: any free one) leads to `port` of `host` as seen from the device."""

    local: int
    host: str
    port: int

    @classmethod
    def parse(cls, words: str) -> "ForwardWish":
        """Read `PORT`, `LOCAL:PORT` or `LOCAL:HOST:PORT`. A port alone is the same here where that is free.

        Raises:
            ForwardError: it is none of these.
        """
        found = _WISH.match(words)
        port, local = (int(found["port"]), int(found["local"] or found["port"])) if found else (0, 0)
        if found is None or not 0 < port < 65536 or not local < 65536 or (found["host"] and found["local"] is None):
            raise ForwardError(f"{words!r} is no forward: write PORT, LOCAL:PORT or LOCAL:HOST:PORT.")
        return cls(local, (found["host"] or LOOPBACK).strip("[]"), port)


def why_not(rules: ForwardRules, host: str, port: int) -> str:
    """Why the device would not connect there, in words that say what to do; "" when it would."""
    if not rules.enabled:
        return (
            "Forwarding is switched off on that computer. Whoever looks after it allows it: enabled = true under [forward] in "
            "agent.toml."
        )
    if may_reach(host, port, rules.patterns):
        return ""
    others = (
        f"Beside the device itself it allows {', '.join(rules.patterns)}." if rules.patterns else "It allows the device alone."
    )
    return (
        f"The organisation's signed policy does not let {host}:{port} be reached through this device. {others} Whoever looks "
        "after the policy can change that: handrail org policy GROUP --forward-to HOST:PORT."
    )


@dataclass(slots=True)
class _Connection:
    pump: Pump
    opened: asyncio.Event = field(default_factory=asyncio.Event)
    closed: ForwardClosed | None = None


class Forward:
    """One listener with what went through it."""

    def __init__(self, wish: ForwardWish, number: int) -> None:
        self.wish = wish
        self.number = number
        self.local = wish.local
        self.server: asyncio.Server | None = None
        self.streams: set[int] = set()
        self.connections = 0
        self.problem = ""
        self._sent = self._received = 0
        self._flows: dict[int, Flow] = {}

    @property
    def sent(self) -> int:
        """Bytes to the device."""
        return self._sent + sum(flow.sent for flow in self._flows.values())

    @property
    def received(self) -> int:
        """Bytes from the device."""
        return self._received + sum(flow.received for flow in self._flows.values())

    def begin(self, flow: Flow) -> None:
        """A connection more."""
        self.connections += 1
        self._flows[flow.stream] = flow

    def finish(self, flow: Flow) -> None:
        """One of its connections is over."""
        if self._flows.pop(flow.stream, None) is not None:
            self._sent += flow.sent
            self._received += flow.received


class Forwarder:
    """All forwards of one device. Event loop only; `on_change` is called when a row may have changed."""

    def __init__(self, on_change: Callable[[], None] = lambda: None) -> None:
        self._on_change = on_change
        self._session: Channel | None = None
        self._forwards: dict[int, Forward] = {}
        self._connections: dict[int, _Connection] = {}
        self._last_stream = 0
        self._last_number = 0
        self._tasks = Supervisor(self._failed)

    @property
    def forwards(self) -> list[Forward]:
        """What is forwarded, oldest first."""
        return list(self._forwards.values())

    async def add(self, wish: ForwardWish) -> Forward:
        """Listen for `wish`.

        Raises:
            ForwardError: the local port is taken, or needs rights that this program does not have.
        """
        self._last_number += 1
        forward = Forward(wish, self._last_number)

        def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            self._connected(forward, reader, writer)

        try:
            forward.server = await asyncio.start_server(connected, LOOPBACK, wish.local, limit=PIECE_BYTES)
        except OSError as error:
            raise ForwardError(
                f"This computer cannot listen on {LOOPBACK}:{wish.local} ({error.strerror or error}). Choose another port: "
                f"{wish.local + 10000 if wish.local < 50000 else 0}:{wish.port}."
            ) from error
        forward.local = int(forward.server.sockets[0].getsockname()[1])
        self._forwards[forward.number] = forward
        self._on_change()
        return forward

    def remove(self, number: int) -> None:
        """Stop listening, and end its connections."""
        forward = self._forwards.pop(number, None)
        if forward is None:
            return
        if forward.server is not None:
            forward.server.close()
        for stream in tuple(forward.streams):
            self._close(stream, "closed")
        self._on_change()

    async def run(self, session: Channel) -> None:
        """Carry connections in this session until it ends."""
        kinds = (ForwardOpened, ForwardData, ForwardEnd, ForwardCredit, ForwardClosed, Refusal)
        with session.subscribe(*kinds, limit=ITEMS) as items:
            self._session = session
            try:
                async for item in items:
                    if isinstance(item, kinds):
                        self._hear(item)
            finally:
                if self._session is session:
                    self._session = None
                for stream in tuple(self._connections):
                    self._ended(stream, ForwardClosed(stream, "broken", "The session was interrupted."))

    async def aclose(self) -> None:
        """Stop everything."""
        for number in tuple(self._forwards):
            self.remove(number)
        await self._tasks.aclose()

    # -- the session --------------------------------------------------------------------------------------------------

    def _hear(self, item: ForwardOpened | ForwardData | ForwardEnd | ForwardCredit | ForwardClosed | Refusal) -> None:
        if isinstance(item, Refusal):
            self._refused(item)
            return
        connection = self._connections.get(item.stream)
        if connection is None:
            return  # it crossed our end of the connection
        match item:
            case ForwardOpened():
                connection.opened.set()
            case ForwardClosed():
                self._ended(item.stream, item)
            case _:
                try:
                    connection.pump.hear(item)
                except HandrailError as error:
                    _LOGGER.warning("a forwarded connection was closed: %s", error)
                    self._close(item.stream, "limit")

    def _refused(self, refusal: Refusal) -> None:
        """Paused, or not granted (any more). It names no connection: none that does not stand yet will, and of those that do
        nobody knows what was refused."""
        if not refusal.refused.startswith("forward."):
            return
        text = refusal.text or f"The device refused it ({refusal.reason})."
        for stream, connection in tuple(self._connections.items()):
            if refusal.refused != "forward.open" or not connection.opened.is_set():
                self._close(stream, "closed", text)

    def _say(self, message: ForwardOpen | ForwardData | ForwardEnd | ForwardCredit | ForwardClosed) -> None:
        if self._session is None:
            return
        try:
            self._session.send(message)
        except HandrailError:
            self._session = None  # it has just ended

    def _pending(self) -> int:
        return 0 if self._session is None else self._session.pending(Lane.BULK)

    def _close(self, stream: int, outcome: Outcome, text: str = "") -> None:
        """End a connection from here; `text`: why, for whoever made it."""
        self._say(ForwardClosed(stream, outcome))
        self._ended(stream, ForwardClosed(stream, outcome, text))

    def _ended(self, stream: int, closed: ForwardClosed) -> None:
        connection = self._connections.pop(stream, None)
        if connection is not None:
            connection.closed = closed
            connection.opened.set()
            connection.pump.end()

    # -- connections --------------------------------------------------------------------------------------------------

    def _connected(self, forward: Forward, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._session is None or len(self._connections) >= MOST_STREAMS:
            forward.problem = "there is no session now" if self._session is None else f"{MOST_STREAMS} connections are open"
            writer.transport.abort()
            self._on_change()
            return
        self._last_stream = self._last_stream % 2**31 + 1
        connection = _Connection(Pump(Flow(self._last_stream), self._say, self._pending))
        self._connections[self._last_stream] = connection
        forward.streams.add(self._last_stream)
        forward.begin(connection.pump.flow)
        _ = self._tasks.spawn(self._join(forward, connection, reader, writer), f"connection {self._last_stream}")

    async def _join(
        self, forward: Forward, connection: _Connection, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        """One connection from its beginning to its end."""
        flow = connection.pump.flow
        try:
            self._say(ForwardOpen(flow.stream, forward.wish.port, forward.wish.host))
            await self._wait_opened(connection)
            if connection.closed is None:
                forward.problem = ""
                self._on_change()
                await connection.pump.carry(reader, writer)
        except OSError as error:
            _LOGGER.info("a forwarded connection broke here: %s", error)
            self._close(flow.stream, "broken")
        finally:
            if connection.closed is not None and connection.closed.text:
                forward.problem = connection.closed.text
            self._connections.pop(flow.stream, None)
            forward.streams.discard(flow.stream)
            forward.finish(flow)
            connection.pump.close(writer)
            self._on_change()

    async def _wait_opened(self, connection: _Connection) -> None:
        """Until it stands or is closed. The device tries for 10 s; of many refusals in a second only one is told."""
        try:
            async with asyncio.timeout(OPEN_SECONDS):
                await connection.opened.wait()
        except TimeoutError:
            self._close(connection.pump.flow.stream, "unreachable", "The device did not answer.")

    def _failed(self, name: str, error: BaseException) -> None:
        _LOGGER.error("%s failed", name, exc_info=error)
