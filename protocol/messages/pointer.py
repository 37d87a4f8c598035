"""Pointing and drawing on the assisted screen, without control: nothing here reaches a program there."""

from typing import Annotated, ClassVar

import msgspec

from protocol.capabilities import Capability
from protocol.messages.base import Coordinate, Lane, Message, Sender, ShortText

MOST_POINTS = 64
MOST_STROKE_POINTS = 512
"""Of one whole stroke, over all its messages."""

StrokeId = Annotated[int, msgspec.Meta(ge=0, le=2**16 - 1)]


class PointerPlace(Message, frozen=True, tag="pointer.place"):
    """T->A: the technician's arrow stands at x, y (source pixels of the layout being watched)."""

    SENDER: ClassVar = Sender.TECHNICIAN
    LANE: ClassVar = Lane.INPUT
    CAPABILITY: ClassVar = Capability.POINTER
    x: Coordinate
    y: Coordinate


class PointerAway(Message, frozen=True, tag="pointer.away"):
    """T->A: the arrow is taken away."""

    SENDER: ClassVar = Sender.TECHNICIAN
    LANE: ClassVar = Lane.INPUT
    CAPABILITY: ClassVar = Capability.POINTER


class PointerClick(Message, frozen=True, tag="pointer.click"):
    """T->A: a ring opens at x, y: "here". Nothing is clicked."""

    SENDER: ClassVar = Sender.TECHNICIAN
    LANE: ClassVar = Lane.INPUT
    CAPABILITY: ClassVar = Capability.POINTER
    x: Coordinate
    y: Coordinate


class PointerStroke(Message, frozen=True, tag="pointer.stroke"):
    """T->A: a stroke or more of it. Its points from number `start` on become `points`, [x, y] each; what lay behind goes.
    `shape`: "pen" runs through all points, "arrow", "rectangle" and "ellipse" go from the first to the last. `colour`: one of
    six. `stays`: until it is cleared; else it goes by itself some seconds after its last change."""

    SENDER: ClassVar = Sender.TECHNICIAN
    LANE: ClassVar = Lane.INPUT
    CAPABILITY: ClassVar = Capability.POINTER
    stroke: StrokeId
    shape: Annotated[str, msgspec.Meta(pattern=r"^(pen|arrow|rectangle|ellipse)\Z")]
    colour: Annotated[int, msgspec.Meta(ge=0, le=5)]
    stays: bool
    start: Annotated[int, msgspec.Meta(ge=0, le=MOST_STROKE_POINTS - 1)]
    points: Annotated[list[tuple[Coordinate, Coordinate]], msgspec.Meta(max_length=MOST_POINTS)]


class PointerClear(Message, frozen=True, tag="pointer.clear"):
    """T->A: everything that was drawn goes."""

    SENDER: ClassVar = Sender.TECHNICIAN
    LANE: ClassVar = Lane.INPUT
    CAPABILITY: ClassVar = Capability.POINTER


class PointerState(Message, frozen=True, tag="pointer.state"):
    """A->T: whether what is pointed at and drawn shows on the assisted screen, and if not, why."""

    SENDER: ClassVar = Sender.AGENT
    shown: bool
    text: ShortText = ""
