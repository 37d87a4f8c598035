import numpy as np
import pytest

import agent.screen.colour
from agent.screen.colour import Converter, libyuv_function
from tests.unit.agent.screen.pictures import photo


def test_a_function_that_is_not_there_is_none() -> None:
    assert libyuv_function("NotAFunction") is None


@pytest.mark.parametrize("full_chroma", [True, False])
def test_grey_and_white_come_out_in_video_range(full_chroma: bool) -> None:
    converter = Converter(32, 16, full_chroma=full_chroma)
    frame = converter.convert(np.full((16, 32), 0xFFFFFFFF, np.uint32))
    luma = np.frombuffer(frame.planes[0], np.uint8).reshape(16, -1)[:, :32]
    assert abs(int(luma[0, 0]) - 235) <= 1
    chroma = np.frombuffer(frame.planes[1], np.uint8)
    assert abs(int(chroma[0]) - 128) <= 1


@pytest.mark.parametrize("full_chroma", [True, False])
def test_swscale_makes_the_same_of_it(full_chroma: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    block = photo(64, 96)
    first = luma_of(Converter(96, 64, full_chroma=full_chroma), block)
    monkeypatch.setattr(agent.screen.colour, "libyuv_function", lambda name: None)
    fallback = Converter(96, 64, full_chroma=full_chroma)
    assert fallback.name == "swscale"
    assert np.abs(first - luma_of(fallback, block)).max() <= 3


def luma_of(converter: Converter, block: np.ndarray) -> np.ndarray:
    plane = converter.convert(block).planes[0]
    return np.frombuffer(plane, np.uint8).reshape(plane.height, plane.line_size)[:, : plane.width].astype(np.int32)


def test_strided_rows_are_read_where_they_are() -> None:
    pixels = photo(64, 200)
    whole = luma_of(Converter(96, 64, full_chroma=True), np.ascontiguousarray(pixels[:, 50:146]))
    assert np.array_equal(luma_of(Converter(96, 64, full_chroma=True), pixels[:, 50:146]), whole)
