"""A folder of a device as one archive, file by file, over as many sessions as it takes.

First the folders are looked through, then the files come, each compared by its hash as any file that is taken. Nothing of the
archive is kept here: a slow reader holds the device back. What cannot be taken is left out, counted, and named in the archive.
"""

import asyncio
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from protocol.errors import RefusalReason, Refused
from protocol.messages.files import PATH_BYTES, FileEntry, FileReady, FileResult
from protocol.transfer import split_path
from technician_client.transfers import BUSY_TRIES, HELD_SECONDS, Channel, Download, Sink, list_whole
from technician_client.zipping import Names, ZipWriter, plain_name

MOST_ENTRIES: Final = 50_000
MOST_NAME_BYTES: Final = 16 * 1024 * 1024
MOST_NAMED: Final = 200
MISSING: Final = b"not in this archive.txt"
_HEADING: Final = "These were in the folder and are not in this archive:"
_ABOUT_ONE: Final = frozenset(
    {
        RefusalReason.NOT_FOUND,
        RefusalReason.NEEDS_ROOT,
        RefusalReason.INVALID,
        RefusalReason.POLICY,
        RefusalReason.UNSUPPORTED,
    }
)
"""What is refused for these reasons is one file's matter; for any other, nothing else would be allowed either."""


@dataclass(frozen=True, slots=True)
class _Found:
    """A file, or a folder with nothing in it: where it lies there, and its name in the archive."""

    path: bytes
    name: str
    size: int
    mtime: float
    folder: bool


class _Entry:
    """One file's way into the archive, as `transfers.Sink`. Nothing of it stands there before the device has begun to send it."""

    def __init__(self, archive: ZipWriter, sink: Sink, found: _Found) -> None:
        self._archive, self._sink, self._found = archive, sink, found
        self._head = b""
        self.begun = False

    def ready(self, said: FileReady) -> None:
        """The device sends it, for the first time or again."""
        if not self.begun:
            self.begun = True
            self._head = self._archive.begin(self._found.name, said.size, self._found.mtime)

    async def write(self, data: bytes) -> None:
        """See `Sink`."""
        head, self._head = self._head, b""
        await self._sink.write(head + self._archive.write(data))

    async def restart(self) -> bool:
        """See `Sink`: what was passed on cannot be taken back."""
        return False

    async def end(self) -> None:
        """All of it came, and is right."""
        await self._sink.write(self._head + self._archive.end())


