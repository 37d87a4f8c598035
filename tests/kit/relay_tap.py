"""Whoever owns the relay's host: a proxy with the relay's own TLS key that records, opened, every byte to and from the relay."""

import asyncio
import contextlib
import hashlib
import ssl
import struct
import threading
from dataclasses import dataclass, field
from pathlib import Path

from tests.kit.waiting import PATIENCE

CHUNK = 256 * 1024


@dataclass
class RecordedConnection:
    """One connection to the relay: what the peer sent and what it was sent, without the relay's TLS."""

    sent: bytearray = field(default_factory=bytearray)
    received: bytearray = field(default_factory=bytearray)

    @property
    def path(self) -> str:
        """The path of its first HTTP request."""
        line = bytes(self.sent.split(b"\r\n", 1)[0])
        return line.split(b" ")[1].decode("ascii", "replace") if line.count(b" ") >= 2 else ""

    def websocket_payload(self, direction: str) -> bytes:
        """The payloads of its binary WebSocket messages (RFC 6455), joined: of a tunnel, the TLS stream between the two ends."""
        data = bytes(self.sent if direction == "sent" else self.received)
        return b"".join(payload for opcode, payload in frames_of(data.partition(b"\r\n\r\n")[2]) if opcode in (0, 2))


def frames_of(data: bytes) -> list[tuple[int, bytes]]:
    """RFC 6455 section 5.2: every complete frame as (opcode, unmasked payload)."""
    found = []
    at = 0
    while at + 2 <= len(data):
        opcode, masked, size = data[at] & 0x0F, data[at + 1] & 0x80, data[at + 1] & 0x7F
        at += 2
        if size >= 126:
            width = 2 if size == 126 else 8
            size = int.from_bytes(data[at : at + width], "big")
            at += width
        mask = data[at : at + 4] if masked else b""
        at += len(mask)
        payload = data[at : at + size]
        if len(payload) < size:
            break
        at += size
        found.append((opcode, unmask(payload, mask) if mask else payload))
    return found


def unmask(payload: bytes, mask: bytes) -> bytes:
    """XOR with the repeated mask, a big number at a time."""
    repeated = (mask * (len(payload) // 4 + 1))[: len(payload)]
    return (int.from_bytes(payload, "big") ^ int.from_bytes(repeated, "big")).to_bytes(len(payload), "big")


def tls_records(stream: bytes) -> list[tuple[int, int]]:
    """RFC 8446 section 5.1: (content type, length) of each record.

    Raises:
        ValueError: the bytes are not a sequence of TLS records.
    """
    records = []
    at = 0
    while at < len(stream):
        if len(stream) - at < 5:
            raise ValueError("a record header is cut short")
        kind, version, size = struct.unpack(">BHH", stream[at : at + 5])
        if kind not in (20, 21, 22, 23) or version not in (0x0301, 0x0303) or size > 16640:
            raise ValueError(f"byte {at} begins no TLS record: {stream[at : at + 5].hex()}")
        if at + 5 + size > len(stream):
            raise ValueError("the last record is cut short")
        records.append((kind, size))
        at += 5 + size
    return records


def spki_pin(certificate_pem: bytes) -> str:
    """Hex SHA-256 of the certificate's SubjectPublicKeyInfo."""
    from cryptography import x509
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    public = x509.load_pem_x509_certificate(certificate_pem).public_key()
    return hashlib.sha256(public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).hexdigest()


class RelayTap:
    """Listens on `port` of 127.0.0.1 in a thread of its own and forwards to the relay, recording."""

    def __init__(self, port: int, relay_port: int, certificate: Path, key: Path) -> None:
        self.port = port
        self._relay_port = relay_port
        self._server_tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        self._server_tls.load_cert_chain(certificate, key)
        self._client_tls = ssl.create_default_context(cafile=str(certificate))
        self._client_tls.check_hostname = False
        self.connections: list[RecordedConnection] = []
        self._loop: asyncio.AbstractEventLoop | None = None
        self._ready = threading.Event()
        self._stop = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()
        self._writers: list[asyncio.StreamWriter] = []
        self._thread = threading.Thread(target=self._run, name="relay-tap", daemon=True)

    def start(self) -> "RelayTap":
        self._thread.start()
        assert self._ready.wait(PATIENCE), "the recording proxy did not start"
        return self

    def stop(self) -> None:
        if self._loop is not None and self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(PATIENCE)

    def _run(self) -> None:
        asyncio.run(self._serve())

    async def _serve(self) -> None:
        self._loop = asyncio.get_running_loop()
        server = await asyncio.start_server(self._accept, "127.0.0.1", self.port, ssl=self._server_tls, limit=CHUNK)
        self._ready.set()
        await self._stop.wait()
        server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        # What is left open is collected, and complained of, in the middle of some other test.
        for writer in self._writers:
            _abort(writer)
        end = self._loop.time() + PATIENCE
        while server._active_count and self._loop.time() < end:  # type: ignore[attr-defined]  # handshakes are counted nowhere else
            await asyncio.sleep(0.005)
        await asyncio.sleep(0)

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Begin a connection; one whose TLS handshake ends only when all of this does is too late: nobody would end its task."""
        if self._stop.is_set():
            _abort(writer)
            return
        self._writers.append(writer)
        task = asyncio.get_running_loop().create_task(self._connection(reader, writer))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _connection(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        record = RecordedConnection()
        self.connections.append(record)
        try:
            up_reader, up_writer = await asyncio.open_connection("127.0.0.1", self._relay_port, ssl=self._client_tls, limit=CHUNK)
        except OSError:
            writer.close()
            return
        self._writers.append(up_writer)
        async with asyncio.TaskGroup() as both:
            _ = both.create_task(self._pump(reader, up_writer, record.sent))
            _ = both.create_task(self._pump(up_reader, writer, record.received))

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, record: bytearray) -> None:
        try:
            while data := await reader.read(CHUNK):
                record += data
                writer.write(data)
                await writer.drain()
        except (OSError, ssl.SSLError):
            pass
        finally:
            writer.close()

    def everything(self) -> bytes:
        """All that the relay was sent and has sent, opened: raw, and WebSocket payloads unmasked."""
        parts = []
        for record in self.connections:
            parts += [
                bytes(record.sent),
                bytes(record.received),
                record.websocket_payload("sent"),
                record.websocket_payload("received"),
            ]
        return b"\n".join(parts)

    def tunnels(self) -> list[RecordedConnection]:
        """The connections that carried an end of a session."""
        return [record for record in self.connections if record.path.startswith("/tunnel")]


def _abort(writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(AttributeError):  # Python 3.11.2 trips over a TLS connection that has ended already
        writer.transport.abort()
