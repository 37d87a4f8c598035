"""A recording of a session from its announcement to its end: nothing is written before the device has said that it shows it.

One object for each session, on the event loop. It is told what the device says (`hear`) and when the session's tunnel is lost and
back (`lost`, `opened`); it says itself what is to be sent. The file goes on over a reconnection; what is recorded begins
again only once the device has said yes again.
"""

import asyncio
import logging
from collections.abc import Callable
from enum import StrEnum
from pathlib import Path
from typing import Any, Final

from hostio.tasks import Supervisor
from protocol.errors import HandrailError, LocalProtocolError
from protocol.messages import Message
from protocol.messages.recording import RecordingStart, RecordingState, RecordingStop
from protocol.messages.screen import ScreenRefresh
from protocol.messages.session import Refusal
from technician_client.recordings.recorder import Bounds, Recorder, Stopped
from technician_client.recordings.writer import End, Meta

_LOGGER = logging.getLogger(__name__)
REQUEST: Final = 2**32 - 1
"""The request number of announcements: far from where the numbers of a page or a command begin."""


class Stage(StrEnum):
    """Where a recording stands."""

    OFF = "off"
    ANNOUNCING = "announcing"
    ON = "on"
    HELD = "held"


class AnnouncedRecording:
    """At most one recording of one session at a time."""

    def __init__(
        self,
        supervisor: Supervisor,
        *,
        send: Callable[[Message], None],
        where: Callable[[], Path],
        key: bytes,
        meta: Callable[[], Meta],
        bounds: Bounds,
        on_change: Callable[[], None],
    ) -> None:
        """Args: send: raises `HandrailError` when the session is not open. where: a file that is not there yet. on_change:
        `state` is another."""
        self._supervisor = supervisor
        self._send = send
        self._where = where
        self._key = key
        self._meta = meta
        self._bounds = bounds
        self._on_change = on_change
        self._recorder: Recorder | None = None
        self.stage = Stage.OFF
        self.path: Path | None = None
        self.ended: End | None = None
        self.fault = ""
        self._whole = asyncio.Event()
        self._whole.set()

    @property
    def state(self) -> dict[str, Any]:
        """As a page is told. `name`: of the newest file; `reason`, `text`: how the last one ended; `seconds`: how long it
        goes."""
        end = self.ended
        return {
            "stage": self.stage,
            "name": "" if self.path is None else self.path.stem,
            "seconds": None if self._recorder is None else self._recorder.seconds,
            "reason": "" if end is None else end.reason,
            "text": self.fault or ("" if end is None else end.text),
        }

    def start(self) -> None:
        """Announce it.

        Raises:
            HandrailError: the session is not open, or a recording goes on.
        """
        if self.stage is not Stage.OFF:
            raise LocalProtocolError("A recording goes on already.")
        self._send(RecordingStart(REQUEST))
        self.fault, self.ended = "", None
        self._become(Stage.ANNOUNCING)

    def stop(self, reason: Stopped = Stopped.TECHNICIAN) -> None:
        """End it, and say so to the device."""
        if self.stage is Stage.OFF:
            return
        try:
            self._send(RecordingStop())
        except HandrailError:
            _LOGGER.debug("the session is not open any more")
        self._end(reason)

    async def hear(self, message: Message) -> None:
        """Something the device says. Waits while the disk is behind."""
        match message:
            case RecordingState(on=True) if self.stage in (Stage.ANNOUNCING, Stage.HELD):
                self._begin()
            case RecordingState(on=False, by=by) if self.stage is not Stage.OFF:
                self._end(Stopped(by) if by in Stopped.__members__.values() else Stopped.USER)
            case Refusal(request=number, text=text) if number == REQUEST and self.stage is not Stage.OFF:
                self.fault = text or "The device does not allow a recording."
                self._end(Stopped.POLICY)
            case _ if self.stage is Stage.ON and self._recorder is not None:
                self._recorder.offer(message)
                await self._recorder.room()
            case _:
                pass

    def lost(self) -> None:
        """The tunnel is lost: nothing comes, and the device shows nothing any more."""
        if self.stage is Stage.ANNOUNCING:
            self._become(Stage.OFF)
        elif self.stage is Stage.ON:
            self._become(Stage.HELD)

    def opened(self, granted: bool) -> None:
        """The session is open again. `granted`: it may be recorded."""
        if self.stage is not Stage.HELD:
            return
        if not granted:
            self._end(Stopped.USER)
            return
        try:
            self._send(RecordingStart(REQUEST))
        except HandrailError as error:
            self.fault = str(error)
            self._end(Stopped.SESSION_OVER)

    def over(self) -> None:
        """The session has ended."""
        if self.stage is not Stage.OFF:
            self._end(Stopped.SESSION_OVER)

    async def finished(self) -> None:
        """Wait until the newest file has its end."""
        await self._whole.wait()

    def _begin(self) -> None:
        if self._recorder is None:
            try:
                self.path = self._where()
                self._recorder = Recorder(self.path, self._key, self._meta(), self._bounds, ask_anew=self._ask_anew)
            except HandrailError as error:
                self.fault = str(error)
                self.stop(Stopped.FAILED)
                return
            self._whole.clear()
            _ = self._supervisor.spawn(self._run(self._recorder), "recording")
        self._become(Stage.ON)
        self._ask_anew()  # what is recorded begins with a whole picture

    def _ask_anew(self) -> None:
        try:
            self._send(ScreenRefresh())
        except HandrailError:
            _LOGGER.debug("the session ended before the picture could begin anew")

    async def _run(self, recorder: Recorder) -> None:
        try:
            end = await recorder.run()
        finally:
            self._whole.set()
        if self._recorder is recorder:  # it ended of itself
            self.ended, self._recorder = end, None
            self.stop(Stopped(end.reason))

    def _end(self, reason: Stopped) -> None:
        recorder, self._recorder = self._recorder, None
        if recorder is not None:
            recorder.stop(reason)
        if self.ended is None:
            self.ended = End(reason)
        self._become(Stage.OFF)

    def _become(self, stage: Stage) -> None:
        self.stage = stage
        self._on_change()
