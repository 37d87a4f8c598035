"""Tiles unpack to exactly their pixels, whatever they say, or not at all."""

import zlib

import numpy as np
import pytest
import zstandard
from numpy.typing import NDArray

from protocol.errors import RemoteProtocolError
from protocol.messages.screen import Tile
from technician_client.tile_data import channels, packed

Pixels = NDArray[np.uint8]
RANDOM = np.random.default_rng(11)
SIZES = [(1, 1), (1, 7), (7, 1), (3, 5), (20, 20), (161, 77)]


def deflated(data: bytes) -> bytes:
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    return packer.compress(data) + packer.flush()


def planes_of(pixels: Pixels) -> Pixels:
    """Green, blue less green, red less green, each (height, width), as SPEC.md says."""
    blue, green, red = (pixels[..., channel] for channel in range(3))
    return np.stack((green, blue - green, red - green))


def by_columns(pixels: Pixels) -> bytes:
    return planes_of(pixels).transpose(0, 2, 1).tobytes()


def by_slopes(pixels: Pixels) -> bytes:
    """Each value less what its neighbours foretell, one by one."""
    planes = planes_of(pixels).astype(int)
    outside = np.zeros((3, planes.shape[1] + 1, planes.shape[2] + 1), int)
    outside[:, 1:, 1:] = planes
    foretold = outside[:, 1:, :-1] + outside[:, :-1, 1:] - outside[:, :-1, :-1]
    return ((planes - foretold) % 256).astype(np.uint8).tobytes()


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("encoding", ["deflate-planes", "zstd-planes", "zstd-slopes"])
def test_channels_are_those_that_were_packed(encoding: str, size: tuple[int, int]) -> None:
    width, height = size
    pixels = RANDOM.integers(0, 256, (height, width, 3), np.uint8)
    data = by_slopes(pixels) if encoding == "zstd-slopes" else by_columns(pixels)
    data = deflated(data) if encoding == "deflate-planes" else zstandard.compress(data)
    found = channels(Tile(0, 0, width, height, encoding, data))
    for channel in range(3):
        assert np.array_equal(found[channel], pixels[..., channel])


@pytest.mark.parametrize(
    "data",
    [
        deflated(bytes(47)),
        deflated(bytes(49)),
        deflated(bytes(48))[:-1],
        deflated(bytes(48)) + b"more",
        deflated(bytes(1 << 26)),
        zlib.compress(bytes(48)),
        b"\xff\xff",
        b"",
    ],
)
def test_a_deflated_tile_that_lies_is_refused(data: bytes) -> None:
    with pytest.raises(RemoteProtocolError):
        channels(Tile(0, 0, 4, 4, "deflate-planes", data))


@pytest.mark.parametrize("encoding", ["zstd-planes", "zstd-slopes"])
@pytest.mark.parametrize(
    "data",
    [
        zstandard.compress(bytes(47)),
        zstandard.compress(bytes(1 << 26)),
        zstandard.compress(bytes(48))[:-2],
        zstandard.ZstdCompressor(write_content_size=False).compress(bytes(48)),
        b"not zstandard",
        b"",
    ],
)
def test_a_zstd_tile_that_lies_is_refused(encoding: str, data: bytes) -> None:
    with pytest.raises(RemoteProtocolError):
        channels(Tile(0, 0, 4, 4, encoding, data))


@pytest.mark.parametrize("encoding", ["deflate-planes", "zstd-planes", "zstd-slopes"])
def test_a_tile_without_pixels_is_refused(encoding: str) -> None:
    data = deflated(b"") if encoding == "deflate-planes" else zstandard.compress(b"")
    with pytest.raises(RemoteProtocolError):
        channels(Tile(0, 0, 0, 4, encoding, data))


def test_what_this_version_does_not_know_is_refused_by_name() -> None:
    with pytest.raises(RemoteProtocolError, match="jpeg"):
        channels(Tile(0, 0, 4, 4, "jpeg", b""))


def test_bytes_as_they_are() -> None:
    assert packed(Tile(0, 0, 2, 1, "zstd-bgr", zstandard.compress(b"abcdef")), 3).tobytes() == b"abcdef"
