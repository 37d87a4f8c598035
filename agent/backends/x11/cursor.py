"""The pointer's picture by XFixes, its place by QueryPointer, its moves by XInput 2 raw events where the server has them."""

from typing import Any

import numpy as np
import xcffib
import xcffib.xfixes
import xcffib.xinput
from numpy.typing import NDArray

from agent.backends.base import CursorPicture, CursorSource, Pixels
from agent.backends.x11.connection import X11Connection, lost_display
from protocol.errors import Unavailable
from protocol.limits import LIMITS


class X11Cursor(CursorSource):
    """The pointer of one X screen. `follows` tells whether moves come as events; otherwise the position must be polled."""

    def __init__(self, connection: X11Connection) -> None:
        """Ask to be told about shapes and moves.

        Raises:
            Unavailable: the server has no XFixes.
            DisplayLost: the connection broke.
        """
        self._connection = connection
        self._asked: Any = None
        self._xfixes = connection.extension(xcffib.xfixes.key, "XFIXES")
        with lost_display():
            self._xfixes.QueryVersion(5, 0).reply()
            mask = xcffib.xfixes.CursorNotifyMask.DisplayCursor
            self._xfixes.SelectCursorInput(connection.root, mask)
            self.follows = self._select_motion()
            connection.raw.flush()

    def _select_motion(self) -> bool:
        try:
            extension = self._connection.extension(xcffib.xinput.key, "XInputExtension")
            if extension.XIQueryVersion(2, 2).reply().major_version < 2:
                return False
            wanted = [xcffib.xinput.XIEventMask.RawMotion]
            masks: Any = xcffib.xinput.EventMask
            mask = masks.synthetic(xcffib.xinput.Device.AllMaster, len(wanted), wanted)
            extension.XISelectEventsChecked(self._connection.root, 1, [mask]).check()
        except (Unavailable, xcffib.Error):
            return False
        return True

    def shape(self) -> CursorPicture | None:
        """See the base class; premultiplied ARGB becomes straight RGBA."""
        with lost_display():
            try:
                reply = self._xfixes.GetCursorImage().reply()
            except xcffib.Error:
                return None  # the server has no pointer picture to give (BadCursor)
        width, height = int(reply.width), int(reply.height)
        if not width or not height or max(width, height) > LIMITS.cursor_side:
            return None
        pixels = np.array(list(reply.cursor_image), np.uint32).reshape(height, width)
        return CursorPicture(straight_alpha(pixels), min(int(reply.xhot), width), min(int(reply.yhot), height))

    def ask(self) -> None:
        """See the base class."""
        with lost_display():
            if self._asked is not None:
                self._asked.discard_reply()
            self._asked = self._connection.core.QueryPointer(self._connection.root)

    def position(self) -> tuple[int, int]:
        """See the base class."""
        if self._asked is None:
            self.ask()
        asked, self._asked = self._asked, None
        with lost_display():
            reply = asked.reply()
        return int(reply.root_x), int(reply.root_y)


def straight_alpha(premultiplied: Pixels) -> NDArray[np.uint8]:
    """Premultiplied 0xAARRGGBB pixels as (height, width, 4) straight RGBA."""
    height, width = premultiplied.shape
    bgra = np.ascontiguousarray(premultiplied).view(np.uint8).reshape(height, width, 4).astype(np.uint16)
    alpha = bgra[..., 3]
    divisor = np.maximum(alpha, 1)[..., None]
    colour = np.minimum((bgra[..., 2::-1] * 255 + divisor // 2) // divisor, 255)
    return np.concatenate((colour, alpha[..., None]), axis=2).astype(np.uint8)
