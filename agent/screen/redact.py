"""What must not be seen is painted over before anything else looks at the pixels: before comparing, copying and encoding.

Patterns are shell globs (fnmatch), compared without regard to case with a window's title and with its class. Areas are in display
pixels. What is hidden shows as stripes that nobody takes for a window's content.
"""

import fnmatch
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from agent.backends.base import OPAQUE, Pixels
from agent.backends.geometry import Rect
from agent.screen.frames import part

STRIPE = 16
"""Width of a stripe in pixels."""
LIGHT, DARK = 0x8A8F98, 0x5C626D


@dataclass(frozen=True, slots=True)
class HideRules:
    """`policy` are the organisation's patterns, `windows` the user's own, `areas` the user's rectangles."""

    policy: tuple[str, ...] = ()
    windows: tuple[str, ...] = ()
    areas: tuple[Rect, ...] = ()

    def wants_windows(self) -> bool:
        """Whether windows have to be told apart."""
        return bool(self.policy or self.windows)

    def hides(self, title: str, kind: str) -> bool:
        """Whether a window with this title and class is hidden."""
        names = title.casefold(), kind.casefold()
        return any(fnmatch.fnmatchcase(name, rule.casefold()) for rule in (*self.policy, *self.windows) for name in names)

    def sentence(self, count: int) -> str:
        """What the viewer is told about `count` hidden areas; "" for none."""
        if not count:
            return ""
        what = "One part of the screen is" if count == 1 else f"{count} parts of the screen are"
        mine = self.windows or self.areas
        whose = "the organisation and the user" if self.policy and mine else "the organisation" if self.policy else "the user"
        return f"{what} hidden, as {whose} wants."


class Redaction:
    """Paints over hidden areas of one streamed part of the display."""

    def __init__(self, width: int, height: int, origin: tuple[int, int]) -> None:
        self._area, self._origin = Rect(0, 0, width, height), origin
        self._stripes: Pixels | None = None
        self.hidden: tuple[Rect, ...] = ()
        """Inside the streamed part, in its own pixels."""

    def update(self, areas: Sequence[Rect]) -> list[Rect]:
        """From now on `areas` (display pixels) are hidden; returns what to look at anew, in the streamed part's pixels."""
        found = [area.moved(-self._origin[0], -self._origin[1]).intersect(self._area) for area in areas]
        hidden = tuple(sorted({area for area in found if area.area}, key=lambda area: (area.y, area.x, area.height, area.width)))
        before, self.hidden = self.hidden, hidden
        return [] if before == hidden else [*{*before, *hidden}]

    def paint(self, pixels: Pixels) -> None:
        """Paint over everything that is hidden."""
        if not self.hidden:
            return
        if self._stripes is None:
            self._stripes = stripes(self._area.height, self._area.width)
        for area in self.hidden:
            part(pixels, area)[...] = part(self._stripes, area)


def stripes(height: int, width: int) -> Pixels:
    """The pattern: diagonal stripes in two greys."""
    rows, columns = np.ogrid[0:height, 0:width]
    pattern: Pixels = np.where((rows + columns) // STRIPE % 2, LIGHT, DARK).astype(np.uint32) | OPAQUE
    return pattern
