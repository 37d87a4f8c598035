import numpy as np
import pytest
import xcffib.xtest

from agent.backends.x11.connection import X11Connection
from agent.backends.x11.cursor import X11Cursor, straight_alpha


def test_premultiplied_alpha_becomes_straight() -> None:
    pixels = np.array([[0x80400020, 0xFF0A0B0C, 0x00000000]], np.uint32)
    assert straight_alpha(pixels).tolist() == [[[128, 0, 64, 128], [10, 11, 12, 255], [0, 0, 0, 0]]]


@pytest.mark.display
def test_shape_and_place_of_the_pointer(connection: X11Connection) -> None:
    cursor = X11Cursor(connection)
    assert cursor.follows
    xtest = connection.extension(xcffib.xtest.key, "XTEST")
    xtest.FakeInput(6, 0, 0, connection.root, 123, 45, 0)
    assert cursor.position() == (123, 45)
    cursor.ask()
    cursor.ask()  # the first is forgotten
    xtest.FakeInput(6, 0, 0, connection.root, 50, 60, 0)
    assert cursor.position() == (123, 45), "as it was when it was asked for"
    assert cursor.position() == (50, 60)
    picture = cursor.shape()
    assert picture is not None
    assert picture.rgba.shape[2] == 4
    assert picture.rgba[..., 3].any()
    assert 0 <= picture.hot_x <= picture.rgba.shape[1]
