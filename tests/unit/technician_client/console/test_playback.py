"""Pixels of what changed, in few rectangles."""

import numpy as np
import pytest

from technician_client.console.playback import MOST_AREAS, gathered, write_areas
from technician_client.console.wire import OPERATION_HEADER, PIXELS, UPDATE_HEADER

SIZE = (100, 200)


@pytest.mark.parametrize(
    ("areas", "expected"),
    [
        ([], []),
        ([(5, 5, 0, 4)], []),
        ([(1, 2, 3, 4), (150, 60, 10, 10)], [(1, 2, 3, 4), (150, 60, 10, 10)]),
        ([(1, 2, 3, 4), (1, 2, 3, 4)], [(1, 2, 3, 4)]),
        ([(0, 0, 200, 100), (3, 3, 5, 5)], [(0, 0, 200, 100)]),
        ([(step, step, 1, 1) for step in range(MOST_AREAS + 1)], [(0, 0, MOST_AREAS + 1, MOST_AREAS + 1)]),
    ],
)
def test_areas_are_gathered(areas: list[tuple[int, int, int, int]], expected: list[tuple[int, int, int, int]]) -> None:
    assert gathered(areas, SIZE) == expected


def test_an_update_holds_the_present_pixels_in_the_order_of_a_canvas() -> None:
    pixels = np.random.default_rng(1).integers(0, 255, (*SIZE, 4), np.uint8)
    data = write_areas(pixels, [(10, 20, 3, 2)], epoch=4, sequence=7)
    assert UPDATE_HEADER.unpack_from(data)[2:5] == (1, 4, 7.0)
    assert OPERATION_HEADER.unpack_from(data, UPDATE_HEADER.size)[:6] == (PIXELS, 0, 10, 20, 3, 2)
    shown = np.frombuffer(data, np.uint8, offset=UPDATE_HEADER.size + OPERATION_HEADER.size).reshape(2, 3, 4)
    assert np.array_equal(shown[..., :3], pixels[20:22, 10:13, 2::-1])
