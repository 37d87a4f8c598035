"""The thread that turns a display into messages: wait, take damage, grab, build, hand over.

The thread owns the backend's connection and everything in `agent.screen`. The event loop talks to it by commands and a wake-up
socket; it talks back by `deliver`, which must be safe to call from any thread (`FeatureContext.call_from_thread`).
"""

import contextlib
import logging
import queue
import socket
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np

from agent.backends.base import DisplayLayout, DisplayLost, Happened, ScreenCapture
from agent.screen.area import choose_area
from agent.screen.chooser import Why
from agent.screen.cursor import CursorSender
from agent.screen.damage import rectangles
from agent.screen.encode import Budget, Built, UpdateBuilder
from agent.screen.frames import CellRect, Cells, Frames, marked
from agent.screen.pacing import HeldBy, Pacer
from agent.screen.redact import HideRules, Redaction
from agent.screen.report import Reporter
from agent.screen.steady import SteadyCells
from hostio.allocator import give_back
from protocol.errors import Unavailable
from protocol.messages import Message
from protocol.messages.screen import Monitor, ScreenLayout, ScreenState, ScreenUpdate

LOG = logging.getLogger(__name__)

RETRY_SECONDS = 1.0
GRABS = 8
ECHO_SECONDS, TYPING_ECHO_SECONDS = 0.008, 0.002
"""How often it is looked whether what is drawn beside a film or while the link is full may be the echo of a key press; the second
while keys come."""
BACKLOG_POLL = 0.005
REST_SECONDS = 5.0
"""After so long without an update memory is given back that the next one may need again."""
BUFFER_ITEMS = 1024
"""What numpy copies at a time of pixels that lie in memory with gaps: small enough for the nearest cache. A fifth faster than
with its 8192. Holds for this thread alone."""
MOST_ASLEEP = 32
"""Acknowledgements that may lie unread while the thread sleeps."""
TEXT_CHARS = 200


@dataclass(frozen=True, slots=True)
class StreamOptions:
    """What the technician asked for. `full_chroma`: 4:4:4 video, 4:2:0 (False) or none (None); `either_chroma`: 4:4:4 also where
    a film's pixels need it; `av1`: films may go as AV1; `monitor` "" is all of them."""

    full_chroma: bool | None = None
    either_chroma: bool = False
    av1: bool = False
    max_fps: float = 60.0
    monitor: str = ""
    quality: str = "auto"
    hide: HideRules = field(default_factory=HideRules)


@dataclass(frozen=True, slots=True)
class Acknowledged:
    """The viewer painted `sequence`, heard of at `at` (monotonic seconds here); `queue` pictures wait there, and this one took
    `painting` seconds there."""

    sequence: int
    queue: int
    at: float
    painting: float = 0.0


@dataclass(frozen=True, slots=True)
class Refresh:
    """Everything anew."""


@dataclass(frozen=True, slots=True)
class Pause:
    """Send nothing while `paused`."""

    paused: bool


@dataclass(frozen=True, slots=True)
class Backlog:
    """`size` bytes of the screen lane have not left this process."""

    size: int


@dataclass(frozen=True, slots=True)
class Stop:
    """End the thread."""


Command = Acknowledged | Refresh | Pause | Backlog | Stop


class Stopped(Exception):
    """The thread was told to stop."""


class Counters:
    """Numbers that go on when a stream is stopped and started again in the same session."""

    def __init__(self) -> None:
        self.epoch = 0
        self.sequence = 0
        self.stream = 0


