"""What only moved: scrolling and dragging, found by content, proven pixel by pixel against what the viewer shows.

A candidate offset comes from row hashes of a few vertical strips (vertical scrolling) or from distinctive short runs of pixels
looked up in what the viewer shows (dragging, horizontal scrolling). A candidate is only a hint: `verify` compares every pixel,
keeps the rectangle where the move holds, and the caller repairs the rest with tiles. A wrong hint costs time, never a pixel.
"""

from collections.abc import Iterable, Iterator
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
NEAR = 96
"""Pixels around a run where it is looked for first."""
CANDIDATES = 8
"""Rows and columns of the grid of runs that are considered."""
NEEDLES = 5
FAR_NEEDLES = 3
FAR_SHARE = 0.2
"""Where less of the box has changed, many small things have (a sheet of numbers): no run of them is looked for far away, which
takes 10 ms each in a box of the whole display."""
LEAST_STEP = 16
SAMPLE = 8
LEAST_EDGES = 10
"""Changes of colour that a run needs to be distinctive."""
LEAST_GAIN = 4096
"""Pixels that a copy must make right to be worth an operation."""
MOST_SKIPPED = 24
SAMPLED_ROWS = 16
LOOK_ANEW, LOOK_ANEW_AT_LAST = 8, 32
"""After so many moves nothing is presumed: where much was left over, and in any case."""


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
        self._last: tuple[int, int] | None = None
        self._place: Rect | None = None
        self._presumed = 0
        self._doubted = False
        self._misses = 0
        self._skip = 0

    def rest(self) -> None:
        """Nothing large changed for a while: what comes next may be a scroll again."""
        self._misses = self._skip = 0

    def presume(self, now: Pixels, shown: Pixels, screen: Rect) -> Move | None:
        """The last move's rectangle moved once more, when a sample of its rows holds: a tenth of a search, before anything is
        compared. Every few times nothing is presumed, so that a rectangle that has grown is found."""
        self._presumed += 1
        if self._presumed >= (LOOK_ANEW if self._doubted else LOOK_ANEW_AT_LAST):
            self._presumed, self._doubted = 0, False
        move = self._again(now, shown, screen, self._last) if self._last is not None and self._presumed else None
        if move is not None:
            self._place, self._misses = move.target, 0
        return move

    def left_over(self, move: Move, pixels: int) -> None:
        """So many pixels differ still after a move that was presumed: more than it has uncovered says that it was another one."""
        target = move.target
        self._doubted |= pixels > 2 * (target.width * abs(move.dy) + target.height * abs(move.dx))

    def find(self, now: Pixels, shown: Pixels, box: Rect, screen: Rect, share: float = 1.0) -> Move | None:
        """The best single move that explains what changed inside `box`, of which about `share` differs; None: there is none."""
        if self._skip:
            self._skip -= 1
            return None
        for offset in self._candidates(now, shown, box, far=share >= FAR_SHARE):
            known = self._presumed != 0 and offset != self._last  # the same again was presumed already
            move = self._again(now, shown, screen, offset) if known else None
            move = move or verify(now, shown, box, screen, *offset)
            if move is not None:
                self._last, self._place, self._misses = offset, move.target, 0
                return move
        self._last = None
        self._misses += 1
        self._skip = min(2 ** min(self._misses - 1, 8) - 1, MOST_SKIPPED)
        return None

    def _again(self, now: Pixels, shown: Pixels, screen: Rect, offset: tuple[int, int]) -> Move | None:
        """The last move's rectangle, or where it went on to, if a sample of its rows moved by `offset`."""
        if self._place is None:
            return None
        dx, dy = offset
        places = [self._place] if offset == self._last else []
        for target in (*places, self._place.moved(-dx, -dy)):
            if target.intersect(screen) != target or target.moved(dx, dy).intersect(screen) != target.moved(dx, dy):
                continue
            new = part(now, target)[::SAMPLED_ROWS]
            same = int(np.count_nonzero(new == part(shown, target.moved(dx, dy))[::SAMPLED_ROWS]))
            same_before = int(np.count_nonzero(new == part(shown, target)[::SAMPLED_ROWS]))
            if same * 50 >= new.size * 49 and (same - same_before) * SAMPLED_ROWS >= LEAST_GAIN:
                return Move(target, dx, dy)
        return None

    def _candidates(self, now: Pixels, shown: Pixels, box: Rect, *, far: bool) -> Iterator[tuple[int, int]]:
        """Hints, the cheapest first: the same again, a vertical vote, runs looked up; the vote last after a sideways move."""
        last = self._last
        anchors = find_anchors(now, shown, box)
        if last is not None and repeats(now, shown, anchors, last):
            yield last
        sideways = last is not None and last[0] != 0
        if not sideways and (dy := vertical_offset(now, shown, box, self._weights)):
            yield 0, dy
        offset = anchored_offset(now, shown, box, anchors, far=far)
        if offset is not None:
            yield offset
        if sideways and (dy := vertical_offset(now, shown, box, self._weights)):
            yield 0, dy


