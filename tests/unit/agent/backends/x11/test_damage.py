import struct

import pytest

from agent.backends.geometry import Rect
from agent.backends.x11.connection import X11Connection
from agent.backends.x11.damage import MOST_RECTANGLES, DamageWatch, parse_region
from tests.kit.display import VirtualDisplay


def reply(extents: tuple[int, int, int, int], rectangles: list[tuple[int, int, int, int]]) -> bytes:
    head = struct.pack("<BxHIhhHH16x", 1, 7, 2 * len(rectangles), *extents)
    return head + b"".join(struct.pack("<hhHH", *rectangle) for rectangle in rectangles)


def test_a_region_is_parsed_into_rectangles() -> None:
    assert parse_region(reply((0, 0, 9, 9), [(1, 2, 3, 4), (5, 6, 40000, 8)])) == [Rect(1, 2, 3, 4), Rect(5, 6, 40000, 8)]


def test_an_empty_region_has_none() -> None:
    assert parse_region(reply((0, 0, 0, 0), [])) == []


def test_very_many_rectangles_become_their_extents() -> None:
    many = [(place, 0, 1, 1) for place in range(MOST_RECTANGLES + 1)]
    assert parse_region(reply((0, 0, MOST_RECTANGLES + 1, 1), many)) == [Rect(0, 0, MOST_RECTANGLES + 1, 1)]


@pytest.mark.display
def test_taking_damage_empties_it(display: VirtualDisplay, connection: X11Connection) -> None:
    watch = DamageWatch(connection)
    watch.take()
    assert watch.take() == []
    display.run("xsetroot", "-solid", "#223344")
    assert watch.take() == [Rect(0, 0, 1366, 768)]
    assert watch.take() == []
