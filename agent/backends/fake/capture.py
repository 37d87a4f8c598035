"""A display in memory: draw on it, resize it, lose it, from any thread."""

import select
import socket
import threading
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

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


class FakeCursor(CursorSource):
    """A pointer that is where it is put."""

    def __init__(self) -> None:
        self.picture: CursorPicture | None = CursorPicture(np.full((4, 4, 4), 255, np.uint8), 1, 1)
        self.place = (0, 0)

    def shape(self) -> CursorPicture | None:
        """See the base class."""
        return self.picture

    def position(self) -> tuple[int, int]:
        """See the base class."""
        return self.place


class FakeCapture(ScreenCapture):
    """`pixels` is the display. Whoever draws on it calls `draw` (which reports the damage)."""

    name = "fake"
    reason = "a display in memory"

    def __init__(self, width: int, height: int, monitors: tuple[MonitorArea, ...] = ()) -> None:
        self.pixels: Pixels = np.full((height, width), OPAQUE, np.uint32)
        self.monitors = monitors
        self.grabs = 0
        self.lost = False
        self.closed = False
        self._cursor = FakeCursor()
        self._lock = threading.Lock()
        self._damage: list[Rect] = []
        self._happened = Happened.NOTHING
        self._read, self._write = socket.socketpair()
        self._read.setblocking(False)

    @property
    def cursor(self) -> FakeCursor:
        """See the base class."""
        return self._cursor

    def draw(self, x: int, y: int, block: NDArray[np.uint32]) -> None:
        """Put a block of 0xRRGGBB pixels on the display."""
        height, width = block.shape
        with self._lock:
            self.pixels[y : y + height, x : x + width] = block | OPAQUE
            self._damage.append(Rect(x, y, width, height))
        self.happen(Happened.DAMAGE)

    def resize(self, width: int, height: int, monitors: tuple[MonitorArea, ...] = ()) -> None:
        """Change the display's size; it becomes black."""
        with self._lock:
            self.pixels = np.full((height, width), OPAQUE, np.uint32)
            self.monitors = monitors
        self.happen(Happened.LAYOUT)

    def lose(self) -> None:
        """From now on everything raises `DisplayLost`."""
        self.lost = True
        self.happen(Happened.NOTHING)

    def happen(self, happened: Happened) -> None:
        """Report something and wake the waiting thread."""
        with self._lock:
            self._happened |= happened
        if not self.closed:
            self._write.send(b"\0")

    def layout(self) -> DisplayLayout:
        """See the base class."""
        self._check()
        height, width = self.pixels.shape
        return DisplayLayout(width, height, self.monitors or (MonitorArea("fake", Rect(0, 0, width, height), True),))

    def wait(self, timeout: float | None, wake: int) -> Happened:
        """See the base class."""
        ready, _, _ = select.select([self._read.fileno(), wake], [], [], timeout)
        self._check()
        if self._read.fileno() in ready:
            self._read.recv(4096)
        with self._lock:
            happened, self._happened = self._happened, Happened.NOTHING
        return happened | (Happened.WOKEN if wake in ready else Happened.NOTHING)

    def take_damage(self) -> list[Rect]:
        """See the base class."""
        self._check()
        with self._lock:
            damage, self._damage = self._damage, []
        return damage

    def grab(self, areas: Sequence[Rect], into: Pixels, origin: tuple[int, int] = (0, 0)) -> bool:
        """See the base class."""
        self._check()
        self.grabs += 1
        with self._lock:
            return copy_areas(self.pixels, areas, into, origin)

    def close(self) -> None:
        """See the base class."""
        if not self.closed:
            self.closed = True
            self._read.close()
            self._write.close()

    def _check(self) -> None:
        if self.lost:
            raise DisplayLost("The display in memory was taken away.", retry_after=0.01)
