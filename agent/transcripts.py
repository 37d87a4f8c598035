"""What a terminal printed, for the audit: always as one hash, and where the signed policy says so as a file."""

import hashlib
import os
from pathlib import Path

from hostio.retention import hold
from protocol.errors import Unavailable

MOST_BYTES = 64 * 1024 * 1024
FOLDER = "transcripts"
SUFFIX = ".log"


class Transcript:
    """Hashes every byte; keeps the first `MOST_BYTES` in `path` (None: nothing is kept).

    Raises:
        Unavailable: the file cannot be made; the terminal must not begin.
    """

    def __init__(self, path: Path | None) -> None:
        self._hash = hashlib.sha256()
        self._path = path
        self._descriptor = -1
        self.size = 0
        self.fault = ""
        if path is None:
            return
        try:
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
            hold(self._descriptor)
        except OSError as error:
            raise Unavailable(
                f"The organisation keeps what terminals print, and {path} cannot be written: {error.strerror}. Free some space."
            ) from error

    @property
    def digest(self) -> str:
        """SHA-256 of everything so far, in hex."""
        return self._hash.hexdigest()

    @property
    def name(self) -> str:
        """The file's name ("": none)."""
        return "" if self._path is None else self._path.name

    def feed(self, data: bytes) -> None:
        """Some more output. A disk that takes no more leaves a shorter file and a word about it; the hash goes on."""
        self._hash.update(data)
        if self._descriptor >= 0 and not self.fault:
            room = data[: max(0, MOST_BYTES - self.size)]
            try:
                written = os.write(self._descriptor, room) if room else 0
            except OSError as error:
                self.fault = f"cut short: {error.strerror}"
            else:
                if written < len(data):
                    self.fault = f"cut short after {self.size + written} bytes"
        self.size += len(data)

    def discard(self) -> None:
        """Nothing began: what was made for it goes again."""
        self.close()
        if self._path is not None:
            self._path.unlink(missing_ok=True)

    def close(self) -> None:
        """No more output."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1
