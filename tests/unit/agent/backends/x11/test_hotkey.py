"""The key that ends everything, on a real display."""

import subprocess
from collections.abc import Iterator

import pytest

from agent.backends.x11.hotkey import X11Hotkey
from protocol.errors import Unavailable
from tests.kit.display import VirtualDisplay, virtual_display
from tests.kit.waiting import eventually

pytestmark = pytest.mark.display


@pytest.fixture(scope="module")
def display() -> Iterator[VirtualDisplay]:
    with virtual_display(320, 200) as display:
        yield display


def strike(display: VirtualDisplay, *arguments: str) -> None:
    subprocess.run(["xdotool", *arguments], env=display.environment, check=True, timeout=10)


def test_it_hears_its_keys_whatever_the_locks_say_and_no_others(display: VirtualDisplay) -> None:
    hotkey = X11Hotkey(display.name)
    assert hotkey.fileno() > 0
    assert not hotkey.pressed()
    for keys in (("key", "End"), ("key", "ctrl+End"), ("key", "ctrl+alt+Home")):
        strike(display, *keys)
    strike(display, "key", "ctrl+alt+End")
    eventually(hotkey.pressed, "the key is heard")
    assert not hotkey.pressed()
    strike(display, "key", "Num_Lock")
    strike(display, "key", "Caps_Lock")
    strike(display, "key", "ctrl+alt+End")
    eventually(hotkey.pressed, "the key is heard with locks on")
    strike(display, "key", "Num_Lock")
    strike(display, "key", "Caps_Lock")
    hotkey.close()


def test_only_one_program_can_hold_it(display: VirtualDisplay) -> None:
    first = X11Hotkey(display.name)
    with pytest.raises(Unavailable, match="another program"):
        X11Hotkey(display.name)
    first.close()

    def free() -> X11Hotkey | None:
        try:
            return X11Hotkey(display.name)
        except Unavailable:
            return None

    eventually(free, "it is free again").close()


def test_a_display_that_goes_away_is_unavailable() -> None:
    with pytest.raises(Unavailable, match="cannot be opened"):
        X11Hotkey(":1974")
    with virtual_display(320, 200) as display:
        hotkey = X11Hotkey(display.name)
    with pytest.raises(Unavailable, match="went away"):
        hotkey.pressed()
    hotkey.close()
