"""What a platform can do for a session: small abstract classes, one per ability.

`ScreenCapture`  damage and pixels of the display; it owns the cursor's picture too, because both come over one connection
`CursorSource`   the pointer's shape and place
`InputInjector`  mouse and keyboard
`LocalInputWatch`  whether the person here uses mouse or keyboard themselves

Each object belongs to one thread: the one that opened it. Every failure that means "the display is gone" is `DisplayLost`.
`name` and `reason` say what was chosen and why, and are shown to the technician and in the agent's status.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Flag, auto

import numpy as np
from numpy.typing import NDArray

from agent.backends.geometry import Rect
from protocol.errors import Unavailable

Pixels = NDArray[np.uint32]
"""Rows of pixels, 0xFFRRGGBB each: in memory the bytes blue, green, red, 255."""

OPAQUE = np.uint32(0xFF000000)


class DisplayLost(Unavailable):
    """The display went away (the user logged out, the X server ended). Open the backend anew later."""


class Happened(Flag):
    """What `ScreenCapture.wait` saw."""

    NOTHING = 0
    DAMAGE = auto()
    LAYOUT = auto()
    CURSOR_SHAPE = auto()
    POINTER = auto()
    WOKEN = auto()


@dataclass(frozen=True, slots=True)
class MonitorArea:
    """One monitor: its name and place on the display, in pixels."""

    name: str
    area: Rect
    primary: bool


@dataclass(frozen=True, slots=True)
class DisplayLayout:
    """The display's size in pixels and its monitors (at least one)."""

    width: int
    height: int
    monitors: tuple[MonitorArea, ...]


@dataclass(frozen=True, slots=True)
class LockState:
    """Which lock keys are on. None: there is no such lock, or it cannot be told, or (as a wish) it stays as it is."""

    caps: bool | None = None
    num: bool | None = None


@dataclass(frozen=True, slots=True)
class CursorPicture:
    """The pointer: `rgba` is (height, width, 4) uint8 with straight alpha; hot spot in pixels."""

    rgba: NDArray[np.uint8]
    hot_x: int
    hot_y: int


class CursorSource(ABC):
    """The pointer's picture and place."""

    @abstractmethod
    def shape(self) -> CursorPicture | None:
        """The present picture, None while the pointer is hidden or cannot be read.

        Raises:
            DisplayLost: the display went away.
        """

    def ask(self) -> None:
        """The place will be wanted: it is asked for together with what else is asked next, and the next `position` tells it."""
        return

    @abstractmethod
    def position(self) -> tuple[int, int]:
        """Where the hot spot is, in display pixels; where it was at the last `ask` that no `position` has followed.

        Raises:
            DisplayLost: the display went away.
        """


class ScreenCapture(ABC):
    """Damage and pixels of one display."""

    name: str = "none"
    reason: str = ""

    @property
    @abstractmethod
    def cursor(self) -> CursorSource:
        """The pointer on this display."""

    @abstractmethod
    def layout(self) -> DisplayLayout:
        """Size and monitors as of now; after `Happened.LAYOUT` it differs and `grab` needs arrays of the new size.

        Raises:
            DisplayLost: the display went away.
        """

    @abstractmethod
    def wait(self, timeout: float | None, wake: int) -> Happened:
        """Sleep until something happens, file descriptor `wake` is readable, or `timeout` seconds are over (None: for ever).

        Raises:
            DisplayLost: the display went away.
        """

    @abstractmethod
    def take_damage(self) -> list[Rect]:
        """The areas drawn to since the last call; what is drawn from now on is reported anew.

        Raises:
            DisplayLost: the display went away.
        """

    @abstractmethod
    def grab(self, areas: Sequence[Rect], into: Pixels, origin: tuple[int, int] = (0, 0)) -> bool:
        """Copy the display's present pixels of `areas` (display coordinates) into `into`, whose first pixel is the display's
        pixel `origin`.

        Returns:
            False when the display changed its size underneath; call `layout` and begin anew.

        Raises:
            DisplayLost: the display went away.
        """

    def hide_windows(self, hides: Callable[[str, str], bool]) -> None:  # noqa: ARG002 - for those who can
        """From now on `grab` also notes where the windows are for which `hides(title, class)` is true; see `hidden`.

        Raises:
            Unavailable: windows cannot be told apart here, so nothing may be shown.
        """
        raise Unavailable(
            f"Some windows of this computer must not be shown, and screen capture by {self.name} cannot tell windows apart. "
            "Nothing is shown; ask the organisation to change the policy, or the user to change agent.toml."
        )

    def hidden(self) -> tuple[Rect, ...]:
        """The areas of hidden windows at the very moment of the last `grab`, in display pixels."""
        return ()

    @abstractmethod
    def close(self) -> None:
        """Let go of every resource. May be called twice."""


