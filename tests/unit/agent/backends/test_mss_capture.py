import socket
import time

import numpy as np
import pytest

from agent.backends.base import Happened
from agent.backends.geometry import Rect
from agent.backends.mss_capture import MssCapture, NoCursor, changed_bands
from protocol.errors import Unavailable
from tests.kit.display import virtual_display


def test_bands_are_cut_to_the_columns_that_changed() -> None:
    old = np.zeros((100, 50), np.uint32)
    new = old.copy()
    new[40, 7:9] = 1
    assert changed_bands(old, new) == [Rect(7, 32, 2, 32)]
    assert changed_bands(old, old) == []


def test_the_last_band_may_be_lower() -> None:
    new = np.zeros((100, 50), np.uint32)
    new[99, 0] = 1
    assert changed_bands(np.zeros_like(new), new) == [Rect(0, 96, 1, 4)]


def test_a_cursor_that_cannot_be_asked_about_is_hidden() -> None:
    assert NoCursor().shape() is None


def test_no_screen_is_unavailable() -> None:
    with pytest.raises(Unavailable, match="cannot be captured"):
        MssCapture(":1973", "a test")


@pytest.mark.display
def test_a_change_is_seen_by_looking() -> None:
    ours, theirs = socket.socketpair()
    with virtual_display(322, 200) as display, ours, theirs:
        capture = MssCapture(display.name, "a test")
        assert capture.layout().width == 322
        display.run("xsetroot", "-solid", "#102030")
        end = time.monotonic() + 60
        while not (capture.wait(0.2, ours.fileno()) & Happened.DAMAGE):
            assert time.monotonic() < end
        into = np.zeros((208, 336), np.uint32)
        assert capture.grab(capture.take_damage(), into)
        assert (into[:200, :322] == 0xFF102030).all()
        assert not capture.grab([Rect(300, 0, 50, 10)], into)
        theirs.send(b"x")
        assert capture.wait(5.0, ours.fileno()) & Happened.WOKEN
        capture.close()
        capture.close()
