"""Tiles become exactly the pixels they were made from, by either conversion, and lies about their size are refused."""

import numpy as np
import pytest
import zstandard

from protocol.errors import RemoteProtocolError
from protocol.messages.screen import Tile
from technician_client.console.pixels import Swap, TileReader, swap_by_libyuv, swap_by_numpy

SWAPS = [swap for swap in (swap_by_numpy, swap_by_libyuv()) if swap is not None]
RANDOM = np.random.default_rng(7)


def read(tile: Tile, swap: Swap = swap_by_numpy) -> "np.ndarray[tuple[int, ...], np.dtype[np.uint8]]":
    target = np.zeros((tile.height, tile.width, 4), np.uint8)
    TileReader(swap).read(tile, target)
    return target


@pytest.mark.parametrize("swap", SWAPS)
@pytest.mark.parametrize("size", [(1, 1), (3, 5), (17, 33), (256, 64), (1366, 11)])
def test_bgr_becomes_rgba(swap: Swap, size: tuple[int, int]) -> None:
    width, height = size
    pixels = RANDOM.integers(0, 256, (height, width, 3), np.uint8)
    tile = Tile(0, 0, width, height, "zstd-bgr", zstandard.compress(pixels.tobytes()))
    shown = read(tile, swap)
    assert np.array_equal(shown[..., :3], pixels[..., ::-1])
    assert (shown[..., 3] == 255).all()


@pytest.mark.parametrize("swap", SWAPS)
def test_the_fourth_byte_is_not_trusted(swap: Swap) -> None:
    pixels = RANDOM.integers(0, 256, (4, 6, 4), np.uint8)
    shown = read(Tile(0, 0, 6, 4, "zstd-bgrx", zstandard.compress(pixels.tobytes())), swap)
    assert np.array_equal(shown[..., :3], pixels[..., 2::-1])
    assert (shown[..., 3] == 255).all()


def test_planes_become_rgba() -> None:
    pixels = RANDOM.integers(0, 256, (40, 9, 3), np.uint8)
    blue, green, red = (pixels[..., channel].T for channel in range(3))
    planes = b"".join(plane.tobytes() for plane in (green, blue - green, red - green))
    shown = read(Tile(0, 0, 9, 40, "zstd-planes", zstandard.compress(planes)))
    assert np.array_equal(shown[..., :3], pixels[..., ::-1])
    assert (shown[..., 3] == 255).all()


@pytest.mark.parametrize(
    "tile",
    [
        Tile(0, 0, 4, 4, "zstd-bgr", zstandard.compress(bytes(47))),
        Tile(0, 0, 4, 4, "zstd-bgr", zstandard.compress(bytes(49))),
        Tile(0, 0, 4, 4, "zstd-bgr", b"not zstandard"),
        Tile(0, 0, 4, 4, "zstd-bgr", zstandard.compress(bytes(48))[:-3]),
        Tile(0, 0, 4, 4, "zstd-bgr", b""),
        Tile(0, 0, 0, 4, "zstd-bgr", zstandard.compress(b"")),
        Tile(0, 0, 4, 4, "zstd-bgr", zstandard.ZstdCompressor(write_content_size=False).compress(bytes(48))),
        Tile(0, 0, 4, 4, "zstd-bgr", zstandard.compress(bytes(1 << 28), 1)),
        Tile(0, 0, 4, 4, "jpeg", b""),
    ],
)
def test_what_does_not_hold_its_pixels_is_refused(tile: Tile) -> None:
    with pytest.raises(RemoteProtocolError):
        read(tile)
