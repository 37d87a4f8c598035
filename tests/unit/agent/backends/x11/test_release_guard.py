"""What the guard finds in its ledger, and what it makes of that on a real display."""

import mmap
import os
import subprocess
import sys
from collections.abc import Iterator

import pytest

from agent.backends.x11 import release_guard
from agent.backends.x11.connection import X11Connection
from agent.backends.x11.levels import LOCK_MASK
from agent.backends.x11.locks import X11Locks
from agent.backends.x11.release_guard import LEDGER_BYTES, MOST_LEVELS, Ledger, put_back, runs
from tests.kit.display import VirtualDisplay

SHIFT, CONTROL, A = 50, 37, 38
SUN = 0x100_65E5


@pytest.fixture
def ledger() -> Ledger:
    return Ledger(bytearray(LEDGER_BYTES))


def test_a_new_ledger_names_nothing(ledger: Ledger) -> None:
    assert (ledger.keys, ledger.buttons, ledger.repeating_not) == ([], [], [])
    assert (ledger.borrowed, ledger.lent) == ({}, {})


def test_keys_and_buttons_stay_noted_until_all_are_up(ledger: Ledger) -> None:
    for keycode in (8, SHIFT, 255):
        ledger.key(keycode)
    for number in (1, 9, 15):
        ledger.button(number)
    ledger.repeats_not(A)
    ledger.borrow({LOCK_MASK: (False, True)})
    ledger.lend(200, SUN, [1, 2])
    assert (ledger.keys, ledger.buttons, ledger.repeating_not) == ([8, SHIFT, 255], [1, 9, 15], [A])
    ledger.all_up()
    assert (ledger.keys, ledger.buttons, ledger.repeating_not) == ([], [], [])
    assert ledger.borrowed == {LOCK_MASK: (False, True)}
    assert ledger.lent == {200: (SUN, [1, 2])}


def test_what_is_borrowed_stands_in_place_of_what_was(ledger: Ledger) -> None:
    ledger.borrow({LOCK_MASK: (False, True), 16: (True, False)})
    assert ledger.borrowed == {LOCK_MASK: (False, True), 16: (True, False)}
    ledger.borrow({16: (True, False)})
    assert ledger.borrowed == {16: (True, False)}
    ledger.borrow({})
    assert ledger.borrowed == {}


def test_lent_keys_are_noted_with_what_they_were_and_forgotten_one_by_one(ledger: Ledger) -> None:
    ledger.lend(255, SUN, [0] * 7)
    ledger.lend(8, 0x20AC, list(range(2 * MOST_LEVELS)))
    assert ledger.lent == {8: (0x20AC, list(range(MOST_LEVELS))), 255: (SUN, [0] * 7)}
    ledger.lend(255, 0x20AC, [5])
    ledger.returned(8)
    assert ledger.lent == {255: (0x20AC, [5])}


def test_neighbours_of_one_width_are_one_change() -> None:
    rows = {11: [1, 2], 10: [3, 4], 12: [5], 14: [6]}
    assert runs(rows) == [(10, 2, [3, 4, 1, 2]), (12, 1, [5]), (14, 1, [6])]
    assert runs({}) == []


@pytest.fixture
def watcher(display: VirtualDisplay) -> Iterator[X11Connection]:
    opened = X11Connection(display.name)
    yield opened
    opened.close()


def mapping(watcher: X11Connection) -> list[int]:
    return list(watcher.core.GetKeyboardMapping(8, 248).reply().keysyms)


def down(watcher: X11Connection) -> list[int]:
    bits = bytes(watcher.core.QueryKeymap().reply().keys)
    return [code for code in range(256) if bits[code >> 3] >> (code & 7) & 1]


@pytest.mark.display
def test_only_what_the_ledger_names_is_let_go(display: VirtualDisplay, watcher: X11Connection, ledger: Ledger) -> None:
    import xcffib.xtest

    xtest = watcher.extension(xcffib.xtest.key, "XTEST")
    for keycode in (SHIFT, CONTROL):
        xtest.FakeInput(2, keycode, 0, 0, 0, 0, 0)
    watcher.settle()
    ledger.key(SHIFT)
    ledger.key(A)  # it has come up again in between
    try:
        assert put_back(display.name, ledger) == "1 keys and 0 buttons let go, 0 locks and 0 lent keys put back"
        assert down(watcher) == [CONTROL]
    finally:
        xtest.FakeInput(3, CONTROL, 0, 0, 0, 0, 0)
        watcher.settle()


@pytest.mark.display
def test_what_somebody_has_changed_since_is_left_to_them(display: VirtualDisplay, watcher: X11Connection, ledger: Ledger) -> None:
    before = mapping(watcher)
    width = len(before) // 248
    row = before[(A - 8) * width : (A - 7) * width]
    ledger.lend(A, SUN, [0x62] * width)
    ledger.borrow({LOCK_MASK: (True, False)})  # we have unlocked it, they say; now it is locked
    locks = X11Locks(display.name, lambda: 0)
    locks.lock(LOCK_MASK, True)
    try:
        assert put_back(display.name, ledger).endswith("0 locks and 0 lent keys put back")
        assert locks.state().caps
        assert mapping(watcher) == before
        watcher.core.ChangeKeyboardMapping(1, A, width, [SUN] * width)
        watcher.settle()
        assert put_back(display.name, ledger).endswith("0 locks and 1 lent keys put back")
        assert mapping(watcher)[(A - 8) * width] == 0x62
    finally:
        watcher.core.ChangeKeyboardMapping(1, A, width, row)
        watcher.settle()
        locks.lock(LOCK_MASK, False)
        locks.close()
    assert mapping(watcher) == before


def ended(display: str, said: bytes) -> subprocess.CompletedProcess[bytes]:
    """The program itself, with an agent that says this and is gone."""
    memory = os.memfd_create("test")
    try:
        os.ftruncate(memory, LEDGER_BYTES)
        with mmap.mmap(memory, LEDGER_BYTES) as shared:
            Ledger(shared).key(A)
            argv = [sys.executable, "-I", "-S", release_guard.__file__, display, str(memory), *sys.path]
            return subprocess.run(argv, input=said, capture_output=True, pass_fds=(memory,), timeout=30, check=False)
    finally:
        os.close(memory)


def test_a_display_that_is_gone_holds_nothing() -> None:
    result = ended(":98765", b"")
    assert (result.returncode, result.stdout, result.stderr) == (1, b"", b"")


def test_after_a_farewell_the_display_is_left_alone() -> None:
    result = ended(":98765", b".")
    assert (result.returncode, result.stdout, result.stderr) == (0, b"", b"")


@pytest.mark.display
def test_it_says_what_it_did_without_naming_a_key(display: VirtualDisplay) -> None:
    result = ended(display.name, b"")
    assert result.returncode == 0
    words = "0 keys and 0 buttons let go, 0 locks and 0 lent keys put back"
    assert result.stderr.decode() == f"handrail-agent was killed: {words} on display {display.name}\n"
