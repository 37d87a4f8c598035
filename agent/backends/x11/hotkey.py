"""Ctrl+Alt+End by a passive grab on the root window (X11 protocol: GrabKey)."""

import xcffib
import xcffib.xproto as xproto

from agent.backends.x11.connection import X11Connection, lost_display
from protocol.errors import Unavailable

END = 0xFF57
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
        self._connection = X11Connection(display)
        try:
            with lost_display():
                self._grab()
        except xcffib.Error as error:
            self._connection.close()
            raise Unavailable("Ctrl+Alt+End is held by another program.") from error
        except Unavailable:
            self._connection.close()
            raise

    def _grab(self) -> None:
        core, root = self._connection.core, self._connection.root
        low, high = self._connection.setup.min_keycode, self._connection.setup.max_keycode
        table = core.GetKeyboardMapping(low, high - low + 1).reply()
        symbols, width = list(table.keysyms), table.keysyms_per_keycode
        codes = [low + at // width for at in range(0, len(symbols), width) if END in symbols[at : at + width]]
        if not codes:
            raise Unavailable("This keyboard has no End key.")
        for code in codes:
            for locks in LOCKS:
                core.GrabKey(
                    True, root, CONTROL_ALT | locks, code, xproto.GrabMode.Async, xproto.GrabMode.Async, is_checked=True
                ).check()

    def fileno(self) -> int:
        """See `Hotkey`."""
        return int(self._connection.raw.get_file_descriptor())

    def pressed(self) -> bool:
        """See `Hotkey`."""
        events = self._connection.events()
        self._connection.flush()
        return any(isinstance(event, xproto.KeyPressEvent) for event in events)

    def close(self) -> None:
        """See `Hotkey`: the server lets go of what a closed connection held."""
        self._connection.close()
