"""The recordings of this computer, as they are listed and deleted."""

import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from hostio.private_files import PrivateFileError
from protocol.certificates import PrivateKey
from protocol.errors import HandrailError
from technician_client.recordings.names import SUFFIX
from technician_client.recordings.reader import Recording
from technician_client.recordings.writer import Meta

PURPOSE: Final = b"recordings v1"


@dataclass(frozen=True, slots=True)
class Kept:
    """One recording as it is listed. `name` is the file's without its suffix; `fault` says why it does not play ("": it
    does); `end` is the word for why it ended ("": the program ended before it)."""

    name: str
    path: Path
    size: int
    meta: Meta | None = None
    seconds: float = 0.0
    end: str = ""
    fault: str = ""


def recordings_key(key: PrivateKey) -> bytes:
    """What a technician's recordings are sealed with; it follows from their session key."""
    return key.derive(PURPOSE)


def look(path: Path, key: bytes) -> Kept:
    """One recording as it is listed, with what is wrong with it in words."""
    size = path.stat().st_size if path.exists() else 0
    try:
        with Recording(path, key) as recording:
            end = recording.end.reason if recording.end else ""
            return Kept(path.stem, path, size, recording.meta, recording.seconds, end)
    except HandrailError as error:
        return Kept(path.stem, path, size, fault=str(error))


def kept(directory: Path, key: bytes) -> list[Kept]:
    """Every recording, the newest first."""
    return Shelf(directory, key).listed()


class Shelf:
    """The recordings of a directory, listed again and again: only those that have changed are opened."""

    def __init__(self, directory: Path, key: bytes) -> None:
        self._directory = directory
        self._key = key
        self._seen: dict[Path, tuple[tuple[int, int, int], Kept]] = {}
        self._lock = threading.Lock()

    def listed(self) -> list[Kept]:
        """Every recording, the newest first. Blocking; any thread."""
        found: dict[Path, tuple[tuple[int, int, int], Kept]] = {}
        with self._lock:
            for path in sorted(self._directory.glob(f"*{SUFFIX}"), reverse=True):
                try:
                    status = path.stat()
                except FileNotFoundError:
                    continue  # it was deleted meanwhile
                mark = (status.st_ino, status.st_size, status.st_mtime_ns)
                before = self._seen.get(path)
                found[path] = before if before is not None and before[0] == mark else (mark, look(path, self._key))
            self._seen = found
        return [row for _, row in found.values()]


def remove(path: Path) -> None:
    """Delete one.

    Raises:
        PrivateFileError: it cannot be deleted.
    """
    try:
        path.unlink()
    except OSError as error:
        raise PrivateFileError(f"{path} cannot be deleted: {error.strerror or error}.") from error
