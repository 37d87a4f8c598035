"""Where one film runs, and whether it still does.

Every new stream begins with a key picture, which costs as much as thirty of the others. So an area is left only for good: not for
a caret that blinks in it or beside it, not for a picture that is drawn in several goes, not for a moment of rest. Works on cells
and times alone; the encoder belongs to whoever asks.
"""

import numpy as np
from numpy.typing import NDArray

from agent.screen.frames import CellRect, Cells, marked
from agent.screen.refine import SETTLE

SHRINK = 3
"""An area more than this many times as large as what moves in it is too large."""
SHRINK_SECONDS = 1.0
"""How long it is too large before it is left for the smaller one."""
LINGER = 0.5
"""Seconds for which a film that became flat (a fade) or rests stays a film."""
KEPT_SECONDS = 10.0
"""Seconds after its last picture within which a film may go on where it was without a key picture."""
PATIENCE = 1.5
"""A film stands still when no picture has come for so many times as long as from one to the next: made exact in between, each
picture of a slow film would cost more than as tiles."""
FADING = 0.9
MOST_PATIENCE = 0.25
"""Seconds, so that what has stopped is exact within half a second."""


class FilmPlace:
    """One film. `now` is monotonic seconds."""

    def __init__(self) -> None:
        self.forget()

    def forget(self) -> None:
        """There is no film."""
        self.area: CellRect | None = None
        """Where its pictures went; a film that only rests is still here."""
        self.runs = False
        self.sent_at = self._moved_at = self._part_since = float("-inf")
        self._part: CellRect | None = None
        self._interval = 0.0

    def sent(self, area: CellRect, now: float) -> None:
        """A picture of `area` went out."""
        if area != self.area:
            self._part = None
        if now <= self.sent_at + LINGER:
            # The longest of late: a picture that is drawn in several goes is several, one close behind the other.
            self._interval = max(now - self.sent_at, self._interval * FADING)
        self.area, self.runs, self.sent_at = area, True, now

    def changed_at(self, changed_at: NDArray[np.float64]) -> NDArray[np.float64]:
        """When each cell last changed, as far as that says how long it stands still. Each picture of the film counts for all its
        cells, as the next one covers them all, and for as much longer as it must be waited for."""
        if self.area is None:
            return changed_at
        found = changed_at.copy()
        inside = found[self.area.slices]
        wait = min(MOST_PATIENCE, max(0.0, self._interval * PATIENCE - SETTLE))
        np.maximum(inside, self.sent_at + wait, out=inside)
        return found

    def follow(self, moving: CellRect | None, changed: Cells, now: float) -> CellRect | None:
        """Where this update sends a picture: the same area as long as it fits what is `moving`, a new one else; None: nowhere."""
        self.runs = self.runs and now <= self.sent_at + LINGER
        if now > self.sent_at + KEPT_SECONDS:
            self.area = None
        area = self.area
        if moving is None:
            return self._faded(changed, now)
        self._moved_at = now
        if area is None:
            return moving
        joined = area.union(moving)
        if joined == area:
            return self._within(area, moving, now)
        return joined if self.runs and joined.count <= SHRINK * moving.count else moving

    def _faded(self, changed: Cells, now: float) -> CellRect | None:
        """The running film where much of it changes and nothing looks like one: a dark scene that is flat, a fade."""
        area = self.area
        if area is None or not self.runs or now > self._moved_at + LINGER:
            return None
        return area if marked(changed[area.slices]) * 8 >= area.count else None

    def _within(self, area: CellRect, moving: CellRect, now: float) -> CellRect:
        """The same area, or once the film has been smaller for long enough all that it was in that time."""
        if area.count <= SHRINK * moving.count:
            self._part = None
            return area
        if not self.runs:
            return moving
        if self._part is None:
            self._part, self._part_since = moving, now
        part = self._part = self._part.union(moving)
        if now < self._part_since + SHRINK_SECONDS:
            return area
        self._part = None
        return part if area.count > SHRINK * part.count else area
