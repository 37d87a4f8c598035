"""What the viewer keeps beside the picture: one older picture of every place, so that what comes back costs nothing.

A window that is dragged, a menu that closes, a dialog that goes away: what was below is shown again. A tile may say that its
pixels are kept; a later tile of encoding "kept" shows them again. Both sides hold the same: this mirrors the viewer's memory.
"""

from collections.abc import Iterator

import numpy as np

from agent.backends.base import Pixels
from agent.backends.geometry import Rect
from agent.screen.frames import Frames, part

PIECE = 64
"""Pixels of a strip that are held or not together."""
NOTHING = 1
"""No pixel of a display has this value (they are opaque), and neither has the viewer's empty picture."""


class KeptPixels:
    """One viewer's kept picture, of the size of `frames`."""

    def __init__(self, frames: Frames) -> None:
        self._frames = frames
        self._pixels: Pixels = np.full(frames.now.shape, NOTHING, np.uint32)

    def forget(self) -> None:
        """The viewer begins anew."""
        self._pixels[:] = NOTHING

    def holds(self, area: Rect) -> bool:
        """Whether the viewer keeps exactly what the display shows there now."""
        kept, now = part(self._pixels, area), part(self._frames.now, area)
        # Three pixels tell of most that it is not so, for a tenth of what a comparison costs.
        middle = area.height // 2, area.width // 2
        alike = kept[0, 0] == now[0, 0] and kept[middle] == now[middle] and kept[-1, -1] == now[-1, -1]
        return bool(alike) and np.array_equal(kept, now)

    def held_parts(self, area: Rect) -> Iterator[Rect]:
        """The parts of a strip that are held, cut across its length."""
        wide = area.width >= area.height
        found: Rect | None = None
        for start in range(0, area.width if wide else area.height, PIECE):
            piece = area.intersect(
                Rect(area.x + start, area.y, PIECE, area.height) if wide else Rect(area.x, area.y + start, area.width, PIECE)
            )
            if self.holds(piece):
                found = piece if found is None else found.union(piece)
            elif found is not None:
                yield found
                found = None
        if found is not None:
            yield found

    def judge(self, area: Rect) -> bool:
        """Whether a tile that is about to replace what is shown in `area` shall be kept; remembers it then.

        What covers the kept for the first time leaves it where it is: it may come back. What covers something else replaces it,
        and so does what covers one plain colour, which costs nothing to send again.
        """
        kept = part(self._pixels, area)
        if np.array_equal(kept, part(self._frames.shown, area)) and not (kept == kept[0, 0]).all():
            return False
        kept[...] = part(self._frames.now, area)
        return True


def uncovered(old: Rect, new: Rect) -> list[Rect]:
    """The parts of `old` outside `new`, as at most four rectangles."""
    common = old.intersect(new)
    if not common.area:
        return [old] if old.area else []
    parts = (
        Rect(old.x, old.y, old.width, common.y - old.y),
        Rect(old.x, common.bottom, old.width, old.bottom - common.bottom),
        Rect(old.x, common.y, common.x - old.x, common.height),
        Rect(common.right, common.y, old.right - common.right, common.height),
    )
    return [piece for piece in parts if piece.area]
