"""A key combination that works whatever window has the keyboard: the person's way to end every session at once."""

import os
import sys
from collections.abc import Mapping
from typing import Protocol

from protocol.errors import Unavailable


class Hotkey(Protocol):
    """Ctrl+Alt+End, held for this program alone."""

    def fileno(self) -> int:
        """A descriptor that becomes readable when there may be something to look at."""

    def pressed(self) -> bool:
        """Whether it was pressed since the last call; never waits.

        Raises:
            Unavailable: the display went away.
        """

    def close(self) -> None:
        """Let go of it."""


def open_hotkey(environ: Mapping[str, str] | None = None) -> Hotkey:
    """Take hold of Ctrl+Alt+End.

    Raises:
        Unavailable: this system has no such thing yet, there is no display, or another program holds it.
    """
    if not sys.platform.startswith("linux"):
        raise Unavailable("There is no key for the whole desktop on this system yet.")
    name = (os.environ if environ is None else environ).get("DISPLAY", "")
    if not name:
        raise Unavailable("There is no X display to hold a key on.")
    from agent.backends.x11.hotkey import X11Hotkey

    return X11Hotkey(name)
