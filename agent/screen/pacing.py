"""Whether an update may go now. Pure: `now` is monotonic seconds and passed in.

What is not sent is not queued: the display's damage goes on accumulating, and the next update carries the newest pixels. Every
time something was ready and had to wait is counted under its reason.

The model is small: the shortest time from sending to `ScreenAck` within ten seconds is the path, bytes acknowledged between
two moments over the time between them is the link's rate, and their product bounds what may be under way.
"""

import collections
from dataclasses import dataclass
from enum import StrEnum


class HeldBy(StrEnum):
    """Why something ready was not sent at once. The names are shown and counted."""

    FRAME_RATE = "frame_rate"
    UNACKNOWLEDGED = "unacknowledged"
    LINK = "link"
    BACKLOG = "backlog"
    VIEWER = "viewer"


WINDOW_SECONDS = 10.0
LEAST_UPDATES, MOST_UPDATES = 3, 32
FRAME_SECONDS = 1 / 60
LEAST_BYTES = 128 * 1024
FIRST_RATE = 4_000_000.0
"""Bytes a second before anything is known."""
QUEUE_SECONDS = 0.06
"""How much more than the path holds may wait at the narrowest place."""
BACKLOG_BYTES = 64 * 1024
LEAST_RATE_SAMPLE = 16 * 1024
"""An acknowledged amount too small to tell the link's rate from its delay."""
TILE_SECONDS = 0.05
LEAST_TILE_BYTES, MOST_TILE_BYTES = 48 * 1024, 1024 * 1024
VIEWER_QUEUE = 3
BURST = 1.0
"""Updates that may come early: a picture is often drawn in two goes, and its second half must not wait for a whole frame."""
VIDEO_SHARE = 0.75
MOST_BITRATE = 50_000_000


@dataclass(frozen=True, slots=True)
class _Sent:
    sequence: int
    size: int
    at: float
    delivered: int
    delivered_at: float
    limited: bool


class Pacer:
    """Send times in, acknowledgements in, "may I?" out."""

    def __init__(self, max_fps: float) -> None:
        self._interval = 1.0 / max_fps
        self._sent: collections.deque[_Sent] = collections.deque()
        self._in_flight = 0
        self._delivered = 0
        self._delivered_at: float | None = None
        self._rates: collections.deque[tuple[float, float]] = collections.deque()
        self._rate: float | None = None
        self._paths: collections.deque[tuple[float, float]] = collections.deque()
        self._free_at = float("-inf")
        self._viewer_queue = 0
        self._was_held = False
        self.held: collections.Counter[HeldBy] = collections.Counter()

    @property
    def rate(self) -> float:
        """Bytes a second that the link delivered lately (a first guess before anything was acknowledged)."""
        return self._rate if self._rate is not None else FIRST_RATE

    @property
    def path(self) -> float | None:
        """Shortest time in seconds from sending to acknowledgement lately."""
        return min((delay for _, delay in self._paths), default=None)

    @property
    def unacknowledged(self) -> int:
        """Updates under way."""
        return len(self._sent)

    def hold(self, now: float, backlog: int = 0) -> HeldBy | None:
        """The reason why nothing may be sent now, None when it may. `backlog`: bytes that have not left this process."""
        reason = self._reason(now, backlog)
        self._was_held = self._was_held or reason not in (None, HeldBy.FRAME_RATE)
        return reason

    def _reason(self, now: float, backlog: int) -> HeldBy | None:
        if self.ready_in(now) > 0:
            return HeldBy.FRAME_RATE
        if backlog > BACKLOG_BYTES:
            return HeldBy.BACKLOG
        if not self._sent:
            return None
        if self._viewer_queue > VIEWER_QUEUE:
            return HeldBy.VIEWER
        path = self.path
        known = path if path is not None else QUEUE_SECONDS
        if len(self._sent) >= min(MOST_UPDATES, max(LEAST_UPDATES, int(known / FRAME_SECONDS) + 2)):
            return HeldBy.UNACKNOWLEDGED
        if self._in_flight > max(LEAST_BYTES if self._rate is None else 0, self.rate * (known + QUEUE_SECONDS)):
            return HeldBy.LINK
        return None

    def ready_in(self, now: float) -> float:
        """Seconds until the frame rate allows the next update."""
        return max(0.0, self._free_at - BURST * self._interval - now)

    def count(self, reason: HeldBy) -> None:
        """Something newer took the place of what was held by `reason`."""
        self.held[reason] += 1

    def sent(self, sequence: int, size: int, now: float) -> None:
        """Update `sequence` of `size` bytes went out."""
        if not self._sent or self._delivered_at is None:
            self._delivered_at = now
        self._sent.append(_Sent(sequence, size, now, self._delivered, self._delivered_at, self._was_held))
        self._was_held = False
        self._in_flight += size
        self._free_at = max(now, self._free_at) + self._interval

    def acknowledged(self, sequence: int, queue: int, now: float) -> None:
        """The viewer painted `sequence` (and with it everything before); unknown and repeated numbers are ignored."""
        newest: _Sent | None = None
        while self._sent and self._sent[0].sequence <= sequence:
            newest = self._sent.popleft()
            self._in_flight -= newest.size
            self._delivered += newest.size
        if newest is None:
            return
        self._viewer_queue = queue
        self._delivered_at = now
        _remember(self._paths, now, now - newest.at)
        self._sample(newest, now)

    def _sample(self, newest: _Sent, now: float) -> None:
        size, seconds = self._delivered - newest.delivered, now - newest.delivered_at
        if size < LEAST_RATE_SAMPLE or seconds <= 0:
            return
        rate = size / seconds
        # An update that had nothing to wait for says only that the link is at least so fast.
        if not newest.limited and self._rate is not None and rate <= self._rate:
            return
        _remember(self._rates, now, rate)
        self._rate = max(rate for _, rate in self._rates)

    def forget(self) -> None:
        """The viewer began anew: nothing of what was sent will be acknowledged."""
        self._sent.clear()
        self._in_flight = 0
        self._viewer_queue = 0

    def tile_bytes(self) -> int:
        """How many bytes of tiles one update may hold."""
        return int(min(MOST_TILE_BYTES, max(LEAST_TILE_BYTES, self.rate * TILE_SECONDS)))

    def bitrate(self) -> int:
        """Bits a second that video may use."""
        return int(min(MOST_BITRATE, self.rate * 8 * VIDEO_SHARE)) if self._rate is not None else MOST_BITRATE


def _remember(samples: collections.deque[tuple[float, float]], now: float, value: float) -> None:
    samples.append((now, value))
    while samples[0][0] < now - WINDOW_SECONDS or len(samples) > 512:
        samples.popleft()
