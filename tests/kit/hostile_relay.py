"""The relay's owner at work: stands where the relay stands, with the relay's own TLS key, takes every WebSocket message and every
HTTP answer apart and does with it what a `Plan` says. The real relay behind it goes on as if nothing were."""

import asyncio
import contextlib
import secrets
import ssl
import struct
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from protocol.link_messages import AnyLinkMessage, LinkMessage, Login, TunnelOffer
from tests.kit.hostile_http import Change, Exchange, Part, header_lines
from tests.kit.relay_tap import CHUNK, RecordedConnection, RelayTap, unmask

BINARY = 0x82  # FIN and opcode 2
_LINK = msgspec.msgpack.Decoder(AnyLinkMessage)
_ENCODER = msgspec.msgpack.Encoder()


def link_message(data: bytes) -> LinkMessage | None:
    """A message of a control link, or None when it is none."""
    try:
        message: LinkMessage = _LINK.decode(data)
    except ValueError:
        return None
    return message


def frame(payload: bytes, *, masked: bool) -> bytes:
    """RFC 6455: one binary message in one frame."""
    size = len(payload)
    flag = 0x80 if masked else 0
    if size < 126:
        head = bytes((BINARY, flag | size))
    elif size < 65536:
        head = bytes((BINARY, flag | 126)) + struct.pack(">H", size)
    else:
        head = bytes((BINARY, flag | 127)) + struct.pack(">Q", size)
    if not masked:
        return head + payload
    mask = secrets.token_bytes(4)
    return head + mask + unmask(payload, mask)


@dataclass
class Wire:
    """One peer's connection. `role`: device, technician or signer, once known; of a tunnel, whose end it is."""

    record: RecordedConnection
    client: asyncio.StreamWriter
    relay: asyncio.StreamWriter
    role: str = ""
    number: int = 0
    kept: list[bytes] = field(default_factory=list)

    @property
    def path(self) -> str:
        return self.record.path

    @property
    def open(self) -> bool:
        return not self.client.is_closing()

    def to_peer(self, payload: bytes) -> None:
        """Say something to the peer in the relay's name. On the proxy's loop only."""
        self.client.write(frame(payload, masked=False))

    def to_relay(self, payload: bytes) -> None:
        """Say something to the relay in the peer's name."""
        self.relay.write(frame(payload, masked=True))

    def cut(self) -> None:
        """Hang up on the peer."""
        self.client.transport.abort()


class Plan:
    """What is done with messages: this one is honest. Each method returns what goes on in the message's place."""

    def from_peer(self, wire: Wire, message: bytes) -> list[bytes]:
        """A peer has said something to the relay (or, in a tunnel, to the other end)."""
        return [message]

    def from_relay(self, wire: Wire, message: bytes) -> list[bytes]:
        """The relay (or, in a tunnel, the other end) has said something to a peer."""
        return [message]

    def asked(self, method: str, path: str, body: bytes) -> bytes:
        """A peer makes a plain HTTP request: the body that the relay is given."""
        return body

    def answered(self, exchange: Exchange) -> Iterable[Part]:
        """The relay has answered one: what the peer is given."""
        return exchange.honest


class HttpPlan(Plan):
    """Changes answers to plain HTTP requests: `change(exchange)` returns what is answered, None for the truth."""

    def __init__(self, change: Change) -> None:
        self._change = change

    def answered(self, exchange: Exchange) -> Iterable[Part]:
        changed = self._change(exchange)
        return exchange.honest if changed is None else changed


class LinkPlan(Plan):
    """Rewrites messages of control links: `change(wire, message)` returns what goes on, None for nothing."""

    def __init__(self, change: Callable[[Wire, LinkMessage], LinkMessage | None]) -> None:
        self._change = change

    def _through(self, wire: Wire, data: bytes) -> list[bytes]:
        message = link_message(data) if wire.path == "/link" else None
        if message is None:
            return [data]
        changed = self._change(wire, message)
        if changed is message:
            return [data]
        return [] if changed is None else [_ENCODER.encode(changed)]

    from_peer = from_relay = _through


