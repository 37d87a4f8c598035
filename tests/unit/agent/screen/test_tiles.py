import numpy as np
import pytest
import zstandard

from agent.backends.geometry import Rect
from agent.screen.tiles import DEFLATE_PIXELS, MOST_PIXELS, TileEncoder, looks_grey, looks_like_a_photo, planes, slopes, split
from technician_client.picture import decode_tile
from tests.unit.agent.screen.pictures import photo, text

AREA = Rect(3, 5, 161, 77)


@pytest.mark.parametrize(
    ("pixels", "encoding"),
    [
        (np.full((100, 200), 0xFF123456, np.uint32), "fill"),
        (text(100, 200), "zstd-planes"),
        (text(100, 200) & np.uint32(0xFFFF00FF), "zstd-bgrx"),
        (photo(100, 200), "zstd-slopes"),
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


@pytest.mark.parametrize("pixels", [text(40, 40), photo(40, 40), text(40, 40) & np.uint32(0xFFFF00FF)])
def test_what_is_as_small_as_a_letter_is_packed_without_tables(pixels: np.ndarray) -> None:
    area = Rect(6, 3, 21, 19)
    assert area.area <= DEFLATE_PIXELS
    tile = TileEncoder().encode(pixels, area)
    assert tile.encoding == "deflate-planes"
    assert np.array_equal(decode_tile(tile).view(np.uint32)[..., 0], pixels[3:22, 6:27])


def letter() -> np.ndarray:
    """A round letter with soft edges, light on dark, and a caret in colour behind it."""
    rows, columns = np.mgrid[0:20, 0:20]
    distance = np.abs(np.hypot((rows - 10) / 1.3, columns - 5) - 4)
    grey = (30 + 182 * np.clip(1.6 - distance, 0, 1)).astype(np.uint32)
    drawn: np.ndarray = np.where(columns < 10, grey * np.uint32(0x010101), np.uint32(0xFF8C00)) | np.uint32(0xFF000000)
    return drawn.astype(np.uint32)


def test_a_letter_costs_half_of_what_it_costs_as_pixels() -> None:
    drawn = letter()
    tile = TileEncoder().encode(drawn, Rect(0, 0, 20, 20))
    assert len(tile.data) * 2 < len(zstandard.ZstdCompressor(level=3).compress(drawn.tobytes()))


def test_a_tile_says_nothing_of_those_before_it() -> None:
    """Its size would tell whether a letter was typed before."""
    encoder, pixels = TileEncoder(), text(200, 200)
    letter, other = Rect(8, 4, 20, 20), Rect(100, 90, 20, 20)
    first = encoder.encode(pixels, letter).data
    encoder.encode(pixels, other)
    assert encoder.encode(pixels, letter).data == first


def test_grey_is_told_from_coloured() -> None:
    assert looks_grey(text(60, 60))
    assert not looks_grey(text(60, 60) & np.uint32(0xFFFF00FF))


def test_slopes_are_smaller_for_photographs_and_planes_for_text() -> None:
    def packed(data: bytes) -> int:
        return len(zstandard.ZstdCompressor(level=1).compress(data))

    # What is light and what is dark varies more than what is blue and what is red; a letter stands on one colour.
    grain = photo(256, 256) >> np.uint32(8) & np.uint32(255)
    picture = (grain * np.uint32(0x010101)) | np.uint32(0xFF000000)
    rows = picture.view(np.uint8).reshape(256, 256, 4)[..., :3]
    differences = np.diff(rows, axis=0, prepend=np.zeros((1, 256, 3), np.uint8))
    assert packed(slopes(picture).tobytes()) < packed(differences.tobytes()) < packed(picture.tobytes())
    line = np.hstack([np.roll(letter()[:, :10], shift, axis=0) * (shift % 3 + 1) for shift in range(40)])
    page = (line & np.uint32(255)) * np.uint32(0x010101) | np.uint32(0xFF000000)
    assert packed(planes(page).tobytes()) < packed(page.tobytes())


def test_large_areas_are_split_into_bands() -> None:
    bands = split(Rect(10, 20, 1920, 1080))
    assert all(band.area <= MOST_PIXELS for band in bands)
    assert sum(band.area for band in bands) == 1920 * 1080
    assert bands[0].y == 20
    assert bands[-1].bottom == 1100
