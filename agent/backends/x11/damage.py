"""What was drawn since the last look: XDamage at level NonEmpty, taken into an XFixes region.

Level NonEmpty sends one event when the accumulated area stops being empty, and nothing more until it is taken: a quiet viewer
costs nothing however busy the display is. (Level RawRectangles sends an event for every drawing request.)
"""

import numpy as np
import xcffib.damage
import xcffib.xfixes
from xcffib.ffi import ffi

from agent.backends.geometry import Rect
from agent.backends.x11.connection import X11Connection, lost_display

MOST_RECTANGLES = 256
"""Beyond this many rectangles their common extents are cheaper to look at than each one."""

REPLY_HEADER = 32


class DamageWatch:
    """The damage of the root window and everything in it."""

    def __init__(self, connection: X11Connection) -> None:
        """Watch from now on.

        Raises:
            Unavailable: the server has no XDamage or XFixes.
            DisplayLost: the connection broke.
        """
        self._connection = connection
        self._xfixes = connection.extension(xcffib.xfixes.key, "XFIXES")
        self._extension = connection.extension(xcffib.damage.key, "DAMAGE")
        with lost_display():
            self._xfixes.QueryVersion(5, 0).reply()
            self._extension.QueryVersion(1, 1).reply()
            raw = connection.raw
            self._damage: int = raw.generate_id()
            self._region: int = raw.generate_id()
            self._xfixes.CreateRegion(self._region, 0, [])
            self._extension.Create(self._damage, connection.root, xcffib.damage.ReportLevel.NonEmpty)
            raw.flush()

    def take(self) -> list[Rect]:
        """The areas drawn to since the last call.

        Raises:
            DisplayLost: the connection broke.
        """
        with lost_display():
            self._extension.Subtract(self._damage, 0, self._region)
            cookie = self._xfixes.FetchRegion(self._region)
            # The reply is read as an array: a binding object for each rectangle costs more than the grab itself.
            reply = self._connection.raw.wait_for_reply(cookie.sequence)
        return parse_region(bytes(ffi.buffer(reply.cdata, reply.known_max)))


def parse_region(reply: bytes) -> list[Rect]:
    """The rectangles of an XFixesFetchRegion reply (XFixes protocol section 8), or their extents when they are very many."""
    values = np.frombuffer(reply, np.int16, offset=REPLY_HEADER)
    rectangles = values.reshape(-1, 4)
    if len(rectangles) > MOST_RECTANGLES:
        rectangles = np.frombuffer(reply, np.int16, count=4, offset=8).reshape(-1, 4)
    return [Rect(x, y, width & 0xFFFF, height & 0xFFFF) for x, y, width, height in rectangles.tolist()]
