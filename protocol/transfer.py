"""Moving files, without I/O: names that may be used, chunks in order, and how much may be on its way.

Both ends use all of it: whoever receives a file protects its own disk from the names and numbers of whoever sends it. Nothing
here reads a clock or a disk; `now` is monotonic seconds.
"""

from collections import deque
from dataclasses import dataclass, field
from typing import Final

from protocol.errors import LimitExceeded, RefusalReason, Refused, RemoteProtocolError
from protocol.messages.files import CHUNK_BYTES, NAME_BYTES, PATH_BYTES
from protocol.printable import printable

MOST_DEPTH: Final = 64
LEAST_CHUNK: Final = 4 * 1024
LEAST_WINDOW: Final = 4 * LEAST_CHUNK
MOST_WINDOW: Final = 2 * 1024 * 1024
STARTUP_GAIN: Final = 2.0
GAIN: Final = 1.25
SLACK_SECONDS: Final = 0.03
FAST_RATE: Final = 2e6
GROWTH: Final = 1.25
ROUNDS_WITHOUT_GROWTH: Final = 3
RATE_SECONDS: Final = 4.0
BASE_SECONDS: Final = 15.0
PROBE_SECONDS: Final = 0.2
PARTIAL_PREFIX: Final = b".handrail-"
PARTIAL_SUFFIX: Final = b".part"


# -- names ------------------------------------------------------------------------------------------------------------


def check_name(name: bytes) -> bytes:
    """One part of a path, as it came from the other side.

    Raises:
        Refused: empty, ".", "..", with a slash or a NUL, or too long.
    """
    if not name or name in (b".", b"..") or b"/" in name or b"\0" in name:
        raise Refused(f"{shown(name)!r} is no name for a file.", reason=RefusalReason.INVALID)
    if len(name) > NAME_BYTES:
        raise Refused(f"A name of {len(name)} bytes is too long; {NAME_BYTES} is the most.", reason=RefusalReason.INVALID)
    return name


def split_path(path: bytes) -> tuple[bytes, ...]:
    """The parts of a path below a shared folder; () is the folder itself.

    Raises:
        Refused: absolute, too long, too deep, or a part is no name (see `check_name`).
    """
    if not path:
        return ()
    if len(path) > PATH_BYTES:
        raise Refused(f"A path of {len(path)} bytes is too long; {PATH_BYTES} is the most.", reason=RefusalReason.INVALID)
    if path.startswith(b"/"):
        raise Refused("Paths begin below the shared folder, not with a slash.", reason=RefusalReason.INVALID)
    parts = tuple(check_name(part) for part in path.split(b"/"))
    if len(parts) > MOST_DEPTH:
        raise Refused(f"{len(parts)} folders deep; {MOST_DEPTH} is the most.", reason=RefusalReason.INVALID)
    return parts


def shown(name: bytes) -> str:
    r"""A name or path for people: what is not UTF-8, or would move the cursor or turn the text round, stands as `\x..`."""
    return printable(name.decode("utf-8", "backslashreplace"))


def numbered(name: bytes, number: int) -> bytes:
    """The same name with a number before its last ending: "letter.odt" -> "letter (2).odt"; cut so that it stays a name."""
    stem, dot, ending = name.rpartition(b".")
    if not stem or len(ending) > 16:
        stem, dot, ending = name, b"", b""
    tail = b" (%d)" % number + dot + ending
    return stem[: NAME_BYTES - len(tail)] + tail


def partial_name(key: str) -> bytes:
    """What the unfinished file of a transfer is called, beside the finished one; `key` is hex."""
    return PARTIAL_PREFIX + key.encode("ascii") + PARTIAL_SUFFIX


def is_partial(name: bytes) -> bool:
    """Whether it is an unfinished file of ours."""
    return name.startswith(PARTIAL_PREFIX) and name.endswith(PARTIAL_SUFFIX)


# -- receiving --------------------------------------------------------------------------------------------------------


class Arrival:
    """The order of one file's chunks at the receiver: nothing missing, nothing twice, not a byte more than was announced."""

    def __init__(self, size: int, offset: int) -> None:
        """Args: size: bytes of the whole file. offset: where this transfer begins."""
        if not 0 <= offset <= size:
            raise RemoteProtocolError(f"the transfer begins at byte {offset} of a file of {size}")
        self.size = size
        self.offset = offset

    @property
    def complete(self) -> bool:
        """Every announced byte has come."""
        return self.offset == self.size

    def take(self, offset: int, size: int) -> None:
        """A chunk of `size` bytes that begins at `offset` has come.

        Raises:
            RemoteProtocolError: it is not the next one.
            LimitExceeded: it reaches beyond the announced size.
        """
        if offset != self.offset:
            raise RemoteProtocolError(f"a chunk for byte {offset} came where byte {self.offset} was next")
        if size <= 0 or offset + size > self.size:
            raise LimitExceeded(f"the file is longer than the {self.size} bytes that were announced")
        self.offset += size

    def demand_complete(self) -> None:
        """Raises:
        RemoteProtocolError: it ends too early.
        """
        if not self.complete:
            raise RemoteProtocolError(f"the file ended after {self.offset} of the {self.size} bytes that were announced")


# -- pacing -----------------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class _Flight:
    end: int
    size: int
    sent_at: float
    first_sent_at: float
    delivered: int
    delivered_at: float
    limited: bool


