"""The user's folders on a system with POSIX directories: opened step by step from a descriptor, never through a link.

Every path comes from the other side. Each of its parts is opened below the one before with O_NOFOLLOW, so that no link, also one
that is put there meanwhile, leads anywhere else. Everything here blocks: call it in a thread.
"""

import errno
import os
import stat
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal

from hostio.received_files import PartialFile, digest_of, mode_of, step_into
from protocol.errors import RefusalReason, Refused, Unavailable
from protocol.messages.files import MOST_ENTRIES, Conflict, FileEntry
from protocol.transfer import is_partial, shown, split_path

if TYPE_CHECKING:
    from hashlib import _Hash

STALE_SECONDS: Final = 7 * 86400.0

Parts = Sequence[bytes]


@contextmanager
def named(what: bytes) -> Iterator[None]:
    """Turn what the system says about a path into something for the technician.

    Raises:
        Refused: it is not there, may not be opened, or is a link or of another kind.
        Unavailable: the disk is full or does not work.
    """
    path = shown(what) or "the folder"
    try:
        yield
    except FileNotFoundError as error:
        raise Refused(f"{path} is not there (any more).", reason=RefusalReason.NOT_FOUND) from error
    except PermissionError as error:
        text = f"The user there may not open or change {path}."
        raise Refused(text, reason=RefusalReason.NEEDS_ROOT) from error
    except OSError as error:
        if error.errno in (errno.ELOOP, errno.ENOTDIR):
            text = f"{path} is a link or lies behind one, or is no folder; links are not followed."
            raise Refused(text, reason=RefusalReason.INVALID) from error
        if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
            raise Unavailable(f"There is no room for {path} on that disk: {error.strerror}.") from error
        raise Unavailable(f"{path} cannot be used: {error.strerror or error}.") from error


