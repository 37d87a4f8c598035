"""One connection to an X server: extensions, events, errors. Used by one thread.

Two kinds of failure are kept apart. A connection that breaks is `DisplayLost`: open a new one later. A request that the server
refuses (`xcffib.Error`) is left to the caller where an answer was awaited, and logged by name where none was.
"""

import contextlib
import logging
import select
from collections.abc import Iterator
from typing import Any

import xcffib
import xcffib.xproto

from agent.backends.base import DisplayLost
from protocol.errors import Unavailable

LOG = logging.getLogger(__name__)

LOST = "The X display went away. It is looked for again; if the user logged out, they must log in."


@contextlib.contextmanager
def lost_display() -> Iterator[None]:
    """Turn a broken connection into `DisplayLost`."""
    try:
        yield
    except xcffib.Error:
        raise
    except (xcffib.ConnectionException, xcffib.XcffibException) as error:  # a reply that never came is the latter
        raise DisplayLost(LOST, retry_after=1.0) from error


class X11Connection:
    """A connection with its screen's root window, and events drained before every sleep."""

    def __init__(self, display: str) -> None:
        """Connect.

        Raises:
            Unavailable: no server answers at `display`, or it does not let this user in.
        """
        try:
            connect: Any = xcffib.connect  # the binding is not typed
            self.raw: Any = connect(display)
            setup = self.raw.get_setup()
        except xcffib.ConnectionException as error:
            raise Unavailable(
                f"The X display {display} cannot be opened. Is somebody logged in there, and may this user connect to it?",
                retry_after=2.0,
            ) from error
        self.setup = setup
        self.display = display
        self.screen = setup.roots[self.raw.pref_screen]
        self.root: int = self.screen.root
        self._poll = select.poll()
        self._poll.register(self.raw.get_file_descriptor(), select.POLLIN)
        self._wakes: set[int] = set()

    @property
    def core(self) -> Any:
        """The core protocol's requests."""
        return self.raw.core

    def extension(self, key: Any, name: str) -> Any:
        """An extension's requests.

        Raises:
            Unavailable: the server does not have it.
        """
        with lost_display():
            answer = self.raw.core.QueryExtension(len(name), name).reply()
            if not answer.present:
                raise Unavailable(f"The X server has no {name} extension.")
            requests: Any = self.raw(key)
            return requests

    def events(self) -> list[Any]:
        """Every event that has arrived; never waits.

        Raises:
            DisplayLost: the connection broke.
        """
        found: list[Any] = []
        with lost_display():
            while True:
                try:
                    event = self.raw.poll_for_event()
                except xcffib.Error as error:
                    LOG.warning("the X server refused a request: %s", type(error).__name__)
                    continue
                if event is None:
                    return found
                found.append(event)

    def sleep(self, timeout: float | None, wake: int) -> tuple[bool, bool]:
        """Flush, then sleep until the server sends, `wake` is readable or the time is over: whether there is something of the
        server to read, and whether it was `wake`.

        Drain `events` first: events that were read together with a reply wait inside XCB, not on the socket.

        Raises:
            DisplayLost: the connection broke.
        """
        self.flush()
        if wake not in self._wakes:
            self._poll.register(wake, select.POLLIN)
            self._wakes.add(wake)
        ready = self._poll.poll(None if timeout is None else max(0.0, timeout * 1000.0))
        woken = any(descriptor == wake for descriptor, _ in ready)
        return len(ready) > woken, woken

    def flush(self) -> None:
        """Send what is buffered.

        Raises:
            DisplayLost: the connection broke.
        """
        with lost_display():
            self.raw.flush()
            self.raw.invalid()

    def settle(self) -> None:
        """Return once the server has done all that was asked of it here.

        Raises:
            DisplayLost: the connection broke.
        """
        with lost_display():
            self.raw.core.GetInputFocus().reply()

    def root_size(self) -> tuple[int, int]:
        """The root window's present size (the setup block keeps the one at connection time)."""
        with lost_display():
            geometry = self.raw.core.GetGeometry(self.root).reply()
        return int(geometry.width), int(geometry.height)

    def close(self) -> None:
        """Disconnect; the server frees what belonged to this connection."""
        self.raw.disconnect()
