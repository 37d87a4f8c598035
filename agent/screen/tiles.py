"""Lossless tiles: a fill, flat and text-like pixels by zstd, photographs by zstd over row differences.

Measured on 1920 x 1080 desktops (ms, kB): text as "zstd-bgrx" level 1 costs 0.6 / 31 for an editor of 1200 x 800 where packing it
to 3 bytes a pixel costs 3.1 / 28; a photograph of 640 x 451 costs 2.4 / 629 as it is and 2.9 / 363 as row differences. Level 3
saves 5-10 % for twice the time.
"""

import numpy as np
import zstandard

from agent.backends.base import Pixels
from agent.backends.geometry import Rect
from agent.screen.frames import part
from protocol.messages.screen import Tile

LEVEL = 1
MOST_PIXELS = 128 * 512
"""Pixels of one tile: small enough to be painted as it comes, large enough to compress."""
PHOTO_BUSY = 0.45
SAMPLE_ROWS = 7


def split(area: Rect, most_pixels: int = MOST_PIXELS) -> list[Rect]:
    """Bands of at most `most_pixels`, but for a single row."""
    rows = max(1, most_pixels // max(1, area.width))
    return [Rect(area.x, y, area.width, min(rows, area.bottom - y)) for y in range(area.y, area.bottom, rows)]


class TileEncoder:
    """Makes tiles. Used by one thread (a zstd compressor keeps its tables between calls)."""

    def __init__(self) -> None:
        self._compress = zstandard.ZstdCompressor(level=LEVEL, write_content_size=True, write_checksum=False).compress

    def encode(self, pixels: Pixels, area: Rect, *, keep: bool = False) -> Tile:
        """The exact pixels of `area`; `keep` is passed on."""
        block = np.ascontiguousarray(part(pixels, area))
        first = block[0, 0]
        if (block == first).all():
            colour = int(first)
            return self._tile(area, "fill", bytes((colour & 255, colour >> 8 & 255, colour >> 16 & 255)), keep)
        if looks_like_a_photo(block):
            return self._tile(area, "zstd-up", self._compress(row_differences(block)), keep)
        return self._tile(area, "zstd-bgrx", self._compress(block.data), keep)

    @staticmethod
    def _tile(area: Rect, encoding: str, data: bytes, keep: bool) -> Tile:
        return Tile(area.x, area.y, area.width, area.height, encoding, data, keep)


def looks_like_a_photo(block: Pixels) -> bool:
    """Whether most pixels differ from their left neighbour; a few rows are looked at."""
    sample = block[:: max(1, len(block) // SAMPLE_ROWS)]
    if sample.shape[1] < 2:
        return False
    return float(np.count_nonzero(sample[:, 1:] != sample[:, :-1])) > PHOTO_BUSY * sample[:, 1:].size


def row_differences(block: Pixels) -> bytes:
    """Rows of blue, green, red bytes, each less the row above it, modulo 256; the first row as it is."""
    height, width = block.shape
    packed = block.view(np.uint8).reshape(height, width, 4)[..., :3]
    out = np.empty((height, width, 3), np.uint8)
    out[0] = packed[0]
    np.subtract(packed[1:], packed[:-1], out=out[1:])
    return out.tobytes()
