"""A slow, distant, lossy link in user space, from a seed: pure for simulations, and a TCP proxy that real programs talk through.

`OneWay` is one direction: bytes are served at `rate`, arrive `delay` later and in order. A lost packet shows as TCP shows it to a
program: everything behind it waits for the retransmission. An outage serves nothing and loses nothing (a radio that is away).
What it does not model is TCP giving up rate after a loss. `ShapedLink` puts one `OneWay` each way between a port and another;
all connections share them, and its receive buffer is the queue in front of the narrow place.
"""

import asyncio
import contextlib
import random
import socket
import threading
import time
from collections import deque
from dataclasses import dataclass

PACKET = 1448
"""Payload bytes of one packet (Ethernet, TCP with timestamps)."""
READ_BYTES = 2 * PACKET
RETRANSMIT_TIMER = 0.2
"""Seconds that TCP adds to a round trip before it retransmits what was lost twice."""
PASSAGES = 100_000
"""Of the newest pieces it is remembered how they went."""
AHEAD_SECONDS = 0.004
"""How far the proxy reads ahead of the narrow place, so that a timer that comes late wastes none of it."""


@dataclass(frozen=True, slots=True)
class Shape:
    """`rate` bytes a second, `delay` seconds one way, `loss` the probability of losing a packet, `queue` bytes that wait in front
    of the narrow place, `outages` pairs of seconds (from, until) on the caller's clock."""

    rate: float
    delay: float
    loss: float = 0.0
    queue: int = 64 * 1024
    outages: tuple[tuple[float, float], ...] = ()

    @property
    def round_trip(self) -> float:
        """Seconds there and back when nothing waits."""
        return 2 * self.delay


SLOW = Shape(rate=2e6 / 8, delay=0.05, loss=0.01)
"""2 Mbit/s, 100 ms there and back, 1 % loss."""
MIDDLING = Shape(rate=10e6 / 8, delay=0.02)
"""10 Mbit/s, 40 ms there and back."""


@dataclass(frozen=True, slots=True)
class Passage:
    """One piece in one direction: when it `entered`, when it would have arrived had no packet ever been lost (`unhindered`), and
    when it `arrived`."""

    entered: float
    unhindered: float
    arrived: float

    @property
    def stalled(self) -> float:
        """Seconds for which it waited for a packet that was lost: its own, or one before it."""
        return self.arrived - self.unhindered


class OneWay:
    """One direction. Pure: `now` is seconds on any clock that does not go back."""

    def __init__(self, shape: Shape, seed: int) -> None:
        self.shape = shape
        self._random = random.Random(seed)
        self._outages = list(shape.outages)
        self._free_at = float("-inf")

    def cut(self, start: float, end: float) -> None:
        """Serve nothing from `start` until `end`."""
        self._outages.append((start, end))

    def waiting(self, now: float) -> float:
        """Seconds of work that stand before the narrow place."""
        return max(0.0, self._free_at - now)

    @property
    def unhindered(self) -> float:
        """When the last byte that was sent arrives, or arrived, had no packet been lost."""
        return self._free_at + self.shape.delay

    def send(self, size: int, now: float) -> float:
        """Put `size` bytes on it; when the last of them arrives (of this piece alone: keep order by `Ordered`)."""
        arrival = now
        left = size
        while left > 0:
            piece = min(PACKET, left)
            left -= piece
            self._free_at = self._served(max(now, self._free_at), piece / self.shape.rate)
            arrival = max(arrival, self._free_at + self.shape.delay + self._stall())
        return arrival

    def _served(self, start: float, seconds: float) -> float:
        """When work of `seconds` that may begin at `start` is done."""
        for begin, end in sorted(self._outages):
            if start < end and start + seconds > begin:
                seconds -= max(0.0, begin - start)
                start = end
        return start + seconds

    def _stall(self) -> float:
        """What losing a packet costs it: one round trip, and a timer more each time that the repetition is lost too."""
        seconds, timer = 0.0, RETRANSMIT_TIMER
        while self.shape.loss and self._random.random() < self.shape.loss:
            seconds += self.shape.round_trip if not seconds else self.shape.round_trip + timer
            timer *= 2 if seconds > self.shape.round_trip else 1
        return seconds


class Ordered:
    """One TCP connection's direction over a `OneWay`: nothing overtakes what was lost before it."""

    def __init__(self, way: OneWay) -> None:
        self._way = way
        self._arrived = float("-inf")

    def send(self, size: int, now: float) -> float:
        """As `OneWay.send`, never before what was sent earlier."""
        self._arrived = max(self._arrived, self._way.send(size, now))
        return self._arrived


