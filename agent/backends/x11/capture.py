"""Pixels of an X display: XDamage says where, XShm hands them over, RandR says when the layout changes."""

import contextlib
import itertools
import logging
import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import xcffib
import xcffib.damage
import xcffib.randr
import xcffib.shm
import xcffib.xfixes
import xcffib.xinput
import xcffib.xproto

from agent.backends.base import OPAQUE, DisplayLayout, Happened, MonitorArea, Pixels, ScreenCapture
from agent.backends.geometry import Rect
from agent.backends.x11.connection import X11Connection, lost_display
from agent.backends.x11.cursor import X11Cursor
from agent.backends.x11.damage import DamageWatch
from agent.backends.x11.shared_memory import SharedPixels
from agent.backends.x11.windows import WindowWatch
from protocol.errors import Unavailable

LOG = logging.getLogger(__name__)

ALL_PLANES = 0xFFFFFFFF
POINTER_POLL = 0.05
"""Seconds between looks at the pointer's place where the server does not report moves."""


class X11Capture(ScreenCapture):
    """See the base class. Owns its connection."""

    name = "x11"

    def __init__(self, display: str) -> None:
        """Connect and begin to watch.

        Raises:
            Unavailable: no display, a visual that is not 32 bits a pixel in true colour, or an extension is missing.
        """
        self._connection = X11Connection(display)
        with contextlib.ExitStack() as undo:
            undo.callback(self._connection.close)
            check_visual(self._connection)
            self._shm = self._connection.extension(xcffib.shm.key, "MIT-SHM")
            self._randr = self._select_layout()
            # A monitor that is made of a part of the screen is told by no RandR event but as if the root window had changed.
            mask = xcffib.xproto.EventMask.StructureNotify
            self._connection.core.ChangeWindowAttributes(self._connection.root, xcffib.xproto.CW.EventMask, [mask])
            self._cursor = X11Cursor(self._connection)
            self._damage = DamageWatch(self._connection)
            self._size = self._connection.root_size()
            self._memory = SharedPixels(self._connection, self._shm, self._size[0] * self._size[1])
            undo.pop_all()
        self._closed = False
        self._windows: WindowWatch | None = None
        self._hidden: tuple[Rect, ...] = ()
        self._kept = Happened.NOTHING
        follows = "XI2 motion" if self._cursor.follows else "polled pointer"
        self.reason = f"XDamage, XShm and {follows} of X display {display}"

    def _select_layout(self) -> Any:
        try:
            extension = self._connection.extension(xcffib.randr.key, "RANDR")
            with lost_display():
                version = extension.QueryVersion(1, 5).reply()
                mask = xcffib.randr.NotifyMask.ScreenChange | xcffib.randr.NotifyMask.CrtcChange
                extension.SelectInput(self._connection.root, mask)
        except Unavailable:
            LOG.info("the X server has no RandR: one monitor, and its size is taken to be fixed")
            return None
        self._monitors_known = (version.major_version, version.minor_version) >= (1, 5)
        return extension

    @property
    def cursor(self) -> X11Cursor:
        """See the base class."""
        return self._cursor

    def layout(self) -> DisplayLayout:
        """See the base class; a new size rebuilds the shared segment."""
        size = self._connection.root_size()
        if size != self._size:
            self._memory.close()
            self._memory = SharedPixels(self._connection, self._shm, size[0] * size[1])
            self._size = size
        monitors = self._monitors() if self._randr is not None and self._monitors_known else ()
        whole = MonitorArea("screen", Rect(0, 0, *size), True)
        return DisplayLayout(size[0], size[1], monitors or (whole,))

    def _monitors(self) -> tuple[MonitorArea, ...]:
        display = Rect(0, 0, *self._size)
        found = []
        with lost_display():
            try:
                for info in self._randr.GetMonitors(self._connection.root, True).reply().monitors:
                    name = self._connection.core.GetAtomName(info.name).reply().name.to_string()
                    area = Rect(info.x, info.y, info.width, info.height).intersect(display)
                    if area.area:
                        found.append(MonitorArea(name, area, bool(info.primary)))
            except xcffib.Error as error:
                LOG.warning("the X server does not list its monitors: %s", type(error).__name__)
        return tuple(found)

    def wait(self, timeout: float | None, wake: int) -> Happened:
        """See the base class."""
        happened = self._drain()
        if happened:
            return happened
        if self._windows is not None and (left := self._windows.next_deadline(time.monotonic())) is not None:
            happened = Happened.DAMAGE if left == 0 else Happened.NOTHING
            timeout = left if timeout is None else min(timeout, left)
            if happened:
                return happened
        if not self._cursor.follows:
            timeout = POINTER_POLL if timeout is None else min(timeout, POINTER_POLL)
        sent, woken = self._connection.sleep(timeout, wake)
        happened = (self._drain() if sent else Happened.NOTHING) | (Happened.WOKEN if woken else Happened.NOTHING)
        return happened if self._cursor.follows else happened | Happened.POINTER

    def _drain(self) -> Happened:
        happened, self._kept = self._kept, Happened.NOTHING
        for event in self._connection.events():
            if self._windows is not None and self._windows.noticed(event):
                happened |= Happened.DAMAGE
            match event:
                case xcffib.damage.NotifyEvent():
                    happened |= Happened.DAMAGE
                case xcffib.xfixes.CursorNotifyEvent():
                    happened |= Happened.CURSOR_SHAPE
                case xcffib.xinput.RawMotionEvent():
                    happened |= Happened.POINTER
                case xcffib.randr.ScreenChangeNotifyEvent() | xcffib.randr.NotifyEvent():
                    happened |= Happened.LAYOUT
                case xcffib.xproto.ConfigureNotifyEvent() if event.window == self._connection.root:
                    happened |= Happened.LAYOUT
                case _:
                    pass
        return happened

    def take_damage(self) -> list[Rect]:
        """See the base class."""
        return self._damage.take()

    def hide_windows(self, hides: Callable[[str, str], bool]) -> None:
        """See the base class."""
        self._windows = WindowWatch(self._connection, hides)

    def hidden(self) -> tuple[Rect, ...]:
        """See the base class."""
        return self._hidden

    def grab(self, areas: Sequence[Rect], into: Pixels, origin: tuple[int, int] = (0, 0)) -> bool:
        """See the base class. Requests for all areas are under way together; each pixel is copied once."""
        if self._windows is None:
            return self._grab_all(areas, into, origin)
        with self._windows.still(self._keep):
            self._hidden = self._windows.areas(time.monotonic())
            return self._grab_all(areas, into, origin)

    def _keep(self) -> None:
        """Read what has happened; the next `wait` tells it."""
        self._kept |= self._drain()

    def _grab_all(self, areas: Sequence[Rect], into: Pixels, origin: tuple[int, int]) -> bool:
        queue = [area for area in areas if area.area]
        while queue:
            offsets = list(itertools.accumulate((area.area for area in queue), initial=0))
            fitting = sum(end <= self._memory.count for end in offsets[1:])
            if not fitting or not self._grab(queue[:fitting], offsets, into, origin):
                return False
            queue = queue[fitting:]
        return True

    def _grab(self, areas: Sequence[Rect], offsets: Sequence[int], into: Pixels, origin: tuple[int, int]) -> bool:
        root, segment = self._connection.root, self._memory.identifier
        z_pixmap = xcffib.xproto.ImageFormat.ZPixmap
        with lost_display():
            cookies = [
                self._shm.GetImage(root, a.x, a.y, a.width, a.height, ALL_PLANES, z_pixmap, segment, offset * 4)
                for a, offset in zip(areas, offsets, strict=False)
            ]
            complete = True
            for cookie in cookies:
                try:
                    self._connection.raw.wait_for_reply(cookie.sequence)
                except xcffib.Error:
                    complete = False  # BadMatch: the area is no longer inside the root window
        if complete:
            for area, offset in zip(areas, offsets, strict=False):
                view = self._memory.pixels[offset : offset + area.area].reshape(area.height, area.width)
                x, y = area.x - origin[0], area.y - origin[1]
                np.bitwise_or(view, OPAQUE, out=into[y : y + area.height, x : x + area.width])
        return complete

    def close(self) -> None:
        """See the base class."""
        if not self._closed:
            self._closed = True
            self._memory.close()
            self._connection.close()


def check_visual(connection: X11Connection) -> None:
    """Raises `Unavailable` unless the root's pixels are 32-bit little-endian 0x__RRGGBB."""
    screen, setup = connection.screen, connection.setup
    bits = {entry.depth: entry.bits_per_pixel for entry in setup.pixmap_formats}.get(screen.root_depth, 0)
    masks = {
        visual.visual_id: (visual.red_mask, visual.green_mask, visual.blue_mask)
        for depth in screen.allowed_depths
        for visual in depth.visuals
    }.get(screen.root_visual)
    if bits != 32 or setup.image_byte_order != 0 or masks != (0xFF0000, 0x00FF00, 0x0000FF):
        raise Unavailable(f"The X display's pixels ({screen.root_depth} bits deep, {bits} bits each) are not 24-bit true colour.")