@dataclass(slots=True)
class _Best:
    """The best of the values seen within a time, in the manner of a sliding window's extremum."""

    seconds: float
    largest: bool
    values: deque[tuple[float, float]] = field(default_factory=deque)

    def add(self, value: float, now: float) -> None:
        values = self.values
        while values and (values[-1][1] <= value) is self.largest:
            values.pop()
        values.append((now, value))
        self.trim(now)

    def trim(self, now: float) -> None:
        while len(self.values) > 1 and self.values[0][0] < now - self.seconds:
            self.values.popleft()

    @property
    def value(self) -> float | None:
        return self.values[0][1] if self.values else None


class BulkPacer:
    """How many bytes of bulk data may be on their way at once, so that the link is full and its queues are not.

    The window is what the link delivers in one empty round trip, a quarter more and `SLACK_SECONDS` (a busy computer answers late
    now and then, which must not look like a slower link; below `FAST_RATE` less, since whoever types there waits behind it): the
    highest rate of the last seconds times the shortest round trip of the last quarter minute, both measured by acknowledgements
    (after BBR, draft-ietf-ccwg-bbr, without its pacing of single packets). Now and then the window shrinks for a moment, so that
    the shortest round trip can be seen anew.
    One pacer for all transfers of one direction: `key` tells them apart.
    """

    def __init__(self) -> None:
        self._flights: dict[int, deque[_Flight]] = {}
        self._in_flight = 0
        self._delivered = 0
        self._delivered_at = 0.0
        self._first_sent_at = 0.0
        self._rates = _Best(RATE_SECONDS, largest=True)
        self._trips = _Best(BASE_SECONDS, largest=False)
        self._startup = True
        self._best_rate = 0.0
        self._stale_rounds = 0
        self._round_ends = 0
        self._probe_until: float | None = None
        self._probed_at: float | None = None

    @property
    def in_flight(self) -> int:
        """Bytes sent and not yet acknowledged."""
        return self._in_flight

    @property
    def window(self) -> int:
        """Bytes that may be on their way."""
        rate, trip = self._rates.value, self._trips.value
        if self._probe_until is not None or rate is None or trip is None:
            return LEAST_WINDOW
        slack = SLACK_SECONDS * min(1.0, rate / FAST_RATE)
        wanted = int(rate * ((STARTUP_GAIN if self._startup else GAIN) * trip + slack)) + LEAST_CHUNK
        return max(LEAST_WINDOW, min(MOST_WINDOW, wanted))

    @property
    def chunk(self) -> int:
        """How large the next chunk should be: several fit into the window, so that acknowledgements come steadily."""
        return max(LEAST_CHUNK, min(CHUNK_BYTES, self.window // 8))

    @property
    def room(self) -> int:
        """Bytes that may be sent now; 0: wait for an acknowledgement."""
        left = self.window - self._in_flight
        return min(self.chunk, left) if left >= LEAST_CHUNK or self._in_flight == 0 else 0

    def sent(self, key: int, end: int, size: int, now: float) -> None:
        """A chunk of `size` bytes that ends at byte `end` of transfer `key` went out."""
        if self._in_flight == 0:
            self._delivered_at = self._first_sent_at = now
        self._in_flight += size
        limited = self._in_flight * 2 < self.window
        self._flights.setdefault(key, deque()).append(
            _Flight(end, size, now, self._first_sent_at, self._delivered, self._delivered_at, limited)
        )

    def acked(self, key: int, offset: int, now: float) -> None:
        """Everything of `key` up to byte `offset` has arrived."""
        flights = self._flights.get(key)
        newest: _Flight | None = None
        while flights and flights[0].end <= offset:
            newest = flights.popleft()
            self._in_flight -= newest.size
            self._delivered += newest.size
        if newest is None:
            return
        self._delivered_at, self._first_sent_at = now, newest.sent_at
        self._trips.add(max(now - newest.sent_at, 1e-4), now)
        # What a lost packet held up arrives all at once: no link is faster than it was fed.
        seconds = max(now - newest.delivered_at, newest.sent_at - newest.first_sent_at, 1e-4)
        rate = (self._delivered - newest.delivered) / seconds
        best = self._rates.value
        if not newest.limited or best is None or rate > best:
            self._rates.add(rate, now)
        if newest.delivered >= self._round_ends:
            self._round_ends = self._delivered
            self._end_round()
        self._probe(now)

    def forget(self, key: int) -> None:
        """Transfer `key` is over, or begins anew: nothing of it is on its way any longer."""
        self._in_flight -= sum(flight.size for flight in self._flights.pop(key, ()))

    def _end_round(self) -> None:
        rate = self._rates.value or 0.0
        if rate >= self._best_rate * GROWTH:
            self._best_rate, self._stale_rounds = rate, 0
        else:
            self._stale_rounds += 1
        if self._stale_rounds >= ROUNDS_WITHOUT_GROWTH:
            self._startup = False

    def _probe(self, now: float) -> None:
        """Let the queues run empty for a moment from time to time: what is then measured is the way itself."""
        if self._probed_at is None:
            self._probed_at = now
        if self._probe_until is None and now - self._probed_at > BASE_SECONDS * 0.8 and not self._startup:
            self._probe_until = now + PROBE_SECONDS
        elif self._probe_until is not None and now >= self._probe_until:
            self._probe_until, self._probed_at = None, now
