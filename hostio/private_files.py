"""Files that hold keys or secrets: mode 0600 in directories of mode 0700, replaced whole or not at all."""

import errno
import os
import stat
import tempfile
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path

from protocol.errors import HandrailError

_NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


class PrivateFileError(HandrailError):
    """A private file cannot be read or written, or others could read it; the text says how to mend that. `no_room`: the disk (or
    this user's share of it) is full, so that it can be tried again once there is room."""

    def __init__(self, message: str, *, no_room: bool = False) -> None:
        super().__init__(message)
        self.no_room = no_room


def _unwritten(path: Path, what: str, error: OSError) -> PrivateFileError:
    no_room = error.errno in _NO_ROOM
    advice = " What stood there before still does. Make room on that disk and try again." if no_room else ""
    return PrivateFileError(f"{path} cannot be {what}: {error.strerror or error}.{advice}", no_room=no_room)


def make_private_directory(path: Path) -> Path:
    """Create a directory that only its owner can enter; parents that are missing become the same.

    Raises:
        PrivateFileError: it cannot be made.
    """
    try:
        missing = [path, *path.parents]
        for directory in reversed(missing[: next(i for i, parent in enumerate(missing) if parent.exists())]):
            directory.mkdir(mode=0o700)
    except OSError as error:
        raise _unwritten(path, "made", error) from error
    return path


def write_private(path: Path, data: bytes) -> None:
    """Write a file of mode 0600 in one step: a reader sees the old bytes or the new ones, also after a power cut.

    Raises:
        PrivateFileError: it cannot be written (disk full, permissions).
    """
    write_private_together({path: data})


def write_private_together(files: Mapping[Path, bytes]) -> None:
    """Write several files as `write_private` does, all of them or none: where the disk is full before the last is written, each
    still holds what it held. They take their places in the order given; a power cut may come between two of them.

    Raises:
        PrivateFileError: as `write_private`; nothing was changed.
    """
    with ExitStack() as unfinished:
        temporaries = [(path, _beside(path, data, unfinished)) for path, data in files.items()]
        for path, temporary in temporaries:
            try:
                temporary.replace(path)
            except OSError as error:
                raise _unwritten(path, "written", error) from error


def _beside(path: Path, data: bytes, unfinished: ExitStack) -> Path:
    """These bytes on the disk, in a file beside their place that goes with `unfinished` unless it was moved there."""
    make_private_directory(path.parent)
    try:
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        unfinished.callback(Path(name).unlink, missing_ok=True)
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        raise _unwritten(path, "written", error) from error
    return Path(name)


def read_private(path: Path, max_bytes: int, *, secret: bool = True) -> bytes:
    """Read a bounded file. With `secret`, one that group or others may read is refused.

    Raises:
        FileNotFoundError: it is not there.
        PrivateFileError: it cannot be read, is too large, or its mode is too wide.
    """
    try:
        with path.open("rb") as file:
            mode = os.fstat(file.fileno()).st_mode
            data = file.read(max_bytes + 1)
    except FileNotFoundError:
        raise
    except OSError as error:
        raise PrivateFileError(f"{path} cannot be read: {error.strerror or error}.") from error
    if secret and stat.S_IMODE(mode) & 0o077:
        raise PrivateFileError(f"Others on this computer may read {path}. Run: chmod 600 {path}")
    if len(data) > max_bytes:
        raise PrivateFileError(f"{path} is larger than the {max_bytes} bytes it may have.")
    return data


def read_passphrase(path: Path) -> bytes:
    """The first line of a passphrase file.

    Raises:
        PrivateFileError: missing, empty, or readable by others.
    """
    try:
        line = read_private(path, 4096).split(b"\n", 1)[0].rstrip(b"\r")
    except FileNotFoundError as error:
        raise PrivateFileError(
            f"There is no passphrase file {path}. Make one: (umask 077; openssl rand -hex 24 > {path})"
        ) from error
    if not line:
        raise PrivateFileError(f"The passphrase file {path} is empty: its first line is the passphrase.")
    return line
