"""Locks of a real display: turned on and off without a key, and put back unless somebody there has changed them since."""

from collections.abc import Iterator

import pytest

from agent.backends.base import LockState
from agent.backends.x11.connection import X11Connection
from agent.backends.x11.levels import LOCK_MASK
from agent.backends.x11.locks import X11Locks
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
