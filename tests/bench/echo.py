"""How long a key press takes to show: pressed on the viewer's display, drawn by a window of ours on the source's, seen on the
viewer's again. One clock; about 1 ms resolution. Over a `ShapedLink` it is known how long lost packets held it up."""

import contextlib
import math
import random
import threading
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import xcffib
import xcffib.xproto
import xcffib.xtest

from tests.kit.shaped_link import Passage

X, Y, WIDTH, HEIGHT = 100, 100, 12, 20
COLOURS = (0x20E020, 0xE02020)
KEY_A = 38
PRESS, RELEASE = 2, 3
"""Codes of X's core events."""


@dataclass(frozen=True, slots=True)
class Stroke:
    """One key: monotonic seconds at which it was `pressed`, at which the source drew (`drawn`) and the viewer showed it (`seen`).
    What did not happen in time is infinite."""

    pressed: float
    drawn: float
    seen: float

    @property
    def seconds(self) -> float:
        """From key to picture."""
        return self.seen - self.pressed


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
        self.drawn: list[float] = []
        """When each key had changed the colour."""
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        with contextlib.suppress(xcffib.ConnectionException):
            while True:
                if isinstance(self._connection.wait_for_event(), xcffib.xproto.KeyPressEvent):
                    colour = COLOURS[(self.pressed + 1) % 2]
                    core, area = self._connection.core, xcffib.xproto.RECTANGLE.synthetic(0, 0, WIDTH, HEIGHT)
                    core.ChangeGC(self._context, xcffib.xproto.GC.Foreground, [colour])
                    core.PolyFillRectangle(self._window, self._context, 1, [area])
                    self._connection.flush()
                    self.drawn.append(time.monotonic())

    @property
    def pressed(self) -> int:
        """Keys that have arrived."""
        return len(self.drawn)

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


def echoes(presser: Presser, echo: Echo, seconds: float, seed: int = 1, limit: float = 3.0) -> Iterator[Stroke]:
    """Press a key again and again for `seconds`; one that does not show within `limit` is given up."""
    generator, end = random.Random(seed), time.monotonic() + seconds
    while time.monotonic() < end:
        number = echo.pressed
        at = presser.press()
        while presser.colour() != (number + 1) % 2 and time.monotonic() < at + limit:
            time.sleep(0.0007)
        seen = time.monotonic()
        yield Stroke(at, echo.drawn[number] if echo.pressed > number else math.inf, seen if seen < at + limit else math.inf)
        time.sleep(0.1 + 0.15 * generator.random())


def stalled(stroke: Stroke, back: Iterable[Passage], there: Iterable[Passage]) -> float:
    """Seconds for which the link held a key (on its way `back` to the source) and its picture (on its way `there`) for packets
    that were lost. What is counted is the first piece that set out afterwards: a letter goes before all else, and what is behind
    a lost packet arrives with it."""
    up = [passage.stalled for passage in back if stroke.pressed <= passage.entered and passage.arrived <= stroke.drawn]
    down = [passage.stalled for passage in there if stroke.drawn <= passage.entered and passage.arrived <= stroke.seen]
    return (up or [0.0])[0] + (down or [0.0])[0]
