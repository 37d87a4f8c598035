"""Where the windows are that must not be seen. Asked while the server is held still, so that no window moves between the
question and the picture.

A window is a child of the root with everything below it (its frame included); its title and class may stand on it or, under a
window manager, on a window one or two levels below. A window that is transient for a hidden one (its dialogs) is hidden too.
Where a hidden window was stays hidden for `LINGER` seconds: what lies below may show its old pixels until it is drawn anew.
"""

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import xcffib
import xcffib.xproto

from agent.backends.geometry import Rect
from agent.backends.x11.connection import X11Connection, lost_display

LINGER = 0.5
DEPTH = 2
TEXT_WORDS = 256


@dataclass(frozen=True, slots=True)
class _Window:
    identifier: int
    area: Rect
    owners: frozenset[int]
    """The windows of this tree, and those that it is transient for."""
    hidden: bool


class WindowWatch:
    """The areas of windows for which `hides(title, class)` is true. Used by the thread that owns the connection."""

    def __init__(self, connection: X11Connection, hides: Callable[[str, str], bool]) -> None:
        self._connection, self._hides = connection, hides
        self._stale = True
        self._watched: set[int] = set()
        self._areas: tuple[Rect, ...] = ()
        self._left: list[tuple[float, Rect]] = []
        core = connection.core
        with lost_display():
            self._names = {name: core.InternAtom(False, len(name), name).reply().atom for name in ("_NET_WM_NAME", "UTF8_STRING")}
        mask = xcffib.xproto.EventMask
        # One mask for each client: what the capture wants to know of the root window stays in it.
        self._mask = mask.SubstructureNotify | mask.PropertyChange | mask.StructureNotify
        self._watch(connection.root)

    def _watch(self, window: int) -> None:
        if window not in self._watched:
            self._watched.add(window)
            values = [self._mask]
            self._connection.core.ChangeWindowAttributes(window, xcffib.xproto.CW.EventMask, values)

    def noticed(self, event: Any) -> bool:
        """Whether an event says that windows may have changed."""
        x = xcffib.xproto
        if isinstance(event, x.DestroyNotifyEvent):
            self._watched.discard(event.window)  # its number may be given to another window
        kinds = (x.ConfigureNotifyEvent, x.MapNotifyEvent, x.UnmapNotifyEvent, x.ReparentNotifyEvent, x.DestroyNotifyEvent)
        if isinstance(event, x.PropertyNotifyEvent):
            known = {x.Atom.WM_NAME, x.Atom.WM_CLASS, x.Atom.WM_TRANSIENT_FOR, self._names["_NET_WM_NAME"]}
            changed = event.atom in known
        else:
            changed = isinstance(event, (*kinds, x.CreateNotifyEvent, x.GravityNotifyEvent, x.CirculateNotifyEvent))
        self._stale = self._stale or changed
        return changed

    @contextlib.contextmanager
    def still(self, drain: Callable[[], object]) -> Iterator[None]:
        """Hold the server: nobody else draws or moves a window meanwhile. `drain` reads the events that came until then."""
        core = self._connection.core
        with lost_display():
            core.GrabServer()
            try:
                core.GetInputFocus().reply()  # everything that happened before the grab has been told by now
                drain()
                yield
            finally:
                core.UngrabServer()
                self._connection.raw.flush()

    def areas(self, now: float) -> tuple[Rect, ...]:
        """What is hidden. Call it inside `still`. `now` is monotonic seconds."""
        if self._stale:
            before, self._areas = self._areas, tuple(window.area for window in self._windows() if window.hidden)
            self._left += [(now + LINGER, area) for area in before if area not in self._areas]
        self._left = [(until, area) for until, area in self._left if until > now]
        return (*self._areas, *(area for _, area in self._left))

    def next_deadline(self, now: float) -> float | None:
        """Seconds until less is hidden, None when that waits for a window."""
        return max(0.0, min(until for until, _ in self._left) - now) if self._left else None

    def _windows(self) -> list[_Window]:
        """Every window that is shown. A window that goes away meanwhile cannot: the server is held."""
        self._stale = False
        core, root = self._connection.core, self._connection.root
        shown: list[tuple[int, Rect]] = []
        children = core.QueryTree(root).reply().children
        asked = [(child, core.GetWindowAttributes(child), core.GetGeometry(child)) for child in children]
        for child, attributes, geometry in asked:
            place = geometry.reply()
            self._watch(child)
            if attributes.reply().map_state != xcffib.xproto.MapState.Viewable:
                continue
            border = 2 * place.border_width
            area = Rect(place.x, place.y, place.width + border, place.height + border)
            shown.append((child, area))
        found = self._look(shown)
        hidden = {owner for window in found if window.hidden for owner in window.owners}
        return [
            window
            if window.hidden or not window.owners & hidden
            else _Window(window.identifier, window.area, window.owners, True)
            for window in found
        ]

    def _look(self, tops: list[tuple[int, Rect]]) -> list[_Window]:
        """Titles and classes of windows and of what is below them. Each level is asked for as a whole before any of it is read:
        the server is held meanwhile, and a way there and back for each window would be felt by everybody at this display."""
        core = self._connection.core
        owners: dict[int, set[int]] = {top: set() for top, _ in tops}
        hidden: set[int] = set()
        level = [(top, top) for top, _ in tops]
        for depth in range(DEPTH + 1):
            asked = []
            for top, window in level:
                self._watch(window)
                below = core.QueryTree(window) if depth < DEPTH else None
                asked.append((top, window, self._ask(window), below))
            level = []
            for top, window, cookies, below in asked:
                title, kinds, parent = self._properties(cookies)
                if any(self._hides(title, kind) for kind in (*kinds, "")):
                    hidden.add(top)
                owners[top] |= {window, parent} if parent else {window}
                level += [(top, child) for child in below.reply().children] if below is not None else []
        return [_Window(top, area, frozenset(owners[top]), top in hidden) for top, area in tops]

    def _ask(self, window: int) -> list[Any]:
        """For what `_properties` reads."""
        atom, anything = xcffib.xproto.Atom, xcffib.xproto.GetPropertyType.Any
        wanted = (self._names["_NET_WM_NAME"], atom.WM_NAME, atom.WM_CLASS, atom.WM_TRANSIENT_FOR)
        return [self._connection.core.GetProperty(False, window, name, anything, 0, TEXT_WORDS) for name in wanted]

    def _properties(self, cookies: list[Any]) -> tuple[str, list[str], int]:
        """Title, classes, and the window that it is transient for (0: none)."""
        modern, plain, kinds, parent = (bytes(cookie.reply().value.buf()) for cookie in cookies)
        title = modern.decode("utf-8", "replace") if modern else plain.decode("latin-1")
        names = [name for name in kinds.decode("latin-1").split("\0") if name]
        return title, names, int.from_bytes(parent[:4], "little")
