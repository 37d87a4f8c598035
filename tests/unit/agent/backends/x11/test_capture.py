import time

import numpy as np
import pytest
import xcffib.xtest

from agent.backends.base import DisplayLost, Happened
from agent.backends.geometry import Rect
from agent.backends.x11.capture import X11Capture
from agent.backends.x11.connection import X11Connection
from protocol.errors import Unavailable
from tests.kit.display import VirtualDisplay, virtual_display
from tests.kit.waiting import PATIENCE

pytestmark = pytest.mark.display


def until(capture: X11Capture, wanted: Happened, wake: int) -> Happened:
    """Wait for one kind of event; others may come before it."""
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        happened = capture.wait(0.5, wake)
        if wanted in happened:
            return happened
    raise AssertionError(f"{wanted} did not happen")


def test_damage_then_pixels_with_an_odd_width(display: VirtualDisplay, quiet: int) -> None:
    capture = X11Capture(display.name)
    capture.take_damage()
    display.run("xsetroot", "-solid", "#0a1b2c")
    until(capture, Happened.DAMAGE, quiet)
    into = np.zeros((768, 1376), np.uint32)
    assert capture.grab(capture.take_damage(), into)
    assert (into[:, :1366] == 0xFF0A1B2C).all()
    assert not into[:, 1366:].any()
    capture.close()
    capture.close()


def test_several_areas_at_once_go_to_their_places(display: VirtualDisplay) -> None:
    display.run("xsetroot", "-solid", "#777777")
    capture = X11Capture(display.name)
    into = np.zeros((64, 64), np.uint32)
    assert capture.grab([Rect(100, 100, 3, 5), Rect(160, 160, 4, 4)], into, (100, 100))
    assert np.count_nonzero(into) == 3 * 5 + 4 * 4
    assert into[60, 60] == 0xFF777777
    capture.close()


def test_more_areas_than_the_segment_holds_are_grabbed_in_turns(display: VirtualDisplay) -> None:
    capture = X11Capture(display.name)
    into = np.zeros((768, 1366), np.uint32)
    assert capture.grab([Rect(0, 0, 1366, 768)] * 3, into)
    assert into.all()
    capture.close()


def test_nothing_happens_on_a_quiet_display(display: VirtualDisplay, quiet: int) -> None:
    capture = X11Capture(display.name)
    capture.wait(0.05, quiet)
    capture.take_damage()
    assert capture.wait(0.1, quiet) is Happened.NOTHING
    capture.close()


def test_moves_of_the_pointer_are_events(display: VirtualDisplay, connection: X11Connection, quiet: int) -> None:
    capture = X11Capture(display.name)
    capture.wait(0.05, quiet)
    xtest = connection.extension(xcffib.xtest.key, "XTEST")
    xtest.FakeInput(6, 0, 0, connection.root, 50, 60, 0)
    connection.flush()
    until(capture, Happened.POINTER, quiet)
    assert capture.cursor.position() == (50, 60)
    capture.close()


def test_a_new_resolution_is_an_event_and_refuses_the_old_area(quiet: int) -> None:
    with virtual_display(800, 600) as display:
        capture = X11Capture(display.name)
        assert (capture.layout().width, capture.layout().height) == (800, 600)
        display.run("xrandr", "--newmode", "small", "25", "640", "656", "752", "800", "480", "490", "492", "525")
        display.run("xrandr", "--addmode", "screen", "small")
        display.run("xrandr", "--output", "screen", "--mode", "small")
        until(capture, Happened.LAYOUT, quiet)
        into = np.zeros((608, 800), np.uint32)
        assert not capture.grab([Rect(0, 0, 800, 600)], into)
        layout = capture.layout()
        assert (layout.width, layout.height) == (640, 480)
        assert layout.monitors[0].area == Rect(0, 0, 640, 480)
        assert capture.grab([Rect(0, 0, 640, 480)], into)
        capture.close()


def test_a_display_that_ends_is_lost(quiet: int) -> None:
    with virtual_display(320, 200) as display:
        capture = X11Capture(display.name)
        display.stop()
        with pytest.raises(DisplayLost):
            until(capture, Happened.LAYOUT, quiet)
        with pytest.raises(DisplayLost):
            capture.take_damage()
        capture.close()


def test_pixels_that_are_not_true_colour_are_refused_by_name() -> None:
    with (
        virtual_display(320, 200, extra=("-screen", "0", "320x200x16")) as display,
        pytest.raises(Unavailable, match="16 bits deep"),
    ):
        X11Capture(display.name)
