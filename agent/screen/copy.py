"""What only moved: scrolling and dragging, found by content, proven pixel by pixel against what the viewer shows.

A candidate offset comes from row hashes of a few vertical strips (vertical scrolling) or from distinctive short runs of pixels
looked up in what the viewer shows (dragging, horizontal scrolling). A candidate is only a hint: `verify` compares every pixel,
keeps the rectangle where the move holds, and the caller repairs the rest with tiles. A wrong hint costs time, never a pixel.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from agent.backends.base import Pixels
from agent.backends.geometry import Rect
from agent.screen.frames import part

STRIP = 128
"""Width of a hashed strip in pixels."""
LEAST_VOTES = 8
NEEDLE = 32
"""Pixels of a run that is looked up."""
CANDIDATES = 48
NEEDLES = 5
LEAST_EDGES = 10
"""Changes of colour that a run needs to be distinctive."""
LEAST_GAIN = 4096
"""Pixels that a copy must make right to be worth an operation."""
MOST_SKIPPED = 8


@dataclass(frozen=True, slots=True)
class Move:
    """`target` shows what was `dx`, `dy` away from it (source = target + offset)."""

    target: Rect
    dx: int
    dy: int

    @property
    def source(self) -> Rect:
        """Where the pixels come from."""
        return self.target.moved(self.dx, self.dy)


class MoveFinder:
    """Finds moves, and looks ever less often while there are none (a film never scrolls)."""

    def __init__(self) -> None:
        generator = np.random.default_rng(0x48616E64)  # fixed: the hash needs to be spread, not secret
        self._weights: NDArray[np.uint64] = generator.integers(1, 2**63, STRIP // 2, np.uint64) * np.uint64(2) + np.uint64(1)
        self._last: tuple[int, int] = (0, 0)
        self._misses = 0
        self._skip = 0

    def find(self, now: Pixels, shown: Pixels, box: Rect, screen: Rect) -> Move | None:
        """The best single move that explains what changed inside `box`, or None."""
        if self._skip:
            self._skip -= 1
            return None
        move = None
        dy = vertical_offset(now, shown, box, self._weights)
        if dy:
            move = verify(now, shown, box, screen, 0, dy)
        if move is None:
            offset = anchored_offset(now, shown, box)
            if offset is not None:
                move = verify(now, shown, box, screen, *offset)
        self._misses = 0 if move else self._misses + 1
        self._skip = min(self._misses - 1, MOST_SKIPPED) if self._misses > 1 else 0
        return move


def vertical_offset(now: Pixels, shown: Pixels, box: Rect, weights: NDArray[np.uint64]) -> int:
    """The vertical offset for which most rows vote, 0 when there is none."""
    if box.width < STRIP or box.height < 2 * LEAST_VOTES:
        return 0
    best, best_votes = 0, 0
    places = {box.x + (box.width - STRIP) * share // 4 for share in (0, 2, 3)}
    for x in sorted(place - place % 2 for place in places):
        rows = slice(box.y, box.bottom)
        votes = _votes(_row_hashes(now[rows, x : x + STRIP], weights), _row_hashes(shown[rows, x : x + STRIP], weights))
        if votes is not None and votes[1] > best_votes:
            best, best_votes = votes
    return best


def _row_hashes(strip: Pixels, weights: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """One number for each row: a dot product modulo 2^64."""
    words = np.ascontiguousarray(strip).view(np.uint64)
    words ^= words >> np.uint64(29)  # its copy is ours; spreads colour differences beyond one byte lane
    hashes: NDArray[np.uint64] = (words * weights).sum(axis=1, dtype=np.uint64)
    return hashes


def _votes(now: NDArray[np.uint64], shown: NDArray[np.uint64]) -> tuple[int, int] | None:
    """(offset, votes): rows that are unique on both sides and changed vote for how far they moved."""
    old, old_rows, counts = np.unique(shown, return_index=True, return_counts=True)
    once = counts == 1
    old, old_rows = old[once], old_rows[once]
    new, new_rows, counts = np.unique(now, return_index=True, return_counts=True)
    changed = (counts == 1) & (now[new_rows] != shown[new_rows])
    new, new_rows = new[changed], new_rows[changed]
    if not old.size or not new.size:
        return None
    places = np.minimum(np.searchsorted(old, new), old.size - 1)
    hit = old[places] == new
    if int(hit.sum()) < LEAST_VOTES:
        return None
    offsets = old_rows[places[hit]] - new_rows[hit]
    values, counts = np.unique(offsets, return_counts=True)
    best = int(counts.argmax())
    return (int(values[best]), int(counts[best])) if counts[best] >= LEAST_VOTES else None


def anchored_offset(now: Pixels, shown: Pixels, box: Rect) -> tuple[int, int] | None:
    """The offset on which two distinctive runs of pixels agree, or None."""
    if box.width < 2 * NEEDLE or box.height < 16:
        return None
    haystack = np.ascontiguousarray(part(shown, box))
    text = haystack.tobytes()
    seen: set[tuple[int, int]] = set()
    for x, y in _anchors(now, shown, box):
        place = text.find(now[y, x : x + NEEDLE].tobytes())
        if place < 0 or place % 4:
            continue
        row, column = divmod(place // 4, box.width)
        if column + NEEDLE > box.width:
            continue
        offset = (box.x + column - x, box.y + row - y)
        if offset in seen and offset != (0, 0):
            return offset
        seen.add(offset)
    return None


def _anchors(now: Pixels, shown: Pixels, box: Rect) -> list[tuple[int, int]]:
    """Places of runs that changed and have many edges, the most distinctive first, spread over the box."""
    side = max(4, int(CANDIDATES**0.5))
    xs = np.linspace(box.x, box.right - NEEDLE, side + 2).astype(int)[1:-1]
    ys = np.linspace(box.y, box.bottom - 1, side + 2).astype(int)[1:-1]
    found: list[tuple[int, int, int]] = []
    for y in ys.tolist():
        for x in xs.tolist():
            run = now[y, x : x + NEEDLE]
            edges = int((run[1:] != run[:-1]).sum())
            if edges >= LEAST_EDGES and not np.array_equal(run, shown[y, x : x + NEEDLE]):
                found.append((edges, x, y))
    found.sort(reverse=True)
    spread = found[:: max(1, len(found) // NEEDLES)][:NEEDLES]
    return [(x, y) for _, x, y in spread]


def verify(now: Pixels, shown: Pixels, box: Rect, screen: Rect, dx: int, dy: int) -> Move | None:
    """The rectangle inside `box` where the move holds pixel by pixel (nearly everywhere), when it is worth it."""
    target = box.intersect(screen.moved(-dx, -dy))
    if not target.area:
        return None
    same = part(now, target) == part(shown, target.moved(dx, dy))
    rows = _longest(same.sum(axis=1), 0.5)
    columns = slice(0, 0)
    for _ in range(2):
        columns = _longest(same[rows].sum(axis=0), 0.9, rows.stop - rows.start)
        if columns.stop == columns.start:
            return None
        rows = _longest(same[:, columns].sum(axis=1), 0.9, columns.stop - columns.start)
        if rows.stop == rows.start:
            return None
    found = Rect(target.x + columns.start, target.y + rows.start, columns.stop - columns.start, rows.stop - rows.start)
    wrong_before = int(np.count_nonzero(part(now, found) != part(shown, found)))
    wrong_after = found.area - int(np.count_nonzero(same[rows, columns]))
    if wrong_before - wrong_after < LEAST_GAIN or wrong_after * 2 > wrong_before:
        return None
    return Move(found, dx, dy)


def _longest(scores: NDArray[np.int64], share: float, full: int | None = None) -> slice:
    """The longest stretch of scores of at least `share` of `full` (default: of the highest score)."""
    limit = share * (full if full is not None else int(scores.max(initial=0)))
    good = scores >= max(limit, 1)
    edges = np.flatnonzero(np.diff(good.view(np.int8), prepend=np.int8(0), append=np.int8(0)))
    if not edges.size:
        return slice(0, 0)
    starts, ends = edges[::2], edges[1::2]
    best = int((ends - starts).argmax())
    return slice(int(starts[best]), int(ends[best]))
