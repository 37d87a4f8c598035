"""One daemon for one home: an advisory lock that the kernel lets go of when its holder dies, however it dies."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from agent.errors import AlreadyRunning
from agent.local import make_private
from protocol.errors import HandrailError


@contextmanager
def home_lock(path: Path) -> Iterator[None]:
    """Hold the lock.

    Raises:
        AlreadyRunning: another daemon holds it; the text names its process.
        HandrailError: the file cannot be made.
    """
    make_private(path.parent)
    try:
        handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise HandrailError(f"{path} cannot be opened: {error.strerror or error}.") from error
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            holder = os.read(handle, 20).decode("ascii", "replace").strip()
            who = f" (process {holder})" if holder.isdigit() else ""
            text = f"Another agent{who} already serves {path.parent}. Stop it first, or choose another home with --home."
            raise AlreadyRunning(text, who.strip()) from error
        os.ftruncate(handle, 0)
        os.pwrite(handle, f"{os.getpid()}\n".encode(), 0)
        yield
    finally:
        os.close(handle)
