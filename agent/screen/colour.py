"""BGRX to planar YUV (BT.601, video range): libyuv where the system has it, FFmpeg's swscale otherwise.

1920 x 1080 to 4:2:0 / 4:4:4 costs 0.4 / 0.55 ms by libyuv and 3.5 ms by swscale; libyuv writes straight into the encoder's
planes.
"""

import ctypes
import ctypes.util
import math
from typing import Any

import av
import numpy as np

from agent.backends.base import Pixels

FORMATS = {True: "yuv444p", False: "yuv420p"}
PAIRS = 24
"""So many pairs of rows are looked at."""
GOLDEN = (math.sqrt(5) - 1) / 2
RUN = 16
"""Pairs of columns that are judged together."""


class Converter:
    """Converts rectangles of one size into a reused frame. `name` says by what."""

    def __init__(self, width: int, height: int, *, full_chroma: bool) -> None:
        """Both sides even for 4:2:0."""
        self._width, self._height = width, height
        self._format = FORMATS[full_chroma]
        self._function = libyuv_function("ARGBToI444" if full_chroma else "ARGBToI420")
        self.name = "libyuv" if self._function is not None else "swscale"
        self._frame = av.VideoFrame(width, height, self._format)

    def convert(self, block: Pixels) -> av.VideoFrame:
        """`block` has exactly the size given; its rows may be strided. The frame is reused by the next call."""
        if self._function is None:
            packed = np.ascontiguousarray(block).view(np.uint8).reshape(self._height, self._width, 4)
            frame = av.VideoFrame.from_ndarray(packed, format="bgra")
            return frame.reformat(format=self._format, dst_colorspace="ITU601")
        planes = self._frame.planes
        destination = [value for plane in planes for value in (ctypes.c_void_p(plane.buffer_ptr), plane.line_size)]
        self._function(ctypes.c_void_p(block.ctypes.data), block.strides[0], *destination, self._width, self._height)
        return self._frame


def colour_kept(block: Pixels) -> float:
    """How near 4:2:0 can come at best to that 20th of the pixels where it is worst, in dB (PSNR of red, green and blue; infinite
    without fine colour).

    Footage was 4:2:0 before, and may begin at any column and row: the fours of pixels that fit best are meant.
    """
    return max(_kept(block[top:, left:]) for top in (0, 1) for left in (0, 1))


def _kept(block: Pixels) -> float:
    height, width = block.shape[0] // 2 * 2, block.shape[1] // (2 * RUN) * 2 * RUN
    # Spread unevenly: lines of text have a step of their own.
    tops = (np.arange(1, PAIRS + 1) * GOLDEN % 1 * (height // 2)).astype(int) * 2
    rows = tops[:, None] + np.arange(2)
    if not height or not width:
        return math.inf
    sample = block[rows, :width]
    channels = sample.view(np.uint8).reshape(len(rows), 2, width // 2, 2, 4)
    blue, green, red = (channels[..., index].astype(np.float32) for index in range(3))
    # Recommendation ITU-R BT.601: what the mean of four pixels' colour leaves of each.
    luma = 0.299 * red + 0.587 * green + 0.114 * blue
    blue -= luma
    red -= luma
    blue -= blue.mean(axis=(1, 3), keepdims=True)
    red -= red.mean(axis=(1, 3), keepdims=True)
    squares = (blue**2 + red**2 + (0.194 * blue + 0.509 * red) ** 2).mean(axis=(1, 3)) / 3
    runs = squares.reshape(-1, RUN).mean(axis=1)
    worst = max(1, runs.size // 20)
    error = float(np.partition(runs, runs.size - worst)[-worst:].mean())
    return 10 * math.log10(255**2 / error) if error > 0 else math.inf


def libyuv_function(name: str) -> Any:
    """A conversion of the system's libyuv, or None. Calls release the interpreter lock."""
    try:
        function = getattr(ctypes.CDLL("libyuv.so.0"), name)
    except (OSError, AttributeError):
        return None
    pointer, number = ctypes.c_void_p, ctypes.c_int
    function.argtypes = (pointer, number, pointer, number, pointer, number, pointer, number, number, number)
    function.restype = number
    return function
