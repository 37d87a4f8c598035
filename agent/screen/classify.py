"""Flat and text-like, or like a photograph; and where things keep moving.

A pixel counts as busy when it differs from its left neighbour. Windows, text and lines are mostly flat (a page of small
anti-aliased text: a quarter of its pixels are busy); photographs and films are busy nearly everywhere. Text compresses
losslessly at once; only what is busy and keeps moving is worth a video encoder.
"""

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from agent.backends.base import Pixels
from agent.screen.damage import bounds, clusters
from agent.screen.frames import CELL, CellRect, Cells, marked

BUSY_SHARE = 0.5
"""A cell is busy when at least this share of its pixels differs from the left neighbour."""
HALF_LIFE = 0.2
"""Seconds in which a cell's heat halves. A cell that changes 10 times a second or more stays hot."""
HOT = 2.0
"""Changes within about a half-life that count as motion."""
LEAST_VIDEO_CELLS = 80
"""Fewer hot busy cells (20,000 pixels) than this are cheaper as tiles."""
SAMPLED_CELLS = 64
"""Cells whose pixels are counted where a share of the whole is enough."""
APART = 4
"""Cells without motion between two things that move which make them two."""


def busy_cells(now: Pixels, cells: CellRect) -> Cells:
    """For each cell of `cells` whether its content looks like a photograph."""
    found: Cells = busy_pixels(now, cells) >= int(BUSY_SHARE * CELL * CELL)
    return found


def busy_pixels(now: Pixels, cells: CellRect) -> NDArray[np.int32]:
    """For each cell of `cells` how many of its pixels differ from their left neighbour."""
    rows, columns = cells.pixel_slices
    # Every second row tells as much as all of them. Every fourth does not: text has rows in which most pixels differ.
    sample = now[rows, columns][::2]
    differs = np.zeros(sample.shape, np.bool_)
    np.not_equal(sample[:, 1:], sample[:, :-1], out=differs[:, 1:])
    height, width = cells.bottom - cells.top, cells.right - cells.left
    counts: NDArray[np.int32] = differs.reshape(height, CELL // 2, width, CELL).sum(axis=(1, 3), dtype=np.int32)
    counts *= np.int32(2)
    return counts


def busy_sample(now: Pixels, cells: Cells) -> int:
    """About how many pixels of the marked cells differ from their left neighbour, judged by at most `SAMPLED_CELLS` of them."""
    marked = np.flatnonzero(cells)
    taken = marked[:: max(1, -(-marked.size // SAMPLED_CELLS))]
    if not taken.size:
        return 0
    rows, columns = np.divmod(taken, cells.shape[1])
    blocks = now.reshape(cells.shape[0], CELL, cells.shape[1], CELL)[rows, ::2, columns]
    busy = int(np.count_nonzero(blocks[..., 1:] != blocks[..., :-1])) * 2
    return busy * marked.size // taken.size


class MotionMap:
    """How often each cell changed lately, fading with time."""

    def __init__(self, rows: int, columns: int) -> None:
        self._heat: NDArray[np.float32] = np.zeros((rows, columns), np.float32)
        self.changed_at: NDArray[np.float64] = np.full((rows, columns), -np.inf)
        self._updated = 0.0

    def update(self, moved: Cells, changed: Cells, now: float) -> None:
        """Cells of `changed` changed at `now` (seconds); those of `moved` in a way that no copy explains."""
        self._heat *= np.float32(0.5 ** ((now - self._updated) / HALF_LIFE))
        self._heat += moved
        self._updated = now
        np.copyto(self.changed_at, now, where=changed)

    def hot(self, now: float, least: float = HOT) -> Cells:
        """Cells that keep changing: `least` changes within about a half-life."""
        found: Cells = self._heat * np.float32(0.5 ** ((now - self._updated) / HALF_LIFE)) >= least
        return found


def motion_areas(now: Pixels, changed: Cells, hot: Cells, running: Iterable[CellRect] = ()) -> list[CellRect]:
    """The rectangles of cells worth a video encoder: busy, changed just now and hot. None when tiles are cheaper.

    What lies apart and is small by itself (a spinner at the other end of the display) is left to tiles, and so is everything
    between it and the film. `running` is where films run: what moves in one of them belongs together.
    """
    moving = changed & hot
    if marked(moving) < LEAST_VIDEO_CELLS:
        return []
    box = bounds(moving)
    assert box is not None
    photo = np.zeros_like(moving)
    photo[box.slices] = moving[box.slices] & busy_cells(now, box)
    together = photo.copy()
    for area in running:
        if marked(photo[area.slices]) >= LEAST_VIDEO_CELLS:
            together[area.slices] = True
    found = []
    for part in clusters(together, APART, LEAST_VIDEO_CELLS):
        inner = bounds(photo[part.slices])
        if inner is not None:
            found.append(CellRect(inner.top + part.top, inner.left + part.left, inner.bottom + part.top, inner.right + part.left))
    return found
