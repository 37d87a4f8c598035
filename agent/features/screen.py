"""The screen of this machine for the technician: starts and stops the stream, feeds it acknowledgements, hands on its messages.

The work is done by `agent.screen.pipeline` on a thread of its own; this class only passes things between it and the session.
"""

import asyncio
import logging
import threading
import time
from collections.abc import Callable
from typing import ClassVar

from agent.backends.base import ScreenCapture
from agent.backends.choose import open_capture
from agent.backends.geometry import Rect
from agent.features.base import Feature, FeatureContext
from agent.screen.av1 import available as av1_available
from agent.screen.av1 import decodes_av1
from agent.screen.pacing import BACKLOG_BYTES
from agent.screen.pipeline import Acknowledged, Backlog, Counters, Pause, Refresh, ScreenPipeline, Stop, StreamOptions
from agent.screen.redact import HideRules
from agent.screen.video import choose_profile, decodes_both
from protocol.capabilities import Capability
from protocol.errors import RefusalReason, Refused
from protocol.messages import Lane, Message
from protocol.messages.screen import ScreenAck, ScreenLayout, ScreenRefresh, ScreenStart, ScreenState, ScreenStop, ScreenUpdate

LOG = logging.getLogger(__name__)

JOIN_SECONDS = 3.0


class ScreenFeature(Feature):
    """One stream at a time; starting again replaces it."""

    handles: ClassVar[tuple[type[Message], ...]] = (ScreenStart, ScreenStop, ScreenRefresh, ScreenAck)

    def __init__(self, context: FeatureContext, open_backend: Callable[[str, str], ScreenCapture] = open_capture) -> None:
        super().__init__(context)
        self._open_backend = open_backend
        self._counters = Counters()
        self._pipeline: ScreenPipeline | None = None
        self._threads: list[threading.Thread] = []
        self._paused = False
        self._dropped = False
        self._reported = 0
        self._failure: asyncio.Future[None] | None = None

    async def handle(self, message: Message) -> None:
        """See the base class."""
        match message:
            case ScreenStart():
                await self._start(message)
            case ScreenStop():
                await self._stop()
            case ScreenRefresh():
                self._tell(Refresh())
            case ScreenAck(sequence=sequence, queue=queue, decode_ms=painting):
                self._tell(Acknowledged(sequence, queue, time.monotonic(), painting / 1000))
                self._report_backlog()
            case _:
                pass

    def _tell(self, command: Acknowledged | Refresh | Pause | Backlog) -> None:
        if self._pipeline is not None:
            self._pipeline.command(command)

    @property
    def _unrecorded(self) -> bool:
        """Whether policy demands a recording that does not go on."""
        return self.context.rules.recording == "required" and not self.context.recording

    async def _start(self, start: ScreenStart) -> None:
        if self._unrecorded:
            raise Refused(
                "The organisation's policy demands a recording: begin it, then the picture comes.", reason=RefusalReason.POLICY
            )
        await self._stop()
        settings = self.context.settings.screen
        options = StreamOptions(
            full_chroma=choose_profile(start.decoders, start.quality) if settings.video else None,
            either_chroma=settings.video and start.quality == "auto" and decodes_both(start.decoders),
            av1=settings.video and settings.av1 and start.quality == "saver" and decodes_av1(start.decoders) and av1_available(),
            max_fps=min(start.max_fps, settings.max_fps),
            monitor=start.monitor,
            quality=start.quality,
            hide=HideRules(
                tuple(self.context.rules.hide_windows),
                tuple(settings.hide_windows),
                tuple(Rect(*area) for area in settings.hide_areas),
            ),
        )
        loop = asyncio.get_running_loop()
        self._failure = loop.create_future()
        # A message that still stands in the loop's queue when its stream is stopped must not be sent: hence the identity check.
        pipeline = ScreenPipeline(
            lambda: self._open_backend(settings.display, settings.backend),
            lambda message: self.context.call_from_thread(self._deliver, pipeline, message),
            options,
            self._counters,
            ask_backlog=lambda: self.context.call_from_thread(self._report_backlog),
            keyed_at=lambda: self.context.watched.keyed_at,
        )
        self._pipeline = pipeline
        if self._paused:
            pipeline.command(Pause(True))
        thread = threading.Thread(target=self._run, args=(pipeline, self._failure), name="handrail-screen", daemon=True)
        self._threads.append(thread)
        _ = self.context.spawn(self._watch(self._failure), "screen thread")
        thread.start()

    def _run(self, pipeline: ScreenPipeline, failure: asyncio.Future[None]) -> None:
        """The thread. Whatever ends it unasked is carried to the loop, where it ends this feature by name."""
        try:
            pipeline.run()
        except Exception as error:  # noqa: BLE001 - carried over, not swallowed
            self.context.call_from_thread(_settle, failure, error)

    async def _watch(self, failure: "asyncio.Future[None]") -> None:
        await failure

    def _deliver(self, pipeline: ScreenPipeline, message: Message) -> None:
        if pipeline is not self._pipeline:
            return
        if self._unrecorded:
            self._end()
            text = "The recording has ended, and the organisation's policy demands one: begin it again, then the picture comes."
            self.context.send(ScreenState("unavailable", text))
            return
        if not self._may_send(message):
            self._dropped = True
            return
        if isinstance(message, ScreenLayout):
            watched = self.context.watched
            watched.x, watched.y, watched.width, watched.height = (
                message.origin_x,
                message.origin_y,
                message.width,
                message.height,
            )
        self.context.send(message)
        if isinstance(message, ScreenUpdate):
            self._report_backlog()

    def _may_send(self, message: Message) -> bool:
        """What was grabbed before a pause or a revocation took hold is not sent after it."""
        if isinstance(message, ScreenState):
            return True
        return not self._paused and self.context.granted(Capability.VIEW)

    def _report_backlog(self) -> None:
        """Tell the thread what has not left, when that holds it back or did: each word to it wakes it."""
        size, before = self.context.pending(Lane.SCREEN), self._reported
        if max(size, before) > BACKLOG_BYTES:
            self._reported = size
            self._tell(Backlog(size))

    def capability_lost(self, capability: Capability) -> None:
        """See the base class: without `view` the stream ends."""
        if capability is Capability.VIEW:
            self._end()

    def paused(self, paused: bool) -> None:
        """See the base class: nothing is grabbed while paused."""
        self._paused = paused
        self._tell(Pause(paused))
        if not paused and self._dropped:
            self._dropped = False
            self._tell(Refresh())  # the thread takes for shown what was dropped

    def _end(self) -> None:
        if self._pipeline is not None:
            self._pipeline.command(Stop())
            self._pipeline = None
            watched = self.context.watched
            watched.x = watched.y = watched.width = watched.height = 0
        if self._failure is not None:
            _settle(self._failure, None)
            self._failure = None

    async def _stop(self) -> None:
        self._end()
        threads, self._threads = self._threads, []
        for thread in threads:
            await asyncio.to_thread(thread.join, JOIN_SECONDS)
            if thread.is_alive():
                LOG.warning("the screen thread did not end within %g s", JOIN_SECONDS)

    async def close(self) -> None:
        """See the base class."""
        await self._stop()


def _settle(failure: "asyncio.Future[None]", error: Exception | None) -> None:
    if failure.done():
        return
    if error is None:
        failure.set_result(None)
    else:
        failure.set_exception(error)