class HostileRelay(RelayTap):
    """Set `plan` to what shall be done from now on."""

    def __init__(self, port: int, relay_port: int, certificate: Path, key: Path) -> None:
        super().__init__(port, relay_port, certificate, key)
        self.plan = Plan()
        self.wires: list[Wire] = []
        self.tickets: dict[str, str] = {}  # whose end each ticket that went by is
        self.exchanges: list[Exchange] = []
        self.faults: list[Exception] = []  # what went wrong in plans: an attack that stumbles proves nothing

    def link_of(self, role: str) -> Wire | None:
        """The newest open control link of a role."""
        return next((wire for wire in reversed(self.wires) if wire.path == "/link" and wire.role == role and wire.open), None)

    def cut_newest_tunnel(self) -> None:
        """Hang up on both ends of the tunnel that was opened last."""
        assert self._loop is not None
        for wire in [wire for wire in self.wires if wire.path.startswith("/tunnel") and wire.open][-2:]:
            self._loop.call_soon_threadsafe(wire.cut)

    def say(self, wire: Wire, payload: bytes) -> None:
        """Put a message into what the relay says to a peer; from any thread."""
        self._loop.call_soon_threadsafe(wire.to_peer, payload)

    def say_link(self, wire: Wire, message: LinkMessage) -> None:
        """The same with a link message."""
        self.say(wire, _ENCODER.encode(message))

    async def _connection(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        record = RecordedConnection()
        self.connections.append(record)
        try:
            up_reader, up_writer = await asyncio.open_connection("127.0.0.1", self._relay_port, ssl=self._client_tls, limit=CHUNK)
        except OSError:
            writer.close()
            return
        self._writers.append(up_writer)
        wire = Wire(record, writer, up_writer, number=len(self.wires))
        self.wires.append(wire)
        with contextlib.suppress(OSError, ssl.SSLError, asyncio.IncompleteReadError):
            head = await reader.readuntil(b"\r\n\r\n")
            record.sent += head
            if b"upgrade: websocket" not in head.lower():
                (fault,) = await asyncio.gather(self._http(wire, head, reader, up_reader), return_exceptions=True)
                if isinstance(fault, Exception) and not isinstance(fault, OSError | asyncio.IncompleteReadError):
                    self.faults.append(fault)  # not that the peer had heard enough
                return
            self._note_ticket(wire, head)
            up_writer.write(head)
            ends = await asyncio.gather(
                self._carry(wire, reader, up_writer, record.sent, from_peer=True),
                self._carry(wire, up_reader, writer, record.received, from_peer=False),
                return_exceptions=True,
            )
            self.faults += [end for end in ends if isinstance(end, Exception)]
        writer.close()
        up_writer.close()

    async def _http(self, wire: Wire, head: bytes, reader: asyncio.StreamReader, up_reader: asyncio.StreamReader) -> None:
        """One request and its answer; the connection ends with it."""
        method, path, _ = head.split(b" ", 2)
        body = await reader.readexactly(int(header_lines(head).get("content-length", "0")))
        wire.record.sent += body
        try:
            told = self.plan.asked(method.decode(), path.decode(), body)
            kept = [line for line in head.split(b"\r\n") if not line.lower().startswith((b"content-length:", b"connection:"))]
            fields = [*kept[:-2], b"Connection: close", f"Content-Length: {len(told)}".encode(), b"", b""]
            wire.relay.write(b"\r\n".join(fields) + told)
            whole = await up_reader.read(-1)
            answer_head, _, content = whole.partition(b"\r\n\r\n")
            exchange = Exchange(method.decode(), path.decode(), head, told, answer_head + b"\r\n\r\n", content)
            self.exchanges.append(exchange)
            for part in self.plan.answered(exchange):
                if isinstance(part, float):
                    await asyncio.sleep(part)
                    continue
                wire.client.write(part)
                await wire.client.drain()
                await asyncio.sleep(0)  # so that a peer that hangs up is noticed
                if reader.at_eof() or wire.client.is_closing():
                    return
                exchange.taken += len(part)
                if len(wire.record.received) < CHUNK:
                    wire.record.received += part
        finally:
            wire.client.close()
            wire.relay.close()

    async def _carry(
        self, wire: Wire, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, record: bytearray, *, from_peer: bool
    ) -> None:
        with contextlib.suppress(OSError, ssl.SSLError, asyncio.IncompleteReadError):
            if not from_peer:
                head = await reader.readuntil(b"\r\n\r\n")
                record += head
                writer.write(head)
                if b"upgrade: websocket" not in head.lower():
                    while data := await reader.read(CHUNK):
                        record += data
                        writer.write(data)
                        await writer.drain()
                    return
            while True:
                await self._one(wire, reader, writer, record, from_peer=from_peer)
        writer.close()

    async def _one(
        self, wire: Wire, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, record: bytearray, *, from_peer: bool
    ) -> None:
        head = await reader.readexactly(2)
        size = head[1] & 0x7F
        if size >= 126:
            more = await reader.readexactly(2 if size == 126 else 8)
            head, size = head + more, int.from_bytes(more, "big")
        mask = await reader.readexactly(4) if head[1] & 0x80 else b""
        body = await reader.readexactly(size)
        record += head + mask + body
        if head[0] != BINARY:
            writer.write(head + mask + body)
            return
        message = unmask(body, mask) if mask else body
        self._note(wire, message)
        hook = self.plan.from_peer if from_peer else self.plan.from_relay
        for payload in hook(wire, message):
            writer.write(frame(payload, masked=from_peer))
        await writer.drain()

    def _note_ticket(self, wire: Wire, head: bytes) -> None:
        for ticket, role in self.tickets.items():
            if f"Bearer {ticket}".encode() in head:
                wire.role = role

    def _note(self, wire: Wire, data: bytes) -> None:
        if wire.path != "/link":
            return
        match link_message(data):
            case Login(role=role):
                wire.role = role.value
            case TunnelOffer(ticket=ticket):
                self.tickets[ticket] = wire.role
