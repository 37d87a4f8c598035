"""What is drawn again and again by itself beside a film: a meter, a spinner, the time of the film.

No key shows it. So where every packet counts it is not taken for the echo of one, and goes with the film's pictures. A line that
is drawn anew with every key is none of this, however fast somebody types or a held key repeats.
"""

from agent.screen.classify import MotionMap
from agent.screen.frames import Cells

STEADY = 3.0
"""So hot (`MotionMap`) is what is drawn ten times a second or more. Somebody who types draws to a cell two or three times."""
ONE_GO = 0.02
"""Seconds within which what is drawn is one picture, in however many goes."""


class SteadyCells:
    """Which cells are drawn to all the time. `now` is monotonic seconds."""

    def __init__(self, rows: int, columns: int) -> None:
        self._map = MotionMap(rows, columns)

    def drawn(self, cells: Cells, now: float, keyed_at: float = float("-inf")) -> None:
        """`cells` were drawn to; the last key came at `keyed_at`, and what is drawn first after it may be what it shows."""
        apart = cells & (self._map.changed_at <= now - ONE_GO)
        self._map.update(apart & (self._map.changed_at >= keyed_at), apart, now)

    def find(self, now: float) -> Cells:
        """Those that are drawn to all the time."""
        return self._map.hot(now, STEADY)
