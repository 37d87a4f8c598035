import numpy as np
import pytest

from agent.backends.geometry import Rect
from agent.screen.tiles import MOST_PIXELS, TileEncoder, looks_like_a_photo, split
from technician_client.picture import decode_tile
from tests.unit.agent.screen.pictures import photo, text

AREA = Rect(3, 5, 161, 77)


@pytest.mark.parametrize(
    ("pixels", "encoding"),
    [
        (np.full((100, 200), 0xFF123456, np.uint32), "fill"),
        (text(100, 200), "zstd-bgrx"),
        (photo(100, 200), "zstd-up"),
    ],
)
def test_every_kind_of_picture_comes_back_exactly(pixels: np.ndarray, encoding: str) -> None:
    tile = TileEncoder().encode(pixels, AREA)
    assert tile.encoding == encoding
    assert (tile.x, tile.y, tile.width, tile.height) == (3, 5, 161, 77)
    expected = pixels[5:82, 3:164]
    assert np.array_equal(decode_tile(tile).view(np.uint32)[..., 0], expected)


def test_a_single_pixel() -> None:
    tile = TileEncoder().encode(photo(4, 4), Rect(1, 1, 1, 1))
    assert tile.encoding == "fill"
    assert decode_tile(tile).shape == (1, 1, 4)


def test_a_single_column_is_no_photo() -> None:
    assert not looks_like_a_photo(photo(50, 1))
    tile = TileEncoder().encode(photo(50, 50), Rect(7, 0, 1, 50))
    assert np.array_equal(decode_tile(tile).view(np.uint32)[..., 0], photo(50, 50)[:, 7:8])


def test_row_differences_are_smaller_for_photographs() -> None:
    pixels = photo(256, 256)
    tile = TileEncoder().encode(pixels, Rect(0, 0, 256, 256))
    assert len(tile.data) < 0.8 * 256 * 256 * 3


def test_large_areas_are_split_into_bands() -> None:
    bands = split(Rect(10, 20, 1920, 1080))
    assert all(band.area <= MOST_PIXELS for band in bands)
    assert sum(band.area for band in bands) == 1920 * 1080
    assert bands[0].y == 20
    assert bands[-1].bottom == 1100
