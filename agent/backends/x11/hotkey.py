"""Ctrl+Alt+End by a passive grab on the root window (X11 protocol: GrabKey)."""

from typing import Any

import xcffib
import xcffib.xproto as xproto

from protocol.errors import Unavailable

END = 0xFF57
LOST = "The X display went away."
CONTROL_ALT = int(xproto.ModMask.Control | xproto.ModMask._1)
# CapsLock and NumLock (Mod2 by convention) must not matter.
LOCKS = (0, int(xproto.ModMask.Lock), int(xproto.ModMask._2), int(xproto.ModMask.Lock | xproto.ModMask._2))


class X11Hotkey:
    """Implements `agent.backends.hotkey.Hotkey`."""

    def __init__(self, display: str) -> None:
        """Connect and grab.

        Raises:
            Unavailable: no display, no such key on the keyboard, or another program holds it.
        """
        try:
            connect: Any = xcffib.connect  # the binding is not typed
            self._connection: Any = connect(display)
            setup = self._connection.get_setup()
        except xcffib.ConnectionException as error:
            raise Unavailable(f"The X display {display} cannot be opened.") from error
        self._root = setup.roots[self._connection.pref_screen].root
        try:
            self._grab(setup.min_keycode, setup.max_keycode)
        except (xcffib.Error, xcffib.ConnectionException, xcffib.XcffibException) as error:
            self._connection.disconnect()
            raise Unavailable("Ctrl+Alt+End is held by another program.") from error
        except Unavailable:
            self._connection.disconnect()
            raise

    def _grab(self, low: int, high: int) -> None:
        core = self._connection.core
        table = core.GetKeyboardMapping(low, high - low + 1).reply()
        symbols, width = list(table.keysyms), table.keysyms_per_keycode
        codes = [low + at // width for at in range(0, len(symbols), width) if END in symbols[at : at + width]]
        if not codes:
            raise Unavailable("This keyboard has no End key.")
        for code in codes:
            for locks in LOCKS:
                core.GrabKey(
                    True, self._root, CONTROL_ALT | locks, code, xproto.GrabMode.Async, xproto.GrabMode.Async, is_checked=True
                ).check()

    def fileno(self) -> int:
        """See `Hotkey`."""
        return int(self._connection.get_file_descriptor())

    def pressed(self) -> bool:
        """See `Hotkey`."""
        found = False
        try:
            while (event := self._connection.poll_for_event()) is not None:
                found = found or isinstance(event, xproto.KeyPressEvent)
            self._connection.invalid()
        except (xcffib.ConnectionException, xcffib.XcffibException) as error:
            raise Unavailable(LOST) from error
        return found

    def close(self) -> None:
        """See `Hotkey`: the server lets go of what a closed connection held."""
        self._connection.disconnect()
