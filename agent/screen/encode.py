"""One update from what changed, each region in the way that `agent.screen.chooser` says.

Works on `Frames` and has no thread, clock or display of its own: `now` is monotonic seconds. After `build`, `frames.shown` holds
what the viewer will show and `frames.dirty` what did not fit into the budget.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import numpy as np

from agent.backends.geometry import Rect
from agent.screen.chooser import COSTS, Damage, History, LinkState, Way, Why, choose
from agent.screen.classify import MotionMap, busy_pixels, busy_sample
from agent.screen.copy import Move, MoveFinder, move_pixels
from agent.screen.damage import bounds, changed_cells, rectangles, stretches, trim
from agent.screen.film import FilmPlace
from agent.screen.films import Films
from agent.screen.frames import CELL, CellRect, Cells, Frames, marked, part
from agent.screen.kept import KeptPixels, uncovered
from agent.screen.refine import next_refinement, settled_cells
from agent.screen.sketch import COARSE, FINE, FINE_SHARE, Sketcher, bands
from agent.screen.streams import FilmStreams
from agent.screen.tiles import MOST_PIXELS, TileEncoder, split
from agent.screen.video import QUALITIES, VideoQuality
from protocol.messages.screen import Copy, Operation, Tile

LEAST_COPY_CELLS = 48
"""Fewer changed cells (12,000 pixels) than this cost less as tiles than looking for a move."""
TRIM_CELLS = 256
"""Tiles of up to this many cells are cut down to the pixels that differ."""
REST = 0.2
"""Seconds without a large change after which a move is looked for anew."""
LEAST_PIXELS = 4096
"""Pixels of a tile on the slowest link."""
SKETCH_SECONDS = 0.06
"""How long the coarse bands of one update may take on the link."""
SMALL_CELLS = 64
"""What is drawn in up to this many cells may be the echo of a key press."""


@dataclass(frozen=True, slots=True)
class Budget:
    """What one update may cost: about `tile_bytes` of tiles, `refine_bytes` of them for refinement; `bitrate` bits a second of
    video; `byte_rate` is what the link delivers a second."""

    tile_bytes: int
    refine_bytes: int
    bitrate: int
    byte_rate: float
    pressed: bool = False

    @property
    def most_pixels(self) -> int:
        """Pixels of one tile: a budget is kept to within a tile or so."""
        return min(MOST_PIXELS, max(LEAST_PIXELS, self.tile_bytes))


@dataclass(frozen=True, slots=True)
class Made:
    """Why some operations of an update were made: `count` of them, their bytes, the seconds of work."""

    way: Way
    why: Why
    count: int
    size: int
    seconds: float


@dataclass(frozen=True, slots=True)
class Built:
    """The operations in order (none: nothing to send), whether the picture is exact after them, and how they were chosen."""

    operations: tuple[Operation, ...]
    exact: bool
    size: int
    made: tuple[Made, ...] = ()


class UpdateBuilder:
    """Turns differences into operations for one viewer at one layout."""

    def __init__(
        self,
        frames: Frames,
        *,
        full_chroma: bool | None,
        either_chroma: bool = False,
        av1: bool = False,
        quality: str = "auto",
        first_stream: int = 0,
        clock: Callable[[], float] = lambda: 0.0,
    ) -> None:
        """`full_chroma`: 4:4:4 video, 4:2:0 video (False) or no video at all (None); `either_chroma`: a film whose pixels need it
        has 4:4:4 all the same; `av1`: a film may go as AV1. Streams are numbered from `first_stream`, so that a number never
        comes twice in a session. `clock` tells what the work took."""
        self.frames = frames
        self._full_chroma = full_chroma
        self._tiles = TileEncoder()
        self._kept = KeptPixels(frames)
        self._moves = MoveFinder()
        self._motion = MotionMap(frames.rows, frames.columns)
        self._costs = COSTS[quality]
        self._clock = clock
        self._link = LinkState(0.0)
        self._made: list[Made] = []
        self._films = Films()
        self._streams = FilmStreams(
            frames, QUALITIES[quality], first_stream, full_chroma=bool(full_chroma), either_chroma=either_chroma, av1=av1
        )
        self._sketchers: dict[VideoQuality, Sketcher] = {}
        self._large_at = float("-inf")

    def forget(self) -> None:
        """The viewer shows nothing of what was sent: everything goes anew, video from a key picture."""
        self.frames.forget()
        self._kept.forget()
        self._films.forget()
        self._streams.keep(())
        self._sketchers.clear()

    def rest(self) -> None:
        """Nothing is drawn for a while: let go of the encoders of coarse bands, which hold 25 MB each."""
        self._sketchers.clear()

    def build(self, now: float, budget: Budget, fresh: Cells | None = None) -> Built:
        """One update. `fresh` marks cells drawn to just now: they go first when not all fits."""
        self._made = []
        self._link = LinkState(budget.byte_rate, budget.pressed, self._full_chroma is not None)
        operations: list[Operation] = []
        changed, drawn, moved = self._move(fresh, now, operations)
        if marked(drawn) or marked(changed):
            self._motion.update(drawn & changed, drawn, now)
            # What a move leaves over is a strip, not a film.
            films = [] if moved else self._films.find(self.frames.now, changed, self._motion, now)
            self._streams.keep(self._films.places)
            if films and self._choose(changed, History(film=True)) is Way.VIDEO:
                changed = self._pictures(films, budget, now, operations)
            changed = self._sketch(changed, budget, operations)
            self._send_tiles(changed, fresh, budget, operations)
        spent = sum(_cost(operation) for operation in operations)
        if spent < budget.refine_bytes:
            self._refine(now, budget, spent, operations)
        return self._built(operations)

    def _choose(self, cells: Cells, history: History) -> Way:
        return choose(Damage(marked(cells) * CELL * CELL), history, self._link, self._costs).way

    @property
    def next_stream(self) -> int:
        """The number that the next stream will have."""
        return self._streams.next_number

    @property
    def filming(self) -> bool:
        """Whether a film runs."""
        return bool(self._films.running)

    def mostly_film(self, cells: Cells) -> bool:
        """Whether films run and of `cells` nothing lies beside them, or only what is small."""
        box = bounds(self._beside(cells)) if self.filming else None
        return self.filming and (box is None or box.count <= SMALL_CELLS)

    def echo_area(self, drawn: Cells) -> CellRect | None:
        """The cells around what was just `drawn` beside running films, when that is small: then it may be an echo."""
        box = bounds(self._beside(drawn))
        return None if box is None or box.count > SMALL_CELLS else box

    def _beside(self, cells: Cells) -> Cells:
        """Those that lie in no running film."""
        found = cells.copy()
        for area in self._films.running:
            found[area.slices] = False
        return found

    def build_echo(self, area: CellRect, most: int) -> Built:
        """At most about `most` bytes of tiles inside `area`, all of which was grabbed just now."""
        self._made = []
        begun, frames = self._clock(), self.frames
        changed = np.zeros_like(frames.dirty)
        changed[area.slices] = changed_cells(frames.now, frames.shown, area)
        frames.dirty[area.slices] = changed[area.slices]
        operations: list[Operation] = []
        self._put_pieces(changed, Budget(most, 0, 0, 0.0), operations)
        self._note(Way.TILE, Why.SMALL, operations, 0, begun)
        return self._built(operations)

    def _built(self, operations: list[Operation]) -> Built:
        frames = self.frames
        exact = not marked(frames.dirty) and not marked(frames.lossy)
        return Built(tuple(operations), exact, sum(_cost(operation) for operation in operations), tuple(self._made))

    def _note(self, way: Way, why: Why, operations: list[Operation], before: int, begun: float) -> None:
        """Remember why the operations since the first `before` were made."""
        new = operations[before:]
        if new:
            size = sum(_cost(operation) for operation in new)
            self._made.append(Made(way, why, len(new), size, self._clock() - begun))

    def next_deadline(self, now: float) -> float | None:
        """Seconds until there is something to refine, None when there is not."""
        if not marked(self.frames.lossy):
            return None
        return next_refinement(self.frames.lossy, self._films.changed_at(self._motion.changed_at), now)

    def _changed(self) -> Cells:
        """Dirty cells that really differ; the others are not dirty any more."""
        frames = self.frames
        changed = np.zeros_like(frames.dirty)
        box = bounds(frames.dirty)
        if box is not None:
            changed[box.slices] = changed_cells(frames.now, frames.shown, box)
            changed &= frames.dirty
        frames.dirty = changed.copy()
        return changed

    def _move(self, fresh: Cells | None, now: float, operations: list[Operation]) -> tuple[Cells, Cells, bool]:
        """Send what only moved as a copy.

        Returns:
            The cells that differ still, those drawn to just now, and whether there was a move.
        """
        frames, begun = self.frames, self._clock()
        dirty = frames.dirty if fresh is None else frames.dirty & fresh
        if marked(dirty) >= LEAST_COPY_CELLS:
            if now > self._large_at + REST:
                self._moves.rest()
            move = self._moves.presume(frames.now, frames.shown, frames.area)
            if move is not None and self._choose(frames.dirty, History(moved=True)) is Way.COPY:
                self._large_at = now
                drawn = dirty.copy()
                self._copy(move, operations)
                frames.dirty[frames.cells(move.target).slices] = True
                changed = self._changed()
                self._moves.left_over(move, marked(changed) * CELL * CELL)
                self._note(Way.COPY, Why.MOVED, operations, 0, begun)
                return changed, drawn, True
        changed = self._changed()
        drawn = changed if fresh is None else changed & fresh
        move = self._find_move(changed, now) if marked(drawn) >= LEAST_COPY_CELLS else None
        if move is None or self._choose(changed, History(moved=True)) is not Way.COPY:
            return changed, drawn, False
        begun = self._clock()
        self._copy(move, operations)
        touched = frames.cells(move.target)
        frames.dirty[touched.slices] = changed_cells(frames.now, frames.shown, touched)
        self._note(Way.COPY, Why.MOVED, operations, 0, begun)
        return frames.dirty.copy(), drawn, True

    def _find_move(self, changed: Cells, now: float) -> Move | None:
        box = bounds(changed)
        if box is None:
            return None
        self._large_at = now
        frames = self.frames
        share = float(changed[box.slices].mean())
        return self._moves.find(frames.now, frames.shown, frames.pixels(box), frames.area, share)

    def _copy(self, move: Move, operations: list[Operation]) -> None:
        """Have the viewer move what it has."""
        frames = self.frames
        target, source = move.target, move.source
        operations.append(Copy(target.x, target.y, target.width, target.height, source.x, source.y))
        move_pixels(frames.shown, move)
        self._move_lossy(move)
        self._uncover(move, operations)

    def _uncover(self, move: Move, operations: list[Operation]) -> None:
        """What a moved window no longer covers was there before it."""
        frames = self.frames
        for area in uncovered(move.source, move.target):
            for piece in self._kept.held_parts(area):
                self._put_tile(piece, operations)
            box = frames.cells(area)
            frames.dirty[box.slices] &= changed_cells(frames.now, frames.shown, box)

    def _move_lossy(self, move: Move) -> None:
        """A copied pixel is as exact as its source. Cells that are only partly covered may keep what they were, too."""
        frames, lossy = self.frames, self.frames.lossy
        if not marked(lossy):
            return
        touched, target = frames.cells(move.target), move.target
        rows, columns = np.arange(touched.top, touched.bottom) * CELL, np.arange(touched.left, touched.right) * CELL
        first_row, last_row = ((rows + move.dy + edge) // CELL for edge in (0, CELL - 1))
        first_column, last_column = ((columns + move.dx + edge) // CELL for edge in (0, CELL - 1))
        most_row, most_column = frames.rows - 1, frames.columns - 1
        moved = np.zeros((len(rows), len(columns)), np.bool_)
        for row in (first_row, last_row):
            for column in (first_column, last_column):
                moved |= lossy[np.ix_(np.clip(row, 0, most_row), np.clip(column, 0, most_column))]
        inside_rows = (rows >= target.y) & (rows + CELL <= target.bottom)
        inside_columns = (columns >= target.x) & (columns + CELL <= target.right)
        lossy[touched.slices] = moved | (lossy[touched.slices] & ~(inside_rows[:, None] & inside_columns))

    def _pictures(
        self, films: list[tuple[FilmPlace, CellRect]], budget: Budget, now: float, operations: list[Operation]
    ) -> Cells:
        """One picture of each of these films; what is left beside them."""
        cells = sum(area.count for area in {*self._films.running, *(area for _, area in films)})
        for place, area in films:
            begun, before = self._clock(), len(operations)
            share = int(budget.bitrate * area.count / cells)
            operations.append(self._streams.encode(place, area, share, self._link, now))
            place.sent(area, now)
            self._sent_coarse(area)
            self._note(Way.VIDEO, Why.MOTION, operations, before, begun)
        return self.frames.dirty.copy()

    def _sent_coarse(self, cells: CellRect) -> None:
        frames = self.frames
        area = frames.pixels(cells)
        part(frames.shown, area)[...] = part(frames.now, area)
        frames.lossy[cells.slices] = True
        frames.dirty[cells.slices] = False

    def _sketch(self, changed: Cells, budget: Budget, operations: list[Operation]) -> Cells:
        """Coarse bands of what the link could not carry in time; what is left for tiles."""
        link = self._link
        room = budget.byte_rate * SKETCH_SECONDS
        # The dearest that so many cells can be.
        if not link.video or marked(changed) * CELL * CELL * self._costs.busy <= link.byte_rate * self._costs.pressed_patience:
            return changed
        begun, before = self._clock(), len(operations)
        regions = [(cells, self._damage(cells, changed)) for cells in stretches(changed)]
        total = sum(self._costs.lossless(damage) for _, damage in regions)
        quality = FINE if total * FINE_SHARE <= room else COARSE
        for cells, damage in regions:
            beside = total - self._costs.lossless(damage)
            choice = choose(Damage(damage.pixels, damage.busy, beside), History(), link, self._costs)
            if choice.way is Way.VIDEO and room > 0:
                room -= self._sketch_region(cells, quality, room, operations)
        self._note(Way.VIDEO, Why.LINK, operations, before, begun)
        return self.frames.dirty.copy()

    def _damage(self, cells: CellRect, changed: Cells) -> Damage:
        inside = changed[cells.slices]
        busy = busy_pixels(self.frames.now, cells)
        return Damage(marked(inside) * CELL * CELL, int(busy[inside].sum()))

    def _sketch_region(self, cells: CellRect, quality: VideoQuality, room: float, operations: list[Operation]) -> int:
        """Bands of `cells` worth up to about `room` bytes; what they cost."""
        frames, spent = self.frames, 0
        for band in bands(frames.pixels(cells)):
            if spent >= room:
                break
            sketcher = self._sketchers.get(quality)
            if sketcher is None or sketcher.width < band.width or not self._streams.decoded(sketcher.number):
                number = self._streams.take_number()
                sketcher = Sketcher(number, band.width, quality, full_chroma=bool(self._full_chroma))
                self._sketchers[quality] = sketcher
            video = sketcher.encode(frames.now, band)
            operations.append(video)
            spent += _cost(video)
            self._sent_coarse(frames.cells(band))
        return spent

    def _send_tiles(self, changed: Cells, fresh: Cells | None, budget: Budget, operations: list[Operation]) -> None:
        begun, before = self._clock(), len(operations)
        left = budget.tile_bytes
        for cells in (changed,) if fresh is None else (changed & fresh, changed & ~fresh):
            left -= self._put_pieces(cells, budget, operations, left)
        if len(operations) > before:
            link = replace(self._link, video=False)
            damage = Damage(marked(changed) * CELL * CELL, busy_sample(self.frames.now, changed))
            self._note(Way.TILE, choose(damage, History(), link, self._costs).why, operations, before, begun)

    def _put_pieces(self, cells: Cells, budget: Budget, operations: list[Operation], left: int | None = None) -> int:
        """Tiles of changed cells worth up to about `left` bytes (else `budget.tile_bytes`); what they cost."""
        frames, room, spent = self.frames, budget.tile_bytes if left is None else left, 0
        for piece, area in self._pieces(cells, budget.most_pixels) if marked(cells) else ():
            if spent >= room:
                break
            tight = area
            if piece.count <= TRIM_CELLS and not marked(frames.lossy[piece.slices]):
                tight = trim(frames.now, frames.shown, area)
            spent += self._put_tile(tight, operations)
            frames.lossy[piece.slices] = False
            frames.dirty[piece.slices] = False
        return spent

    def _refine(self, now: float, budget: Budget, spent: int, operations: list[Operation]) -> None:
        frames = self.frames
        if not marked(frames.lossy):
            return
        begun, before = self._clock(), len(operations)
        cells = settled_cells(frames.lossy, self._films.changed_at(self._motion.changed_at), now) & ~frames.dirty
        if choose(Damage(0), History(settled=bool(marked(cells))), self._link, self._costs).way is not Way.REFINE:
            return
        for piece, area in self._pieces(cells, budget.most_pixels):
            if spent >= budget.refine_bytes:
                break
            spent += self._put_tile(area, operations)
            frames.lossy[piece.slices] = False
        self._note(Way.REFINE, Why.STILL, operations, before, begun)

    def _pieces(self, cells: Cells, most_pixels: int) -> Iterator[tuple[CellRect, Rect]]:
        """Marked cells as rectangles of bounded size, in cells and in pixels."""
        frames = self.frames
        for rectangle in rectangles(cells):
            columns = max(1, most_pixels // (CELL * CELL))
            for left in range(rectangle.left, rectangle.right, columns):
                column = CellRect(rectangle.top, left, rectangle.bottom, min(left + columns, rectangle.right))
                rows = max(1, split(frames.pixels(column), most_pixels)[0].height // CELL)
                for top in range(column.top, column.bottom, rows):
                    piece = CellRect(top, column.left, min(top + rows, column.bottom), column.right)
                    yield piece, frames.pixels(piece)

    def _put_tile(self, area: Rect, operations: list[Operation]) -> int:
        frames = self.frames
        if self._kept.holds(area):
            tile = Tile(area.x, area.y, area.width, area.height, "kept", b"")
        else:
            tile = self._tiles.encode(frames.now, area, keep=self._kept.judge(area))
        part(frames.shown, area)[...] = part(frames.now, area)
        operations.append(tile)
        return _cost(tile)


def _cost(operation: Operation) -> int:
    return 32 if isinstance(operation, Copy) else 32 + len(operation.data)
