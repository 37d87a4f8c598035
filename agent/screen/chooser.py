"""Which way a damaged region goes to the viewer: nothing, copy, tile, video or refinement. One pure function.

The order is that of what it costs the person who looks: what has not changed costs nothing; what only moved is named; what is
small or flat goes losslessly and is exact at once; what keeps moving and compresses no other way is film. What the link could
not carry in the time a person waits without noticing goes as a coarse picture first and is refined when it stands still.
"""

from dataclasses import dataclass
from enum import StrEnum


class Way(StrEnum):
    """How a region goes. The names are shown and counted."""

    NOTHING = "nothing"
    COPY = "copy"
    TILE = "tile"
    VIDEO = "video"
    REFINE = "refine"


class Why(StrEnum):
    """The reason for a way, for the person who looks at the numbers."""

    SAME = "same"
    MOVED = "moved"
    SMALL = "small"
    FLAT = "flat"
    PHOTO = "photo"
    MOTION = "motion"
    LINK = "link"
    STILL = "still"


@dataclass(frozen=True, slots=True)
class Damage:
    """What differs: `pixels` of the region, how many of them are `busy` (unlike their left neighbour), and the `beside` bytes
    that everything else of the same update would cost losslessly."""

    pixels: int
    busy: int = 0
    beside: float = 0.0


@dataclass(frozen=True, slots=True)
class History:
    """What was there before: `moved`: the viewer has these pixels elsewhere; `film`: busy cells have changed again and again;
    `settled`: what was sent coarse has stood still."""

    moved: bool = False
    film: bool = False
    settled: bool = False


@dataclass(frozen=True, slots=True)
class LinkState:
    """`byte_rate` bytes a second; `pressed`: what goes now had to wait for the link; `video`: the viewer decodes ours."""

    byte_rate: float
    pressed: bool = False
    video: bool = True


@dataclass(frozen=True, slots=True)
class CostModel:
    """Measured on text and photographs at zstd level 1, in bytes a pixel, and the patience of a person in seconds: how long a
    lossless region may take on a link that is idle, and on one that is full."""

    flat: float = 0.03
    busy: float = 1.3
    patience: float = 0.2
    pressed_patience: float = 0.06
    small_pixels: int = 16 * 1024

    def lossless(self, damage: Damage) -> float:
        """Bytes of the region as tiles."""
        return (damage.pixels - damage.busy) * self.flat + damage.busy * self.busy


COSTS = {
    "auto": CostModel(),
    "sharper": CostModel(patience=0.6, pressed_patience=0.3),
    "faster": CostModel(patience=0.1, pressed_patience=0.04),
    "saver": CostModel(patience=0.1, pressed_patience=0.04),
}
"""By the technician's wish."""


@dataclass(frozen=True, slots=True)
class Choice:
    """A way, its reason and the bytes that it is reckoned to cost."""

    way: Way
    why: Why
    bytes: float = 0.0


COLOUR_DB = 34.0
"""Where 4:2:0 would keep less than this, coloured text, lines or flowers move (26 to 33). Of footage, which was 4:2:0, it keeps
36 and more."""


def choose_chroma(kept: float, link: LinkState, bitrate: int) -> bool:
    """Whether a film goes with all its colour (4:4:4), where the viewer decodes both kinds: 4:2:0 would keep `kept` dB, and the
    link carries `bitrate` (bits a second), the most for a film. On a slower one full colour would cost sharpness."""
    return link.video and kept < COLOUR_DB and link.byte_rate * 8 > bitrate


def choose_av1(link: LinkState, bitrate: int) -> bool:
    """Whether a film goes as AV1, for a viewer who decodes it and wants few bytes: the link carries the `bitrate` (bits a second)
    that it may have at most. AV1 needs half the bytes at the same nearness, but its rate cannot follow a link."""
    return link.video and link.byte_rate * 8 > bitrate


def choose(damage: Damage, history: History, link: LinkState, costs: CostModel) -> Choice:
    """The way for one region."""
    if not damage.pixels:
        return Choice(Way.REFINE, Why.STILL) if history.settled else Choice(Way.NOTHING, Why.SAME)
    if history.moved:
        return Choice(Way.COPY, Why.MOVED)
    cost = costs.lossless(damage)
    if link.video and history.film:
        return Choice(Way.VIDEO, Why.MOTION, cost)
    patience = costs.pressed_patience if link.pressed else costs.patience
    if link.video and damage.pixels > costs.small_pixels and cost + damage.beside > link.byte_rate * patience:
        return Choice(Way.VIDEO, Why.LINK, cost)
    if damage.pixels <= costs.small_pixels:
        return Choice(Way.TILE, Why.SMALL, cost)
    return Choice(Way.TILE, Why.PHOTO if damage.busy * 2 > damage.pixels else Why.FLAT, cost)
