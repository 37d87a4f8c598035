"""A running session's messages to a recording: taken on the event loop, written in a worker thread, within bounds.

Messages are handed over every `FLUSH_SECONDS`, so that a process that is killed loses no more than that. When the disk
cannot keep up, `room` holds the session back, as a slow browser does.
"""

import asyncio
import logging
import os
import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Final

from hostio.private_files import PrivateFileError
from protocol.messages import Message
from protocol.messages.screen import Copy, CursorMove, CursorShape, ScreenLayout, ScreenState, ScreenUpdate
from technician_client.recordings.container import SALT_BYTES
from technician_client.recordings.writer import SECOND, End, Meta, RecordingWriter

_LOGGER = logging.getLogger(__name__)

FLUSH_SECONDS: Final = 0.5
ANEW_SECONDS: Final = 8.0
MOST_WAITING: Final = 32 * 1024 * 1024
GIGABYTE: Final = 1_000_000_000
RECORDED: Final = (ScreenLayout, ScreenUpdate, CursorShape, CursorMove, ScreenState)


class Stopped(StrEnum):
    """Why a recording ended."""

    TECHNICIAN = "technician"
    USER = "user"
    POLICY = "policy"
    EXPIRY = "expiry"
    SESSION_OVER = "session_over"
    TOO_LARGE = "too_large"
    DISK_FULL = "disk_full"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Bounds:
    """The most bytes one recording may take, and what must stay free on its disk."""

    size: int
    free: int

    @classmethod
    def of_gigabytes(cls, size: float, free: float) -> "Bounds":
        """From the settings."""
        return cls(int(size * GIGABYTE), int(free * GIGABYTE))


class Recorder:
    """One recording. `run` it, offer it messages, `stop` it."""

    def __init__(
        self,
        path: Path,
        key: bytes,
        meta: Meta,
        bounds: Bounds,
        *,
        ask_anew: Callable[[], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Args: ask_anew: has the device begin its picture anew (a film has run for long).

        Raises:
            PrivateFileError: the file cannot be made, or there is no room for it.
        """
        self.path = path
        self._bounds = bounds
        self._ask_anew = ask_anew
        self._clock = clock
        if _free(path.parent) < bounds.free:
            raise PrivateFileError(
                f"Less than {bounds.free / GIGABYTE:g} GB are free in {path.parent}, so no recording begins. Remove old ones, "
                f"or lower "
                "recording_free_gigabytes in technician.toml."
            )
        self._writer = RecordingWriter(path, key, os.urandom(SALT_BYTES), meta)
        self._began: float | None = None
        self._waiting: list[tuple[int, Message]] = []
        self._weight = 0
        self._room = asyncio.Event()
        self._room.set()
        self._stop = asyncio.Event()
        self._reason: Stopped | None = None
        self._asked_at = 0.0

    @property
    def seconds(self) -> float:
        """How long it has been going: it begins with the first picture."""
        return 0.0 if self._began is None else self._clock() - self._began

    @property
    def size(self) -> int:
        """Bytes written so far."""
        return self._writer.size

    def offer(self, message: Message) -> None:
        """Take one message of the device, if it belongs to the picture."""
        if self._reason is not None or not isinstance(message, RECORDED):
            return
        if self._began is None:
            if not isinstance(message, ScreenLayout):
                return
            self._began = self._clock()
        self._waiting.append((int(self.seconds * SECOND), message))
        self._weight += _weight(message)
        if self._weight > MOST_WAITING:
            self._room.clear()

    async def room(self) -> None:
        """Wait until the disk has caught up."""
        await self._room.wait()

    def stop(self, reason: Stopped) -> None:
        """End it; `run` writes what is still waiting and returns. The first reason counts."""
        if self._reason is None:
            self._reason = reason
        self._stop.set()

    async def run(self) -> End:
        """Until it is stopped, too large, or the disk takes no more; how it ended."""
        text = ""
        try:
            while self._reason is None:
                try:
                    async with asyncio.timeout(FLUSH_SECONDS):
                        await self._stop.wait()
                except TimeoutError:
                    await self._flush()
        except PrivateFileError as error:
            self._reason, text = Stopped.DISK_FULL, str(error)
        except asyncio.CancelledError:
            self._reason = self._reason or Stopped.SESSION_OVER
            raise
        finally:
            self._reason = self._reason or Stopped.FAILED
            self._room.set()
            end = End(self._reason, text or _words(self._reason, self._bounds))
            batch, self._waiting = self._waiting, []
            await asyncio.shield(asyncio.to_thread(self._finish, batch, end))
        return end

    def _finish(self, batch: list[tuple[int, Message]], end: End) -> None:
        try:
            self._writer.write(batch)
        except PrivateFileError as error:
            end = End(Stopped.DISK_FULL, str(error))
        try:
            self._writer.close(end)
        except PrivateFileError as error:
            _LOGGER.warning("the recording has no end: %s", error)

    async def _flush(self) -> None:
        batch, self._waiting, self._weight = self._waiting, [], 0
        if batch:
            await asyncio.to_thread(self._writer.write, batch)
        if not self._waiting or self._weight <= MOST_WAITING:
            self._room.set()
        if self._writer.size > self._bounds.size:
            self.stop(Stopped.TOO_LARGE)
        elif _free(self.path.parent) < self._bounds.free:
            self.stop(Stopped.DISK_FULL)
        elif self._writer.wants_anew and self.seconds - self._asked_at > ANEW_SECONDS:
            self._asked_at = self.seconds
            self._ask_anew()


def _free(directory: Path) -> int:
    return shutil.disk_usage(directory).free


def _weight(message: Message) -> int:
    if isinstance(message, ScreenUpdate):
        return 64 + sum(64 + (0 if isinstance(one, Copy) else len(one.data)) for one in message.operations)
    return 128 + (len(message.data) if isinstance(message, CursorShape) else 0)


def _words(reason: Stopped, bounds: Bounds) -> str:
    size, free = bounds.size / GIGABYTE, bounds.free / GIGABYTE
    words = {
        Stopped.TOO_LARGE: f"It reached {size:g} GB (recording_gigabytes in technician.toml). Begin another one.",
        Stopped.DISK_FULL: f"Less than {free:g} GB are free on the disk. Remove old recordings first.",
        Stopped.USER: "The person there ended it.",
        Stopped.POLICY: "The organisation's policy does not allow it any more.",
        Stopped.EXPIRY: "The time for which it was allowed is over.",
    }
    return words.get(reason, "")