class ShapedLink:
    """A TCP proxy from a port of 127.0.0.1 to another, in a thread of its own.

    Args:
        target: the port that is served behind the link.
        port: where to listen; 0 takes a free one (`port` says which).
    """

    def __init__(self, shape: Shape, target: int, *, seed: int = 1, port: int = 0) -> None:
        self.shape = shape
        self._target = target
        self.there, self.back = OneWay(shape, seed), OneWay(shape, seed + 1)
        self._listener = self._socket()
        self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._listener.bind(("127.0.0.1", port))
        self._listener.listen(64)
        self.port: int = self._listener.getsockname()[1]
        self.carried = {"there": 0, "back": 0}
        """Bytes that went each way."""
        self.passages: dict[str, deque[Passage]] = {name: deque(maxlen=PASSAGES) for name in self.carried}
        """How the newest pieces of each way went, on the clock of `time.monotonic`."""
        self._loop = asyncio.new_event_loop()
        self._stopping = asyncio.Event()
        self._thread = threading.Thread(target=self._run, name="shaped-link", daemon=True)

    def _socket(self) -> socket.socket:
        made = socket.socket()
        made.setblocking(False)
        made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, self.shape.queue)
        made.setsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG, PACKET)
        made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return made

    def start(self) -> "ShapedLink":
        """Begin to forward."""
        self._thread.start()
        return self

    def cut(self, seconds: float) -> float:
        """From now on serve nothing for `seconds`; returns the monotonic time at which it ends."""
        now = time.monotonic()
        for way in (self.there, self.back):
            way.cut(now, now + seconds)
        return now + seconds

    def stop(self) -> None:
        """Close everything."""
        if self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._stopping.set)
            self._thread.join(10)
        self._listener.close()

    def __enter__(self) -> "ShapedLink":
        return self.start()

    def __exit__(self, *_exception: object) -> None:
        self.stop()

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        try:
            self._loop.run_until_complete(self._serve())
        finally:
            self._loop.close()

    async def _serve(self) -> None:
        connections: set[asyncio.Task[None]] = set()
        accepting = self._loop.create_task(self._accept(connections))
        await self._stopping.wait()
        for task in (accepting, *connections):
            task.cancel()
        await asyncio.gather(accepting, *connections, return_exceptions=True)

    async def _accept(self, connections: set[asyncio.Task[None]]) -> None:
        while True:
            client, _ = await self._loop.sock_accept(self._listener)
            client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            task = self._loop.create_task(self._connection(client))
            connections.add(task)
            task.add_done_callback(connections.discard)

    async def _connection(self, client: socket.socket) -> None:
        with client, self._socket() as server:
            try:
                await self._loop.sock_connect(server, ("127.0.0.1", self._target))
                async with asyncio.TaskGroup() as both:
                    _ = both.create_task(self._pump(client, server, self.there, "there"))
                    _ = both.create_task(self._pump(server, client, self.back, "back"))
            except* OSError:
                pass  # one end is gone: closing both tells the other

    async def _pump(self, source: socket.socket, sink: socket.socket, way: OneWay, name: str) -> None:
        """One direction of one connection. What has been read is on its way; what has not stands in the kernel's queue."""
        line, clock = Ordered(way), time.monotonic
        pieces: deque[tuple[float, bytes]] = deque()
        arrived = asyncio.Event()
        async with asyncio.TaskGroup() as group:
            _ = group.create_task(self._deliver(sink, pieces, arrived))
            data = b"."
            while data:
                while (ahead := way.waiting(clock())) > AHEAD_SECONDS:
                    await asyncio.sleep(min(ahead - AHEAD_SECONDS / 2, 0.05))
                try:
                    data = await self._loop.sock_recv(source, READ_BYTES)
                except ConnectionError:
                    data = b""
                now = clock()
                self.carried[name] += len(data)
                pieces.append((line.send(len(data), now), data))
                self.passages[name].append(Passage(now, way.unhindered, pieces[-1][0]))
                arrived.set()

    async def _deliver(self, sink: socket.socket, pieces: deque[tuple[float, bytes]], arrived: asyncio.Event) -> None:
        while True:
            while not pieces:
                arrived.clear()
                await arrived.wait()
            at, data = pieces.popleft()
            if (wait := at - time.monotonic()) > 0:
                await asyncio.sleep(wait)
            if not data:
                with contextlib.suppress(OSError):
                    sink.shutdown(socket.SHUT_WR)
                return
            await self._loop.sock_sendall(sink, data)
