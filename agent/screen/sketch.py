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
STEP = 128
"""Streams are this many pixels wide, or a multiple."""
UNBOUNDED = 10**9
FINE, COARSE = VideoQuality(31.0, UNBOUNDED), VideoQuality(42.0, UNBOUNDED)
FINE_SHARE = 0.3
"""What fine bands cost of the lossless tiles, about; coarse ones cost a quarter of that."""


class Sketcher:
    """One stream of coarse bands."""

    def __init__(self, number: int, width: int, quality: VideoQuality, *, full_chroma: bool) -> None:
        """`width` of the widest band in pixels.

        Raises:
            Unavailable: this FFmpeg has no libx264.
        """
        self.number = number
        self.width = -(-width // STEP) * STEP
        size = Rect(0, 0, self.width, ROWS)
        self._stream = VideoStream(number, size, full_chroma=full_chroma, quality=quality, bitrate=UNBOUNDED)
        self._band: Pixels = np.zeros((ROWS, self.width), np.uint32)

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
