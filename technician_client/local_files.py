"""Files of this computer, as the source of an upload and the target of a download.

The names below the target folder come from the device and are as hostile as everything it says: each part is checked, opened
below the one before and never through a link, and a file is moved into place only when all of it is there. What blocks runs in a
thread.
"""

import asyncio
import hashlib
import os
import stat
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeVar

from hostio.private_files import PrivateFileError
from hostio.received_files import PartialFile, mode_of, step_into
from protocol.errors import RefusalReason, Refused, Unavailable
from protocol.messages.files import Conflict
from protocol.transfer import check_name, shown

READ_BYTES: Final = 1024 * 1024
T = TypeVar("T")


def local_error(path: "Path | bytes", error: OSError) -> PrivateFileError:
    """What this computer said about one of its files, for the technician."""
    name = shown(path) if isinstance(path, bytes) else str(path)
    return PrivateFileError(f"{name} here: {error.strerror or error}.")


@dataclass(frozen=True, slots=True)
class Found:
    """One thing to be sent: its path below what was named, and whether it is a folder."""

    path: Path
    below: bytes
    folder: bool


def found_below(top: Path) -> Iterator[Found]:
    """A file, or a folder and all that is in it, in order. Links and what is no plain file are left out.

    Raises:
        PrivateFileError: something cannot be read.
    """
    try:
        mode = top.stat().st_mode
        if stat.S_ISREG(mode):
            yield Found(top, b"", False)
            return
        yield Found(top, b"", True)
        yield from _inside(top, b"")
    except OSError as error:
        raise local_error(top, error) from error


def _inside(folder: Path, below: bytes) -> Iterator[Found]:
    with os.scandir(os.fsencode(folder)) as entries:
        found = sorted(entries, key=lambda entry: entry.name)
    for entry in found:
        path = Path(os.fsdecode(entry.path))
        inner = below + b"/" + entry.name if below else entry.name
        if entry.is_dir(follow_symlinks=False):
            yield Found(path, inner, True)
            yield from _inside(path, inner)
        elif entry.is_file(follow_symlinks=False):
            yield Found(path, inner, False)


class LocalSource:
    """A file here, as `transfers.Source`."""

    def __init__(self, path: Path) -> None:
        """Open it.

        Raises:
            PrivateFileError: it cannot be read, or is no plain file.
        """
        try:
            self._file = path.open("rb", buffering=0)
        except OSError as error:
            raise local_error(path, error) from error
        status = os.fstat(self._file.fileno())
        self.path, self.size, self.mtime = path, status.st_size, status.st_mtime
        self.mode = status.st_mode & 0o777
        self._ahead = memoryview(b"")  # read in one go, since going to a thread and back costs as much as a chunk does

    async def read(self, most: int) -> bytes:
        """See `Source`."""
        if not len(self._ahead):
            try:
                self._ahead = memoryview(await asyncio.to_thread(os.read, self._file.fileno(), READ_BYTES))
            except OSError as error:
                raise local_error(self.path, error) from error
        data, self._ahead = bytes(self._ahead[:most]), self._ahead[most:]
        return data

    async def restart(self) -> bool:
        """See `Source`."""
        self._ahead = memoryview(b"")
        self._file.seek(0)
        return True

    def close(self) -> None:
        """Let go of it."""
        self._file.close()


class LocalSink:
    """A file that arrives here, as `transfers.Sink`. `here` bytes of it are there from an earlier attempt; `digest` is theirs,
    and whoever has it arrive goes on with it.

    Make one with `open`, and `close` it.
    """

    def __init__(self, folder: int, parts: Sequence[bytes], key: str, conflict: Conflict) -> None:
        """Not for callers: use `open`. Takes over the descriptor of the folder that the file goes into."""
        self._parts = tuple(parts)
        self._file = PartialFile(folder, self._parts[-1], key, conflict, owner=os.geteuid())
        self.digest = self._file.digest

    @property
    def here(self) -> int:
        """How many bytes of it are there."""
        return self._file.offset

    @classmethod
    async def open(cls, top: Path, parts: Sequence[bytes], *, of: bytes, conflict: Conflict) -> "LocalSink | None":
        """Prepare `parts` below the folder `top`; None: the name is taken and `conflict` says to leave it. `of` says what file it
        is, so that an earlier attempt at the same one is gone on with.

        Raises:
            Refused: a part is no name, leads through a link, or the name is taken and `conflict` is "ask".
            PrivateFileError: the disk or its permissions.
        """
        return await asyncio.to_thread(cls._open, top, tuple(check_name(part) for part in parts), of, conflict)

    @classmethod
    def _open(cls, top: Path, parts: tuple[bytes, ...], of: bytes, conflict: Conflict) -> "LocalSink | None":
        key = hashlib.sha256(b"\0".join((of, *parts))).hexdigest()[:24]
        folder = open_below(top, parts[:-1])
        try:
            mode = mode_of(folder, parts[-1])
            if mode is not None and (stat.S_ISDIR(mode) or conflict == "ask"):
                what = "is a folder here" if stat.S_ISDIR(mode) else "is here already. Say --replace, --rename or --skip"
                raise Refused(f"{shown(parts[-1])} {what}.", reason=RefusalReason.INVALID)
            if mode is not None and conflict == "skip":
                return None
            return cls(os.dup(folder), parts, key, conflict)
        except OSError as error:
            raise local_error(parts[-1], error) from error
        finally:
            os.close(folder)

    def demand_room(self, size: int) -> None:
        """Raises:
        Unavailable: there is not enough room for a file of `size` bytes.
        """
        problem = self._named(self._file.missing_room, size)
        if problem:
            raise Unavailable(problem)

    async def write(self, data: bytes) -> None:
        """See `Sink`."""
        await asyncio.to_thread(self._named, self._file.write, data)

    async def restart(self) -> bool:
        """See `Sink`."""
        self._named(self._file.truncate)
        return True

    async def finish(self, mode: int, mtime: float) -> bytes:
        """Move it into place. Returns its path below the folder it was opened for. Never with more rights than a file here has
        by default, so that nothing the device sends can be run unasked.

        Raises:
            PrivateFileError, Refused: it cannot be.
        """
        time = mtime if 0 < mtime < 2.0**33 else None
        name = await asyncio.to_thread(self._named, self._file.finish, mode & 0o666 | 0o600, time)
        return b"/".join((*self._parts[:-1], name))

    def _named(self, call: Callable[..., T], *arguments: object) -> T:
        try:
            return call(*arguments)
        except OSError as error:
            raise local_error(self._parts[-1], error) from error

    def close(self) -> None:
        """Let go of it; what is there stays for a later attempt."""
        self._file.close()


def open_below(top: Path, parts: Sequence[bytes]) -> int:
    """A descriptor of a folder below `top`, made where it is missing.

    Raises:
        Refused: a part is a link or no folder. PrivateFileError: it cannot be made.
    """
    try:
        folder = os.open(top, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError as error:
        raise local_error(top, error) from error
    for part in parts:
        try:
            inner = step_into(folder, check_name(part), create=True)
        except NotADirectoryError as error:
            text = f"{shown(part)} here is a link or no folder; links are not followed."
            raise Refused(text, reason=RefusalReason.INVALID) from error
        except OSError as error:
            raise local_error(part, error) from error
        finally:
            os.close(folder)
        folder = inner
    return folder
