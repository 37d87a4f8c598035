"""No pixel of a hidden window leaves, on a real display: not when it moves, not when its title changes, not at its edges."""

import threading
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import xcffib
import xcffib.xproto

from agent.backends.choose import open_capture
from agent.backends.geometry import Rect
from agent.backends.x11.connection import X11Connection
from agent.backends.x11.windows import DEPTH, WindowWatch
from agent.screen.pipeline import Acknowledged, Counters, ScreenPipeline, Stop, StreamOptions
from agent.screen.redact import DARK, LIGHT, HideRules
from protocol.messages import Message
from protocol.messages.screen import ScreenUpdate
from tests.kit.display import VirtualDisplay, virtual_display, wait_for
from tests.kit.viewer import Viewer

SECRET, PLAIN = 0xFF00FF, 0x20A040

pytestmark = pytest.mark.display


class Desktop:
    """A client that puts windows of one colour on the display."""

    def __init__(self, display: str) -> None:
        connect: Any = xcffib.connect
        self.raw = connect(display)
        self.screen = self.raw.get_setup().roots[0]

    def window(self, area: Rect, colour: int, title: str = "", kind: str = "", parent: int = 0) -> int:
        identifier: int = self.raw.generate_id()
        mask = xcffib.xproto.CW.BackPixel
        place = (area.x, area.y, area.width, area.height)
        self.raw.core.CreateWindow(
            24, identifier, parent or self.screen.root, *place, 0, 1, self.screen.root_visual, mask, [colour]
        )
        atom = xcffib.xproto.Atom
        self.name(identifier, title)
        if kind:
            names = f"{kind.lower()}\0{kind}\0"
            self.raw.core.ChangeProperty(0, identifier, atom.WM_CLASS, atom.STRING, 8, len(names), names)
        self.raw.core.MapWindow(identifier)
        self.sync()
        return identifier

    def name(self, window: int, title: str) -> None:
        atom = xcffib.xproto.Atom
        self.raw.core.ChangeProperty(0, window, atom.WM_NAME, atom.STRING, 8, len(title), title)

    def place(self, window: int, *, x: int, y: int) -> None:
        config = xcffib.xproto.ConfigWindow
        self.raw.core.ConfigureWindow(window, config.X | config.Y, [x, y])
        self.sync()

    def sync(self) -> None:
        self.raw.core.GetInputFocus().reply()


class Watcher:
    """A viewer that looks at every pixel of every update."""

    def __init__(self, display: str, rules: HideRules) -> None:
        self.viewer = Viewer()
        self.leaked = 0
        options = StreamOptions(full_chroma=None, hide=rules)
        self.pipeline = ScreenPipeline(lambda: open_capture(display), self.deliver, options, Counters())
        self.thread = threading.Thread(target=self.pipeline.run, daemon=True)
        self.thread.start()

    def deliver(self, message: Message) -> None:
        acknowledgement = self.viewer.receive(message)
        if isinstance(message, ScreenUpdate):
            self.leaked += self.count(SECRET)
        if acknowledgement is not None:
            self.pipeline.command(Acknowledged(acknowledgement.sequence, 0, self.pipeline._clock()))

    def count(self, colour: int, area: Rect | None = None) -> int:
        pixels = self.viewer.picture.pixels.view(np.uint32)[..., 0] & np.uint32(0xFFFFFF)
        if area is not None:
            pixels = pixels[area.y : area.bottom, area.x : area.right]
        return int((pixels == colour).sum())

    def striped(self, area: Rect) -> bool:
        return self.count(LIGHT, area) + self.count(DARK, area) == area.area

    def stop(self) -> None:
        self.pipeline.command(Stop())
        self.thread.join(5)
        assert not self.thread.is_alive()


@pytest.fixture(scope="module")
def display() -> Iterator[VirtualDisplay]:
    with virtual_display(800, 600) as running:
        yield running


@pytest.fixture
def desktop(display: VirtualDisplay) -> Iterator[Desktop]:
    made = Desktop(display.name)
    yield made
    made.raw.disconnect()


@pytest.fixture
def watcher(display: VirtualDisplay) -> Iterator[Watcher]:
    made = Watcher(display.name, HideRules(policy=("*payroll*",), windows=("keepassxc",), areas=(Rect(700, 500, 50, 40),)))
    wait_for(lambda: made.viewer.picture.exact, "the first picture")
    yield made
    made.stop()
    assert made.leaked == 0


