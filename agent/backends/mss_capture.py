"""The fallback: whole pictures by mss, compared with the last one to find what changed.

It costs a core's twentieth even when nothing moves, and notices changes only when it looks; where damage events exist they are
always better. Its reason for being is the display that has none: X11 without shared memory (a remote display, a container), and
systems for which there is no backend of their own yet.
"""

import select
import time
from collections.abc import Sequence

import mss
import numpy as np
from mss.exception import ScreenShotError

from agent.backends.base import (
    OPAQUE,
    CursorPicture,
    CursorSource,
    DisplayLayout,
    DisplayLost,
    Happened,
    MonitorArea,
    Pixels,
    ScreenCapture,
    copy_areas,
)
from agent.backends.geometry import Rect
from protocol.errors import Unavailable

POLL_SECONDS = 1 / 15
BAND = 32
"""Rows compared at once."""


class NoCursor(CursorSource):
    """A pointer that cannot be asked about; the viewer draws its own."""

    def shape(self) -> CursorPicture | None:
        """See the base class."""
        return None

    def position(self) -> tuple[int, int]:
        """See the base class."""
        return (0, 0)


class MssCapture(ScreenCapture):
    """See the base class."""

    name = "mss"

    def __init__(self, display: str | None, reason: str, cursor: CursorSource | None = None) -> None:
        """`display` names an X display, None elsewhere; `reason` says why nothing better was taken.

        Raises:
            Unavailable: mss finds no screen either.
        """
        try:
            self._mss = mss.MSS() if display is None else mss.MSS(display=display)
            self._picture = self._look()
        except ScreenShotError as error:
            raise Unavailable(f"The screen cannot be captured: {error}.", retry_after=2.0) from error
        self._damage: list[Rect] = []
        self._cursor = cursor or NoCursor()
        self._next = time.monotonic()
        self._closed = False
        self.reason = reason

    @property
    def cursor(self) -> CursorSource:
        """See the base class."""
        return self._cursor

    def layout(self) -> DisplayLayout:
        """See the base class."""
        origin, *parts = self._mss.monitors
        height, width = self._picture.shape
        left, top = origin["left"], origin["top"]
        areas = [Rect(part["left"] - left, part["top"] - top, part["width"], part["height"]) for part in parts]
        monitors = tuple(MonitorArea(str(number), area, number == 1) for number, area in enumerate(areas, 1))
        return DisplayLayout(width, height, monitors or (MonitorArea("screen", Rect(0, 0, width, height), True),))

    def wait(self, timeout: float | None, wake: int) -> Happened:
        """See the base class. Looks at the screen at most every `POLL_SECONDS`."""
        pause = max(0.0, self._next - time.monotonic())
        ready, _, _ = select.select([wake], [], [], pause if timeout is None else min(pause, timeout))
        happened = Happened.WOKEN if ready else Happened.NOTHING
        if time.monotonic() < self._next:
            return happened
        try:
            picture = self._look()
        except ScreenShotError as error:
            raise DisplayLost("The screen cannot be captured any more; it is looked for again.", retry_after=1.0) from error
        self._next = time.monotonic() + POLL_SECONDS
        happened |= Happened.POINTER
        if picture.shape != self._picture.shape:
            happened |= Happened.LAYOUT | Happened.DAMAGE
            self._damage = [Rect(0, 0, picture.shape[1], picture.shape[0])]
        else:
            bands = changed_bands(self._picture, picture)
            self._damage += bands
            happened |= Happened.DAMAGE if bands else Happened.NOTHING
        self._picture = picture
        return happened

    def take_damage(self) -> list[Rect]:
        """See the base class."""
        damage, self._damage = self._damage, []
        return damage

    def grab(self, areas: Sequence[Rect], into: Pixels, origin: tuple[int, int] = (0, 0)) -> bool:
        """See the base class; the pixels are those of the last look."""
        return copy_areas(self._picture, areas, into, origin)

    def close(self) -> None:
        """See the base class."""
        if not self._closed:
            self._closed = True
            self._mss.close()

    def _look(self) -> Pixels:
        shot = self._mss.grab(self._mss.monitors[0])
        pixels = np.frombuffer(shot.bgra, np.uint32).reshape(shot.height, shot.width)
        return pixels | OPAQUE


def changed_bands(old: Pixels, new: Pixels) -> list[Rect]:
    """Bands of `BAND` rows in which anything changed, cut to the columns that did."""
    found = []
    for top in range(0, old.shape[0], BAND):
        differs = old[top : top + BAND] != new[top : top + BAND]
        columns = np.flatnonzero(differs.any(axis=0))
        if columns.size:
            left = int(columns[0])
            found.append(Rect(left, top, int(columns[-1]) - left + 1, differs.shape[0]))
    return found
