"""Lossless tiles: a fill, text in colour planes, colourful and flat pixels as they are, photographs by how they slope.

Measured on 1920 x 1080 desktops, bytes / ms of work (zstd level 3 but for photographs, which level 1 packs better):

| | as pixels | planes, by columns | slopes |
|---|---|---|---|
| a typed letter and its caret, 20 x 20 | 204, at most 362 | **85, at most 155** (deflate) | |
| dark text on white, 1600 x 40 | 7,839 / 0.12 | **4,072** / 0.16 | |
| an editor with coloured words, 1200 x 50 | **3,540** / 0.06 | 4,265 / 0.15 | |
| a film's picture, 854 x 75 | | | **62,310** / 0.52 (row differences: 95,463 / 0.80) |

Grey text has the same value in all three channels, so blue and red less green are nothing; and glyphs are narrow, so that down a
column the same comes again. zstd has no use for 1 KiB and less: its header and its tables cost more than a letter.
What an earlier tile held is not used: the size of a letter's tile would tell whether the letter came before.
"""

import zlib
from collections.abc import Callable

import numpy as np
import zstandard
from numpy.typing import NDArray

from agent.backends.base import Pixels
from agent.backends.geometry import Rect
from agent.screen.frames import part
from protocol.messages.screen import Tile

LEVEL, PHOTO_LEVEL = 3, 1
MOST_PIXELS = 128 * 512
"""Pixels of one tile: small enough to be painted as it comes, large enough to compress."""
DEFLATE_PIXELS = 1024
DEFLATE_WINDOW, DEFLATE_MEMORY = 12, 6
"""Of zlib, for three planes of so many pixels: 4 KiB to look back, and 4,096 symbols in a block, which is therefore one."""
PHOTO_BUSY = 0.45
SAMPLE_ROWS = 7

Bytes3D = NDArray[np.uint8]


def split(area: Rect, most_pixels: int = MOST_PIXELS) -> list[Rect]:
    """Bands of at most `most_pixels`, but for a single row."""
    rows = max(1, most_pixels // max(1, area.width))
    return [Rect(area.x, y, area.width, min(rows, area.bottom - y)) for y in range(area.y, area.bottom, rows)]


class TileEncoder:
    """Makes tiles. Used by one thread (a zstd compressor keeps its tables between calls)."""

    def __init__(self) -> None:
        self._compress = _compressor(LEVEL)
        self._compress_photo = _compressor(PHOTO_LEVEL)

    def encode(self, pixels: Pixels, area: Rect, *, keep: bool = False) -> Tile:
        """The exact pixels of `area`; `keep` is passed on."""
        block = np.ascontiguousarray(part(pixels, area))
        first = block[0, 0]
        if (block == first).all():
            colour = int(first)
            return self._tile(area, "fill", bytes((colour & 255, colour >> 8 & 255, colour >> 16 & 255)), keep)
        if block.size <= DEFLATE_PIXELS:
            return self._tile(area, "deflate-planes", deflate(planes(block).tobytes()), keep)
        if looks_like_a_photo(block):
            return self._tile(area, "zstd-slopes", self._compress_photo(slopes(block).data), keep)
        if looks_grey(block):
            return self._tile(area, "zstd-planes", self._compress(planes(block).data), keep)
        return self._tile(area, "zstd-bgrx", self._compress(block.data), keep)

    @staticmethod
    def _tile(area: Rect, encoding: str, data: bytes, keep: bool) -> Tile:
        return Tile(area.x, area.y, area.width, area.height, encoding, data, keep)


def _compressor(level: int) -> Callable[[bytes | memoryview], bytes]:
    return zstandard.ZstdCompressor(level=level, write_content_size=True, write_checksum=False).compress


def deflate(data: bytes) -> bytes:
    """Raw deflate (RFC 1951). Its tables are made for each tile: of the size that `DEFLATE_PIXELS` need, they are made in a fifth
    of the time that the largest take."""
    packer = zlib.compressobj(9, zlib.DEFLATED, -DEFLATE_WINDOW, DEFLATE_MEMORY)
    return packer.compress(data) + packer.flush()


def _edges(block: Pixels) -> tuple[Pixels, NDArray[np.bool_]]:
    """Some rows but for their first pixel, and which of these pixels differ from their left neighbour."""
    sample = block[:: max(1, len(block) // SAMPLE_ROWS)]
    return sample[:, 1:], sample[:, 1:] != sample[:, :-1]


def looks_like_a_photo(block: Pixels) -> bool:
    """Whether most pixels differ from their left neighbour; a few rows are looked at."""
    _, edges = _edges(block)
    return bool(edges.size) and float(np.count_nonzero(edges)) > PHOTO_BUSY * edges.size


def looks_grey(block: Pixels) -> bool:
    """Whether most of what stands out has no colour: dark text on white, light text on black."""
    pixels, edges = _edges(block)
    found = pixels[edges]
    green = found >> 8 & 255
    grey = (found & 255 == green) & (found >> 16 & 255 == green)
    return int(np.count_nonzero(grey)) * 4 >= found.size * 3


def planes(block: Pixels) -> Bytes3D:
    """(3, width, height): green, blue less green, red less green, modulo 256, column by column."""
    packed = block.view(np.uint8).reshape(*block.shape, 4)
    out = np.empty((3, block.shape[1], block.shape[0]), np.uint8)
    green = packed[..., 1].T
    out[0] = green
    np.subtract(packed[..., 0].T, green, out=out[1])
    np.subtract(packed[..., 2].T, green, out=out[2])
    return out


def slopes(block: Pixels) -> Bytes3D:
    """(3, height, width): green, blue less green, red less green, each pixel less the one above it, then each less the one to its
    left (which together foretell it as left + above - above left), modulo 256; what lies outside counts as 0."""
    packed = block.view(np.uint8).reshape(*block.shape, 4)
    values = np.empty((3, *block.shape), np.uint8)
    values[0] = packed[..., 1]
    np.subtract(packed[..., 0], values[0], out=values[1])
    np.subtract(packed[..., 2], values[0], out=values[2])
    down = values.copy()
    down[:, 1:] -= values[:, :-1]
    out = down.copy()
    out[:, :, 1:] -= down[:, :, :-1]
    return out
