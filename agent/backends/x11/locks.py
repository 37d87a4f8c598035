"""Caps Lock and Num Lock of an X display: read and set as XKB's locked modifiers, without any key being pressed.

A key press would depend on what the layout has put on that key (Escape on Caps Lock is popular), and programs would see it. This
has a connection of its own: a client that initialises XKB gets no MappingNotify any more, and the keyboard needs those.
"""

import contextlib
from collections.abc import Callable, Iterator
from typing import Any, Final

import xcffib.xkb

from agent.backends.base import LockState
from agent.backends.x11.connection import X11Connection, lost_display
from agent.backends.x11.levels import LOCK_MASK
from agent.backends.x11.release_guard import LEDGER_BYTES, Ledger
from protocol.errors import Unavailable

CORE_KEYBOARD: Final = 0x100
"""XkbUseCoreKbd: the keyboard that all others feed; a lock set on it is set on each of them."""
VERSION: Final = (1, 0)


class X11Locks:
    """The locks of one display, and what is to be put back.

    Args:
        num_lock: the modifier bit of Num Lock at this moment, 0 when the keyboard has none.
        ledger: where what is to be put back is noted, before there is anything (None: nobody reads that).
    """

    def __init__(self, display: str, num_lock: Callable[[], int], ledger: Ledger | None = None) -> None:
        """Connect.

        Raises:
            Unavailable: no display, or one without XKB.
        """
        self._connection = X11Connection(display)
        self._num_lock = num_lock
        self._ledger = Ledger(bytearray(LEDGER_BYTES)) if ledger is None else ledger
        self._borrowed: dict[int, tuple[bool, bool]] = {}
        try:
            self._xkb: Any = self._connection.extension(xcffib.xkb.key, "XKEYBOARD")
            with lost_display():
                if not self._xkb.UseExtension(*VERSION).reply().supported:
                    raise Unavailable("The X server's keyboard extension (XKB) is of another version than this program's.")
        except Unavailable:
            self._connection.close()
            raise

    def _locked(self) -> int:
        with lost_display():
            return int(self._xkb.GetState(CORE_KEYBOARD).reply().lockedMods)

    def state(self) -> LockState:
        """What is on.

        Raises:
            DisplayLost: the connection broke.
        """
        locked, num = self._locked(), self._num_lock()
        return LockState(bool(locked & LOCK_MASK), bool(locked & num) if num else None)

    def lock(self, mask: int, on: bool) -> None:
        """Lock or unlock modifiers; when this returns it is so.

        Raises:
            DisplayLost: the connection broke.
        """
        with lost_display():
            self._xkb.LatchLockState(CORE_KEYBOARD, mask, mask if on else 0, False, 0, 0, False, 0)
            self._xkb.GetState(CORE_KEYBOARD).reply()

    def set(self, wanted: LockState, *, keep: bool) -> bool:
        """See `InputInjector.set_locks`.

        Raises:
            DisplayLost: the connection broke.
        """
        num = self._num_lock()
        done = wanted.num is None or num != 0
        for mask, on in ((LOCK_MASK, wanted.caps), (num, wanted.num)):
            if on is None or not mask:
                continue
            now = bool(self._locked() & mask)
            if keep:
                self._borrowed.pop(mask, None)
            else:
                self._borrowed = self._with(mask, now, on)
            self._ledger.borrow(self._borrowed)
            if now != on:
                self.lock(mask, on)
        return done

    def _with(self, mask: int, now: bool, on: bool) -> dict[int, tuple[bool, bool]]:
        """What is to be put back once this one, which is `now`, has been made `on`."""
        borrowed = dict(self._borrowed)
        before, ours = borrowed.pop(mask, (now, now))
        if now != ours:
            before = now  # somebody there has changed it since: that is what is put back
        if before != on:
            borrowed[mask] = (before, on)
        return borrowed

    @contextlib.contextmanager
    def following(self) -> Iterator[None]:
        """What a key does to the locks meanwhile is put back like what `set` does.

        Raises:
            DisplayLost: the connection broke.
        """
        before, masks = self._locked(), [mask for mask in (LOCK_MASK, self._num_lock()) if mask]
        self._ledger.borrow(
            {mask: self._with(mask, bool(before & mask), not before & mask).get(mask, (False, False)) for mask in masks}
        )
        yield
        after = self._locked()
        for mask in masks:
            if (before ^ after) & mask:
                self._borrowed = self._with(mask, bool(before & mask), bool(after & mask))
        self._ledger.borrow(self._borrowed)

    @contextlib.contextmanager
    def lifted(self, mask: int, settle: Callable[[], None]) -> Iterator[None]:
        """Unlock what is locked for the time of a stroke. `settle` returns once the server has done what was asked of it before.

        Raises:
            DisplayLost: the connection broke.
        """
        settle()
        self._ledger.borrow(self._with(mask, True, False))
        self.lock(mask, False)
        yield
        settle()
        self.lock(mask, True)
        self._ledger.borrow(self._borrowed)

    def restore(self) -> None:
        """Put back what `set` changed, where it is still as `set` left it.

        Raises:
            DisplayLost: the connection broke.
        """
        borrowed, self._borrowed = self._borrowed, {}
        for mask, (before, ours) in borrowed.items():
            if bool(self._locked() & mask) == ours:
                self.lock(mask, before)
        self._ledger.borrow({})

    def close(self) -> None:
        """Disconnect. What is to be put back must have been put back."""
        self._connection.close()
