"""What the bytes of a tile unpack to. Everything comes from the other side: its size is known before anything is unpacked.

`channels` serves every viewer: it returns blue, green and red each as (height, width), in whatever order they lie in memory.
"""

import zlib

import numpy as np
import zstandard
from numpy.typing import NDArray

from protocol.errors import RemoteProtocolError
from protocol.messages.screen import Tile

Bytes2D = NDArray[np.uint8]
Channels = tuple[Bytes2D, Bytes2D, Bytes2D]

_WRONG = "A tile's data do not hold as many pixels as it says."


def channels(tile: Tile) -> Channels:
    """Blue, green and red of a tile of encoding "deflate-planes", "zstd-planes" or "zstd-slopes".

    Raises:
        RemoteProtocolError: another encoding, or data that are not exactly `width` x `height` pixels.
    """
    match tile.encoding:
        case "deflate-planes":
            columns = _inflate(tile).reshape(3, tile.width, tile.height)
            return _coloured(columns[0].T, columns[1].T, columns[2].T)
        case "zstd-planes":
            columns = packed(tile, 3).reshape(3, tile.width, tile.height)
            return _coloured(columns[0].T, columns[1].T, columns[2].T)
        case "zstd-slopes":
            rows = packed(tile, 3).reshape(3, tile.height, tile.width)
            values = np.cumsum(rows, axis=2, dtype=np.uint8)
            for row in range(1, tile.height):  # row by row: three times as fast as a cumulative sum
                values[:, row] += values[:, row - 1]
            return _coloured(values[0], values[1], values[2])
        case _:
            raise RemoteProtocolError(f"Tile encoding {tile.encoding!r} is not known to this version; update it.")


def packed(tile: Tile, depth: int) -> Bytes2D:
    """The bytes of a zstd tile of `depth` bytes a pixel, flat.

    Raises:
        RemoteProtocolError: data that are not exactly `width` x `height` pixels.
    """
    size = tile.width * tile.height * depth
    try:
        if not size or zstandard.frame_content_size(tile.data) != size:
            raise RemoteProtocolError(_WRONG)
        data = zstandard.ZstdDecompressor().decompress(tile.data, max_output_size=size)
    except zstandard.ZstdError as error:
        raise RemoteProtocolError(f"A tile's data do not decompress: {error}.") from error
    if len(data) != size:
        raise RemoteProtocolError(_WRONG)
    return np.frombuffer(data, np.uint8)


def _inflate(tile: Tile) -> Bytes2D:
    size = tile.width * tile.height * 3
    unpacker = zlib.decompressobj(-zlib.MAX_WBITS)
    try:
        data = unpacker.decompress(tile.data, size + 1)
    except zlib.error as error:
        raise RemoteProtocolError(f"A tile's data do not decompress: {error}.") from error
    if not size or len(data) != size or not unpacker.eof or unpacker.unused_data:
        raise RemoteProtocolError(_WRONG)
    return np.frombuffer(data, np.uint8)


def _coloured(green: Bytes2D, blue: Bytes2D, red: Bytes2D) -> Channels:
    """Blue and red are less green."""
    return blue + green, green, red + green
