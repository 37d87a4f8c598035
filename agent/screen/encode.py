"""One update from what changed, in order of preference: nothing, copy, lossless tiles, video, refinement.

Works on `Frames` and has no thread, clock or display of its own: `now` is monotonic seconds. After `build`, `frames.shown` holds
what the viewer will show and `frames.dirty` what did not fit into the budget.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from agent.backends.geometry import Rect
from agent.screen.classify import BYTES_PER_BUSY_PIXEL, LEAST_VIDEO_CELLS, MotionMap, busy_cells, motion_area
from agent.screen.copy import Move, MoveFinder, move_pixels
from agent.screen.damage import bounds, changed_cells, rectangles, trim
from agent.screen.frames import CELL, CellRect, Cells, Frames, part
from agent.screen.kept import KeptPixels, uncovered
from agent.screen.refine import next_refinement, settled_cells, still_since
from agent.screen.tiles import TileEncoder, split
from agent.screen.video import QUALITIES, VideoQuality, VideoStream
from protocol.messages.screen import Copy, Operation, Tile

LEAST_COPY_CELLS = 48
"""Fewer changed cells (12,000 pixels) than this cost less as tiles than looking for a move."""
TRIM_CELLS = 256
"""Tiles of up to this many cells are cut down to the pixels that differ."""
SHRINK = 3
"""A stream whose area is more than this many times the area in motion is begun anew on the smaller one."""
LINGER = 0.5
"""Seconds for which a film that became flat (a fade) stays a film."""
REST = 0.2
"""Seconds without a large change after which a move is looked for anew."""
LOSSY_SECONDS = 0.25
"""A large photograph that would take longer than this to arrive exactly is sent as a video picture first."""


@dataclass(frozen=True, slots=True)
class Budget:
    """What one update may cost: about `tile_bytes` of tiles, `refine_bytes` of them for refinement; `bitrate` bits a second of
    video; `byte_rate` is what the link delivers a second."""

    tile_bytes: int
    refine_bytes: int
    bitrate: int
    byte_rate: float


@dataclass(frozen=True, slots=True)
class Built:
    """The operations in order (none: nothing to send) and whether the picture is exact after them."""

    operations: tuple[Operation, ...]
    exact: bool
    size: int


class UpdateBuilder:
    """Turns differences into operations for one viewer at one layout."""

    def __init__(self, frames: Frames, *, full_chroma: bool | None, quality: str = "auto", first_stream: int = 0) -> None:
        """`full_chroma`: 4:4:4 video, 4:2:0 video (False) or no video at all (None). Streams are numbered from `first_stream`,
        so that a number never comes twice in a session."""
        self.frames = frames
        self._full_chroma = full_chroma
        self._quality: VideoQuality = QUALITIES[quality]
        self._tiles = TileEncoder()
        self._kept = KeptPixels(frames)
        self._moves = MoveFinder()
        self._motion = MotionMap(frames.rows, frames.columns)
        self._stream: VideoStream | None = None
        self._moved_at = self._large_at = float("-inf")
        self.next_stream = first_stream

    def forget(self) -> None:
        """The viewer shows nothing of what was sent: everything goes anew, video from a key picture."""
        self.frames.forget()
        self._kept.forget()
        self._stream = None

    def build(self, now: float, budget: Budget, fresh: Cells | None = None) -> Built:
        """One update. `fresh` marks cells drawn to just now: they go first when not all fits."""
        frames = self.frames
        changed = self._changed()
        operations: list[Operation] = []
        if changed.any():
            drawn = changed if fresh is None else changed & fresh
            changed = self._copy(changed, now, operations)
            self._motion.update(drawn & changed, drawn, now)
            if not operations:  # what a move leaves over is a strip: always cheaper as tiles
                changed = self._video(changed, now, budget, operations)
            self._send_tiles(changed, fresh, budget.tile_bytes, operations)
        spent = sum(_cost(operation) for operation in operations)
        refined: list[Operation] = []
        if spent < budget.refine_bytes:
            self._refine(now, budget.refine_bytes - spent, refined)
        operations += refined
        exact = not frames.dirty.any() and not frames.lossy.any()
        return Built(tuple(operations), exact, sum(_cost(operation) for operation in operations))

    def next_deadline(self, now: float) -> float | None:
        """Seconds until there is something to refine, None when there is not."""
        return next_refinement(self.frames.lossy, self._changed_at(), now)

    def _changed_at(self) -> NDArray[np.float64]:
        """When each cell last changed; those of the running stream change together, its next picture covers them all."""
        changed_at = self._motion.changed_at
        if self._stream is None:
            return changed_at
        running = self.frames.cells(self._stream.area).slices
        changed_at = changed_at.copy()
        changed_at[running] = changed_at[running].max()
        return changed_at

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

    def _copy(self, changed: Cells, now: float, operations: list[Operation]) -> Cells:
        box = bounds(changed)
        if box is None or int(changed.sum()) < LEAST_COPY_CELLS:
            return changed
        if now > self._large_at + REST:
            self._moves.rest()
        self._large_at = now
        frames = self.frames
        move = self._moves.find(frames.now, frames.shown, frames.pixels(box), frames.area)
        if move is None:
            return changed
        target, source = move.target, move.source
        operations.append(Copy(target.x, target.y, target.width, target.height, source.x, source.y))
        move_pixels(frames.shown, move)
        self._move_lossy(move)
        self._uncover(move, operations)
        touched = frames.cells(target)
        frames.dirty[touched.slices] = changed_cells(frames.now, frames.shown, touched)
        return frames.dirty.copy()

    def _uncover(self, move: Move, operations: list[Operation]) -> None:
        """What a moved window no longer covers was there before it."""
        frames = self.frames
        for area in uncovered(move.source, move.target):
            for piece in self._kept.held_parts(area):
                self._put_tile(piece, operations)
            box = frames.cells(area)
            frames.dirty[box.slices] &= changed_cells(frames.now, frames.shown, box)

    def _move_lossy(self, move: Move) -> None:
        """A copied pixel is as exact as its source. Cells that are only partly covered keep what they were."""
        frames = self.frames
        touched = frames.cells(move.target)
        if frames.lossy[frames.cells(move.source).slices].any():
            frames.lossy[touched.slices] = True
            return
        target = move.target
        inner = CellRect(-(-target.y // CELL), -(-target.x // CELL), target.bottom // CELL, target.right // CELL)
        if inner.bottom > inner.top and inner.right > inner.left:
            frames.lossy[inner.slices] = False

    def _video(self, changed: Cells, now: float, budget: Budget, operations: list[Operation]) -> Cells:
        if self._full_chroma is None:
            return changed
        area = self._video_area(changed, now, budget)
        if area is None:
            return changed
        stream = self._stream
        if stream is None or stream.area != self.frames.pixels(area) or stream.bitrate > 2 * budget.bitrate:
            stream = self._begin(area, budget)
        frames = self.frames
        operations.append(stream.encode(frames.now))
        part(frames.shown, stream.area)[...] = part(frames.now, stream.area)
        frames.lossy[area.slices] = True
        frames.dirty[area.slices] = False
        return frames.dirty.copy()

    def _begin(self, area: CellRect, budget: Budget) -> VideoStream:
        self._stream = VideoStream(
            self.next_stream,
            self.frames.pixels(area),
            full_chroma=bool(self._full_chroma),
            quality=self._quality,
            bitrate=budget.bitrate,
        )
        self.next_stream += 1
        return self._stream

    def _video_area(self, changed: Cells, now: float, budget: Budget) -> CellRect | None:
        """Where this update sends a video picture: the running stream's area as long as it fits the motion, a new one else."""
        frames = self.frames
        moving = motion_area(frames.now, changed, self._motion.hot(now))
        running = None if self._stream is None else frames.cells(self._stream.area)
        if running is not None and still_since_before(self._motion, running, changed, now):
            self._stream, running = None, None
        if moving is None:
            if running is not None and now < self._moved_at + LINGER and changed[running.slices].sum() * 8 >= running.count:
                return running  # a dark scene that is flat, a fade
            return self._too_large(changed, budget)
        self._moved_at = now
        if running is None:
            return moving
        joined = CellRect(
            min(moving.top, running.top),
            min(moving.left, running.left),
            max(moving.bottom, running.bottom),
            max(moving.right, running.right),
        )
        if joined == running:
            return moving if running.count > SHRINK * moving.count else running
        return joined if joined.count <= SHRINK * moving.count else moving

    def _too_large(self, changed: Cells, budget: Budget) -> CellRect | None:
        """The area of a photograph that would take too long to arrive exactly, though nothing moves yet."""
        box = bounds(changed)
        if box is None or box.count < LEAST_VIDEO_CELLS:
            return None
        busy = changed[box.slices] & busy_cells(self.frames.now, box)
        if int(busy.sum()) * CELL * CELL * BYTES_PER_BUSY_PIXEL < budget.byte_rate * LOSSY_SECONDS:
            return None
        inner = bounds(busy)
        if inner is None:
            return None
        return CellRect(inner.top + box.top, inner.left + box.left, inner.bottom + box.top, inner.right + box.left)

    def _send_tiles(self, changed: Cells, fresh: Cells | None, budget: int, operations: list[Operation]) -> None:
        frames = self.frames
        orders: Sequence[Cells] = (changed,) if fresh is None else (changed & fresh, changed & ~fresh)
        for cells in orders:
            for piece, area in self._pieces(cells):
                if budget <= 0:
                    return
                tight = area
                if piece.count <= TRIM_CELLS and not frames.lossy[piece.slices].any():
                    tight = trim(frames.now, frames.shown, area)
                budget -= self._put_tile(tight, operations)
                frames.lossy[piece.slices] = False
                frames.dirty[piece.slices] = False

    def _refine(self, now: float, budget: int, operations: list[Operation]) -> None:
        frames = self.frames
        if not frames.lossy.any():
            return
        cells = settled_cells(frames.lossy, self._changed_at(), now) & ~frames.dirty
        for piece, area in self._pieces(cells):
            if budget <= 0:
                return
            budget -= self._put_tile(area, operations)
            frames.lossy[piece.slices] = False

    def _pieces(self, cells: Cells) -> Iterator[tuple[CellRect, Rect]]:
        """Marked cells as rectangles of bounded size, in cells and in pixels."""
        frames = self.frames
        for rectangle in rectangles(cells):
            rows = max(1, split(frames.pixels(rectangle))[0].height // CELL)
            for top in range(rectangle.top, rectangle.bottom, rows):
                piece = CellRect(top, rectangle.left, min(top + rows, rectangle.bottom), rectangle.right)
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


def still_since_before(motion: MotionMap, cells: CellRect, changed: Cells, now: float) -> bool:
    """Whether a stream's area stood still until now and changes only a little: the film is over."""
    return not changed[cells.slices].any() and still_since(motion.changed_at, cells, now)


def _cost(operation: Operation) -> int:
    return 32 if isinstance(operation, Copy) else 32 + len(operation.data)
