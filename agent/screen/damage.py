"""Which cells differ from what the viewer shows, and cells to rectangles."""

import numpy as np
from numpy.typing import NDArray

from agent.backends.base import Pixels
from agent.backends.geometry import Rect
from agent.screen.frames import CELL, CellRect, Cells, marked

WIDE = 0.6
"""From this share of a row on, whole rows are compared: they lie in memory without a gap, which is twice as fast."""
MARKED = b"\1"
"""A marked cell in memory."""
MOST_RECTANGLES = 128
"""More pieces than this cost more in overhead than the gaps between them save."""


def changed_cells(now: Pixels, shown: Pixels, cells: CellRect) -> Cells:
    """For each cell of `cells` whether any pixel differs. 0.6 ms for 1920 x 1080: two pixels are compared at a time, and the
    eight booleans of a cell's row are then read as one number."""
    rows, columns = cells.pixel_slices
    height, width = cells.bottom - cells.top, cells.right - cells.left
    if not height or not width:
        return np.zeros((height, width), np.bool_)
    if width * CELL >= now.shape[1] * WIDE:
        differs = now[rows].view(np.uint64) != shown[rows].view(np.uint64)
        folded = differs.view(np.uint64).reshape(height, CELL, -1)[..., cells.left : cells.right]
    else:
        differs = now[rows, columns].view(np.uint64) != shown[rows, columns].view(np.uint64)
        folded = differs.view(np.uint64).reshape(height, CELL, width)
    found: Cells = np.bitwise_or.reduce(folded, axis=1) != 0
    return found


def bounds(cells: Cells) -> CellRect | None:
    """The smallest rectangle around the marked cells, None when there are none."""
    marks = cells.tobytes()
    first = marks.find(MARKED)
    if first < 0:
        return None
    width = cells.shape[1]
    top, bottom = first // width, marks.rfind(MARKED) // width + 1
    columns = cells[top:bottom].any(axis=0).tobytes()
    return CellRect(top, columns.find(MARKED), bottom, columns.rfind(MARKED) + 1)


def rectangles(cells: Cells) -> list[CellRect]:
    """Disjoint rectangles that cover the marked cells, and cells between them where that saves pieces."""
    box = bounds(cells)
    if box is None:
        return []
    inside = cells[box.slices]
    count = marked(inside)
    if count * 4 >= box.count * 3 and box.count <= 64:
        return [box]
    found = _runs(inside, 0)
    if len(found) > MOST_RECTANGLES:
        found = _runs(inside, 8)
    if len(found) > MOST_RECTANGLES:
        found = _bands(inside)
    return [CellRect(r.top + box.top, r.left + box.left, r.bottom + box.top, r.right + box.left) for r in found]


def _runs(cells: Cells, gap: int) -> list[CellRect]:
    """Horizontal runs (gaps of up to `gap` cells are closed), equal runs of neighbouring rows joined."""
    done: list[CellRect] = []
    open_runs: dict[tuple[int, int], int] = {}
    for row, runs in enumerate([*_row_runs(cells, gap), []]):
        here = set(runs)
        for run in [run for run in open_runs if run not in here]:
            done.append(CellRect(open_runs.pop(run), run[0], row, run[1]))
        for run in runs:
            open_runs.setdefault(run, row)
    return done


def _row_runs(cells: Cells, gap: int) -> list[list[tuple[int, int]]]:
    """The runs of every row: (first column, column after the last)."""
    height, width = cells.shape
    padded = np.zeros((height, width + 2), np.int8)
    padded[:, 1:-1] = cells
    rows, edges = np.nonzero(padded[:, 1:] != padded[:, :-1])  # row by row: a start, its end, a start, ...
    found: list[list[tuple[int, int]]] = [[] for _ in range(height)]
    for row, start, end in zip(rows[::2].tolist(), edges[::2].tolist(), edges[1::2].tolist(), strict=True):
        runs = found[row]
        if runs and start - runs[-1][1] <= gap:
            runs[-1] = (runs[-1][0], end)
        else:
            runs.append((start, end))
    return found


def _bands(cells: Cells) -> list[CellRect]:
    """One rectangle for each stretch of rows with anything in it, at most four rows high."""
    found = []
    for top in range(0, cells.shape[0], 4):
        band = bounds(cells[top : top + 4])
        if band is not None:
            found.append(CellRect(band.top + top, band.left, band.bottom + top, band.right))
    return found


def stretches(cells: Cells) -> list[CellRect]:
    """One rectangle for each stretch of rows with anything in it."""
    rows = np.flatnonzero(np.diff(cells.any(axis=1), prepend=False, append=False))
    found = []
    for top, bottom in zip(rows[::2].tolist(), rows[1::2].tolist(), strict=True):
        columns = np.flatnonzero(cells[top:bottom].any(axis=0))
        found.append(CellRect(top, int(columns[0]), bottom, int(columns[-1]) + 1))
    return found


def clusters(cells: Cells, gap: int, least: int) -> list[CellRect]:
    """Rectangles around at least `least` marked cells that lie together: each can be cut from all others by `gap` empty rows or
    columns, one cut after the other."""
    found, box = [], bounds(cells)
    waiting = [] if box is None else [box]
    while waiting:
        whole = waiting.pop()
        across = [
            CellRect(whole.top, whole.left + left, whole.bottom, whole.left + right)
            for left, right in _spans(np.flatnonzero(cells[whole.slices].any(axis=0)), gap)
        ]
        pieces = [
            CellRect(column.top + top, column.left, column.top + bottom, column.right)
            for column in across
            for top, bottom in _spans(np.flatnonzero(cells[column.slices].any(axis=1)), gap)
        ]
        large = [piece for piece in pieces if marked(cells[piece.slices]) >= least]
        if pieces == [whole]:
            found += large
        else:
            waiting += large
    return found


def _spans(places: NDArray[np.intp], gap: int) -> list[tuple[int, int]]:
    """Ascending places as stretches (first, after the last); fewer than `gap` others between two do not part them."""
    if not places.size:
        return []
    cuts = np.flatnonzero(np.diff(places) > gap)
    starts, ends = np.concatenate(([0], cuts + 1)), np.concatenate((cuts, [places.size - 1]))
    return [(int(places[start]), int(places[end]) + 1) for start, end in zip(starts.tolist(), ends.tolist(), strict=True)]


def trim(now: Pixels, shown: Pixels, area: Rect) -> Rect:
    """The smallest rectangle inside `area` around the pixels that differ (`area` itself when none does)."""
    differs = now[area.y : area.bottom, area.x : area.right] != shown[area.y : area.bottom, area.x : area.right]
    rows = np.flatnonzero(differs.any(axis=1))
    if not rows.size:
        return area
    columns = np.flatnonzero(differs.any(axis=0))
    first_row, first_column = int(rows[0]), int(columns[0])
    return Rect(area.x + first_column, area.y + first_row, int(columns[-1]) - first_column + 1, int(rows[-1]) - first_row + 1)
