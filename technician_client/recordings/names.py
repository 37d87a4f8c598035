"""The files of recordings by their names: one each in a directory of mode 0700. Nothing here loads what plays them: commands that
only complete or check a name are to begin at once.
"""

import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from hostio.private_files import PrivateFileError, make_private_directory
from technician_client.errors import NotFound

SUFFIX: Final = ".hrrec"
_UNSAFE: Final = re.compile(r"[^A-Za-z0-9-]+")
_NAME: Final = re.compile(r"^[A-Za-z0-9][A-Za-z0-9-]{0,120}\Z")


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