class FolderDownload:
    """Everything below `path`, as one ZIP archive into `sink`. Of the interface of `transfers.Transfer` it has what shows how far
    it is and what pauses it; `size` is what the folders said and `done` what has come, names and directory of the archive aside.
    """

    def __init__(self, path: bytes, sink: Sink, *, on_ready: Callable[[], None] = lambda: None) -> None:
        """Args: on_ready: told once the folder turned out to be one that can be looked into.

        Raises:
            Refused: that is no path.
        """
        split_path(path)
        self.path = path
        self.size = 0
        self.running = asyncio.Event()
        self.running.set()
        self.keep = True
        self.counted = 0
        self._sink = sink
        self._on_ready = on_ready
        self._archive = ZipWriter()
        self._top = plain_name(path.rpartition(b"/")[2] or b"home")
        self._folders: list[tuple[bytes, str, float]] = [(path, self._top, 0.0)]
        self._files: deque[_Found] = deque()
        self._name_bytes = 0
        self._looked = False
        self._before = 0
        self._now: Download | None = None
        self._entry: _Entry | None = None
        self._left_out: list[str] = []
        self._left_out_count = 0
        self._busy = 0
        self._held = ""

    @property
    def held(self) -> str:
        """Why the other side holds it back just now."""
        return self._held or (self._now.held if self._now is not None else "")

    @property
    def done(self) -> int:
        """Bytes of files that have come."""
        return self._before + (self._now.done if self._now is not None else 0)

    @property
    def note(self) -> str:
        """What goes on beside moving bytes, for people."""
        return "" if self._looked else f"Looking through the folders: {self.counted} so far"

    async def run(self, session: Channel) -> FileResult:
        """Go on where it stands. The result is "done", with what was left out in its text; "differs": a file was changed while
        it was taken.

        Raises:
            SessionLost: call it again with the session that goes on.
            Refused: the folder itself cannot be taken. RemoteProtocolError: a file did not arrive as it was sent.
        """
        while self._folders:
            await self.running.wait()
            await self._look(session)
        self._looked = True
        while self._files:
            await self.running.wait()
            found = self._files[0]
            if found.folder:
                await self._sink.write(self._archive.folder(found.name, found.mtime))
            else:
                result = await self._take(session, found)
                if result is not None:
                    return result
            self._files.popleft()
        await self._finish()
        return FileResult(0, "done", self.path, self.done, text=self._missing())

    # -- looking through it -----------------------------------------------------------------------------------------

    async def _look(self, session: Channel) -> None:
        path, name, mtime = self._folders[-1]
        try:
            entries = await list_whole(session, path)
        except Refused as error:
            if error.reason in (RefusalReason.PAUSED, RefusalReason.BUSY):
                await self._wait(error)
                return
            if path == self.path or error.reason not in _ABOUT_ONE:
                raise
            entries = []
            self._leave_out(f"{name}/", str(error))
        self._held, self._busy = "", 0
        self._folders.pop()
        if path == self.path:
            self._on_ready()
        self._take_in(path, name, mtime, entries)

    async def _wait(self, error: Refused) -> None:
        self._busy += error.reason is RefusalReason.BUSY
        if self._busy > BUSY_TRIES:
            raise error
        self._held = str(error) or "held back"
        await asyncio.sleep(HELD_SECONDS)

    def _take_in(self, path: bytes, name: str, mtime: float, entries: list[FileEntry]) -> None:
        names = Names()
        if path == self.path:
            names.give(MISSING)
        if not entries:
            self._files.append(_Found(path, name, 0, mtime, True))
        inner: list[tuple[bytes, str, float]] = []
        for entry in entries:
            below = path + b"/" + entry.name if path else entry.name
            inside = f"{name}/{names.give(entry.name)}"
            self._count(below, inside)
            if entry.kind not in ("file", "folder"):
                self._leave_out(inside, "a link" if entry.kind == "link" else "no plain file")
            elif len(below) > PATH_BYTES:
                self._leave_out(inside, "its path is too long")
            elif entry.kind == "folder":
                inner.append((below, inside, entry.mtime))
            else:
                self.size += entry.size
                self._files.append(_Found(below, inside, entry.size, entry.mtime, False))
        self._folders += reversed(inner)

    def _count(self, path: bytes, name: str) -> None:
        self.counted += 1
        self._name_bytes += len(path) + len(name)
        if self.counted > MOST_ENTRIES or self._name_bytes > MOST_NAME_BYTES:
            raise Refused(
                f"There is too much in this folder for one archive ({MOST_ENTRIES} files and folders are the most). Take the "
                "folders in it one by one, or all of it by `handrail files get`.",
                reason=RefusalReason.LIMIT,
            )

    # -- taking it --------------------------------------------------------------------------------------------------

    async def _take(self, session: Channel, found: _Found) -> FileResult | None:
        """One file. None: the next one may come."""
        if self._now is None or self._entry is None:
            self._entry = _Entry(self._archive, self._sink, found)
            self._now = Download(found.path, self._entry, on_ready=self._entry.ready)
            self._now.running = self.running
        entry, download = self._entry, self._now
        try:
            result = await download.run(session)
        except Refused as error:
            if entry.begun or error.reason not in _ABOUT_ONE:
                raise
            result = FileResult(0, "failed", found.path, reason=error.reason, text=str(error))
        if result.outcome != "done" and (entry.begun or result.reason not in _ABOUT_ONE):
            return FileResult(0, result.outcome, found.path, reason=result.reason, text=f"{found.name}: {_why(result)}")
        if result.outcome == "done":
            await entry.end()
        else:
            self.size -= found.size
            self._leave_out(found.name, result.text)
        self._before += download.done
        self._now = self._entry = None
        return None

    def _leave_out(self, name: str, why: str) -> None:
        self._left_out_count += 1
        if len(self._left_out) < MOST_NAMED:
            self._left_out.append(f"{name}: {why}")

    # -- the end ----------------------------------------------------------------------------------------------------

    async def _finish(self) -> None:
        if self._left_out:
            more = self._left_out_count - len(self._left_out)
            lines = [*self._left_out, *([f"and {more} more"] if more else [])]
            data = "\r\n".join((_HEADING, "", *lines, "")).encode()
            archive = self._archive
            begun = archive.begin(f"{self._top}/{plain_name(MISSING)}", len(data), time.time())
            await self._sink.write(begun + archive.write(data) + archive.end())
        await self._sink.write(self._archive.close())

    def _missing(self) -> str:
        count = self._left_out_count
        if not count:
            return ""
        return f"{count} {'is' if count == 1 else 'are'} not in the archive (links, and what could not be read): it says which."


def _why(result: FileResult) -> str:
    if result.outcome == "differs":
        return "it was changed while it was taken. Take the folder again."
    return result.text or "it could not be taken."