def move_pixels(pixels: Pixels, move: Move) -> None:
    """Do what the viewer does with a copy."""
    target, source = move.target, move.source
    step = abs(move.dy)
    if step < LEAST_STEP:
        part(pixels, target)[...] = part(pixels, source).copy()
        return
    # Bands no higher than the offset do not overlap their source, so each is copied once and in place.
    tops = range(0, target.height, step)
    for top in tops if move.dy > 0 else reversed(tops):
        rows = min(step, target.height - top)
        band = Rect(target.x, target.y + top, target.width, rows)
        part(pixels, band)[...] = part(pixels, band.moved(move.dx, move.dy))


def repeats(now: Pixels, shown: Pixels, anchors: list[tuple[int, int]], offset: tuple[int, int]) -> bool:
    """Whether most distinctive runs moved by `offset`."""
    hits = 0
    for x, y in anchors:
        from_x, from_y = x + offset[0], y + offset[1]
        inside = 0 <= from_y < shown.shape[0] and 0 <= from_x <= shown.shape[1] - NEEDLE
        hits += inside and np.array_equal(now[y, x : x + NEEDLE], shown[from_y, from_x : from_x + NEEDLE])
    return hits >= 2 and hits * 2 > len(anchors)


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


def anchored_offset(
    now: Pixels, shown: Pixels, box: Rect, anchors: list[tuple[int, int]], *, far: bool = True
) -> tuple[int, int] | None:
    """The offset on which two distinctive runs of pixels agree, or None. Looks near them first, then (`far`) everywhere in the
    box."""
    near = (box.intersect(Rect(x - NEAR, y - NEAR, NEEDLE + 2 * NEAR, 2 * NEAR)) for x, y in anchors)
    offset = _agreed(_look_up(now, part(shown, area).tobytes(), area, place) for area, place in zip(near, anchors, strict=True))
    if offset is not None or len(anchors) < 2 or not far:
        return offset
    everywhere = part(shown, box).tobytes()
    return _agreed(_look_up(now, everywhere, box, place) for place in anchors[:FAR_NEEDLES])


def _agreed(offsets: Iterable[tuple[int, int] | None]) -> tuple[int, int] | None:
    """The first offset that comes a second time."""
    seen: set[tuple[int, int]] = set()
    for offset in offsets:
        if offset in seen:
            return offset
        if offset is not None and offset != (0, 0):
            seen.add(offset)
    return None