def test_a_window_that_appears_moves_and_goes(desktop: Desktop, watcher: Watcher) -> None:
    assert watcher.striped(Rect(700, 500, 50, 40))
    plain = desktop.window(Rect(10, 10, 200, 100), PLAIN, "Notes")
    wait_for(lambda: watcher.count(PLAIN) == 20_000, "the plain window")
    secret = desktop.window(Rect(300, 200, 161, 91), SECRET, "", "KeePassXC")
    wait_for(lambda: watcher.striped(Rect(300, 200, 161, 91)), "the hidden window")
    for step in range(120):
        desktop.place(secret, x=300 - 2 * step, y=200 - step)
    wait_for(lambda: watcher.striped(Rect(62, 81, 161, 91)), "the hidden window at its new place")
    wait_for(lambda: watcher.count(LIGHT) + watcher.count(DARK) == 161 * 91 + 2000, "its old places")
    desktop.raw.core.DestroyWindow(secret)
    desktop.sync()
    wait_for(lambda: watcher.count(PLAIN) == 20_000 and watcher.count(LIGHT) + watcher.count(DARK) == 2000, "what was below")
    desktop.raw.core.DestroyWindow(plain)
    assert watcher.viewer.states[-1].text == "One part of the screen is hidden, as the organisation and the user wants."


def test_a_title_hides_a_window_below_a_frame_and_its_dialogs(desktop: Desktop, watcher: Watcher) -> None:
    frame = desktop.window(Rect(100, 100, 220, 140), 0x303030)
    client = desktop.window(Rect(5, 25, 210, 110), SECRET, "Payroll 2026 - Writer", "soffice", parent=frame)
    wait_for(lambda: watcher.striped(Rect(100, 100, 220, 140)), "frame and all")
    dialog = desktop.raw.generate_id()
    core, atom = desktop.raw.core, xcffib.xproto.Atom
    values, root, visual = [SECRET], desktop.screen.root, desktop.screen.root_visual
    core.CreateWindow(24, dialog, root, 400, 300, 90, 60, 0, 1, visual, xcffib.xproto.CW.BackPixel, values)
    core.ChangeProperty(0, dialog, atom.WM_TRANSIENT_FOR, atom.WINDOW, 32, 1, [client])
    core.MapWindow(dialog)
    desktop.sync()
    wait_for(lambda: watcher.striped(Rect(400, 300, 90, 60)), "the dialog")
    core.DestroyWindow(dialog)
    core.DestroyWindow(frame)
    desktop.sync()


def test_a_window_that_gets_the_title_later_is_hidden_from_then_on(desktop: Desktop, watcher: Watcher) -> None:
    window = desktop.window(Rect(50, 300, 100, 80), PLAIN, "Untitled")
    wait_for(lambda: watcher.count(PLAIN) == 8000, "the window")
    desktop.name(window, "Payroll 2026")
    desktop.sync()
    wait_for(lambda: watcher.striped(Rect(50, 300, 100, 80)), "stripes")
    desktop.name(window, "Untitled")
    desktop.sync()
    wait_for(lambda: watcher.count(PLAIN) == 8000, "the window again")
    desktop.raw.core.DestroyWindow(window)
    desktop.sync()


def test_where_windows_cannot_be_told_apart_nothing_is_shown(display: VirtualDisplay) -> None:
    viewer = Viewer()

    def deliver(message: Message) -> None:
        viewer.receive(message)

    options = StreamOptions(hide=HideRules(policy=("x",)))
    pipeline = ScreenPipeline(lambda: open_capture(display.name, "mss"), deliver, options, Counters())
    thread = threading.Thread(target=pipeline.run, daemon=True)
    thread.start()
    wait_for(lambda: bool(viewer.states), "the news")
    pipeline.command(Stop())
    thread.join(5)
    assert viewer.states[-1].state == "unavailable"
    assert "cannot tell windows apart" in viewer.states[-1].text
    assert not viewer.updates


class Counting:
    """The requests of a connection; `turns` counts the ways there and back: an answer is waited for that was asked for after the
    last waiting."""

    def __init__(self, core: Any) -> None:
        self._core = core
        self._sent = self._arrived = self.turns = 0

    def __getattr__(self, name: str) -> Any:
        request = getattr(self._core, name)

        def ask(*arguments: Any, **named: Any) -> Any:
            self._sent += 1
            number, cookie = self._sent, request(*arguments, **named)

            def reply() -> Any:
                if number > self._arrived:
                    self.turns, self._arrived = self.turns + 1, self._sent
                return cookie.reply()

            return SimpleNamespace(reply=reply)

        return ask


def test_the_server_is_not_held_longer_for_more_windows(
    display: VirtualDisplay, desktop: Desktop, monkeypatch: pytest.MonkeyPatch
) -> None:
    tops = [desktop.window(Rect(10 * at, 10, 50, 50), PLAIN, f"Window {at}") for at in range(6)]
    for top in tops:
        inner = desktop.window(Rect(0, 0, 40, 40), PLAIN, parent=top)
        desktop.window(Rect(5, 5, 10, 10), PLAIN, "payroll" if top == tops[3] else "", parent=inner)
    connection = X11Connection(display.name)
    watch = WindowWatch(connection, lambda title, kind: title == "payroll")
    counting = Counting(connection.raw.core)
    with monkeypatch.context() as patched:
        patched.setattr(X11Connection, "core", property(lambda _: counting))
        assert watch.areas(0.0) == (Rect(30, 10, 50, 50),)
    connection.close()
    assert counting.turns <= 2 + 1 + DEPTH
