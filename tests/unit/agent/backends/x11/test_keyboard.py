from collections.abc import Iterator

import pytest

from agent.backends.x11.connection import X11Connection
from agent.backends.x11.keyboard import REUSE_SECONDS, SETTLE_SECONDS, Keyboard, Stroke, modifier_of, read_layout, together
from agent.backends.x11.release_guard import LEDGER_BYTES, Ledger
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


def test_a_modifier_is_found_by_the_keysym_of_its_key() -> None:
    rows = {77: [0xFF7F, 0], 66: [0xFFE5, 0], 50: [0xFFE1, 0]}
    assert modifier_of(0xFF7F, rows, [50, 0, 66, 0, 0, 0, 0, 0, 77, 0, 0, 0, 0, 0, 0, 0]) == 16
    assert modifier_of(0xFF14, rows, [50, 66, 0, 0, 77, 0, 0, 0]) == 0


def test_neighbours_come_first() -> None:
    assert together([90, 12, 11, 30, 31, 32, 10, 9, 60]) == [9, 10, 11, 12, 30, 31, 32, 60, 90]


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
def test_what_a_key_makes_there(keyboard: Keyboard) -> None:
    assert keyboard.num_lock == 16
    made = [keyboard.makes(38, 0), keyboard.makes(38, 1), keyboard.makes(79, 0), keyboard.makes(79, 16)]
    assert made == ["a", "A", "Home", "7"]
    assert keyboard.makes(8, 0) is None


@pytest.mark.display
def test_a_lent_key_is_itself_again_before_it_is_pressed_as_itself(
    connection: X11Connection, keyboard: Keyboard, time: Time
) -> None:
    before = mapping(connection)
    lent = keyboard.lend(0x010065E5)
    assert lent is not None
    assert keyboard.lends(lent, 0x010065E5)
    time.slept.clear()
    keyboard.reclaim(lent)
    assert mapping(connection) == before
    assert not keyboard.lends(lent, 0x010065E5)
    assert time.slept == [pytest.approx(REUSE_SECONDS), SETTLE_SECONDS]
    keyboard.reclaim(lent)
    assert len(time.slept) == 2
    assert keyboard.lend(0x010065E5) not in (None, lent)


@pytest.mark.display
def test_what_a_text_needs_is_lent_in_few_changes(display: VirtualDisplay, keyboard: Keyboard, time: Time) -> None:
    """Every change makes every program read the keyboard anew."""
    watcher = X11Connection(display.name)
    before = mapping(watcher)
    wanted = [0x01004E00 + place for place in range(24)]

    def changes() -> int:
        watcher.root_size()
        return sum(type(event).__name__ == "MappingNotifyEvent" for event in watcher.events())

    keyboard.lend_ahead(wanted)
    codes = [keyboard.lend(keysym) for keysym in wanted]
    assert len(set(codes)) == len(wanted)
    assert changes() <= 3
    assert time.slept == [SETTLE_SECONDS]
    keyboard.lend_ahead(wanted[:5])
    assert changes() == 0
    keyboard.lend_ahead([0x01005E00 + place for place in range(60)])
    assert len({code for place in range(24) if (code := keyboard.lend(0x01005E00 + place))} & set(codes)) == 0
    changes()
    keyboard.restore()
    assert mapping(watcher) == before
    assert changes() < 30
    watcher.close()


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


def test_what_is_lent_is_noted_with_its_original_until_it_is_put_back(connection: X11Connection, time: Time) -> None:
    ledger = Ledger(bytearray(LEDGER_BYTES))
    keyboard = Keyboard(connection, time.clock, time.sleep, ledger)
    before = mapping(connection)
    width = len(before) // 248
    one = keyboard.lend(0x100_65E5)
    keyboard.lend_ahead([0x100_0435, 0x100_0436, 0x100_0437])
    assert one is not None
    noted = ledger.lent
    assert sorted(keysym for keysym, _ in noted.values()) == [0x100_0435, 0x100_0436, 0x100_0437, 0x100_65E5]
    assert {code: row for code, (_, row) in noted.items()} == {
        code: before[(code - 8) * width : (code - 7) * width] for code in noted
    }
    keyboard.reclaim(one)
    assert one not in ledger.lent and len(ledger.lent) == 3
    keyboard.restore()
    assert ledger.lent == {}
    assert mapping(connection) == before