class SharedFolders:
    """What of a home may be reached. `home` is where paths begin."""

    def __init__(self, home: Path, only: Sequence[str] = (), private: Path | None = None, owner: int | None = None) -> None:
        """Args: only: folders below `home` outside which nothing is reached (none given: all of it). private: a folder that is
        never reached (the agent's own). owner: the user id as which the calling threads open files (None: the process's)."""
        self._home = home
        self._only = tuple(split_path(os.fsencode(folder.strip("/"))) for folder in only)
        self._private = private
        self._owner = os.geteuid() if owner is None else owner

    def entries(self, parts: Parts, after: bytes, most: int = MOST_ENTRIES) -> tuple[list[FileEntry], bool, int]:
        """A folder's entries behind the name `after`, whether there are more, and the free space in bytes.

        Raises:
            Refused, Unavailable: see `named`.
        """
        with named(b"/".join(parts)), self._opened(parts, look=True) as folder:
            names = sorted(os.fsencode(name) for name in os.listdir(folder))  # noqa: PTH208 - a descriptor
            names = [name for name in names if name > after and not is_partial(name) and self._visible((*parts, name))]
            found = [entry for name in names[:most] if (entry := _entry(folder, name)) is not None]
            space = os.fstatvfs(folder)
            return found, len(names) > most, space.f_bavail * space.f_frsize

    def make(self, parts: Parts) -> None:
        """Make a folder and those above it. Raises as `named` says."""
        self._demand(parts)
        with named(b"/".join(parts)), self._opened(parts, create=True):
            pass

    def read(self, parts: Parts) -> "ReadableFile":
        """Open a file to be sent. Raises as `named` says."""
        self._demand(parts)
        if not parts:
            raise Refused("Name a file.", reason=RefusalReason.INVALID)
        with named(b"/".join(parts)), self._opened(parts[:-1]) as folder:
            return ReadableFile(os.open(parts[-1], os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=folder))

    def put(
        self, parts: Parts, size: int, key: str, conflict: Conflict, *, fresh: bool = False, parents: bool = False
    ) -> "WritableFile | Literal['exists', 'skipped']":
        """Prepare to receive a file of `size` bytes; `key` (hex) names this transfer again after a cut.

        Raises:
            Refused, Unavailable: see `named`; also when there is not enough room.
        """
        self._demand(parts)
        if not parts:
            raise Refused("Name a file.", reason=RefusalReason.INVALID)
        with named(b"/".join(parts)), self._opened(parts[:-1], create=parents) as folder:
            taken = _kind(folder, parts[-1])
            if taken == "folder":
                raise Refused(f"{shown(parts[-1])} is a folder there.", reason=RefusalReason.INVALID)
            if taken is not None and conflict in ("ask", "skip"):
                return "exists" if conflict == "ask" else "skipped"
            _sweep(folder, self._owner)
            return WritableFile(os.dup(folder), tuple(parts), size, key, conflict, fresh=fresh, owner=self._owner)

    def _visible(self, parts: Parts) -> bool:
        """Whether it is shared, or leads to something that is."""
        return not self._only or any(tuple(parts[: len(one)]) == one[: len(parts)] for one in self._only)

    def _demand(self, parts: Parts) -> None:
        if self._only and not any(tuple(parts[: len(one)]) == one for one in self._only):
            allowed = ", ".join(shown(b"/".join(one)) for one in self._only)
            raise Refused(f"The organisation's policy shares only these folders: {allowed}.", reason=RefusalReason.POLICY)

    @contextmanager
    def _opened(self, parts: Parts, *, create: bool = False, look: bool = False) -> Iterator[int]:
        if look and not self._visible(parts):
            self._demand(parts)
        private = None
        if self._private is not None:
            with suppress(OSError):
                private = _identity(self._private.stat())
        folder = os.open(self._home, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            for part in parts:
                inner = step_into(folder, part, create=create)
                os.close(folder)
                folder = inner
                if _identity(os.fstat(folder)) == private:
                    raise Refused("Handrail's own files are not shared.", reason=RefusalReason.POLICY)
            yield folder
        finally:
            os.close(folder)


def _identity(status: os.stat_result) -> tuple[int, int]:
    return status.st_dev, status.st_ino


def _kind(folder: int, name: bytes) -> Literal["file", "folder", "link", "other"] | None:
    mode = mode_of(folder, name)
    return None if mode is None else _kind_of(mode)


def _kind_of(mode: int) -> Literal["file", "folder", "link", "other"]:
    if stat.S_ISREG(mode):
        return "file"
    if stat.S_ISDIR(mode):
        return "folder"
    return "link" if stat.S_ISLNK(mode) else "other"


def _entry(folder: int, name: bytes) -> FileEntry | None:
    try:
        status = os.stat(name, dir_fd=folder, follow_symlinks=False)
    except OSError:
        return None  # it went away while it was looked at
    kind = _kind_of(status.st_mode)
    return FileEntry(name, kind, status.st_size if kind == "file" else 0, status.st_mtime, status.st_mode & 0o777)


def _sweep(folder: int, owner: int) -> None:
    """Remove what attempts that nobody came back to have left here."""
    for text in os.listdir(folder):
        name = os.fsencode(text)
        if not is_partial(name):
            continue
        with suppress(OSError):
            status = os.stat(name, dir_fd=folder, follow_symlinks=False)
            if status.st_uid == owner and time.time() - status.st_mtime > STALE_SECONDS:
                os.unlink(name, dir_fd=folder)


class ReadableFile:
    """A file that is being sent, as it was when it was opened."""

    def __init__(self, descriptor: int) -> None:
        """Takes over the descriptor.

        Raises:
            Refused: it is no plain file.
        """
        self._descriptor = descriptor
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            os.close(descriptor)
            raise Refused("Only plain files can be taken.", reason=RefusalReason.INVALID)
        self.size, self.mtime, self.mode = status.st_size, status.st_mtime, status.st_mode & 0o777
        self._changed_ns = status.st_mtime_ns

    def prefix(self, size: int) -> "_Hash":
        """SHA-256 over the first `size` bytes, to be gone on with."""
        with named(b""):
            return digest_of(self._descriptor, size)

    def read(self, offset: int, size: int) -> bytes:
        """The bytes from `offset` on.

        Raises:
            Unavailable: the file became shorter, or the disk does not work.
        """
        with named(b""):
            data = os.pread(self._descriptor, size, offset)
        if not data:
            raise Unavailable("The file became shorter while it was read. Take it again.")
        return data

    @property
    def changed(self) -> bool:
        """Somebody wrote to it since it was opened."""
        status = os.fstat(self._descriptor)
        return (status.st_size, status.st_mtime_ns) != (self.size, self._changed_ns)

    def close(self) -> None:
        """Let go of it."""
        os.close(self._descriptor)


class WritableFile(PartialFile):
    """A file that is being received. `offset`: so much of it is there; `digest` is the SHA-256 of that, gone on with by every
    `write`."""

    def __init__(
        self, folder: int, path: tuple[bytes, ...], size: int, key: str, conflict: Conflict, *, fresh: bool = False, owner: int
    ) -> None:
        """Takes over the descriptor of the folder. Raises OSError, Refused."""
        super().__init__(folder, path[-1], key, conflict, owner=owner, most=0 if fresh else size, hashing=True)
        self._path = path
        problem = self.missing_room(size)
        if problem:
            self.close()
            raise Refused(problem, reason=RefusalReason.LIMIT)

    def write(self, data: bytes) -> None:
        """Put the next bytes behind what is there.

        Raises:
            Unavailable: the disk is full or does not work; what was written before stays.
        """
        with named(self._path[-1]):
            super().write(data)

    def finish(self, mode: int, mtime: float | None) -> bytes:
        """Everything is there and right: give it its mode and time, and move it into place in one step. Returns its path.

        Raises:
            Refused, Unavailable: see `named`.
        """
        with named(self._path[-1]):
            return b"/".join((*self._path[:-1], super().finish(mode & 0o777, mtime)))
