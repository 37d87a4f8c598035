"""A viewer without a window: applies what the agent sends to a picture and acknowledges it."""

import time
from dataclasses import dataclass, field

from protocol.messages import Message
from protocol.messages.screen import (
    Copy,
    CursorMove,
    CursorShape,
    ScreenAck,
    ScreenLayout,
    ScreenReport,
    ScreenState,
    ScreenUpdate,
    Tile,
    Video,
)
from technician_client.picture import Picture


@dataclass
class Viewer:
    """`receive` takes any message of the screen feature and returns the acknowledgement to send back, if any."""

    picture: Picture = field(default_factory=Picture)
    layouts: list[ScreenLayout] = field(default_factory=list)
    states: list[ScreenState] = field(default_factory=list)
    shapes: list[CursorShape] = field(default_factory=list)
    moves: list[CursorMove] = field(default_factory=list)
    reports: list[ScreenReport] = field(default_factory=list)
    updates: list[ScreenUpdate] = field(default_factory=list)
    ages: list[float] = field(default_factory=list)
    """Seconds from capture to receipt of each update."""

    def receive(self, message: Message) -> ScreenAck | None:
        """Apply one message."""
        match message:
            case ScreenLayout():
                self.layouts.append(message)
                self.picture.apply_layout(message)
            case ScreenUpdate():
                self.ages.append(time.monotonic() - message.captured_at / 1e6)
                self.updates.append(message)
                self.picture.apply_update(message)
                return ScreenAck(message.sequence)
            case ScreenState():
                self.states.append(message)
            case CursorShape():
                self.shapes.append(message)
            case CursorMove():
                self.moves.append(message)
            case ScreenReport():
                self.reports.append(message)
            case _:
                raise AssertionError(f"unexpected {type(message).__name__}")
        return None

    def count(self, kind: type[Copy] | type[Tile] | type[Video]) -> int:
        """Operations of a kind so far."""
        return sum(isinstance(operation, kind) for update in self.updates for operation in update.operations)

    def size(self) -> int:
        """Bytes of picture data so far."""
        return sum(len(getattr(operation, "data", b"")) for update in self.updates for operation in update.operations)

    def forget_counts(self) -> None:
        """Begin to count anew."""
        self.updates.clear()
        self.ages.clear()