class InputInjector(ABC):
    """Mouse and keyboard of one display. Nothing here logs or keeps what was typed."""

    name: str = "none"
    reason: str = ""

    @abstractmethod
    def move(self, x: int, y: int) -> None:
        """Put the pointer at a place in display pixels."""

    @abstractmethod
    def button(self, button: int, pressed: bool) -> None:
        """Press or release a mouse button, numbered as in the DOM (0 left, 1 middle, 2 right, 3 back, 4 forward)."""

    @abstractmethod
    def scroll(self, horizontal: int, vertical: int) -> None:
        """Turn the wheels by whole notches; positive is right and down."""

    @abstractmethod
    def key(self, code: str, pressed: bool) -> bool:
        """Press or release the physical key `code` (UI Events). False when this keyboard has no such key."""

    @abstractmethod
    def character(self, text: str, code: str = "", *, lift: bool = False) -> bool:
        """Type one character or named key (UI Events `key` value) whatever the layout, with the modifiers that are held.

        `code` is the physical key it came from: the fallback for shortcuts. `lift` says that Control and Alt are held only
        because the technician's own layout needs them for this character. False when it cannot be typed.
        """

    def hold(self, code: str, text: str) -> bool:  # noqa: ARG002 - for those who can
        """Press the physical key `code` and hold it, if what it makes just now is `text` (one character or a UI Events `key`
        value). Pressed again while it is held it repeats once, and by itself it does not. `key` lets it go.

        Returns:
            False when it makes something else, or that cannot be told: then it is not held.

        Raises:
            DisplayLost: the display went away.
        """
        return False

    def prepare(self, text: str) -> None:  # noqa: ARG002 - for those who can
        """These characters come next, and all of them: what they need can be made ready at once.

        Raises:
            DisplayLost: the display went away.
        """
        return

    def locks(self) -> LockState:
        """Which lock keys are on.

        Raises:
            DisplayLost: the display went away.
        """
        return LockState()

    def set_locks(self, wanted: LockState, *, keep: bool = False) -> bool:  # noqa: ARG002 - for those who can
        """Turn locks on or off; `release_all` and `close` put back what this changed and nobody has changed since, unless `keep`.

        Returns:
            False when this keyboard has no such lock.

        Raises:
            DisplayLost: the display went away.
        """
        return wanted == LockState()

    def layouts(self) -> str:
        """The names of the keyboard's layouts as `setxkbmap` takes them, with commas between; "" where they cannot be told.

        Raises:
            DisplayLost: the display went away.
        """
        return ""

    def tend(self) -> None:  # noqa: B027 - for those who need it
        """Look after what outlives this process and lets go of everything should it be killed. Call it about once a second."""

    @abstractmethod
    def release_all(self) -> None:
        """Release every key and button that this object holds, and put the locks back as `set_locks` says."""

    @abstractmethod
    def close(self) -> None:
        """Release everything, undo every change made to the keyboard, let go of the display. May be called twice."""


class LocalInputWatch(ABC):
    """Tells the hands of the person at this computer from input that programs inject."""

    name: str = "none"
    reason: str = ""

    @abstractmethod
    def wait(self, timeout: float | None, wake: int) -> bool:
        """Sleep until there is input, file descriptor `wake` is readable, or `timeout` seconds are over (None: for ever). True
        when a person moved, pressed or let go of something.

        Raises:
            DisplayLost: the display went away.
        """

    @abstractmethod
    def close(self) -> None:
        """Let go of every resource."""


def copy_areas(picture: Pixels, areas: Sequence[Rect], into: Pixels, origin: tuple[int, int]) -> bool:
    """`Capture.grab` for a backend that has the whole display in memory: False, and nothing copied, when an area leaves it."""
    height, width = picture.shape
    if not all(Rect(0, 0, width, height).contains(area) for area in areas):
        return False
    for area in areas:
        x, y = area.x - origin[0], area.y - origin[1]
        into[y : y + area.height, x : x + area.width] = picture[area.y : area.bottom, area.x : area.right]
    return True
