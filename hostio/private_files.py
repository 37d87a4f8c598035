"""Files that hold keys or secrets: mode 0600 in directories of mode 0700, replaced whole or not at all."""

import os
import stat
import tempfile
from pathlib import Path

from protocol.errors import HandrailError


class PrivateFileError(HandrailError):
    """A private file cannot be read or written, or others could read it; the text says how to mend that."""


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
        raise PrivateFileError(f"{path} cannot be made: {error.strerror or error}.") from error
    return path


def write_private(path: Path, data: bytes) -> None:
    """Write a file of mode 0600 in one step: a reader sees the old bytes or the new ones, also after a power cut.

    Raises:
        PrivateFileError: it cannot be written (disk full, permissions).
    """
    make_private_directory(path.parent)
    try:
        handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            Path(temporary).replace(path)
        finally:
            Path(temporary).unlink(missing_ok=True)  # gone already unless something failed
    except OSError as error:
        raise PrivateFileError(f"{path} cannot be written: {error.strerror or error}.") from error


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
