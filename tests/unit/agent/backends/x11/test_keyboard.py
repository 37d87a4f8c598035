from collections.abc import Iterator

import pytest

from agent.backends.x11.connection import X11Connection
from agent.backends.x11.keyboard import REUSE_SECONDS, SETTLE_SECONDS, Keyboard, Stroke, read_layout
from tests.kit.display import VirtualDisplay

A, SHIFT_A = 0x61, 0x41


def test_a_layout_is_read_level_by_level() -> None:
    layout = read_layout({38: [A, SHIFT_A, A, SHIFT_A], 10: [0x31, 0x21], 65: [0x20, 0]}, set())
    assert layout["a"] == Stroke(38, False, True)
    assert layout["A"] == Stroke(38, True, True)
    assert layout["!"] == Stroke(10, True, False)
    assert layout[" "] == Stroke(65, False, False)


def test_a_letter_alone_stands_for_both_cases() -> None:
    layout = read_layout({38: [A, 0]}, set())
    assert layout["A"] == Stroke(38, True, True)


def test_spare_keys_and_the_keypad_are_not_part_of_it() -> None:
    layout = read_layout({38: [A, SHIFT_A], 87: [0xFF9C, 0x31]}, {38})
    assert layout == {}


class Time:
    """A clock that only sleeping moves."""

    def __init__(self) -> None:
        self.now = 100.0
        self.slept: list[float] = []

    def clock(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds


@pytest.fixture
def time() -> Time:
    return Time()


@pytest.fixture
def keyboard(connection: X11Connection, time: Time) -> Iterator[Keyboard]:
    made = Keyboard(connection, time.clock, time.sleep)
    yield made
    made.restore()
    connection.root_size()


def mapping(connection: X11Connection) -> list[int]:
    return list(connection.core.GetKeyboardMapping(8, 248).reply().keysyms)


@pytest.mark.display
def test_the_layout_of_a_real_server(keyboard: Keyboard) -> None:
    assert keyboard.stroke("a") == Stroke(38, False, True)
    assert keyboard.stroke("é") is None
    assert keyboard.keycode_with(0xFF0D) == 36
    assert keyboard.keycode_with(0x12345) is None


@pytest.mark.display
def test_a_character_is_lent_a_key_once_and_everything_is_put_back(
    connection: X11Connection, keyboard: Keyboard, time: Time
) -> None:
    before = mapping(connection)
    first = keyboard.lend(0x010065E5)
    assert first is not None
    assert keyboard.lend(0x010065E5) == first
    assert 0x010065E5 in mapping(connection)
    assert time.slept == [SETTLE_SECONDS]
    keyboard.restore()
    assert mapping(connection) == before
    assert time.slept[1:] == [pytest.approx(REUSE_SECONDS)]


@pytest.mark.display
def test_keys_are_lent_anew_in_the_order_of_their_last_use_and_not_too_soon(keyboard: Keyboard, time: Time) -> None:
    first = keyboard.lend(0x01004E00)
    second = keyboard.lend(0x01004E01)
    pool = 2
    while (code := keyboard.lend(0x01004E00 + pool)) not in (first, second):
        keyboard.lend(0x01004E00)
        pool += 1
    assert code == second
    assert pool >= 8
    assert all(seconds <= REUSE_SECONDS for seconds in time.slept)


@pytest.mark.display
def test_a_layout_changed_by_somebody_else_is_followed(
    display: VirtualDisplay, connection: X11Connection, keyboard: Keyboard
) -> None:
    lent = keyboard.lend(0x010065E5)
    connection.root_size()
    keyboard.follow(connection.events())
    assert keyboard.stroke("a") == Stroke(38, False, True)
    assert keyboard.lend(0x010065E5) == lent
    display.run("setxkbmap", "fr")
    connection.root_size()
    keyboard.follow(connection.events())
    try:
        assert keyboard.stroke("a") == Stroke(24, False, True)
        assert keyboard.stroke("é") == Stroke(11, False, False)
    finally:
        display.run("setxkbmap", "us")
