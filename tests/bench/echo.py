"""How long a key press takes to show: pressed on the viewer's display, drawn by a window of ours on the source's, seen on the
viewer's again. One clock; about 1 ms resolution."""

import contextlib
import random
import threading
import time
from collections.abc import Iterator
from typing import Any

import xcffib
import xcffib.xproto
import xcffib.xtest

X, Y, WIDTH, HEIGHT = 100, 100, 12, 20
COLOURS = (0x20E020, 0xE02020)
KEY_A = 38
PRESS, RELEASE = 2, 3
"""Codes of X's core events."""


class Echo:
    """A window like one character on the source display that changes colour with every key."""

    def __init__(self, source: str) -> None:
        self._connection: Any = xcffib.connect(source)
        screen = self._connection.get_setup().roots[0]
        core = self._connection.core
        self._window, self._context = self._connection.generate_id(), self._connection.generate_id()
        mask = xcffib.xproto.CW.BackPixel | xcffib.xproto.CW.OverrideRedirect | xcffib.xproto.CW.EventMask
        values = [COLOURS[0], 1, xcffib.xproto.EventMask.KeyPress]
        place = (X, Y, WIDTH, HEIGHT)
        core.CreateWindow(24, self._window, screen.root, *place, 0, 1, screen.root_visual, mask, values)
        core.MapWindow(self._window)
        core.ConfigureWindow(self._window, xcffib.xproto.ConfigWindow.StackMode, [0])
        core.CreateGC(self._context, self._window, 0, [])
        core.SetInputFocus(1, self._window, 0)
        self._connection.flush()
        self.pressed = 0
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        with contextlib.suppress(xcffib.ConnectionException):
            while True:
                if isinstance(self._connection.wait_for_event(), xcffib.xproto.KeyPressEvent):
                    self.pressed += 1
                    colour = COLOURS[self.pressed % 2]
                    core, area = self._connection.core, xcffib.xproto.RECTANGLE.synthetic(0, 0, WIDTH, HEIGHT)
                    core.ChangeGC(self._context, xcffib.xproto.GC.Foreground, [colour])
                    core.PolyFillRectangle(self._window, self._context, 1, [area])
                    self._connection.flush()

    def close(self) -> None:
        """Take the window away."""
        with contextlib.suppress(xcffib.Error, xcffib.ConnectionException):
            self._connection.core.DestroyWindow(self._window)
            self._connection.flush()


class Presser:
    """Whoever sits before the viewer's display."""

    def __init__(self, display: str, offset: tuple[int, int]) -> None:
        self._connection: Any = xcffib.connect(display)
        self._root = self._connection.get_setup().roots[0].root
        self._test = self._connection(xcffib.xtest.key)
        self._place = offset[0] + X + WIDTH // 2, offset[1] + Y + HEIGHT // 2

    def focus(self) -> None:
        """Give the keyboard to the largest window that is mapped: there is no window manager to do it."""
        core = self._connection.core
        sizes = {}
        for window in core.QueryTree(self._root).reply().children:
            geometry = core.GetGeometry(window).reply()
            if core.GetWindowAttributes(window).reply().map_state == xcffib.xproto.MapState.Viewable:
                sizes[window] = geometry.width * geometry.height
        core.SetInputFocus(1, max(sizes, key=lambda window: sizes[window]), 0)
        self._connection.flush()

    def colour(self) -> int:
        """0 or 1: which colour the viewer shows; -1: neither."""
        data = self._connection.core.GetImage(2, self._root, *self._place, 1, 1, 0xFFFFFFFF).reply().data
        blue, green, red = data[:3]
        if green > red + 60 > blue:
            return 0
        return 1 if red > green + 60 else -1

    def press(self) -> float:
        """One key; the time at which it was pressed."""
        at = time.monotonic()
        for kind in (PRESS, RELEASE):
            self._test.FakeInput(kind, KEY_A, 0, 0, 0, 0, 0)
        self._connection.flush()
        return at

    def close(self) -> None:
        """Leave."""
        self._connection.disconnect()


def echoes(presser: Presser, echo: Echo, seconds: float, seed: int = 1, limit: float = 3.0) -> Iterator[float]:
    """Press a key again and again for `seconds`; how long each took to show (`limit` when it did not within it)."""
    generator, end = random.Random(seed), time.monotonic() + seconds
    while time.monotonic() < end:
        expected = (echo.pressed + 1) % 2
        at = presser.press()
        while presser.colour() != expected and time.monotonic() < at + limit:
            time.sleep(0.0007)
        yield min(limit, time.monotonic() - at)
        time.sleep(0.1 + 0.15 * generator.random())