class ScreenPipeline:
    """One stream to one viewer. `run` is the thread's body; every other method may be called from the event loop."""

    def __init__(
        self,
        open_capture: Callable[[], ScreenCapture],
        deliver: Callable[[Message], None],
        options: StreamOptions,
        counters: Counters,
        *,
        ask_backlog: Callable[[], None] = lambda: None,
        keyed_at: Callable[[], float] = lambda: float("-inf"),
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`ask_backlog` asks the event loop for a `Backlog` command; `keyed_at` tells when the technician pressed a key last."""
        self._open_capture, self._deliver, self._ask_backlog, self._keyed_at = open_capture, deliver, ask_backlog, keyed_at
        self._options, self._counters, self._clock = options, counters, clock
        self._commands: queue.SimpleQueue[Command] = queue.SimpleQueue()
        self._wake_read, self._wake_write = socket.socketpair()
        self._wake_read.setblocking(False)
        self._wake_write.setblocking(False)
        self._pacer = Pacer(options.max_fps)
        self._reporter = Reporter()
        self._state = self._said = ""
        self._paused = False
        self._backlog = 0
        self.awaits = False
        """Whether an acknowledgement wakes the thread."""

    def command(self, command: Command) -> None:
        """Hand the thread a command and wake it."""
        self._commands.put(command)
        if isinstance(command, Acknowledged) and not self.awaits and self._commands.qsize() < MOST_ASLEEP:
            return  # it has the time with it, and nothing waits for it
        with contextlib.suppress(OSError):  # full: it is awake already; closed: it has ended
            self._wake_write.send(b"\0")

    @property
    def held(self) -> dict[HeldBy, int]:
        """How often something newer took the place of what had to wait, by reason."""
        return dict(self._pacer.held)

    def run(self) -> None:
        """Stream until `Stop`; a display that is lost is looked for again."""
        np.setbufsize(BUFFER_ITEMS)
        try:
            while True:
                try:
                    with contextlib.closing(self._open_capture()) as capture:
                        if self._options.hide.wants_windows():
                            capture.hide_windows(self._options.hide.hides)
                        _Stream(self, capture).run()
                except Unavailable as error:
                    lost = isinstance(error, DisplayLost) or self._state in ("running", "lost")
                    self.state("lost" if lost else "unavailable", str(error))
                    self._sleep(error.retry_after or RETRY_SECONDS)
        except Stopped:
            pass
        finally:
            self._wake_read.close()
            self._wake_write.close()
            give_back()

    def state(self, state: str, text: str = "") -> None:
        """Tell the viewer once for each change; the reason of a failure may vary, what is hidden while it runs is said anew."""
        if state != self._state or (state == "running" and text != self._said):
            self._state, self._said = state, text
            self._deliver(ScreenState(state, text[:TEXT_CHARS]))

    def _sleep(self, seconds: float) -> None:
        until = self._clock() + seconds
        while (left := until - self._clock()) > 0:
            with contextlib.suppress(queue.Empty):
                match self._commands.get(timeout=left):
                    case Stop():
                        raise Stopped
                    case Pause(paused):
                        self._paused = paused
                    case Backlog(size):
                        self._backlog = size  # that it has gone is said once
                    case Acknowledged() | Refresh():
                        pass  # everything begins anew

    # What follows is used by _Stream, on the thread.

    def drain_wake(self) -> None:
        """Empty the wake-up socket."""
        with contextlib.suppress(BlockingIOError):
            while self._wake_read.recv(4096):
                pass

    @property
    def wake(self) -> int:
        """The descriptor that becomes readable with every command."""
        return self._wake_read.fileno()

    @property
    def commanded(self) -> bool:
        """Whether a command has come since `commands`."""
        return not self._commands.empty()

    def commands(self) -> list[Command]:
        """Everything that came since the last call."""
        found: list[Command] = []
        with contextlib.suppress(queue.Empty):
            while True:
                found.append(self._commands.get_nowait())
        return found


class _Stream:
    """The time between opening a display and losing it."""

    def __init__(self, pipeline: ScreenPipeline, capture: ScreenCapture) -> None:
        self._pipeline, self._capture = pipeline, capture
        self._clock = pipeline._clock
        self._pacer = pipeline._pacer
        self._counters = pipeline._counters
        self._damaged = True
        self._counted = False
        self._pointer = True
        self._exact = False
        self._echo_at = float("-inf")
        self._rest_at: float | None = None
        self._announced = 0
        self._layout: DisplayLayout | None = None
        self._relayout()

    def run(self) -> None:
        """Until `Stopped` or `DisplayLost`."""
        pipeline, capture = self._pipeline, self._capture
        while True:
            for command in pipeline.commands():
                self._obey(command)
            if not pipeline._paused:
                self._step()
            happened = capture.wait(self._timeout(), pipeline.wake)
            if Happened.WOKEN in happened:
                pipeline.drain_wake()
            if Happened.LAYOUT in happened:
                self._relayout()
            if Happened.DAMAGE in happened:
                self._damaged, self._counted = True, False
            if Happened.CURSOR_SHAPE in happened and not pipeline._paused:
                self._send_shape()
            if Happened.POINTER in happened:
                self._pointer = True
                capture.cursor.ask()  # what was asked before it moved is no longer so

    def _obey(self, command: Command) -> None:
        match command:
            case Acknowledged(sequence, waiting, at, painting):
                self._pacer.acknowledged(sequence, waiting, at, painting)
            case Refresh():
                self._pacer.forget()
                self._builder.forget()
                self._announced = 0
                self._announce()
            case Pause(paused):
                self._pipeline._paused = paused
                if paused:
                    self._pipeline.state("paused")
                elif not self._announce():
                    self._pipeline.state("running", self._sentence())
                    self._send_cursor()
            case Backlog(size):
                self._pipeline._backlog = size
            case Stop():
                raise Stopped

    def _relayout(self) -> None:
        """Begin anew on the display's present layout, unless it is the one that is streamed already."""
        layout = self._capture.layout()
        if layout == self._layout:
            return
        self._layout = layout
        self._area = choose_area(layout, self._pipeline._options.monitor)
        self._counters.epoch += 1
        self._pacer.forget()
        self._cursor = CursorSender(self._capture.cursor, self._area)
        self._frames = Frames(self._area.width, self._area.height)
        options = self._pipeline._options
        self._redaction = Redaction(self._area.width, self._area.height, (self._area.x, self._area.y))
        self._builder = UpdateBuilder(
            self._frames,
            full_chroma=options.full_chroma,
            either_chroma=options.either_chroma,
            av1=options.av1,
            quality=options.quality,
            first_stream=self._counters.stream,
            clock=self._clock,
        )
        self._fresh: Cells = np.zeros_like(self._frames.dirty)
        self._steady = SteadyCells(self._frames.rows, self._frames.columns)
        self._damaged = True
        self._announce()

    def _announce(self) -> bool:
        """Send the layout when the viewer does not have it and nothing is paused."""
        layout, area, capture = self._layout, self._area, self._capture
        if self._pipeline._paused or layout is None or self._announced == self._counters.epoch:
            return False
        self._announced = self._counters.epoch
        monitors = [
            Monitor(m.name[:TEXT_CHARS], m.area.x, m.area.y, m.area.width, m.area.height, m.primary) for m in layout.monitors
        ]
        self._pipeline._deliver(
            ScreenLayout(
                self._counters.epoch, area.width, area.height, area.x, area.y, monitors, capture.name, capture.reason[:TEXT_CHARS]
            )
        )
        self._exact = False
        self._pipeline.state("running", self._sentence())
        self._send_cursor()
        return True

    def _send_cursor(self) -> None:
        self._cursor.forget()
        self._send_shape()
        self._pointer = True

    def _send_shape(self) -> None:
        message = self._cursor.shape()
        if message is not None:
            self._pipeline._deliver(message)

    def _step(self) -> None:
        now = self._clock()
        self._pacer.keyed(self._pipeline._keyed_at())
        self._send_place(now)
        reporter = self._pipeline._reporter
        if reporter.next_deadline(now) == 0.0:
            self._pipeline._deliver(reporter.take(self._pacer, self._pacer.held, now))
        if not self._work(now):
            if self._rest_at is not None and now >= self._rest_at:
                self._rest_at = None
                self._builder.rest()
                give_back()
            return
        looks = not self._builder.filming or self._pacer.echoes(now)
        if self._damaged and self._builder.filming and self._pacer.far and now >= self._echo_at:
            self._echo_at = self._next_echo(now)
            if looks:
                self._echo()  # what is small goes before the film's picture, which takes long on its way
            else:
                self._take_damage()  # until it is taken the display tells of no more
        reason = self._hold(now)
        if reason is None:
            self._update()
            self._send_place(now)  # asked for together with the damage
        elif self._damaged:
            if not self._counted:
                self._counted = True
                self._pacer.count(reason)
            if reason in (HeldBy.LINK, HeldBy.UNACKNOWLEDGED) and looks and now >= self._echo_at:
                self._echo_at = self._next_echo(now)
                self._echo()

    def _send_place(self, now: float) -> None:
        if self._pointer and not self._cursor.next_deadline(now):
            self._pointer = False
            move = self._cursor.move(now)
            if move is not None:
                self._pipeline._deliver(move)

    def _next_echo(self, now: float) -> float:
        return now + (TYPING_ECHO_SECONDS if self._pacer.typing(now) else ECHO_SECONDS)

    def _hold(self, now: float) -> HeldBy | None:
        """Why nothing may go now: the pacer's reason, or that a film gives way to who types beside it."""
        reason = self._pacer.hold(now, self._pipeline._backlog)
        return HeldBy.LINK if reason is None and self._film_wait(now) > 0 else reason

    def _film_wait(self, now: float) -> float:
        """Seconds for which there is nothing but a film to send, and it waits. What was not looked at yet is the film's at first:
        soon it is looked at, for echoes."""
        dirty = self._frames.dirty
        wait = self._pacer.film_wait(now) if self._damaged or marked(dirty) else 0.0
        return wait if wait and self._builder.mostly_film(dirty & ~self._steady.find(now)) else 0.0

    def _work(self, now: float) -> bool:
        return self._damaged or bool(marked(self._frames.dirty)) or self._builder.next_deadline(now) == 0.0

    def _update(self) -> None:
        frames, pacer = self._frames, self._pacer
        if self._damaged:
            self._take_damage()
        fresh, self._fresh = self._fresh, np.zeros_like(frames.dirty)
        if not self._grab(rectangles(frames.dirty)):
            return
        captured = self._clock()
        budget = Budget(pacer.tile_bytes(), pacer.tile_bytes(), pacer.bitrate(captured), pacer.rate, pacer.pressed)
        self._send(self._builder.build(captured, budget, fresh), captured)

    def _echo(self) -> None:
        """Send what is small and fresh past a film that fills the link."""
        spare = self._pacer.spare(self._pipeline._backlog)
        if not spare:
            return
        area = self._builder.echo_area(self._take_damage() & ~self._steady.find(self._clock()))
        if area is not None and self._grab([area]):
            captured = self._clock()
            self._send(self._builder.build_echo(area, spare), captured, urgent=True)

    def _grab(self, cells: Sequence[CellRect]) -> bool:
        """Bring `now` up to date there, without what is hidden. False: not possible now (the display has changed its size)."""
        frames, origin, hide = self._frames, (self._area.x, self._area.y), self._pipeline._options.hide
        areas = [frames.pixels(rectangle).moved(*origin) for rectangle in cells]
        if not areas and not hide.wants_windows():
            return True
        for _ in range(GRABS):
            if not self._capture.grab(areas, frames.now, origin):
                self._relayout()
                return False
            # What has just become hidden or visible is looked at anew, by a grab that knows of it.
            changed = self._redaction.update((*self._capture.hidden(), *hide.areas))
            self._redaction.paint(frames.now)
            if not changed:
                return True
            for area in changed:
                frames.mark(area)
            areas = [frames.pixels(frames.cells(area)).moved(*origin) for area in changed]
            self._pipeline.state("running", self._sentence())
        return False  # windows move faster than they can be looked at: tried again

    def _sentence(self) -> str:
        """What is said about hidden parts."""
        return self._pipeline._options.hide.sentence(len(self._redaction.hidden))

    def _send(self, built: Built, captured: float, *, urgent: bool = False) -> None:
        self._counters.stream = self._builder.next_stream
        if not built.operations and (not built.exact or self._exact):
            return
        self._exact = built.exact
        self._counters.sequence += 1
        sequence = self._counters.sequence
        now = self._clock()
        film = any(made.why is Why.MOTION for made in built.made)
        self._pacer.sent(sequence, built.size, now, urgent=urgent, film=film)
        self._rest_at = now + REST_SECONDS
        self._pipeline._reporter.add(built.made, now)
        microseconds = int(captured * 1_000_000)
        update = ScreenUpdate(sequence, self._counters.epoch, microseconds, list(built.operations), built.exact)
        self._pipeline._deliver(update)

    def _take_damage(self) -> Cells:
        """Mark what was drawn to, and return it as cells."""
        frames = self._frames
        drawn: Cells = np.zeros_like(frames.dirty)
        self._capture.cursor.ask()
        for area in self._capture.take_damage():
            drawn[frames.cells(area.moved(-self._area.x, -self._area.y)).slices] = True
        frames.dirty |= drawn
        self._fresh |= drawn
        now = self._clock()
        if self._builder.filming and self._pacer.spares(now):
            self._steady.drawn(drawn, now, self._pipeline._keyed_at())
        self._damaged = False
        self._pointer = True  # a program that draws may have moved the pointer too, and such moves come without an event
        return drawn

    def _timeout(self) -> float | None:
        """Seconds to sleep when nothing happens: for ever on a quiet display. Says whether acknowledgements end the sleep."""
        pipeline = self._pipeline
        pipeline.awaits = False
        if pipeline._paused:
            return None
        now = self._clock()
        times: list[float] = []
        if self._pointer:
            times.append(self._cursor.next_deadline(now))
        report = pipeline._reporter.next_deadline(now)
        if report is not None:
            times.append(report)
        refinement = self._builder.next_deadline(now)
        if self._work(now):
            film_wait = self._film_wait(now)
            if film_wait > 0:
                times.append(film_wait)
            # Until damage is taken the display tells of no more. It may be due already: the step took its time.
            look = [max(0.0, self._echo_at - now)] if self._damaged else []
            match self._hold(now):
                case None:
                    times.append(0.0)
                case HeldBy.FRAME_RATE:
                    times += [self._pacer.ready_in(now), *(look if self._builder.filming and self._pacer.far else [])]
                case HeldBy.BACKLOG:
                    pipeline._ask_backlog()
                    times.append(BACKLOG_POLL)
                case HeldBy.UNACKNOWLEDGED | HeldBy.LINK | HeldBy.VIEWER as held:
                    pipeline.awaits = True
                    if pipeline.commanded:
                        return 0.0  # what came before it was said has woken nobody
                    times += look if held is not HeldBy.VIEWER else []
        else:
            times += [] if refinement is None else [refinement]
            times += [] if self._rest_at is None else [max(0.0, self._rest_at - now)]
        return min(times, default=None)
