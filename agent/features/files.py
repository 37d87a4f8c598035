"""Files: the folders of this user, what is put there and what is taken from there.

Every transfer has a thread of its own, so that a slow disk holds up neither the session nor another transfer. What arrives lies
under a name of its own until all of it is there and its hash is right. The record names each file, its size and its hash before
it is moved into place, and what is asked for before its first byte leaves.
"""

import asyncio
import hashlib
import os
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Final, Literal, TypeVar

from agent.account_thread import AccountThread
from agent.backends.folders import ReadableFile, SharedFolders, WritableFile
from agent.backends.users import Account, session_account
from agent.features.base import Feature, FeatureContext
from protocol.capabilities import Capability
from protocol.errors import HandrailError, RefusalReason, Refused, RemoteProtocolError, Unavailable
from protocol.messages import Lane, Message
from protocol.messages.files import (
    FileChunk,
    FileEnd,
    FileEntries,
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
from protocol.transfer import MOST_WINDOW, Arrival, BulkPacer, shown, split_path

if TYPE_CHECKING:
    from hashlib import _Hash

T = TypeVar("T")
Outcome = Literal["done", "exists", "skipped", "differs", "stopped", "failed"]
MOST_TRANSFERS: Final = 8
MOST_LOOKS: Final = 16
BACKLOG_BYTES: Final = 256 * 1024
BLOCK_BYTES: Final = 1024 * 1024  # what is read or written in one go: going to a thread and back costs as much as 64 KiB do
LOOK_AGAIN_SECONDS: Final = 0.02
SHOWN_CHARACTERS: Final = 300
LATEST: Final = 2.0**33
MOST_PLACES: Final = 256


@dataclass(slots=True)
class _Put:
    """A file that arrives. `task` prepares it, and `file` is None until it has; `waiting` is what has come and is not written
    yet, `writer` writes it; `room` is set while there is room for more."""

    message: FilePut
    folders: SharedFolders
    threads: AccountThread
    task: "asyncio.Task[None] | None" = None
    file: WritableFile | None = None
    arrival: Arrival | None = None
    waiting: list[bytes] = field(default_factory=list)
    waiting_bytes: int = 0
    writer: "asyncio.Task[None] | None" = None
    room: asyncio.Event = field(default_factory=asyncio.Event)


@dataclass(slots=True)
class _Get:
    """A file that leaves. `task` sends it; it stays here until everything was taken."""

    message: FileGet
    folders: SharedFolders
    threads: AccountThread
    file: ReadableFile | None = None
    task: "asyncio.Task[None] | None" = None
    sent: bool = False


class PutInPlace:
    """What one session has moved into place, so that a technician whose connection broke before they were told can ask: kept over
    the cut. Of files that somebody else put there nothing is said, or a hash could be tried on any of them."""

    needs: ClassVar = frozenset({Capability.FILES_IN})

    def __init__(self) -> None:
        self._places: dict[tuple[bytes, int, bytes], bytes] = {}

    def end(self, why: str) -> None:  # noqa: ARG002 - the same for every reason
        """See `agent.keeping.Keepsake`."""
        self._places.clear()

    def note(self, asked: FilePut, sha256: bytes, path: bytes) -> None:
        """What was put for this request lies at `path`."""
        self._places.pop((asked.path, asked.size, sha256), None)
        while len(self._places) >= MOST_PLACES:
            del self._places[next(iter(self._places))]
        self._places[asked.path, asked.size, sha256] = path

    def place(self, asked: FilePut) -> bytes | None:
        """Where it lies; None when this session put nothing of the kind there."""
        return self._places.get((asked.path, asked.size, asked.sent))


class FilesFeature(Feature):
    """Answers everything of `protocol.messages.files`."""

    handles: ClassVar = (FileList, FileFolder, FilePut, FileGet, FileChunk, FileTaken, FileFinish, FileStop)

    def __init__(self, context: FeatureContext) -> None:
        super().__init__(context)
        self._puts: dict[int, _Put] = {}
        self._gets: dict[int, _Get] = {}
        self._pacer = BulkPacer()
        self._room = asyncio.Event()
        self._looking: dict[Account, AccountThread] = {}
        self._looks: set[asyncio.Task[None]] = set()
        self._closing: set[asyncio.Future[None]] = set()
        self._loop = asyncio.get_running_loop()

    # -- messages -----------------------------------------------------------------------------------------------------

    async def handle(self, message: Message) -> None:
        """See `Feature.handle`."""
        if isinstance(message, FileList | FileFolder | FilePut | FileGet):
            account = await asyncio.to_thread(self._account)  # the directory of a company's accounts may be slow to answer
            if not self.context.granted(message.CAPABILITY):
                return  # revoked or paused meanwhile: they have been told of that
            self._begin(message, account)
            return
        match message:
            case FileChunk():
                await self._take(message)
            case FileTaken(request=request, offset=offset):
                self._taken(request, offset)
            case FileFinish():
                self._finish(message)
            case FileStop(request=request, keep=keep):
                self._stop(request, keep=keep)
            case _:
                raise AssertionError(f"not a message of this feature: {type(message).__name__}")

    def _begin(self, message: FileList | FileFolder | FilePut | FileGet, account: Account) -> None:
        match message:
            case FileList() | FileFolder():
                if len(self._looks) >= MOST_LOOKS:
                    raise Refused(f"{MOST_LOOKS} folders are being looked into. Ask again.", reason=RefusalReason.BUSY)
                threads = self._looking.get(account)
                if threads is None:
                    threads = self._looking[account] = AccountThread(account)
                look = self.context.spawn(self._answered(message, self._folders(account), threads), "look into a folder")
                self._looks.add(look)
                look.add_done_callback(self._looks.discard)
            case FilePut():
                self._demand_number(message)
                put = self._puts[message.request] = _Put(message, self._folders(account), AccountThread(account))
                put.task = self.context.spawn(self._begin_put(put), "prepare a file")
            case FileGet():
                self._demand_number(message)
                get = self._gets[message.request] = _Get(message, self._folders(account), AccountThread(account))
                get.task = self.context.spawn(self._send(get), "send a file")

    def capability_lost(self, capability: Capability) -> None:
        """What is not allowed any more ends; of what arrived by halves nothing stays."""
        text = "It was taken back by the person at the computer, by policy or by time."
        if capability is Capability.FILES_IN:
            self._end_puts(RefusalReason.NOT_GRANTED, text, keep=False)
        elif capability is Capability.FILES_OUT:
            self._end_gets(RefusalReason.NOT_GRANTED, text)

    def paused(self, paused: bool) -> None:
        """Transfers end for now; what has arrived is kept and gone on with by a new request."""
        if paused:
            self._end_puts(RefusalReason.PAUSED, "The session is paused.", keep=True)
            self._end_gets(RefusalReason.PAUSED, "The session is paused.")

    async def close(self) -> None:
        """Keep what has arrived, for a session that goes on."""
        for put in self._puts.values():
            self._close_put(put, keep=True)
        for get in self._gets.values():
            self._close_get(get)
        self._puts.clear()
        self._gets.clear()
        for threads in self._looking.values():
            threads.drop()
        if self._closing:
            await asyncio.wait(self._closing)

    # -- folders ------------------------------------------------------------------------------------------------------

    def _account(self) -> Account:
        """Whose files they are.

        Raises:
            Refused: nobody's; the text says what can be done.
        """
        settings = self.context.settings.files
        if not settings.enabled:
            raise Refused("Files are not moved to or from this computer (files.enabled).", reason=RefusalReason.POLICY)
        account = session_account(settings.user)
        if account is None:
            text = "Nobody is logged in at this computer, so there are no files to share. Wait until somebody is."
            raise Refused(text, reason=RefusalReason.UNSUPPORTED)
        if account.uid == 0 and not settings.user:
            # Who may write there is the administrator, and that was not what the person said yes to.
            text = "The person at this computer is logged in as the administrator, whose files are not shared (files.user)."
            raise Refused(text, reason=RefusalReason.POLICY)
        return account

    def _folders(self, account: Account) -> SharedFolders:
        home = Path.home() if account.uid == os.geteuid() else account.home
        return SharedFolders(home, self.context.rules.files_folders, self.context.settings.home, account.uid)

    async def _in(self, threads: AccountThread, call: Callable[..., T], *arguments: Any) -> T:
        return await threads.run(call, *arguments)

    async def _answered(self, message: FileList | FileFolder, folders: SharedFolders, threads: AccountThread) -> None:
        try:
            parts = split_path(message.path)
            if isinstance(message, FileList):
                found, more, free = await self._in(threads, folders.entries, parts, message.after)
                self.context.send(FileEntries(message.request, message.path, found, more, free))
            else:
                self.context.audit("folder made", {"path": _shown(message.path)})
                await self._in(threads, folders.make, parts)
                self.context.send(FileResult(message.request, "done", message.path))
        except HandrailError as error:
            self._refuse(message, error)

    def _refuse(self, message: Message, error: HandrailError) -> None:
        reason = error.reason if isinstance(error, Refused) else RefusalReason.UNSUPPORTED
        self.context.refuse(message, reason, str(error))

    def _demand_number(self, message: FilePut | FileGet) -> None:
        if message.request in self._puts or message.request in self._gets:
            raise Refused("This request number is in use by a transfer that runs.", reason=RefusalReason.INVALID)
        if len(self._puts) + len(self._gets) >= MOST_TRANSFERS:
            raise Refused(f"{MOST_TRANSFERS} transfers at once are the most. Wait for one to end.", reason=RefusalReason.BUSY)

    # -- what arrives -------------------------------------------------------------------------------------------------

    async def _begin_put(self, put: _Put) -> None:
        message = put.message
        try:
            if self._closing:
                await asyncio.wait(self._closing)  # it may be this very file that is being let go of
            parts = split_path(message.path)
            placed = self._in_place().place(message) if message.sent else None
            if placed is not None and await self._in(
                put.threads, self._lies_there, put.folders, split_path(placed), message.size, message.sent
            ):
                self._forget_put(put, keep=True)
                self.context.send(FileResult(message.request, "done", placed, message.size, message.sent))
                return
            there = await self._in(put.threads, self._prepare, put, parts)
        except HandrailError as error:
            self._forget_put(put)
            self._refuse(message, error)
            return
        if there is not None:
            self._forget_put(put)
            self.context.send(FileResult(message.request, there, message.path, text="Something of this name is there already."))
            return
        if self._puts.get(message.request) is not put or put.file is None:
            return  # stopped meanwhile
        put.arrival = Arrival(message.size, put.file.offset)
        prefix = put.file.digest.digest() if put.file.offset else b""
        self.context.send(FileReady(message.request, message.size, put.file.offset, prefix, message.mtime, message.mode))

    def _prepare(self, put: _Put, parts: tuple[bytes, ...]) -> Literal["exists", "skipped"] | None:
        """In the transfer's thread, where whoever ends the transfer finds the file as soon as there is one."""
        message = put.message
        who = self.context.identity.fingerprint
        key = hashlib.sha256(b"\0".join((who, message.path, b"%d" % message.size))).hexdigest()[:24]
        found = put.folders.put(parts, message.size, key, message.conflict, fresh=message.fresh, parents=message.parents)
        if not isinstance(found, WritableFile):
            return found
        put.file = found
        return None

    def _in_place(self) -> PutInPlace:
        kept = self.context.kept.of(PutInPlace)
        if not kept:
            kept = [PutInPlace()]
            self.context.kept.add(kept[0])
        return kept[0]

    def _lies_there(self, folders: SharedFolders, parts: tuple[bytes, ...], size: int, sha256: bytes) -> bool:
        """It was moved into place, and only the word of that was lost."""
        try:
            file = folders.read(parts)
        except Refused:
            return False
        try:
            return file.size == size and file.prefix(size).digest() == sha256
        finally:
            file.close()

    async def _take(self, chunk: FileChunk) -> None:
        put = self._puts.get(chunk.request)
        if put is None or put.file is None or put.arrival is None:
            return  # it ended, and they have been told; these were on their way
        try:
            put.arrival.take(chunk.offset, len(chunk.data))
        except RemoteProtocolError as error:
            self._fail_put(put, RefusalReason.INVALID, str(error), keep=False)
            return
        put.waiting.append(chunk.data)
        put.waiting_bytes += len(chunk.data)
        if put.writer is None:
            put.writer = self.context.spawn(self._store(put, put.file), "write a file")
        while put.waiting_bytes > MOST_WINDOW and self._puts.get(chunk.request) is put:
            # More than anybody who paces himself sends: it waits where it comes from.
            put.room.clear()
            await put.room.wait()

    async def _store(self, put: _Put, file: WritableFile) -> None:
        """Write what waits, all of it at once, until nothing does; each time say how far it has come."""
        request = put.message.request
        try:
            while put.waiting and self._puts.get(request) is put:
                pieces, put.waiting, put.waiting_bytes = put.waiting, [], 0
                put.room.set()
                await self._in(put.threads, file.write, pieces[0] if len(pieces) == 1 else b"".join(pieces))
                if self._puts.get(request) is put:
                    self.context.send(FileStored(request, file.offset))
        except HandrailError as error:
            self._fail_put(put, RefusalReason.LIMIT, str(error), keep=True)
        finally:
            put.writer = None

    def _finish(self, message: FileFinish) -> None:
        put = self._puts.get(message.request)
        if put is not None and put.file is not None:
            _ = self.context.spawn(self._complete(put, message.sha256), "move a file into place")

    async def _complete(self, put: _Put, sha256: bytes) -> None:
        assert put.file is not None
        assert put.arrival is not None
        if put.writer is not None:
            await asyncio.wait([put.writer])
        if self._puts.get(put.message.request) is not put:
            return  # ended meanwhile, and they have been told
        message, found = put.message, put.file.digest.digest()
        try:
            put.arrival.demand_complete()
            if found != sha256:
                raise RemoteProtocolError("what arrived is not what was sent: the hashes differ")
            detail: dict[str, str | int | bool] = {"path": _shown(message.path), "size": message.size, "sha256": sha256.hex()}
            self.context.audit("file received", detail)
            mtime = message.mtime if 0 < message.mtime < LATEST else time.time()
            # Before it is moved: the connection may break while it is, and then nobody is here to note it.
            self._in_place().note(message, sha256, message.path)
            path = await self._in(put.threads, put.file.finish, message.mode, mtime)
            self._in_place().note(message, sha256, path)
        except RemoteProtocolError as error:
            self._forget_put(put)
            outcome: Outcome = "differs" if found != sha256 and put.arrival.complete else "failed"
            self.context.send(FileResult(message.request, outcome, message.path, reason=RefusalReason.INVALID, text=str(error)))
        except HandrailError as error:
            self._fail_put(put, RefusalReason.LIMIT, str(error), keep=True)
        else:
            self._forget_put(put, keep=True)
            self.context.send(FileResult(message.request, "done", path, message.size, sha256))

    def _fail_put(self, put: _Put, reason: RefusalReason, text: str, *, keep: bool) -> None:
        if self._puts.get(put.message.request) is put:
            self._forget_put(put, keep=keep)
            self.context.send(FileResult(put.message.request, "failed", put.message.path, reason=reason, text=text))

    def _forget_put(self, put: _Put, *, keep: bool = False) -> None:
        self._puts.pop(put.message.request, None)
        put.room.set()
        if put.task is not None and put.task is not asyncio.current_task():
            put.task.cancel()
        self._close_put(put, keep=keep)

    def _close_put(self, put: _Put, *, keep: bool) -> None:
        """In the transfer's own thread, behind whatever it is writing. What is kept is all that has arrived."""
        waiting = b"".join(put.waiting) if keep else b""
        put.waiting.clear()

        def close() -> None:
            if put.file is None:
                return
            if not keep:
                put.file.discard()
            with suppress(HandrailError):  # a full disk: what was written before is kept
                put.file.write(waiting)
            put.file.close()

        self._closed(put.threads, close)

    def _end_puts(self, reason: RefusalReason, text: str, *, keep: bool) -> None:
        for put in list(self._puts.values()):
            self._forget_put(put, keep=keep)
            outcome: Outcome = "stopped" if reason is RefusalReason.PAUSED else "failed"
            self.context.send(FileResult(put.message.request, outcome, put.message.path, reason=reason, text=text))

    # -- what leaves --------------------------------------------------------------------------------------------------

    async def _send(self, get: _Get) -> None:
        message = get.message
        try:
            file = await self._in(get.threads, self._open, get, split_path(message.path))
            digest = await self._in(get.threads, file.prefix, message.offset)
            if message.offset > file.size or (message.offset and digest.digest() != message.prefix):
                self._end_get(get, "differs", None, "The file there is another one than the one that was begun.")
                return
            self.context.audit("file asked for", {"path": _shown(message.path), "size": file.size})
            self.context.send(FileReady(message.request, file.size, message.offset, b"", file.mtime, file.mode))
            at = message.offset
            block = memoryview(b"")
            while at < file.size:
                size = await self._may_send()
                if not block:
                    block = memoryview(await self._in(get.threads, _next_block, file, at, digest))
                data, block = bytes(block[:size]), block[size:]
                at += len(data)
                # Counted before it leaves, so that its answer finds it.
                self._pacer.sent(message.request, at, len(data), self._loop.time())
                self.context.send(FilePiece(message.request, at - len(data), data))
            if file.changed:
                raise Unavailable("The file was changed while it was read. Take it again.")
            self.context.audit("file sent", {"path": _shown(message.path), "size": at, "sha256": digest.hexdigest()})
            self.context.send(FileEnd(message.request, digest.digest()))
            get.sent = True
            if not file.size or at == message.offset:
                self._forget_get(get)
        except Refused as error:
            self._forget_get(get)
            self._refuse(message, error)
        except HandrailError as error:
            self._end_get(get, "failed", RefusalReason.LIMIT, str(error))

    def _open(self, get: _Get, parts: tuple[bytes, ...]) -> ReadableFile:
        get.file = get.folders.read(parts)
        return get.file

    async def _may_send(self) -> int:
        """How many bytes may leave now; waits until some may."""
        while not (size := self._pacer.room) or self.context.pending(Lane.BULK) > BACKLOG_BYTES:
            self._room.clear()
            with suppress(TimeoutError):
                # What else fills the lane does not tell when it has gone.
                async with asyncio.timeout(LOOK_AGAIN_SECONDS if size else None):
                    await self._room.wait()
        return size

    def _taken(self, request: int, offset: int) -> None:
        self._pacer.acked(request, offset, self._loop.time())
        self._room.set()
        get = self._gets.get(request)
        if get is not None and get.sent and get.file is not None and offset >= get.file.size:
            self._forget_get(get)

    def _stop(self, request: int, *, keep: bool) -> None:
        put, get = self._puts.get(request), self._gets.get(request)
        if put is not None:
            self._forget_put(put, keep=keep)
        if get is not None:
            self._forget_get(get)

    def _end_get(self, get: _Get, outcome: Outcome, reason: RefusalReason | None, text: str) -> None:
        self._forget_get(get)
        self.context.send(FileResult(get.message.request, outcome, get.message.path, reason=reason, text=text))

    def _end_gets(self, reason: RefusalReason, text: str) -> None:
        for get in list(self._gets.values()):
            self._end_get(get, "stopped" if reason is RefusalReason.PAUSED else "failed", reason, text)

    def _forget_get(self, get: _Get) -> None:
        self._gets.pop(get.message.request, None)
        self._pacer.forget(get.message.request)
        self._room.set()
        if get.task is not None and get.task is not asyncio.current_task():
            get.task.cancel()
        self._close_get(get)

    def _close_get(self, get: _Get) -> None:
        def close() -> None:
            if get.file is not None:
                get.file.close()
                get.file = None

        self._closed(get.threads, close)

    def _closed(self, threads: AccountThread, close: Callable[[], None]) -> None:
        closing = threads.last(close)
        self._closing.add(closing)
        closing.add_done_callback(self._closing.discard)


def _next_block(file: ReadableFile, at: int, digest: "_Hash") -> bytes:
    """In the transfer's thread: the next bytes of a file, counted into its hash."""
    data = file.read(at, min(BLOCK_BYTES, file.size - at))
    digest.update(data)
    return data


def _shown(path: bytes) -> str:
    """A path for the record; of a long one its end."""
    text = shown(path)
    return text if len(text) <= SHOWN_CHARACTERS else f"…{text[1 - SHOWN_CHARACTERS :]}"
