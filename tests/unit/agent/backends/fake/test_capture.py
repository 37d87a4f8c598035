import socket
from collections.abc import Iterator

import numpy as np
import pytest

from agent.backends.base import DisplayLost, Happened
from agent.backends.fake.capture import FakeCapture
from agent.backends.geometry import Rect


@pytest.fixture
def quiet() -> Iterator[int]:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        yield ours.fileno()


def test_drawing_is_damage_and_can_be_grabbed(quiet: int) -> None:
    capture = FakeCapture(64, 32)
    capture.draw(3, 4, np.full((5, 6), 0x123456, np.uint32))
    assert capture.wait(1.0, quiet) & Happened.DAMAGE
    assert capture.take_damage() == [Rect(3, 4, 6, 5)]
    assert capture.take_damage() == []
    into = np.zeros((32, 64), np.uint32)
    assert capture.grab([Rect(3, 4, 6, 5)], into)
    assert into[4, 3] == 0xFF123456
    capture.close()


def test_grabs_count_from_the_origin() -> None:
    capture = FakeCapture(64, 32)
    capture.draw(30, 10, np.full((1, 1), 0xFFFFFF, np.uint32))
    into = np.zeros((8, 8), np.uint32)
    assert capture.grab([Rect(28, 8, 8, 8)], into, (28, 8))
    assert into[2, 2] == 0xFFFFFFFF
    capture.close()


def test_a_smaller_display_refuses_the_old_area(quiet: int) -> None:
    capture = FakeCapture(64, 32)
    capture.resize(32, 32)
    assert capture.wait(1.0, quiet) & Happened.LAYOUT
    assert not capture.grab([Rect(0, 0, 64, 32)], np.zeros((32, 64), np.uint32))
    assert capture.layout().width == 32
    capture.close()


def test_a_lost_display_says_so(quiet: int) -> None:
    capture = FakeCapture(64, 32)
    capture.lose()
    with pytest.raises(DisplayLost):
        capture.wait(1.0, quiet)
    capture.close()


def test_its_cursor_is_where_it_is_put() -> None:
    capture = FakeCapture(8, 8)
    cursor = capture.cursor
    cursor.place = (3, 4)
    assert cursor.position() == (3, 4)
    assert cursor.shape() is not None
    capture.close()
