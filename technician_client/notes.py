"""What a technician writes down about a session: one private file each, kept beside the receipts and exported with them."""

import re
from pathlib import Path
from typing import Annotated, Final

import msgspec

from hostio.private_files import PrivateFileError, read_private, write_private
from protocol.errors import TrustError

MOST_CHARS: Final = 20_000
FILE_BYTES: Final = 256 * 1024
_SESSION: Final = re.compile(r"^[A-Za-z0-9_-]{1,64}\Z")


class Note(msgspec.Struct, frozen=True):
    """The notes of one session; `changed_at` in seconds since 1970. They are the technician's own: the device never gets them."""

    session: str
    device: str
    label: str
    technician: str
    text: Annotated[str, msgspec.Meta(max_length=MOST_CHARS)]
    changed_at: float


def save_note(directory: Path, note: Note) -> None:
    """Write the notes of a session, in place of what stood there; nothing at all when there is no text.

    Raises:
        PrivateFileError: they cannot be written.
    """
    path = _path(directory, note.session)
    if not note.text.strip():
        try:
            path.unlink(missing_ok=True)
        except OSError as error:
            raise PrivateFileError(f"{path} cannot be deleted: {error.strerror or error}.") from error
        return
    write_private(path, msgspec.json.format(msgspec.json.encode(note)))


def read_note(directory: Path, session: str) -> Note | None:
    """The notes of a session; None when there are none.

    Raises:
        TrustError: the file does not read. PrivateFileError: it cannot be read.
    """
    path = _path(directory, session)
    try:
        return msgspec.json.decode(read_private(path, FILE_BYTES), type=Note)
    except FileNotFoundError:
        return None
    except (ValueError, RecursionError) as error:
        raise TrustError(f"{path} was changed: it does not read ({error}).") from error


def _path(directory: Path, session: str) -> Path:
    if not _SESSION.match(session):
        raise PrivateFileError(f"{session!r} is no session's name, so there are no notes of it.")
    return directory / f"{session}.json"
