"""Hands told from injected input, on a real X server.

Xvfb has no hardware, but a mouse and a keyboard of its own ("Xvfb mouse", "Xvfb keyboard"), and XTEST can be asked to make an
event of a named device instead of its own two: to everybody who listens it is that device's. So both sides of the distinction
are real raw events here. Not tested: a real kernel device, touch screens, and devices that are plugged in while watching.
"""

import os
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest
import xcffib
import xcffib.xinput
import xcffib.xtest

from agent.backends.base import DisplayLost
from agent.backends.x11.input import X11Input
from agent.backends.x11.local_input import X11LocalInput, by_hand
from protocol.errors import Unavailable
from tests.kit.display import VirtualDisplay, virtual_display

pytestmark = pytest.mark.display
KEY_PRESS, KEY_RELEASE, BUTTON_PRESS, BUTTON_RELEASE = 1, 2, 3, 4  # offsets from XInput's first event
LETTER_A = 38


@pytest.fixture
def display() -> Iterator[VirtualDisplay]:
    with virtual_display(320, 200) as display:
        yield display


@pytest.fixture
def watch(display: VirtualDisplay) -> Iterator[X11LocalInput]:
    one = X11LocalInput(display.name)
    yield one
    one.close()


@pytest.fixture
def wake() -> Iterator[int]:
    reader, writer = os.pipe()
    yield reader
    os.close(reader)
    os.close(writer)


class Hand:
    """Somebody at the display's own mouse and keyboard."""

    def __init__(self, display: str) -> None:
        self._connection: Any = xcffib.connect(display)
        name = "XInputExtension"
        self._first = self._connection.core.QueryExtension(len(name), name).reply().first_event
        inputs = self._connection(xcffib.xinput.key)
        inputs.XIQueryVersion(2, 2).reply()
        names = {_text(info.name): info.deviceid for info in inputs.XIQueryDevice(0).reply().infos}
        self.mouse, self.keyboard = names["Xvfb mouse"], names["Xvfb keyboard"]
        self._test = self._connection(xcffib.xtest.key)

    def do(self, device: int, kind: int, detail: int) -> None:
        self._test.FakeInput(self._first + kind, detail, 0, 0, 0, 0, device, is_checked=True).check()

    def close(self) -> None:
        self._connection.disconnect()


def _text(name: Any) -> str:
    return "".join(part if isinstance(part, str) else part.decode() if isinstance(part, bytes) else chr(part) for part in name)


@pytest.fixture
def hand(display: VirtualDisplay) -> Iterator[Hand]:
    one = Hand(display.name)
    yield one
    one.close()


@pytest.mark.parametrize(
    ("source", "expected"),
    [(4, False), (5, False), (6, True), (7, True), (9, False)],  # 9: a device that is gone again
)
def test_the_rule(source: int, expected: bool) -> None:
    assert by_hand(source, frozenset({4, 5}), frozenset({2, 3, 4, 5, 6, 7})) is expected


@pytest.mark.parametrize("what", ["key", "button"])
def test_a_hand_is_noticed(watch: X11LocalInput, hand: Hand, wake: int, what: str) -> None:
    if what == "key":
        hand.do(hand.keyboard, KEY_PRESS, LETTER_A)
        hand.do(hand.keyboard, KEY_RELEASE, LETTER_A)
    else:
        hand.do(hand.mouse, BUTTON_PRESS, 1)
        hand.do(hand.mouse, BUTTON_RELEASE, 1)
    assert watch.wait(5.0, wake)


def test_a_device_that_is_unplugged_while_it_is_asked_about_is_not_known(
    watch: X11LocalInput, hand: Hand, wake: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of one plug several devices go in a row, and each is told of: what is asked about the next may come too late."""
    before, gone, plain = watch._known, 77, watch._input

    class Listed:
        """A list that still has the one that is gone; what is asked of the server about it is really asked."""

        def XIQueryDevice(self, device: int) -> Any:
            reply = plain.XIQueryDevice(device).reply()
            infos = [*reply.infos, SimpleNamespace(deviceid=gone)]
            return SimpleNamespace(reply=lambda: SimpleNamespace(infos=infos))

        XIGetProperty = staticmethod(plain.XIGetProperty)

    monkeypatch.setattr(watch, "_input", Listed())
    watch._look()
    assert watch._known == before
    hand.do(hand.mouse, BUTTON_PRESS, 1)
    hand.do(hand.mouse, BUTTON_RELEASE, 1)
    assert watch.wait(5.0, wake)


def test_what_we_inject_is_no_hand(display: VirtualDisplay, watch: X11LocalInput, wake: int) -> None:
    injector = X11Input(display.name)
    try:
        injector.move(50, 60)
        injector.button(0, True)
        injector.button(0, False)
        injector.key("KeyA", True)
        injector.key("KeyA", False)
        injector.character("é")
        injector.scroll(0, 2)
        injector.release_all()
        injector._connection.root_size()  # a round trip: all of it has happened
        for _ in range(20):
            assert not watch.wait(0.02, wake)
    finally:
        injector.close()


def test_a_hand_between_injected_input_is_noticed(display: VirtualDisplay, watch: X11LocalInput, hand: Hand, wake: int) -> None:
    injector = X11Input(display.name)
    try:
        injector.move(10, 10)
        hand.do(hand.keyboard, KEY_PRESS, LETTER_A)
        injector.move(20, 20)
        assert any(watch.wait(1.0, wake) for _ in range(5))
    finally:
        hand.do(hand.keyboard, KEY_RELEASE, LETTER_A)
        injector.close()


def test_it_wakes_and_comes_back_empty(watch: X11LocalInput) -> None:
    reader, writer = os.pipe()
    try:
        os.write(writer, b"\0")
        assert not watch.wait(5.0, reader)
    finally:
        os.close(reader)
        os.close(writer)


def test_a_display_that_is_not_there_is_a_sentence() -> None:
    with pytest.raises(Unavailable, match="cannot be opened"):
        X11LocalInput(":987")


def test_a_display_that_goes_away_is_said(wake: int) -> None:
    with virtual_display(320, 200) as display:
        watch = X11LocalInput(display.name)
    with pytest.raises(DisplayLost):
        for _ in range(50):
            watch.wait(0.1, wake)
    watch.close()
