"""Whether an update may go now, and how much. Pure: `now` is monotonic seconds and passed in.

What is not sent is not queued: the display's damage goes on accumulating, and the next update carries the newest pixels. Every
time something was ready and had to wait is counted under its reason.

The model is that of BBR (Cardwell and others, 2016), with updates in place of packets. The shortest time from sending to
`ScreenAck` within ten seconds is the path; what was delivered between two moments over the time between them is the link's rate;
their product and a little more bounds what may be under way, wherever on the way it may stand. So a slow link shows as fewer and
coarser updates and never as older ones.
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


PATH_WINDOW = 10.0
RATE_WINDOW = 0.6
LEAST_UPDATES, MOST_UPDATES = 3, 32
FRAME_SECONDS = 1 / 60
FAR_SECONDS = 0.012
"""A path longer than this makes itself felt beside a display's own 17 ms."""
FIRST_BYTES = 96 * 1024
"""What may be under way before the link's rate is known."""
FIRST_RATE = 4_000_000.0
"""Bytes a second before anything is known."""
LEAST_RATE, MOST_RATE = 4_000.0, 1e9
LEAST_BYTES = 4 * 1024
QUEUE_SECONDS = 0.02
"""How much more than the path holds may wait at the narrowest place."""
PROBE_SECONDS = 0.5
PROBE_SHARE = 0.5
"""To see the path without a queue of ours, this share of what it holds is under way for a moment."""
BACKLOG_BYTES = 64 * 1024
LEAST_SAMPLE, LEAST_FREE_SAMPLE = 2 * 1024, 16 * 1024
"""Amounts too small to tell the link's rate from its delay: of a sender that had to wait, and of one that did not."""
SLOWER = 0.75
"""The estimate falls by no more than this in one round trip: a stall is not a slow link."""
FASTER = 1.25
QUICK_SHARE = 0.8
"""An update that took less than this share of the time its size should take shows that the link is faster than thought."""
TILE_SECONDS = 0.03
LEAST_TILE_BYTES, MOST_TILE_BYTES = 4 * 1024, 1024 * 1024
FIRST_TILE_BYTES = 48 * 1024
VIEWER_QUEUE = 3
BURST = 1.0
"""Updates that may come early: a picture is often drawn in two goes, and its second half must not wait for a whole frame."""
URGENT_BYTES, URGENT_UPDATES = 3 * 1024, 8
"""What key presses may show although the link is full."""
VIDEO_SHARE, TYPING_SHARE = 0.7, 0.35
"""Of the link, for a film; the smaller one while somebody types beside it on a far link: its pictures stand half as long in
front of a letter."""
TYPING_SECONDS = 1.0
ECHO_SECONDS = 0.015
"""For so long a film waits for what a key that has just come may show: its picture would stand before that on the whole way."""
ECHO_WINDOW = 0.3
"""Where packets are lost, what is small and fresh goes before a film's picture for so long after a key, and else with it: each
update is a packet there and its acknowledgement one back, which can be lost like any other."""
STALL_FELT = 0.06
"""On a path shorter than this nobody notices that a lost packet was sent once more."""
STALL_SHARE = 0.35
"""An update this share of the path later than its size and the queue explain waited for a lost packet."""
STALL_WINDOW, STALLS = 20.0, 2
"""So many stalls within so many seconds are losses, and not a moment's weakness."""
LOSSY_SHARE, LOSSY_FILM_SECONDS = 0.175, 0.125
"""While somebody types where packets are lost: the share that a film would have at its own pace, which says how large its
pictures are, and the seconds from one to the next. Everything behind a lost packet waits for a round trip, so a letter meets the
loss of any packet that left shortly before it, and of any acknowledgement: what counts is how few they are."""
FILM_EARLY = 0.06
"""A picture may come so much before its time, and the next one as much later: it cannot be sent before it is drawn."""
MOST_BITRATE = 50_000_000


@dataclass(frozen=True, slots=True)
class _Sent:
    sequence: int
    size: int
    at: float
    delivered: int
    delivered_at: float
    first_at: float
    limited: bool
    urgent: bool


