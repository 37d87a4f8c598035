"""Opens the best backend that works here, and says which and why. The only module that asks which platform this is."""

import logging
import os
import sys
from collections.abc import Mapping

from agent.backends.base import CursorSource, InputInjector, LocalInputWatch, ScreenCapture
from protocol.errors import Unavailable

LOG = logging.getLogger(__name__)

NO_DISPLAY = (
    "There is no display to share: DISPLAY is not set. Start the agent inside the desktop session of the user, or name the "
    'display in agent.toml (display = ":0" under [screen]).'
)


def display_name(configured: str, environ: Mapping[str, str] | None = None) -> str:
    """The X display to use: the configured one, else the environment's.

    Raises:
        Unavailable: neither names one.
    """
    name = configured or (os.environ if environ is None else environ).get("DISPLAY", "")
    if not name:
        raise Unavailable(NO_DISPLAY)
    return name


def open_capture(display: str = "", backend: str = "auto") -> ScreenCapture:
    """The screen of `display` ("" is the environment's). `backend`: "auto", "x11" or "mss".

    Raises:
        Unavailable: nothing can capture here; the text says what to do.
    """
    if not sys.platform.startswith("linux"):
        return _chosen(_open_mss(None, "mss: there is no backend of its own for this system yet"))
    name = display_name(display)
    if backend == "mss":
        return _chosen(_open_mss(name, "mss: asked for by the configuration"))
    from agent.backends.x11.capture import X11Capture
    from agent.backends.x11.connection import X11Connection

    X11Connection(name).close()  # tells a display that is not there from one that lacks an extension
    try:
        return _chosen(X11Capture(name))
    except Unavailable as error:
        if backend == "x11":
            raise
        return _chosen(_open_mss(name, f"mss, which polls: {error}"))


def _open_mss(display: str | None, reason: str) -> ScreenCapture:
    from agent.backends.mss_capture import MssCapture

    return MssCapture(display, reason, None if display is None else _x11_cursor(display))


def _x11_cursor(display: str) -> CursorSource | None:
    from agent.backends.x11.connection import X11Connection
    from agent.backends.x11.cursor import X11Cursor

    try:
        return X11Cursor(X11Connection(display))
    except Unavailable as error:
        LOG.info("no pointer pictures: %s", error)
        return None


def _chosen(capture: ScreenCapture) -> ScreenCapture:
    LOG.info("screen capture: %s (%s)", capture.name, capture.reason)
    return capture


def open_input(display: str = "") -> InputInjector:
    """Mouse and keyboard of `display` ("" is the environment's).

    Raises:
        Unavailable: nothing can inject here; the text says what to do.
    """
    if not sys.platform.startswith("linux"):
        raise Unavailable("Mouse and keyboard cannot be used remotely on this system yet.")
    from agent.backends.x11.input import X11Input

    injector = X11Input(display_name(display))
    LOG.info("input: %s (%s)", injector.name, injector.reason)
    return injector


def open_local_input(display: str = "") -> LocalInputWatch:
    """Watch the user's own mouse and keyboard on `display` ("" is the environment's).

    Raises:
        Unavailable: nothing here tells them from injected input; the text says why.
    """
    if not sys.platform.startswith("linux"):
        raise Unavailable("Local input cannot be told from injected input on this system yet.")
    from agent.backends.x11.local_input import X11LocalInput

    return X11LocalInput(display_name(display))
