"""The recordings of this computer: one file each in a directory of mode 0700."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from protocol.certificates import PrivateKey
from protocol.errors import HandrailError
from technician_client.errors import NotFound
from technician_client.private_files import PrivateFileError, make_private_directory
from technician_client.recordings.reader import Recording
from technician_client.recordings.writer import Meta

SUFFIX: Final = ".hrrec"
_UNSAFE: Final = re.compile(r"[^A-Za-z0-9-]+")
_NAME: Final = re.compile(r"^[A-Za-z0-9][A-Za-z0-9-]{0,120}\Z")
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


def new_path(directory: Path, label: str, wall: float) -> Path:
    """A file for a new recording; `wall` in seconds since 1970.

    Raises:
        PrivateFileError: the directory cannot be made.
    """
    make_private_directory(directory)
    stamp = datetime.fromtimestamp(wall, UTC).strftime("%Y%m%d-%H%M%S")
    stem = f"{stamp}-{_UNSAFE.sub('-', label).strip('-')[:60] or 'device'}"
    candidates = [stem, *(f"{stem}-{number}" for number in range(2, 100))]
    for name in candidates:
        path = directory / f"{name}{SUFFIX}"
        if not path.exists():
            return path
    raise PrivateFileError(f"There are too many recordings of this second in {directory}.")


def find(directory: Path, name: str) -> Path:
    """The file of that name, or any file whose path is given.

    Raises:
        NotFound: there is none.
    """
    if _NAME.match(name):
        inside = directory / f"{name}{SUFFIX}"
        if inside.is_file():
            return inside
    path = Path(name)
    if path.suffix == SUFFIX and path.is_file():
        return path
    raise NotFound(f"There is no recording {name!r} on this computer. `handrail recordings list` shows what there is.")


def named(directory: Path, name: str) -> Path:
    """As `find`, but only what lies in the directory; raises the same."""
    path = directory / f"{name}{SUFFIX}"
    if not _NAME.match(name) or not path.is_file():
        raise NotFound("There is no such recording (any more).")
    return path


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
    return [look(path, key) for path in sorted(directory.glob(f"*{SUFFIX}"), reverse=True)]


def remove(path: Path) -> None:
    """Delete one.

    Raises:
        PrivateFileError: it cannot be deleted.
    """
    try:
        path.unlink()
    except OSError as error:
        raise PrivateFileError(f"{path} cannot be deleted: {error.strerror or error}.") from error
