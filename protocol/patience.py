"""How long to leave a relay alone: what it asks for, within bounds, and a wait that grows and differs from peer to peer.

What the relay says of this is unverified. It is honoured because a relay that is overrun knows best, and never for longer than
`LONGEST_PATIENCE`: a hostile one could refuse us anyway, and must not get more by asking. Nor does asking for little shorten the
wait that the peer would have chosen itself. Pure: `now` and `wall` are handed in, and so is chance.
"""

import math
import re
from collections.abc import Callable
from email.utils import parsedate_to_datetime
from typing import Final

LONGEST_PATIENCE: Final = 300.0
"""So many seconds at a time are the most that a relay is left alone because it asks for that."""
STEADY_SECONDS: Final = 30.0
"""A connection that lasted so long held: what failed before it counts no more."""
_SECONDS: Final = re.compile(r"[0-9]{1,9}")
_DATE_CHARS: Final = 64
_MOST_DOUBLINGS: Final = 16


def patience(seconds: float) -> float:
    """What was asked for, as far as it is granted: from 0 to `LONGEST_PATIENCE`; 0 for what is no number."""
    return 0.0 if math.isnan(seconds) else max(0.0, min(seconds, LONGEST_PATIENCE))


def asked_by_header(value: str, wall: float) -> float | None:
    """The seconds that a `Retry-After` asks for (RFC 9110 10.2.3: a number of seconds or a date), as far as they are granted;
    None where it asks for nothing that can be read. `wall`: seconds since 1970."""
    text = value.strip()
    if _SECONDS.fullmatch(text):
        return patience(float(text))
    if not text or len(text) > _DATE_CHARS:
        return None
    try:
        at = parsedate_to_datetime(text)
    except (ValueError, OverflowError):  # OverflowError: a year or a zone beyond every calendar
        return None
    return patience(at.timestamp() - wall) if at.tzinfo is not None else None


class Redialling:
    """When a peer dials its relay again. Times are monotonic seconds.

    After the n-th failure in a row it waits from 0 to `first * 2**n` seconds, at most `most`, by chance (full jitter), so that a
    relay that comes back is not met by everybody at once; and as long as the relay has asked for before that.
    """

    def __init__(self, first: float, most: float, uniform: Callable[[float, float], float]) -> None:
        self._first = first
        self._most = most
        self._uniform = uniform
        self._failures = 0
        self._began = 0.0
        self._not_before = 0.0

    def dials(self, now: float) -> None:
        """An attempt begins."""
        self._began = now
        self._not_before = now

    def asked(self, seconds: float, now: float) -> None:
        """The relay asks to be left alone. Of several wishes during one attempt the longest counts."""
        self._not_before = max(self._not_before, now + patience(seconds))

    def again(self, now: float, *, refused: bool = False) -> float:
        """The attempt, or the connection that came of it, is over: how many seconds to wait. `refused`: the relay does not want
        this peer at all, which takes as long as anything."""
        self._failures = 0 if now - self._began > STEADY_SECONDS else self._failures + 1
        bound = min(self._most, self._first * 2.0 ** min(self._failures, _MOST_DOUBLINGS))
        return max(0.0, self._not_before - now) + self._uniform(0.0, self._most if refused else bound)
