"""Tiles into the pixels a canvas takes: rows of red, green, blue, 255.

A full picture is converted in 0.2 ms by libyuv where the system has it and in 2 ms by numpy where it has not. Everything comes
from the other side, so that the size is checked before anything is decompressed.
"""

import ctypes
from collections.abc import Callable
from typing import Final

import numpy as np
from numpy.typing import NDArray

from protocol.messages.screen import Tile
from technician_client.tile_data import channels, packed

Pixels = NDArray[np.uint8]
"""(height, width, channels) uint8."""

_LIBRARIES: Final = ("libyuv.so.0", "libyuv.so", "libyuv.dylib", "yuv.dll")

Swap = Callable[[Pixels, Pixels], None]
"""(source (height, width, 3) blue green red, target (height, width, 4)): writes red, green, blue, 255. Both are contiguous."""


def swap_by_numpy(source: Pixels, target: Pixels) -> None:
    """The conversion anywhere."""
    target[..., 0] = source[..., 2]
    target[..., 1] = source[..., 1]
    target[..., 2] = source[..., 0]
    target[..., 3] = 255


def swap_by_libyuv() -> Swap | None:
    """The conversion by libyuv's RAWToARGB, or None where the library is not there.

    libyuv names words, not bytes: "RAW" is red, green, blue in memory and "ARGB" is blue, green, red, alpha. Fed blue, green,
    red, the same routine gives red, green, blue, 255.
    """
    for name in _LIBRARIES:
        try:
            function = ctypes.CDLL(name).RAWToARGB
        except (OSError, AttributeError):
            continue
        return _calling(function)
    return None


def _calling(function: "ctypes._NamedFuncPointer") -> Swap:
    function.restype = ctypes.c_int
    function.argtypes = [ctypes.c_void_p, ctypes.c_int, ctypes.c_void_p, ctypes.c_int, ctypes.c_int, ctypes.c_int]

    def swap(source: Pixels, target: Pixels) -> None:
        height, width = source.shape[:2]
        function(source.ctypes.data, width * 3, target.ctypes.data, width * 4, width, height)

    return swap


class TileReader:
    """Unpacks tiles."""

    def __init__(self, swap: Swap | None = None) -> None:
        self._swap = swap or swap_by_libyuv() or swap_by_numpy

    def read(self, tile: Tile, target: Pixels) -> None:
        """Write the tile's pixels into `target` (height, width, 4), contiguous.

        Raises:
            RemoteProtocolError: unknown encoding, or data that are not exactly `width` x `height` pixels.
        """
        match tile.encoding:
            case "zstd-bgr":
                self._swap(packed(tile, 3).reshape(tile.height, tile.width, 3), target)
            case "zstd-bgrx":
                pixels = packed(tile, 4).reshape(tile.height, tile.width, 4)
                self._swap(np.ascontiguousarray(pixels[..., :3]), target)
            case _:
                blue, green, red = channels(tile)
                target[..., 0], target[..., 1], target[..., 2], target[..., 3] = red, green, blue, 255
