"""Files between this computer and a device: one `Upload` or `Download` is one file, over as many sessions as it takes.

Where the bytes come from and go to is somebody else's (`Source`, `Sink`): a file here, or a browser. What is held in memory is
what is on its way and not acknowledged yet, a few megabytes at most. When a session is lost, `run` raises `SessionLost`; called
again with the session that goes on, the transfer goes on where the other side's bytes end, after both have compared their hash.
"""

import asyncio
import hashlib
import time
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Final, Protocol

from hostio.tasks import Supervisor
from protocol.errors import HandrailError, LocalProtocolError, RefusalReason, Refused, RemoteProtocolError, Unavailable
from protocol.messages import Lane, Message
from protocol.messages.files import (
    Conflict,
    FileChunk,
    FileEnd,
    FileEntries,
    FileEntry,
    FileFinish,
    FileFolder,
    FileGet,
    FileList,
    FilePiece,
    FilePut,
    FileReady,
    FileResult,
    FileStop,
    FileStored,
    FileTaken,
)
from protocol.messages.session import Refusal
from protocol.transfer import Arrival, BulkPacer, check_name
from technician_client.answers import SessionItem
from technician_client.errors import SessionLost
from technician_client.subscriptions import Subscription

if TYPE_CHECKING:
    from hashlib import _Hash

ITEMS: Final = 512
BACKLOG_BYTES: Final = 256 * 1024
WRITE_BYTES: Final = 512 * 1024
LOOK_AGAIN_SECONDS: Final = 0.02
HELD_SECONDS: Final = 1.0
BUSY_TRIES: Final = 30
MOST_LISTED: Final = 100_000


class Channel(Protocol):
    """What a transfer needs of a session (`technician_client.sessions.Session`)."""

    def send(self, message: Message) -> None:
        """See `Session.send`."""

    def next_request(self) -> int:
        """See `Session.next_request`."""

    def pending(self, lane: Lane) -> int:
        """See `Session.pending`."""

    def subscribe(
        self, *kinds: type[SessionItem], limit: int = 256, where: Callable[[SessionItem], bool] = ...
    ) -> Subscription[SessionItem]:
        """See `Session.subscribe`."""

    def loss(self) -> SessionLost:
        """See `Session.loss`."""


class Source(Protocol):
    """Where the bytes of an upload come from, first to last. `mtime` is seconds since 1970."""

    size: int
    mtime: float
    mode: int

    async def read(self, most: int) -> bytes:
        """The next bytes, at least one and at most so many; b"" only at the end.

        Raises:
            HandrailError: they cannot be had.
        """

    async def restart(self) -> bool:
        """Go back to the first byte; False: that cannot be done here."""


class Sink(Protocol):
    """Where the bytes of a download go, first to last."""

    async def write(self, data: bytes) -> None:
        """Take the next bytes; returns when there is room for more.

        Raises:
            HandrailError: they cannot be kept.
        """

    async def restart(self) -> bool:
        """Forget everything; False: that cannot be done here."""


class Transfer(ABC):
    """What both directions share. `done` of `size` bytes have arrived; `moved` counts those that were moved by this process."""

    def __init__(self, path: bytes) -> None:
        self.path = path
        self.size = 0
        self.done = 0
        self.moved = 0
        self.running = asyncio.Event()
        self.running.set()
        self.held = ""  # why the other side holds it back just now
        self.keep = True  # whether what has arrived stays when `run` is cancelled

    async def run(self, session: Channel) -> FileResult:
        """Move the file. The result is how it ended: done, exists, skipped, differs or failed.

        Raises:
            SessionLost: call it again with the session that goes on.
            Refused: by the person, policy or the device.
            HandrailError: the source or the sink failed.
        """
        busy = 0
        while True:
            result = await self._attempt(session)
            if result.outcome == "differs" and await self._restart():
                continue
            if result.outcome != "stopped":
                return result
            busy += result.reason is RefusalReason.BUSY
            if busy > BUSY_TRIES:
                raise Refused(result.text, reason=RefusalReason.BUSY)
            self.held = result.text or "held back"
            await asyncio.sleep(HELD_SECONDS)

    async def _attempt(self, session: Channel) -> FileResult:
        request = session.next_request()
        kinds = (FileReady, FileStored, FilePiece, FileEnd, FileResult, Refusal)
        mine = session.subscribe(*kinds, limit=ITEMS, where=lambda item: getattr(item, "request", None) == request)
        with mine as answers:
            try:
                return await self._move(session, request, answers)
            except LocalProtocolError as error:  # it ended while something was being said
                raise session.loss() from error
            except (asyncio.CancelledError, HandrailError):
                with suppress(LocalProtocolError):  # the session may be what is over
                    session.send(FileStop(request, self.keep))
                raise

    @abstractmethod
    async def _move(self, session: Channel, request: int, answers: Subscription[SessionItem]) -> FileResult:
        """One attempt, up to its result."""

    @abstractmethod
    async def _restart(self) -> bool:
        """Begin anew at the first byte after the beginnings differed; False: that is how it ends."""


