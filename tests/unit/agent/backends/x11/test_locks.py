"""Locks of a real display: turned on and off without a key, and put back unless somebody there has changed them since."""

from collections.abc import Iterator

import pytest

from agent.backends.base import LockState
from agent.backends.x11.connection import X11Connection
from agent.backends.x11.levels import LOCK_MASK
from agent.backends.x11.locks import X11Locks
from agent.backends.x11.release_guard import LEDGER_BYTES, Ledger
from protocol.errors import Unavailable
from tests.kit.display import VirtualDisplay

pytestmark = pytest.mark.display

NUM = 16


@pytest.fixture
def locks(display: VirtualDisplay) -> Iterator[X11Locks]:
    made = X11Locks(display.name, lambda: NUM)
    yield made
    made.lock(LOCK_MASK | NUM, False)
    made.close()


def seen(connection: X11Connection) -> int:
    """Which locks every other program sees on."""
    mask = int(connection.core.QueryPointer(connection.root).reply().mask)
    return mask & (LOCK_MASK | NUM)


def test_locks_are_set_for_every_program_and_read_back(connection: X11Connection, locks: X11Locks) -> None:
    assert locks.state() == LockState(False, False)
    assert locks.set(LockState(True, True), keep=False)
    assert locks.state() == LockState(True, True)
    assert seen(connection) == LOCK_MASK | NUM
    assert locks.set(LockState(None, False), keep=False)
    assert seen(connection) == LOCK_MASK


def test_what_was_set_is_put_back(connection: X11Connection, locks: X11Locks) -> None:
    locks.lock(NUM, True)
    locks.set(LockState(True, False), keep=False)
    locks.set(LockState(True, True), keep=False)
    locks.set(LockState(None, False), keep=False)
    assert seen(connection) == LOCK_MASK
    locks.restore()
    assert seen(connection) == NUM
    locks.restore()
    assert seen(connection) == NUM


def test_what_is_to_stay_stays(connection: X11Connection, locks: X11Locks) -> None:
    locks.set(LockState(True, None), keep=False)
    locks.set(LockState(True, None), keep=True)
    locks.restore()
    assert seen(connection) == LOCK_MASK


def test_what_somebody_there_has_changed_since_is_theirs(connection: X11Connection, locks: X11Locks) -> None:
    locks.set(LockState(True, None), keep=False)
    locks.lock(LOCK_MASK, False)  # by the person there
    locks.restore()
    assert seen(connection) == 0
    locks.set(LockState(True, None), keep=False)
    locks.lock(LOCK_MASK, False)
    locks.lock(NUM, True)
    locks.set(LockState(True, False), keep=False)
    locks.restore()
    assert seen(connection) == NUM


def test_what_a_key_does_to_the_locks_is_put_back_too(connection: X11Connection, locks: X11Locks) -> None:
    with locks.following():
        locks.lock(LOCK_MASK, True)
    assert seen(connection) == LOCK_MASK
    locks.restore()
    assert seen(connection) == 0


def test_a_keyboard_without_num_lock_says_so(display: VirtualDisplay) -> None:
    none = X11Locks(display.name, lambda: 0)
    assert none.state() == LockState(False, None)
    assert not none.set(LockState(None, True), keep=False)
    none.close()


def test_no_display_is_said() -> None:
    with pytest.raises(Unavailable):
        X11Locks(":9999", lambda: 0)


def test_what_is_to_be_put_back_is_noted_before_it_is_changed(
    display: VirtualDisplay, connection: X11Connection, locks: X11Locks, monkeypatch: pytest.MonkeyPatch
) -> None:
    ledger, noted = Ledger(bytearray(LEDGER_BYTES)), list[dict[int, tuple[bool, bool]]]()
    watched = X11Locks(display.name, lambda: NUM, ledger)
    lock = watched.lock

    def noting(mask: int, on: bool) -> None:
        noted.append(ledger.borrowed)
        lock(mask, on)

    monkeypatch.setattr(watched, "lock", noting)
    watched.set(LockState(True, None), keep=False)
    with watched.following():
        noted.append(ledger.borrowed)
    with watched.lifted(LOCK_MASK, connection.settle):
        assert not seen(connection)
        assert ledger.borrowed == {}  # it was off before all of this, and is
    assert ledger.borrowed == {LOCK_MASK: (False, True)}
    watched.set(LockState(True, None), keep=True)
    assert ledger.borrowed == {}
    with watched.lifted(LOCK_MASK, connection.settle):
        noted.append(ledger.borrowed)
    watched.set(LockState(False, True), keep=False)
    watched.restore()
    watched.close()
    on, off, neither = {LOCK_MASK: (False, True)}, {LOCK_MASK: (True, False)}, (False, False)
    assert noted[:2] == [on, {LOCK_MASK: neither, NUM: (False, True)}]
    assert noted[2:7] == [{}, {}, off, off, off]
    assert noted[7:9] == [off, off | {NUM: (False, True)}]
    assert ledger.borrowed == {}
    assert seen(connection) == LOCK_MASK
