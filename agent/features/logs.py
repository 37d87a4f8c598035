"""The live log for a technician: filtered here, bounded in rate, every line that is left out counted."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from typing import ClassVar

from agent.backends import log_source
from agent.features.base import Feature, FeatureContext
from protocol.capabilities import Capability
from protocol.errors import HandrailError, RefusalReason, Refused
from protocol.messages import Lane, Message
from protocol.messages.logs import (
    JOURNAL,
    MOST_LINES,
    LogEnded,
    LogFollow,
    LogLine,
    LogLines,
    LogListing,
    LogSources,
    LogStop,
)

MOST_FOLLOWED = 3
LINES_PER_SECOND = 400
CHARS_PER_SECOND = 200_000
BATCH_SECONDS = 0.1
PENDING_BYTES = 256 * 1024


class Allowance:
    """So many lines and characters in any second; what is more is counted. `clock` in seconds."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._since = clock()
        self._lines = self._chars = 0
        self._waiting: list[LogLine] = []
        self._left_out = 0

    def offer(self, line: LogLine, *, room: bool) -> None:
        """One line; it waits to be taken, or is left out."""
        now = self._clock()
        if now - self._since >= 1.0:
            self._since, self._lines, self._chars = now, 0, 0
        size = len(line.text) + len(line.unit)
        if not room or self._lines >= LINES_PER_SECOND or self._chars + size > CHARS_PER_SECOND:
            self._left_out += 1
            return
        self._lines += 1
        self._chars += size
        self._waiting.append(line)

    def take(self, request: int) -> list[LogLines]:
        """What is to be sent now. Lines left out are told with the first that follow, or alone."""
        lines, self._waiting = self._waiting, []
        left_out, self._left_out = self._left_out, 0
        if not lines:
            return [LogLines(request, [], left_out)] if left_out else []
        batches = [lines[start : start + MOST_LINES] for start in range(0, len(lines), MOST_LINES)]
        return [LogLines(request, batch, left_out if not number else 0) for number, batch in enumerate(batches)]


class LogsFeature(Feature):
    """Answers `LogSources`, `LogFollow` and `LogStop`."""

    handles: ClassVar = (LogSources, LogFollow, LogStop)

    def __init__(self, context: FeatureContext) -> None:
        super().__init__(context)
        self._followed: dict[int, asyncio.Task[None]] = {}

    async def handle(self, message: Message) -> None:
        """See `Feature.handle`."""
        match message:
            case LogSources(request=request):
                found = await asyncio.to_thread(log_source.sources, self.context.rules.log_files)
                self.context.send(LogListing(request, found))
            case LogFollow():
                await self._begin(message)
            case LogStop(request=request):
                task = self._followed.pop(request, None)
                if task is not None:
                    task.cancel()
                    self.context.send(LogEnded(request))
            case _:
                raise AssertionError(f"not a message of this feature: {type(message).__name__}")

    def capability_lost(self, capability: Capability) -> None:
        """Nothing is followed any more."""
        if capability is Capability.DIAGNOSTICS:
            for request, task in list(self._followed.items()):
                task.cancel()
                self.context.send(LogEnded(request, "Reading the state of this computer is not granted any more."))
            self._followed.clear()

    async def _begin(self, message: LogFollow) -> None:
        if message.request in self._followed:
            raise Refused("This request number is in use.", reason=RefusalReason.INVALID)
        if len(self._followed) >= MOST_FOLLOWED:
            raise Refused(f"{MOST_FOLLOWED} logs are followed already. Stop one first.", reason=RefusalReason.LIMIT)
        source = message.source or await self._first()
        if source != JOURNAL and not log_source.allowed(source, self.context.rules.log_files):
            raise Refused("Policy does not let this file be read (log_files).", reason=RefusalReason.POLICY)
        self.context.audit("log followed", {"source": source[:200], "unit": message.unit, "text": message.text})
        lines = (
            log_source.journal_lines(message.unit, message.priority, message.lines, follow=message.follow)
            if source == JOURNAL
            else log_source.file_lines(source, message.lines, follow=message.follow)
        )
        self._followed[message.request] = self.context.spawn(self._follow(message, lines), f"log {message.request}")

    async def _first(self) -> str:
        for found in await asyncio.to_thread(log_source.sources, self.context.rules.log_files):
            if not found.why_not:
                return found.name
        raise Refused("This computer keeps no log that this agent may read.", reason=RefusalReason.NOT_FOUND)

    async def _follow(self, message: LogFollow, lines: AsyncIterator[LogLine]) -> None:
        allowance, text = Allowance(), ""
        sending = self.context.spawn(self._send(message.request, allowance), f"sending log {message.request}")
        try:
            async for line in lines:
                if fits(line, message):
                    allowance.offer(line, room=self._has_room())
        except HandrailError as error:
            text = str(error)
        finally:
            sending.cancel()
            if self._followed.get(message.request) is asyncio.current_task():  # else the number is another one's by now
                del self._followed[message.request]
        self._flush(message.request, allowance)
        self.context.send(LogEnded(message.request, text))

    async def _send(self, request: int, allowance: Allowance) -> None:
        while True:
            await asyncio.sleep(BATCH_SECONDS)
            self._flush(request, allowance)

    def _has_room(self) -> bool:
        """Whether a line can leave soon. During a pause none does, and none may wait for its end."""
        return self.context.granted(Capability.DIAGNOSTICS) and self.context.pending(Lane.CONTROL) < PENDING_BYTES

    def _flush(self, request: int, allowance: Allowance) -> None:
        if self.context.granted(Capability.DIAGNOSTICS):
            for lines in allowance.take(request):
                self.context.send(lines)


def fits(line: LogLine, message: LogFollow) -> bool:
    """Whether a line passes the technician's filters. One whose urgency is not known passes."""
    return (
        line.priority <= message.priority
        and message.text.casefold() in line.text.casefold()
        and (not message.unit or line.unit in (message.unit, f"{message.unit}.service", message.unit.removesuffix(".service")))
    )
