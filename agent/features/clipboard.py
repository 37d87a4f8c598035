"""The clipboard for a technician: what they put there, and what they may read, each granted alone.

Contents are never written into the record; direction, kind and size are. Nothing that a password manager marked as a secret is
read, and what the technician put there is not sent back to them.
"""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from typing import ClassVar, Final, TypeVar

from agent.backends.base import DisplayLost
from agent.backends.clipboard import Clipboard, open_clipboard
from agent.features.base import Feature, FeatureContext
from protocol.capabilities import Capability
from protocol.errors import HandrailError, RefusalReason, Refused
from protocol.messages import Message
from protocol.messages.clipboard import (
    PART_BYTES,
    ClipboardChanged,
    ClipboardGet,
    ClipboardPart,
    ClipboardPut,
    ClipboardSet,
    ClipboardStored,
    ClipboardTaken,
    ClipboardWatch,
    most_bytes,
)
from protocol.transfer import Arrival, BulkPacer

T = TypeVar("T")
MOST_PENDING: Final = 4
SETTLE_SECONDS: Final = 0.1
PNG: Final = b"\x89PNG\r\n\x1a\n"


@dataclass(slots=True)
class _Coming:
    """Contents that are on their way here."""

    first: ClipboardPut
    arrival: Arrival
    data: bytearray = field(default_factory=bytearray)


