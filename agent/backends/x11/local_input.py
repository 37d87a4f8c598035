"""The user's own hands, told from injected input: XInput2 raw events carry the device they come from.

XTEST has two devices of its own for each pair of master devices, marked by the property "XTEST Device"; everything that a program
injects (ours included) comes from them. What comes from any other device was done by somebody at this computer. Raw events arrive
whatever window has the focus, and also while another program has grabbed the keyboard (XI2 protocol 2.1).
"""

from typing import Any, Final

import xcffib
import xcffib.xinput
from xcffib.xinput import XIEventMask

from agent.backends.base import LocalInputWatch
from agent.backends.x11.connection import X11Connection, lost_display
from protocol.errors import Unavailable

ALL_DEVICES: Final = 0
ALL_MASTERS: Final = 1
VERSION: Final = (2, 2)
ANY_TYPE: Final = 0
MARK: Final = "XTEST Device"
RAW: Final = (
    XIEventMask.RawKeyPress
    | XIEventMask.RawKeyRelease
    | XIEventMask.RawButtonPress
    | XIEventMask.RawButtonRelease
    | XIEventMask.RawMotion
    | XIEventMask.RawTouchBegin
    | XIEventMask.RawTouchUpdate
    | XIEventMask.RawTouchEnd
)
RAW_EVENTS: Final[tuple[type[Any], ...]] = (
    xcffib.xinput.RawKeyPressEvent,
    xcffib.xinput.RawKeyReleaseEvent,
    xcffib.xinput.RawButtonPressEvent,
    xcffib.xinput.RawButtonReleaseEvent,
    xcffib.xinput.RawMotionEvent,
    xcffib.xinput.RawTouchBeginEvent,
    xcffib.xinput.RawTouchUpdateEvent,
    xcffib.xinput.RawTouchEndEvent,
)


def by_hand(source: int, injected: frozenset[int], known: frozenset[int]) -> bool:
    """Whether an event of device `source` was made by a person: a known device that is none of those that inject."""
    return source in known and source not in injected


class X11LocalInput(LocalInputWatch):
    """Watches one display."""

    name = "x11"
    reason = "XInput2 raw events by source device"

    def __init__(self, display: str) -> None:
        """Watch from now on.

        Raises:
            Unavailable: there is no such display, or its server has no XInput 2.2.
        """
        self._connection = X11Connection(display)
        try:
            self._input = self._connection.extension(xcffib.xinput.key, "XInputExtension")
            self._begin()
        except Unavailable:
            self._connection.close()
            raise
        except xcffib.Error as error:
            self._connection.close()
            raise Unavailable("The X server does not tell which device an input comes from.") from error

    def _begin(self) -> None:
        with lost_display():
            version = self._input.XIQueryVersion(*VERSION).reply()
            if (version.major_version, version.minor_version) < VERSION:
                raise Unavailable("The X server's XInput is older than 2.2 and does not tell which device an input comes from.")
            self._mark = self._connection.core.InternAtom(False, len(MARK), MARK).reply().atom
            mask: Any = xcffib.xinput.EventMask  # the binding is not typed
            masks = [mask.synthetic(ALL_MASTERS, 1, [RAW]), mask.synthetic(ALL_DEVICES, 1, [XIEventMask.Hierarchy])]
            self._input.XISelectEvents(self._connection.root, len(masks), masks, is_checked=True).check()
        self._look()

    def _look(self) -> None:
        """Which devices there are, and which of them inject. One that is unplugged while it is asked about is not known."""
        known, injected = set[int](), set[int]()
        with lost_display():
            devices = [int(info.deviceid) for info in self._input.XIQueryDevice(ALL_DEVICES).reply().infos]
            asked = [(device, self._input.XIGetProperty(device, 0, self._mark, ANY_TYPE, 0, 1)) for device in devices]
            for device, cookie in asked:
                try:
                    marked = bool(cookie.reply().num_items)
                except xcffib.Error:
                    continue
                known.add(device)
                if marked:
                    injected.add(device)
        self._known, self._injected = frozenset(known), frozenset(injected)

    def wait(self, timeout: float | None, wake: int) -> bool:
        """See the base class."""
        events = self._connection.events()
        if not events:
            self._connection.sleep(timeout, wake)
            events = self._connection.events()
        if any(isinstance(event, xcffib.xinput.HierarchyEvent) for event in events):
            self._look()
        return any(isinstance(event, RAW_EVENTS) and by_hand(event.sourceid, self._injected, self._known) for event in events)

    def close(self) -> None:
        """See the base class."""
        self._connection.close()
