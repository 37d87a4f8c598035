import math

import numpy as np
import pytest

import agent.screen.colour
from agent.screen.colour import Converter, colour_kept, libyuv_function
from tests.unit.agent.screen.pictures import captions, photo


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


def test_4_2_0_keeps_what_has_no_fine_colour_and_loses_coloured_text() -> None:
    loud = captions(240, 320)
    grey = photo(240, 320) & np.uint32(0xFF)
    broad = np.repeat(np.repeat(loud[:60:2, :80:2], 8, axis=0), 8, axis=1)
    assert colour_kept(grey | grey << np.uint32(8) | grey << np.uint32(16)) > 90
    assert colour_kept(broad) > 90
    assert colour_kept(loud) < 18
    assert colour_kept(np.full((1, 400), 0xFF, np.uint32)) == math.inf
    assert colour_kept(np.zeros((40, 9), np.uint32)) == math.inf


def test_what_4_2_0_keeps_is_what_is_near_after_coding() -> None:
    noise = np.random.default_rng(3).integers(0, 2**24, (64, 64), np.uint32)
    channels = noise.view(np.uint8).reshape(64, 64, 4)[..., :3].astype(float)
    frame = Converter(64, 64, full_chroma=False).convert(noise)
    shown = frame.to_ndarray(format="bgra")[..., :3].astype(float)
    near = 10 * math.log10(255**2 / float(np.mean((shown - channels) ** 2)))
    assert colour_kept(noise) == pytest.approx(near, abs=3)