class ClipboardFeature(Feature):
    """Answers everything of `protocol.messages.clipboard`."""

    handles: ClassVar = (ClipboardWatch, ClipboardGet, ClipboardTaken, ClipboardPut)

    def __init__(self, context: FeatureContext) -> None:
        super().__init__(context)
        self._loop = asyncio.get_running_loop()
        self._threads = ThreadPoolExecutor(1, "clipboard calls")
        self._clipboard: Clipboard | None = None  # belongs to the thread
        self._telling: asyncio.Task[None] | None = None
        self._serial = 0
        self._changed = asyncio.Event()
        self._coming: dict[int, _Coming] = {}
        self._going: set[int] = set()
        self._pacer = BulkPacer()
        self._room = asyncio.Event()

    async def handle(self, message: Message) -> None:
        """See `Feature.handle`."""
        match message:
            case ClipboardWatch():
                await self._in_thread(self._opened)
                if self._telling is None:
                    self._telling = self.context.spawn(self._tell(), "telling of changes")
                self._changed.set()
            case ClipboardGet():
                if len(self._going) >= MOST_PENDING or message.request in self._going:
                    raise Refused("The clipboard is being read already.", reason=RefusalReason.BUSY)
                self._going.add(message.request)
                _ = self.context.spawn(self._send(message), "sending the clipboard")
            case ClipboardTaken(request=request, offset=offset):
                self._pacer.acked(request, offset, self._loop.time())
                self._room.set()
            case ClipboardPut():
                await self._take(message)
            case _:
                raise AssertionError(f"not a message of this feature: {type(message).__name__}")

    def capability_lost(self, capability: Capability) -> None:
        """Forget what was on its way."""
        if capability is Capability.CLIPBOARD_IN:
            self._coming.clear()
        elif capability is Capability.CLIPBOARD_OUT:
            if self._telling is not None:
                self._telling.cancel()
                self._telling = None
            self._room.set()

    def paused(self, paused: bool) -> None:
        """What is being sent ends: meanwhile nobody hears how much of it has come."""
        if paused:
            self._room.set()

    async def close(self) -> None:
        """Let go of the clipboard; what was put there goes with it."""
        closing = self._loop.run_in_executor(self._threads, self._let_go)
        self._threads.shutdown(wait=False)
        await asyncio.shield(closing)  # whoever does not wait that long does not keep it from being done

    async def _in_thread(self, call: Callable[..., T], *arguments: object) -> T:
        return await self._loop.run_in_executor(self._threads, call, *arguments)

    def _opened(self) -> Clipboard:
        """In the thread: the clipboard, opened when it is first needed."""
        if self._clipboard is None:
            self._clipboard = open_clipboard(self.context.settings.screen.display, self._on_change)
        return self._clipboard

    def _let_go(self) -> None:
        """In the thread: close what is open."""
        clipboard, self._clipboard = self._clipboard, None
        if clipboard is not None:
            clipboard.close()

    def _on_change(self) -> None:
        self.context.call_from_thread(self._changed.set)

    async def _asked(self, call: Callable[[Clipboard], T]) -> T:
        """Use the clipboard; one whose display went away is opened anew once."""

        def use() -> T:
            try:
                return call(self._opened())
            except DisplayLost:
                self._let_go()
                return call(self._opened())

        return await self._in_thread(use)

    # -- changes ------------------------------------------------------------------------------------------------------

    async def _tell(self) -> None:
        while True:
            await self._changed.wait()
            await asyncio.sleep(SETTLE_SECONDS)  # programs that own it anew several times at once are one change
            self._changed.clear()
            if not self.context.granted(Capability.CLIPBOARD_OUT):
                continue
            with suppress(HandrailError):  # nothing that can be had; the next change is told again
                offer = await self._asked(lambda clipboard: clipboard.offer())
                self._serial += 1
                kinds = [] if offer.concealed else list(offer.kinds)
                self.context.send(ClipboardChanged(self._serial, kinds, offer.concealed, offer.ours))

    # -- what leaves --------------------------------------------------------------------------------------------------

    async def _send(self, message: ClipboardGet) -> None:
        request = message.request
        try:
            data = await self._asked(lambda clipboard: clipboard.read(message.kind))
            if len(data) > most_bytes(message.kind):
                raise Refused("What is on the clipboard there is too large.", reason=RefusalReason.LIMIT)
            if not data:
                raise Refused("There is nothing on the clipboard there.", reason=RefusalReason.NOT_FOUND)
            self.context.audit("clipboard read", {"kind": message.kind, "size": len(data)})
            at = 0
            while at < len(data) and self.context.granted(Capability.CLIPBOARD_OUT):
                room = min(self._pacer.room, PART_BYTES)
                if not room:
                    self._room.clear()
                    await self._room.wait()
                    continue
                part = data[at : at + room]
                self._pacer.sent(request, at + len(part), len(part), self._loop.time())
                self.context.send(ClipboardPart(request, len(data), at, part))
                at += len(part)
            if at < len(data):
                raise Refused(
                    "Reading the clipboard there was paused or taken back before all of it was sent. Read it again.",
                    reason=RefusalReason.NOT_GRANTED,
                )
        except HandrailError as error:
            reason = error.reason if isinstance(error, Refused) else RefusalReason.UNSUPPORTED
            self.context.refuse(message, reason, str(error))
        finally:
            self._going.discard(request)
            self._pacer.forget(request)

    # -- what arrives -------------------------------------------------------------------------------------------------

    async def _take(self, part: ClipboardPut) -> None:
        coming = self._coming.get(part.request)
        if coming is None:
            if part.offset != 0:
                return  # of something that was given up
            if len(self._coming) >= MOST_PENDING:
                self._coming.pop(next(iter(self._coming)))  # an earlier one that its sender gave up
            if not 0 < part.size <= most_bytes(part.kind):
                raise Refused(f"That is more than a clipboard's {part.kind} may have.", reason=RefusalReason.LIMIT)
            coming = self._coming[part.request] = _Coming(part, Arrival(part.size, 0))
        try:
            if (part.size, part.kind) != (coming.first.size, coming.first.kind):
                raise Refused("Its size or kind changed on the way.", reason=RefusalReason.INVALID)
            coming.arrival.take(part.offset, len(part.data))
        except HandrailError:
            del self._coming[part.request]
            raise
        coming.data += part.data
        if not coming.arrival.complete:
            self.context.send(ClipboardStored(part.request, coming.arrival.offset))
            return
        del self._coming[part.request]
        await self._put(coming)

    async def _put(self, coming: _Coming) -> None:
        kind, data = coming.first.kind, bytes(coming.data)
        if kind == "text":
            try:
                data.decode()
            except UnicodeDecodeError as error:
                raise Refused("That is not text.", reason=RefusalReason.INVALID) from error
        elif not data.startswith(PNG):
            raise Refused("That is not a PNG image.", reason=RefusalReason.INVALID)
        self.context.audit("clipboard written", {"kind": kind, "size": len(data)})
        await self._asked(lambda clipboard: clipboard.write(kind, data))
        self.context.send(ClipboardSet(coming.first.request))
