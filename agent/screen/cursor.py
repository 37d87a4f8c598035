"""The pointer's own messages: its picture when that changed, its place when that changed and not too often."""

import zlib

from agent.backends.base import CursorSource
from agent.backends.geometry import Rect
from protocol.messages.screen import CursorMove, CursorShape

MOVE_SECONDS = 1 / 60
COORDINATE_MOST = 32767


class CursorSender:
    """Turns a `CursorSource` into messages for one viewer. `now` is monotonic seconds."""

    def __init__(self, source: CursorSource, area: Rect) -> None:
        """`area` is the streamed part of the display; places are relative to it."""
        self._source = source
        self._area = area
        self._shape: bytes | None = None
        self._serial = 0
        self._place: tuple[int, int] | None = None
        self._moved_at = float("-inf")

    def forget(self) -> None:
        """The viewer knows neither shape nor place."""
        self._shape = None
        self._place = None

    def shape(self) -> CursorShape | None:
        """The picture, None when the viewer has it already.

        Raises:
            DisplayLost: the display went away.
        """
        picture = self._source.shape()
        if picture is None:
            height, width, hot_x, hot_y, raw = 0, 0, 0, 0, b""
        else:
            height, width = picture.rgba.shape[:2]
            hot_x, hot_y, raw = picture.hot_x, picture.hot_y, picture.rgba.tobytes()
        identity = b"%d %d %d %d " % (width, height, hot_x, hot_y) + raw
        if identity == self._shape:
            return None
        self._shape = identity
        self._serial += 1
        return CursorShape(self._serial, width, height, hot_x, hot_y, zlib.compress(raw, 1))

    def move(self, now: float) -> CursorMove | None:
        """The place, None when the viewer knows it or was told less than a frame ago (see `next_deadline`).

        Raises:
            DisplayLost: the display went away.
        """
        if now < self._moved_at + MOVE_SECONDS:
            return None
        x, y = self._source.position()
        place = (x - self._area.x, y - self._area.y)
        if place == self._place:
            return None
        self._place, self._moved_at = place, now
        return CursorMove(*(max(-COORDINATE_MOST, min(COORDINATE_MOST, value)) for value in place))

    def next_deadline(self, now: float) -> float:
        """Seconds until a move may be sent again."""
        return max(0.0, self._moved_at + MOVE_SECONDS - now)
