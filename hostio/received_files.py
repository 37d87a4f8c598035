"""Files that arrive from the other side: under a name of their own, beside the place they are for, until they are whole.

What is below a folder is opened step by step from a descriptor and never through a link, so that no link, also one that is put
there meanwhile, leads anywhere else. Everything here blocks, and raises OSError as the system says it: whoever calls names what
it was about.
"""

import errno
import fcntl
import hashlib
import os
import stat
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from protocol.errors import RefusalReason, Refused
from protocol.messages.files import Conflict
from protocol.transfer import numbered, partial_name, shown

if TYPE_CHECKING:
    from hashlib import _Hash

RESERVE_BYTES: Final = 64 * 1024 * 1024
_FOLDER: Final = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_FILE: Final = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_MOST_NUMBER: Final = 999
_HASH_BYTES: Final = 1024 * 1024


def step_into(folder: int, part: bytes, *, create: bool) -> int:
    """A descriptor of the folder `part` below another; with `create` it is made where it is missing.

    Raises:
        OSError: ENOTDIR or ELOOP where it is a link or no folder.
    """
    try:
        return os.open(part, _FOLDER, dir_fd=folder)
    except FileNotFoundError:
        if not create:
            raise
        with suppress(FileExistsError):
            os.mkdir(part, 0o777, dir_fd=folder)  # what the user's umask leaves of it
        return os.open(part, _FOLDER, dir_fd=folder)


def mode_of(folder: int, name: bytes) -> int | None:
    """The mode of what stands under a name, a link's own if it is one; None: nothing does."""
    try:
        return os.stat(name, dir_fd=folder, follow_symlinks=False).st_mode
    except FileNotFoundError:
        return None


def digest_of(descriptor: int, size: int) -> "_Hash":
    """SHA-256 over the first `size` bytes; of a file that is shorter, over what there is."""
    digest, at = hashlib.sha256(), 0
    while at < size and (data := os.pread(descriptor, min(_HASH_BYTES, size - at), at)):
        digest.update(data)
        at += len(data)
    return digest


class PartialFile:
    """A file that is being received. `offset`: so much of it is there, perhaps from an earlier attempt; `digest` is the SHA-256
    of what was there at first, gone on with by every `write` when `hashing` was asked for."""

    def __init__(
        self,
        folder: int,
        name: bytes,
        key: str,
        conflict: Conflict,
        *,
        owner: int,
        most: int | None = None,
        hashing: bool = False,
    ) -> None:
        """Takes over the descriptor of the folder, also when it raises.

        Args:
            name: what it will be called. key: hex, names this transfer again after a cut.
            owner: the user id as which the calling threads open files.
            most: what is there already and is longer is no beginning of it (0: begin anew; None: anything may be).

        Raises:
            OSError: the disk or its permissions.
            Refused: what lies in its place is not ours, or somebody is receiving it (BUSY).
        """
        self._folder, self._name, self._conflict, self._hashing = folder, name, conflict, hashing
        self._partial = partial_name(key)
        self._descriptor = -1
        try:
            self._descriptor = os.open(self._partial, _FILE, 0o600, dir_fd=folder)
            self._take_over(owner)
            self.offset = os.fstat(self._descriptor).st_size
            if most is not None and self.offset > most:
                self.truncate()
            self.digest = digest_of(self._descriptor, self.offset)
        except (OSError, Refused):
            self.close()
            raise

    def _take_over(self, owner: int) -> None:
        status = os.fstat(self._descriptor)
        if not stat.S_ISREG(status.st_mode) or status.st_nlink != 1 or status.st_uid != owner:
            raise Refused("What lies in the place of the unfinished file is not ours.", reason=RefusalReason.INVALID)
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            text = f"{shown(self._name)} is being received already. Wait until it is there."
            raise Refused(text, reason=RefusalReason.BUSY) from error

    def missing_room(self, size: int) -> str:
        """Why a file of `size` bytes does not fit on this disk, leaving some room there; "" when it does."""
        space = os.fstatvfs(self._folder)
        free, needed = space.f_bavail * space.f_frsize, size - self.offset
        if needed + RESERVE_BYTES <= free:
            return ""
        return f"There is not enough room: {needed} bytes are to come, {max(0, free - RESERVE_BYTES)} are free."

    def truncate(self) -> None:
        """Begin anew."""
        os.ftruncate(self._descriptor, 0)
        self.offset, self.digest = 0, hashlib.sha256()

    def write(self, data: bytes) -> None:
        """Put the next bytes behind what is there; what was written before an error stays."""
        view = memoryview(data)
        while view:
            done = os.pwrite(self._descriptor, view, self.offset)
            if self._hashing:
                self.digest.update(view[:done])
            self.offset += done
            view = view[done:]

    def finish(self, mode: int, mtime: float | None) -> bytes:
        """Everything is there and right: give it its mode and time (None: now), and move it into place in one step. Returns the
        name that it got.

        Raises:
            OSError: it cannot be. Refused: every name like it is taken (LIMIT).
        """
        os.fchmod(self._descriptor, mode)
        os.fsync(self._descriptor)
        name = self._place()
        if mtime is not None:
            # Only now: an unfinished file with an old time would look like one that nobody came back to.
            os.utime(self._descriptor, (mtime, mtime))
        os.fsync(self._folder)
        return name

    def _place(self) -> bytes:
        name = self._name
        if self._conflict == "replace":
            os.rename(self._partial, name, src_dir_fd=self._folder, dst_dir_fd=self._folder)
            return name
        for number in range(2, _MOST_NUMBER + 1):
            # One that took the name meanwhile is not written over either.
            if self._move(name):
                return name
            name = numbered(self._name, number)
        raise Refused(f"Too many files are called like {shown(self._name)}.", reason=RefusalReason.LIMIT)

    def _move(self, name: bytes) -> bool:
        """False: the name is taken."""
        try:
            os.link(self._partial, name, src_dir_fd=self._folder, dst_dir_fd=self._folder, follow_symlinks=False)
        except FileExistsError:
            return False
        except OSError as error:
            if error.errno not in (errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS):
                raise
            # A file system without hard links (FAT, as on most sticks): nearly as good.
            if mode_of(self._folder, name) is not None:
                return False
            os.rename(self._partial, name, src_dir_fd=self._folder, dst_dir_fd=self._folder)
            return True
        os.unlink(self._partial, dir_fd=self._folder)
        return True

    def discard(self) -> None:
        """Nobody will go on with it."""
        with suppress(OSError):
            os.unlink(self._partial, dir_fd=self._folder)

    def close(self) -> None:
        """Let go of it; what is there stays for a later attempt unless `finish` or `discard` was called."""
        for descriptor in (self._descriptor, self._folder):
            if descriptor >= 0:
                os.close(descriptor)
        self._descriptor = self._folder = -1
