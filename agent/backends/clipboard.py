"""The clipboard of the desktop: what is on it, being told of changes, and putting something there."""

import os
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

from protocol.errors import Unavailable
from protocol.messages.clipboard import Kind


@dataclass(frozen=True, slots=True)
class Offer:
    """What is on the clipboard: the kinds that can be had; `concealed`: marked as a secret; `ours`: this program put it there."""

    kinds: tuple[Kind, ...] = ()
    concealed: bool = False
    ours: bool = False


class Clipboard(Protocol):
    """One connection to the desktop's clipboard, with a thread of its own. Every method blocks: call it in a thread."""

    def offer(self) -> Offer:
        """What is there now.

        Raises:
            DisplayLost: the display went away; open it anew later. Unavailable: its owner does not answer.
        """

    def read(self, kind: Kind) -> bytes:
        """The contents: text as UTF-8, an image as PNG.

        Raises:
            Refused: marked as a secret, too large, or not there as this kind. Unavailable: see `offer`.
        """

    def write(self, kind: Kind, data: bytes) -> None:
        """Put this there; it stays until somebody else puts something, or `close`. Raises Unavailable."""

    def close(self) -> None:
        """Let go of it."""


def open_clipboard(display: str, on_change: Callable[[], None], environ: Mapping[str, str] | None = None) -> Clipboard:
    """The clipboard of `display` ("" is the environment's). `on_change` is called from another thread whenever something else
    is on it.

    Raises:
        Unavailable: there is no display, or this system's clipboard cannot be used yet.
    """
    if not sys.platform.startswith("linux"):
        raise Unavailable("The clipboard cannot be used on this system yet.")
    name = display or (os.environ if environ is None else environ).get("DISPLAY", "")
    if not name:
        raise Unavailable("There is no display, and so no clipboard. Start the agent inside the desktop session of the user.")
    from agent.backends.x11.clipboard import X11Clipboard

    return X11Clipboard(name, on_change)
