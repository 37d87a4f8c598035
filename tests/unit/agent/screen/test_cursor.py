import zlib

import numpy as np

from agent.backends.base import CursorPicture
from agent.backends.fake.capture import FakeCursor
from agent.backends.geometry import Rect
from agent.screen.cursor import MOVE_SECONDS, CursorSender


def make() -> tuple[FakeCursor, CursorSender]:
    source = FakeCursor()
    return source, CursorSender(source, Rect(100, 50, 800, 600))


def test_a_shape_is_sent_once() -> None:
    source, sender = make()
    shape = sender.shape()
    assert shape is not None
    assert (shape.width, shape.height, shape.hot_x, shape.hot_y, shape.serial) == (4, 4, 1, 1, 1)
    assert zlib.decompress(shape.data) == b"\xff" * 64
    assert sender.shape() is None
    source.picture = CursorPicture(np.zeros((2, 3, 4), np.uint8), 0, 0)
    second = sender.shape()
    assert second is not None
    assert (second.serial, second.width, second.height) == (2, 3, 2)


def test_a_hidden_pointer_has_no_width() -> None:
    source, sender = make()
    source.picture = None
    shape = sender.shape()
    assert shape is not None
    assert shape.width == 0
    assert zlib.decompress(shape.data) == b""


def test_places_count_from_the_streamed_area() -> None:
    source, sender = make()
    source.place = (120, 40)
    move = sender.move(1.0)
    assert move is not None
    assert (move.x, move.y) == (20, -10)


def test_moves_come_when_there_are_any_and_not_too_often() -> None:
    source, sender = make()
    assert sender.move(1.0) is not None
    assert sender.move(1.0 + MOVE_SECONDS * 2) is None
    source.place = (1, 1)
    assert sender.move(2.0) is not None
    source.place = (2, 2)
    assert sender.move(2.0 + MOVE_SECONDS / 2) is None
    assert sender.next_deadline(2.0) > 0
    assert sender.move(2.0 + MOVE_SECONDS) is not None


def test_a_viewer_that_forgot_is_told_again() -> None:
    _, sender = make()
    sender.shape()
    sender.move(1.0)
    sender.forget()
    assert sender.shape() is not None
    assert sender.move(2.0) is not None
