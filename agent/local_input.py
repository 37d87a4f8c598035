"""Control waits while the person here uses mouse or keyboard themselves, where the organisation's policy says so.

A thread watches the display's devices; the first movement of a hand holds the technician's input back, and it goes on a few
seconds after the last one. Where hands cannot be told from injected input, control stays held back: policy asked for it.
"""

import asyncio
import logging
import os
import threading
from collections.abc import Callable
from typing import Final

from agent.backends.base import LocalInputWatch
from agent.backends.choose import open_local_input
from protocol.errors import Unavailable

_LOGGER = logging.getLogger(__name__)
AT_MOST_EVERY: Final = 0.1
RETRY_SECONDS: Final = 5.0
JOIN_SECONDS: Final = 3.0


class Yielding:
    """Whether the person acts, as a function of when they last did. Pure; times in seconds of one clock."""

    def __init__(self, seconds: float) -> None:
        """Args: seconds: how long after the last movement they still count as acting."""
        self._seconds = seconds
        self._last: float | None = None
        self.blind = False

    def acted(self, now: float) -> None:
        """They have moved something."""
        self._last = now

    def acting(self, now: float) -> bool:
        """Whether input is held back; also while nobody can tell (`blind`)."""
        return self.blind or (self._last is not None and now < self._last + self._seconds)

    def deadline(self) -> float | None:
        """When `acting` changes by itself."""
        return None if self._last is None or self.blind else self._last + self._seconds


class _Watcher:
    """The thread that watches. `heard` is called on it: True a hand moved, False watching began, None it cannot watch."""

    def __init__(self, open_watch: Callable[[], LocalInputWatch], heard: Callable[[bool | None], None]) -> None:
        self._open, self._heard = open_watch, heard
        self._stopped = threading.Event()
        self._wake, self._waker = os.pipe()
        self._thread = threading.Thread(target=self._run, name="handrail-local-input", daemon=True)
        self._thread.start()

    def _run(self) -> None:
        try:
            self._watch()
        finally:
            if not self._stopped.is_set():  # it failed, and nobody watches any more
                self._heard(None)

    def _watch(self) -> None:
        while not self._stopped.is_set():
            try:
                watch = self._open()
            except Unavailable as error:
                _LOGGER.warning("control is held back: the user's own input cannot be watched. %s", error)
                self._heard(None)
                self._stopped.wait(RETRY_SECONDS)
                continue
            try:
                self._heard(False)
                while not self._stopped.is_set():
                    if watch.wait(None, self._wake):
                        self._heard(True)
                        self._stopped.wait(AT_MOST_EVERY)
            except Unavailable as error:
                _LOGGER.info("%s", error)
                self._heard(None)
            finally:
                watch.close()

    def stop(self) -> None:
        """End the thread. Blocks for a moment."""
        self._stopped.set()
        os.write(self._waker, b"\0")
        self._thread.join(JOIN_SECONDS)
        if self._thread.is_alive():
            _LOGGER.warning("the thread that watches local input did not end within %g s", JOIN_SECONDS)
            return
        os.close(self._wake)
        os.close(self._waker)


class LocalInputPause:
    """For one session. Event loop only; `changed` hears when input begins or ceases to be held back."""

    def __init__(
        self,
        display: str,
        seconds: float,
        changed: Callable[[bool], None],
        open_watch: Callable[[str], LocalInputWatch] = open_local_input,
    ) -> None:
        self._yielding = Yielding(seconds)
        self._changed = changed
        self._open = lambda: open_watch(display)
        self._loop = asyncio.get_running_loop()
        self._watcher: _Watcher | None = None
        self._timer: asyncio.TimerHandle | None = None
        self.acting = False

    async def follow(self, wanted: bool) -> None:
        """Watch from now on (and hold back until watching has begun), or no longer."""
        if wanted and self._watcher is None:
            self._yielding.blind = True
            self._judge()
            self._watcher = _Watcher(self._open, self._heard_on_thread)
        elif not wanted and self._watcher is not None:
            watcher, self._watcher = self._watcher, None
            await asyncio.to_thread(watcher.stop)
            self._yielding = Yielding(self._yielding._seconds)
            self._judge()

    def _heard_on_thread(self, hand: bool | None) -> None:
        if not self._loop.is_closed():
            try:
                self._loop.call_soon_threadsafe(self._heard, hand)
            except RuntimeError:
                return  # the loop closed in between: the session is over

    def _heard(self, hand: bool | None) -> None:
        if self._watcher is None:
            return
        self._yielding.blind = hand is None
        if hand:
            self._yielding.acted(self._loop.time())
        self._judge()

    def _judge(self) -> None:
        now = self._loop.time()
        acting = self._yielding.acting(now)
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        deadline = self._yielding.deadline()
        if acting and deadline is not None:
            self._timer = self._loop.call_at(deadline, self._judge)
        if acting is not self.acting:
            self.acting = acting
            self._changed(acting)

    async def run(self, wanted: Callable[[], bool], again: asyncio.Event) -> None:
        """Watch while it is wanted; `again`: look anew whether it is. Until cancelled."""
        try:
            while True:
                again.clear()
                await self.follow(wanted())
                await again.wait()
        finally:
            self._changed = lambda _acting: None
            await self.follow(False)