async def next_answer(session: Channel, answers: Subscription[SessionItem]) -> Message:
    """The next answer to a transfer's request; a refusal that will pass is a `FileResult` "stopped".

    Raises:
        Refused: the request was turned down. SessionLost: the session ended first.
    """
    try:
        item = await anext(answers)
    except StopAsyncIteration:
        raise session.loss() from None
    if isinstance(item, Refusal):
        if item.reason in (RefusalReason.PAUSED, RefusalReason.BUSY):
            return FileResult(item.request, "stopped", reason=item.reason, text=item.text)
        raise Refused(item.text or f"refused: {item.reason.value}", reason=item.reason)
    assert isinstance(item, Message)
    return item


class Upload(Transfer):
    """A file that is put on the device."""

    def __init__(
        self,
        source: Source,
        path: bytes,
        *,
        pacer: BulkPacer,
        conflict: Conflict = "ask",
        parents: bool = False,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Args: pacer: shared by all uploads of a session."""
        super().__init__(path)
        self.size = source.size
        self.conflict = conflict
        self._source = source
        self._pacer = pacer
        self._parents = parents
        self._clock = clock
        self._fresh = False
        self._begin()

    def _begin(self) -> None:
        self._read_to = self.done = 0
        self._digest = hashlib.sha256()
        self._done_digest = hashlib.sha256()
        self._unanswered: deque[bytes] = deque()
        self._sent = b""

    async def _restart(self) -> bool:
        if self._fresh or not await self._source.restart():
            return False
        self._fresh = True
        self._begin()
        return True

    async def _move(self, session: Channel, request: int, answers: Subscription[SessionItem]) -> FileResult:
        source, fresh = self._source, self._fresh
        session.send(
            FilePut(request, self.path, self.size, source.mtime, source.mode, self.conflict, fresh, self._parents, self._sent)
        )
        first = await next_answer(session, answers)
        if isinstance(first, FileResult):
            return first
        if not isinstance(first, FileReady):
            raise RemoteProtocolError("the device answered a file with something else")
        if not await self._align(first):
            session.send(FileStop(request, keep=False))
            return FileResult(request, "differs", self.path, text="What is there of it is not its beginning.")
        self.held = ""
        news = asyncio.Event()
        ended: list[FileResult | HandrailError] = []

        async def listen() -> None:
            try:
                while not ended:
                    answer = await next_answer(session, answers)
                    if isinstance(answer, FileStored):
                        self._stored(request, answer.offset)
                    elif isinstance(answer, FileResult):
                        ended.append(answer)
                    news.set()
            except HandrailError as error:
                ended.append(error)
                news.set()

        try:
            async with Supervisor() as tasks:
                _ = tasks.spawn(listen(), "answers to an upload")
                await self._send(session, request, news, ended)
                while not ended:
                    news.clear()
                    await news.wait()
        finally:
            self._pacer.forget(request)
        if isinstance(ended[0], HandrailError):
            raise ended[0]
        return ended[0]

    async def _align(self, ready: FileReady) -> bool:
        """Go to where the device's bytes end. False: they are not the beginning of this file, or end before what is here."""
        offset = ready.offset
        if offset > self.size or offset < self.done:
            return False
        while self._read_to < offset:
            self._unanswered.append(await self._read(min(64 * 1024, offset - self._read_to)))
            self._answered(min(self._read_to, offset))
        self._answered(offset)
        return offset == 0 or self._done_digest.digest() == ready.prefix

    async def _read(self, most: int) -> bytes:
        data = await self._source.read(most)
        if not data:
            raise Unavailable("The file became shorter while it was sent. Send it again.")
        self._digest.update(data)
        self._read_to += len(data)
        return data

    def _answered(self, offset: int) -> None:
        """The device has everything before `offset`."""
        while self.done < offset:
            data = self._unanswered.popleft()
            if len(data) > offset - self.done:
                self._unanswered.appendleft(data[offset - self.done :])
                data = data[: offset - self.done]
            self._done_digest.update(data)
            self.done += len(data)

    def _stored(self, request: int, offset: int) -> None:
        if offset > self._read_to:
            raise RemoteProtocolError("the device says that it has more than it was sent")
        self.moved += max(0, offset - self.done)
        self._answered(offset)
        self._pacer.acked(request, offset, self._clock())

    async def _send(self, session: Channel, request: int, news: asyncio.Event, ended: list[FileResult | HandrailError]) -> None:
        again = deque(self._unanswered)
        at = self.done
        while at < self.size and not ended:
            await self.running.wait()
            news.clear()
            room = self._pacer.room
            if not room or session.pending(Lane.BULK) > BACKLOG_BYTES:
                with suppress(TimeoutError):
                    # Room that other transfers make, or the lane, is not told of here.
                    async with asyncio.timeout(LOOK_AGAIN_SECONDS):
                        await news.wait()
                continue
            if again:
                data = again.popleft()
            else:
                data = await self._read(min(room, self.size - at))
                self._unanswered.append(data)
                if ended:
                    return
            at += len(data)
            self._pacer.sent(request, at, len(data), self._clock())
            session.send(FileChunk(request, at - len(data), data))
        if not ended:
            self._sent = self._digest.digest()
            session.send(FileFinish(request, self._sent))


class Download(Transfer):
    """A file that is taken from the device."""

    def __init__(
        self,
        path: bytes,
        sink: Sink,
        *,
        on_ready: Callable[[FileReady], None] = lambda _: None,
        here: int = 0,
        digest: "_Hash | None" = None,
    ) -> None:
        """Args: on_ready: told size, mode and time before the first byte. here, digest: what the sink has already."""
        super().__init__(path)
        self._sink = sink
        self._on_ready = on_ready
        self.done = here
        self._digest = digest if digest is not None else hashlib.sha256()
        self.mtime, self.mode = 0.0, 0o644

    @property
    def sha256(self) -> bytes:
        """Of what has been taken so far."""
        return self._digest.digest()

    async def _restart(self) -> bool:
        if not self.done or not await self._sink.restart():
            return False
        self.done, self.size, self._digest = 0, 0, hashlib.sha256()
        return True

    async def _move(self, session: Channel, request: int, answers: Subscription[SessionItem]) -> FileResult:
        session.send(FileGet(request, self.path, self.done, self.sha256 if self.done else b""))
        ready = await next_answer(session, answers)
        if isinstance(ready, FileResult):
            return ready
        if not isinstance(ready, FileReady) or ready.offset != self.done:
            raise RemoteProtocolError("the device began a file elsewhere than it was asked to")
        arrival = Arrival(ready.size, ready.offset)
        self.size, self.mtime, self.mode, self.held = ready.size, ready.mtime, ready.mode, ""
        self._on_ready(ready)
        while True:
            answer = await next_answer(session, answers)
            await self.running.wait()
            match answer:
                case FilePiece():
                    data = _joined(answer, answers, arrival)
                    await self._sink.write(data)
                    self._digest.update(data)
                    self.done += len(data)
                    self.moved += len(data)
                    session.send(FileTaken(request, self.done))
                case FileEnd(sha256=sha256):
                    arrival.demand_complete()
                    if sha256 != self.sha256:
                        # Not begun anew by itself: the sink may have passed it on already.
                        raise RemoteProtocolError("what arrived is not what was sent: the hashes differ. Take it again.")
                    return FileResult(request, "done", self.path, self.size, sha256)
                case FileResult():
                    return answer
                case _:
                    raise RemoteProtocolError("the device answered a file with something else")


def _joined(first: FilePiece, answers: Subscription[SessionItem], arrival: Arrival) -> bytes:
    """The bytes of a piece and of those that have come behind it already: written and answered in one go they cost less.

    Raises:
        RemoteProtocolError, LimitExceeded: as `Arrival.take`.
    """
    parts: list[bytes] = []
    size = 0
    piece: FilePiece | None = first
    while piece is not None:
        arrival.take(piece.offset, len(piece.data))
        parts.append(piece.data)
        size += len(piece.data)
        piece = answers.waiting(FilePiece) if size < WRITE_BYTES else None
    return b"".join(parts)


# -- folders ----------------------------------------------------------------------------------------------------------


async def list_folder(session: Channel, path: bytes, after: bytes = b"") -> FileEntries:
    """One page of a folder; names are checked before anybody sees them.

    Raises:
        Refused, SessionLost: as `next_answer`. RemoteProtocolError: the answer cannot be.
    """
    request = session.next_request()
    with session.subscribe(
        FileEntries, Refusal, limit=4, where=lambda item: getattr(item, "request", None) == request
    ) as answers:
        session.send(FileList(request, path, after))
        answer = await next_answer(session, answers)
    if isinstance(answer, FileResult):
        raise Refused(answer.text, reason=answer.reason or RefusalReason.BUSY)
    if not isinstance(answer, FileEntries):
        raise RemoteProtocolError("the device answered a folder with something else")
    before = after
    for entry in answer.entries:
        check_name(entry.name)
        if entry.name <= before:
            raise RemoteProtocolError("the device lists names out of order")
        before = entry.name
    return answer


async def list_whole(session: Channel, path: bytes) -> list[FileEntry]:
    """Every entry of a folder. Raises as `list_folder`; RemoteProtocolError: more than can be."""
    found: list[FileEntry] = []
    after = b""
    while True:
        page = await list_folder(session, path, after)
        found += page.entries
        if not page.more or not page.entries:
            return found
        if len(found) > MOST_LISTED:
            raise Refused(f"A folder of more than {MOST_LISTED} names is not listed.", reason=RefusalReason.LIMIT)
        after = page.entries[-1].name


async def make_folder(session: Channel, path: bytes) -> None:
    """Make a folder on the device, and those above it. Raises as `next_answer`."""
    request = session.next_request()
    with session.subscribe(FileResult, Refusal, limit=4, where=lambda item: getattr(item, "request", None) == request) as answers:
        session.send(FileFolder(request, path))
        answer = await next_answer(session, answers)
    if isinstance(answer, FileResult) and answer.outcome != "done":
        raise Refused(answer.text or "The folder could not be made.", reason=answer.reason or RefusalReason.INVALID)