def _look_up(now: Pixels, text: bytes, area: Rect, place: tuple[int, int]) -> tuple[int, int] | None:
    """Where in `area`, whose pixels shown are `text`, the run at `place` stands, as an offset."""
    x, y = place
    found = text.find(now[y, x : x + NEEDLE].tobytes())
    if found < 0 or found % 4:
        return None
    row, column = divmod(found // 4, area.width)
    return (area.x + column - x, area.y + row - y) if column + NEEDLE <= area.width else None


def find_anchors(now: Pixels, shown: Pixels, box: Rect) -> list[tuple[int, int]]:
    """Places of runs that changed and have many edges, spread over the box."""
    if box.width < 2 * NEEDLE or box.height < LEAST_STEP:
        return []
    columns = np.linspace(box.x, box.right - NEEDLE, CANDIDATES + 2).astype(int)[1:-1]
    rows = np.linspace(box.y, box.bottom - 1, CANDIDATES + 2).astype(int)[1:-1]
    runs = columns[:, None] + np.arange(NEEDLE)
    new, old = now[rows[:, None, None], runs], shown[rows[:, None, None], runs]
    edges = (new[..., 1:] != new[..., :-1]).sum(axis=2)
    good = (edges >= LEAST_EDGES) & (new != old).any(axis=2)
    places = np.argwhere(good)
    chosen = places[:: max(1, len(places) // NEEDLES)][:NEEDLES]
    return [(int(columns[column]), int(rows[row])) for row, column in chosen]


def verify(now: Pixels, shown: Pixels, box: Rect, screen: Rect, dx: int, dy: int) -> Move | None:
    """The rectangle inside `box` where the move holds (nearly) everywhere, when it is worth it.

    Rows are judged by every `SAMPLE`th column and columns by every `SAMPLE`th row: the edges come out to the pixel, and what a
    sample misses is found by the comparison that follows every copy.
    """
    target = box.intersect(screen.moved(-dx, -dy))
    if not target.area:
        return None
    new, moved, old = part(now, target), part(shown, target.moved(dx, dy)), part(shown, target)
    sample = new[:, ::SAMPLE]
    same = sample == moved[:, ::SAMPLE]
    same_before = sample == old[:, ::SAMPLE]
    best, best_gain = None, LEAST_GAIN
    # First every row of which half matches. Where the background matches at any offset (white paper, a flat desktop) that says
    # little: then the rows between the first and the last that match and had changed.
    for share, scores in ((2, same.sum(axis=1)), (4, (same & ~same_before).sum(axis=1))):
        found = _fit(new, moved, same, _hull(scores, share))
        if found is None:
            continue
        inside = slice(found.y, found.bottom), slice(-(-found.x // SAMPLE), -(-found.right // SAMPLE))
        right, right_before = int(same[inside].sum()), int(same_before[inside].sum())
        total = same[inside].size
        gain = (right - right_before) * SAMPLE
        if gain >= best_gain and (total - right) * 2 <= total - right_before:
            best, best_gain = Move(found.moved(target.x, target.y), dx, dy), gain
        if found.area * 2 >= target.area:
            break
    return best


def _fit(new: Pixels, moved: Pixels, same: NDArray[np.bool_], rows: slice) -> Rect | None:
    """The largest rectangle found inside `rows` whose rows and columns all match in at least 9 of 10 pixels."""
    same_by_column = new[rows][::SAMPLE] == moved[rows][::SAMPLE]
    columns = _longest(same_by_column.sum(axis=0), len(same_by_column), 7)  # some of these rows may not belong to it
    for _ in range(2):  # rows by columns, columns by rows, and once more
        sampled = slice(-(-columns.start // SAMPLE), -(-columns.stop // SAMPLE))
        if sampled.stop == sampled.start:
            return None
        inner = _longest(same[rows, sampled].sum(axis=1), sampled.stop - sampled.start, 9)
        if inner.stop == inner.start:
            return None
        rows = slice(rows.start + inner.start, rows.start + inner.stop)
        same_by_column = new[rows][::SAMPLE] == moved[rows][::SAMPLE]
        columns = _longest(same_by_column.sum(axis=0), len(same_by_column), 9)
    return Rect(columns.start, rows.start, columns.stop - columns.start, rows.stop - rows.start)


def _hull(scores: NDArray[np.int64], share: int) -> slice:
    """From the first to the last score of at least one `share`th of the highest."""
    good = np.flatnonzero(scores >= max(1, int(scores.max(initial=0)) // share))
    return slice(int(good[0]), int(good[-1]) + 1) if good.size else slice(0, 0)


def _longest(scores: NDArray[np.int64], full: int, tenths: int) -> slice:
    """The longest stretch of scores of at least `tenths` of `full`."""
    good = scores * 10 >= max(1, full) * tenths
    edges = np.flatnonzero(np.diff(good.view(np.int8), prepend=np.int8(0), append=np.int8(0)))
    if not edges.size:
        return slice(0, 0)
    starts, ends = edges[::2], edges[1::2]
    best = int((ends - starts).argmax())
    return slice(int(starts[best]), int(ends[best]))
