"""The display's pixels and what the viewer shows, side by side, under one grid of cells.

Both arrays are padded to whole cells, so that odd sizes (1366 x 768) need no special case; the padding is equal in both.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from agent.backends.base import Pixels
from agent.backends.geometry import Rect

CELL = 16
"""Side of a cell in pixels: a character or two. Small enough that typing sends little, large enough that a grid is cheap."""

Cells = NDArray[np.bool_]
"""(rows, columns) of cells."""


@dataclass(frozen=True, slots=True, order=True)
class CellRect:
    """A rectangle of cells: rows `top` to `bottom`, columns `left` to `right`, ends excluded."""

    top: int
    left: int
    bottom: int
    right: int

    @property
    def slices(self) -> tuple[slice, slice]:
        """To index an array of cells."""
        return slice(self.top, self.bottom), slice(self.left, self.right)

    @property
    def pixel_slices(self) -> tuple[slice, slice]:
        """To index an array of pixels (padding included)."""
        return slice(self.top * CELL, self.bottom * CELL), slice(self.left * CELL, self.right * CELL)

    @property
    def count(self) -> int:
        """Cells inside."""
        return (self.bottom - self.top) * (self.right - self.left)

    def union(self, other: "CellRect") -> "CellRect":
        """The smallest rectangle around both."""
        return CellRect(
            min(self.top, other.top), min(self.left, other.left), max(self.bottom, other.bottom), max(self.right, other.right)
        )


def marked(cells: Cells) -> int:
    """How many cells are marked. Asked many times an update: a tenth of what numpy's `any` and `sum` take."""
    return int(np.count_nonzero(cells))


class Frames:
    """`now` is the display as last grabbed, `shown` the pixels last sent (0 where nothing was sent yet).

    `lossy` marks cells that the viewer shows only nearly; `dirty` marks cells of `now` that may be out of date.
    """

    def __init__(self, width: int, height: int) -> None:
        self.width, self.height = width, height
        self.rows, self.columns = -(-height // CELL), -(-width // CELL)
        shape = (self.rows * CELL, self.columns * CELL)
        self.now: Pixels = np.zeros(shape, np.uint32)
        self.shown: Pixels = np.zeros(shape, np.uint32)
        self.lossy: Cells = np.zeros((self.rows, self.columns), np.bool_)
        self.dirty: Cells = np.ones((self.rows, self.columns), np.bool_)

    @property
    def area(self) -> Rect:
        """The whole visible area."""
        return Rect(0, 0, self.width, self.height)

    def forget(self) -> None:
        """The viewer shows nothing of what was sent."""
        self.shown[:] = 0
        self.lossy[:] = False
        self.dirty[:] = True

    def mark(self, area: Rect) -> None:
        """`area` was drawn to."""
        cells = self.cells(area)
        self.dirty[cells.slices] = True

    def cells(self, area: Rect) -> CellRect:
        """The cells that `area` touches."""
        inside = area.intersect(self.area)
        if not inside.area:
            return CellRect(0, 0, 0, 0)
        return CellRect(inside.y // CELL, inside.x // CELL, -(-inside.bottom // CELL), -(-inside.right // CELL))

    def pixels(self, cells: CellRect) -> Rect:
        """The visible pixels of a rectangle of cells."""
        whole = Rect(cells.left * CELL, cells.top * CELL, (cells.right - cells.left) * CELL, (cells.bottom - cells.top) * CELL)
        return whole.intersect(self.area)


def part(pixels: Pixels, area: Rect) -> Pixels:
    """A view of `area`."""
    return pixels[area.y : area.bottom, area.x : area.right]
