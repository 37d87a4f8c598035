"""Coarse pictures of what is new and too large for the link: sent at once, refined when it stands still.

A band of up to `ROWS` rows is one picture of a video stream as wide as the display, wherever on it the band lies: the viewer's
decoder for films does the work, in the browser's sandbox. Text at 1600 x 160 costs 7 kB where it costs 47 kB losslessly.
"""

import msgspec
import numpy as np

from agent.backends.base import Pixels
from agent.backends.geometry import Rect
from agent.screen.frames import part
from agent.screen.video import VideoQuality, VideoStream
from protocol.messages.screen import Video

ROWS = 160
QUALITY = VideoQuality(30.0, 40_000_000)


class Sketcher:
    """One stream of coarse bands."""

    def __init__(self, number: int, width: int, *, full_chroma: bool, bitrate: int) -> None:
        """`width` of the widest band in pixels; `bitrate` as of `VideoStream`, a second of 30 bands.

        Raises:
            Unavailable: this FFmpeg has no libx264.
        """
        self.number, self.width = number, width
        size = Rect(0, 0, width, ROWS)
        self._stream = VideoStream(number, size, full_chroma=full_chroma, quality=QUALITY, bitrate=bitrate)
        self._band: Pixels = np.zeros((ROWS, width + width % 2), np.uint32)

    def follow(self, bitrate: int) -> bool:
        """See `VideoStream.follow`."""
        return self._stream.follow(bitrate)

    def encode(self, pixels: Pixels, area: Rect) -> Video:
        """One band, at most `width` x `ROWS`.

        Raises:
            Unavailable: the encoder failed.
        """
        part(self._band, Rect(0, 0, area.width, area.height))[...] = part(pixels, area)
        video = self._stream.encode(self._band)
        return msgspec.structs.replace(video, x=area.x, y=area.y, width=area.width, height=area.height)


def bands(area: Rect) -> list[Rect]:
    """`area` cut into bands."""
    return [area.intersect(Rect(area.x, y, area.width, ROWS)) for y in range(area.y, area.bottom, ROWS)]