class Pacer:
    """Send times in, acknowledgements in, "may I?" out."""

    def __init__(self, max_fps: float) -> None:
        self._interval = 1.0 / max_fps
        self._sent: collections.deque[_Sent] = collections.deque()
        self._in_flight = 0
        self._urgent = 0
        self._keyed_at = self._echoed_at = self._film_at = float("-inf")
        self._stalls: collections.deque[float] = collections.deque(maxlen=STALLS)
        self._delivered = 0
        self._delivered_at: float | None = None
        self._first_at = 0.0
        self._rates: collections.deque[tuple[float, float]] = collections.deque()
        self._rate: float | None = None
        self._changed_at = float("-inf")
        self._paths: collections.deque[tuple[float, float]] = collections.deque()
        self._probe_at = self._limited_at = float("-inf")
        self._free_at = float("-inf")
        self._viewer_queue = 0
        self._was_held = False
        self.held: collections.Counter[HeldBy] = collections.Counter()

    @property
    def rate(self) -> float:
        """Bytes a second that the link delivers (a first guess before anything was acknowledged)."""
        return self._rate if self._rate is not None else FIRST_RATE

    @property
    def path(self) -> float | None:
        """Shortest time in seconds from sending to acknowledgement lately, less what the viewer needed for painting."""
        return self._paths[0][1] if self._paths else None

    @property
    def far(self) -> bool:
        """Whether the path takes so long that what is small should not wait for anything large.

        On a short one it should: a browser that has just shown a letter shows a film's picture that comes 5 ms later with its
        display's next frame, 17 ms after the letter.
        """
        path = self.path
        return path is not None and path > FAR_SECONDS

    @property
    def unacknowledged(self) -> int:
        """Updates under way."""
        return len(self._sent)

    @property
    def in_flight(self) -> int:
        """Bytes under way."""
        return self._in_flight

    @property
    def pressed(self) -> bool:
        """Whether what goes next had to wait for the link."""
        return self._was_held

    def hold(self, now: float, backlog: int = 0) -> HeldBy | None:
        """The reason why nothing may be sent now, None when it may. `backlog`: bytes that have not left this process."""
        reason = self._reason(now, backlog)
        self._was_held = self._was_held or reason in (HeldBy.LINK, HeldBy.BACKLOG)
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
        return HeldBy.LINK if self._in_flight >= self._window(now, known) else None

    def _window(self, now: float, path: float) -> float:
        """Bytes that may be under way."""
        if self._rate is None:
            return FIRST_BYTES
        if now < self._probe_at + PROBE_SECONDS:
            return self._rate * path * PROBE_SHARE
        return max(LEAST_BYTES, self._rate * (path + QUEUE_SECONDS))

    def spare(self, backlog: int = 0) -> int:
        """Bytes that may go although `hold` names the link: for what is small and fresh, as the echo of a key press is."""
        if backlog > BACKLOG_BYTES or self._viewer_queue > VIEWER_QUEUE:
            return 0
        if sum(sent.urgent for sent in self._sent) >= URGENT_UPDATES:
            return 0
        return max(0, URGENT_BYTES - self._urgent)

    def ready_in(self, now: float) -> float:
        """Seconds until the frame rate allows the next update."""
        return max(0.0, self._free_at - BURST * self._interval - now)

    def count(self, reason: HeldBy) -> None:
        """Something newer took the place of what was held by `reason`."""
        self.held[reason] += 1

    def keyed(self, at: float) -> None:
        """The technician pressed a key or a button last at `at`."""
        self._keyed_at = at

    def typing(self, now: float) -> bool:
        """Whether keys come, and their way is so far that a film's bytes make themselves felt."""
        return self.far and now < self._keyed_at + TYPING_SECONDS

    def lossy(self, now: float) -> bool:
        """Whether the link loses packets, and is so long that one who types feels it."""
        path = self.path
        known = path is not None and path > STALL_FELT and len(self._stalls) == STALLS
        return known and now < self._stalls[0] + STALL_WINDOW

    def spares(self, now: float) -> bool:
        """Whether somebody types where packets are lost: the fewer there are, the fewer letters wait for one that is."""
        return self.typing(now) and self.lossy(now)

    def echoes(self, now: float) -> bool:
        """Whether what is small and fresh may go by itself now."""
        return now < self._keyed_at + ECHO_WINDOW or not self.spares(now)

    def film_wait(self, now: float) -> float:
        """Seconds that a film's next picture should wait for the sake of who types beside it."""
        if not self.typing(now):
            return 0.0
        echo = self._keyed_at + ECHO_SECONDS if self._echoed_at < self._keyed_at else now
        film = self._film_at if self.lossy(now) else now
        return max(0.0, echo - now, film - now)

    def sent(self, sequence: int, size: int, now: float, *, urgent: bool = False, film: bool = False) -> None:
        """Update `sequence` of `size` bytes went out; `urgent`: on account of `spare`; `film`: with a picture of a film."""
        if film:
            self._film_at = min(now, max(now - FILM_EARLY, self._film_at)) + LOSSY_FILM_SECONDS
        if not self._sent or self._delivered_at is None:
            self._delivered_at = self._first_at = now
        limited = self._was_held and bool(self._sent)  # alone on its way, an update shows the path and not the rate
        if limited:
            self._limited_at = now
        self._sent.append(_Sent(sequence, size, now, self._delivered, self._delivered_at, self._first_at, limited, urgent))
        self._in_flight += size
        if urgent:
            self._urgent += size
            self._echoed_at = now
            return
        self._was_held = False
        self._free_at = max(now, self._free_at) + self._interval

    def acknowledged(self, sequence: int, queue: int, now: float, painting: float = 0.0) -> None:
        """The viewer painted `sequence` (and with it everything before), which took it `painting` seconds.

        Repeated numbers and those of updates that were never sent are ignored; a viewer that says it painted longer than the
        update was under way is not believed.
        """
        if not self._sent or sequence > self._sent[-1].sequence:
            return
        newest: _Sent | None = None
        while self._sent and self._sent[0].sequence <= sequence:
            newest = self._sent.popleft()
            self._in_flight -= newest.size
            self._delivered += newest.size
            if newest.urgent:
                self._urgent -= newest.size
        if newest is None:
            return
        self._viewer_queue = queue
        arrived = max(newest.delivered_at, newest.at, now - max(0.0, min(painting, now - newest.at)))
        self._learn_stall(arrived - newest.at, newest.size, now)
        self._learn_path(arrived - newest.at, now)
        self._sample(newest, arrived, now)
        self._delivered_at, self._first_at = arrived, newest.at

    def _learn_stall(self, delay: float, size: int, now: float) -> None:
        """Remember when something was later than its size and the queue in front of it explain."""
        path = self.path
        if path is None or self._rate is None or now < self._probe_at + PROBE_SECONDS:
            return
        if delay > path * (1 + STALL_SHARE) + QUEUE_SECONDS + size / self._rate and (
            not self._stalls or now > self._stalls[-1] + path  # one loss holds up many
        ):
            self._stalls.append(now)

    def _learn_path(self, delay: float, now: float) -> None:
        """Remember how long an update was on its way.

        When the shortest time has become too old while the link was full all the time, a queue of ours may look like the path:
        it is let run empty for a moment.
        """
        before = self.path
        # Whatever took longer than this cannot be the shortest any more: what is kept ascends, the shortest first.
        while self._paths and self._paths[-1][1] >= delay:
            self._paths.pop()
        _remember(self._paths, now, delay, PATH_WINDOW)
        path = self.path
        assert path is not None
        full = now < self._limited_at + 1.0
        if before is not None and path > before and full and now > self._probe_at + PATH_WINDOW:
            self._probe_at = now

    def _sample(self, newest: _Sent, arrived: float, now: float) -> None:
        size = self._delivered - newest.delivered
        seconds = max(arrived - newest.delivered_at, newest.at - newest.first_at)
        if size < (LEAST_SAMPLE if newest.limited else LEAST_FREE_SAMPLE) or seconds <= 0:
            self._quicker(newest, arrived, now)
            return
        rate = min(MOST_RATE, max(LEAST_RATE, size / seconds))
        # An update that had nothing to wait for says only that the link is at least so fast.
        if not newest.limited and self._rate is not None and rate <= self._rate:
            self._quicker(newest, arrived, now)
            return
        _remember(self._rates, now, rate, RATE_WINDOW)
        best = max(rate for _, rate in self._rates)
        if self._rate is None or best >= self._rate:
            self._rate = best
        elif now >= self._changed_at + (self.path or 0.0):
            self._rate = max(best, self._rate * SLOWER)
            self._changed_at = now

    def _quicker(self, newest: _Sent, arrived: float, now: float) -> None:
        """Raise the estimate when an update of some size took less than its time: a film at its own pace never fills the link."""
        path = self.path
        if self._rate is None or path is None or newest.size < LEAST_BYTES or now < self._changed_at + path:
            return
        if arrived - newest.at - path < newest.size / self._rate * QUICK_SHARE:
            self._rate = min(MOST_RATE, self._rate * FASTER)
            self._changed_at = now

    def forget(self) -> None:
        """The viewer began anew: nothing of what was sent will be acknowledged."""
        self._sent.clear()
        self._in_flight = self._urgent = 0
        self._viewer_queue = 0

    def tile_bytes(self) -> int:
        """How many bytes of tiles one update may hold."""
        if self._rate is None:
            return FIRST_TILE_BYTES
        return int(min(MOST_TILE_BYTES, max(LEAST_TILE_BYTES, self._rate * TILE_SECONDS)))

    def bitrate(self, now: float) -> int:
        """Bits a second that video may use."""
        if self._rate is None:
            return MOST_BITRATE
        share = VIDEO_SHARE if not self.typing(now) else LOSSY_SHARE if self.lossy(now) else TYPING_SHARE
        return int(min(MOST_BITRATE, self._rate * 8 * share))


def _remember(samples: collections.deque[tuple[float, float]], now: float, value: float, window: float) -> None:
    samples.append((now, value))
    while samples[0][0] < now - window or len(samples) > 1024:
        samples.popleft()
