"""What was done in a session, as this side saw it: fixes with what was wrong before and after, and the recordings made.

The device's receipt names each fix and its outcome; the findings before and after stand here. One private file for each session.
"""

import re
from pathlib import Path
from typing import Annotated, Final

import msgspec

from hostio.private_files import PrivateFileError, read_private, write_private
from protocol.errors import TrustError
from protocol.messages.fixes import FixResult

FILE_BYTES: Final = 1024 * 1024
MOST_FIXES: Final = 200
MOST_RECORDINGS: Final = 100
_SESSION: Final = re.compile(r"^[A-Za-z0-9_-]{1,64}\Z")


class FixDone(msgspec.Struct, frozen=True):
    """One run of a fix. `before`, `after`: titles of the findings; `at` in seconds since 1970; `digest` names the very script
    ("" where an older Handrail wrote this)."""

    id: str
    version: str
    outcome: str
    at: float
    before: list[str] = []
    after: list[str] = []
    digest: str = ""


class Worklog(msgspec.Struct, frozen=True):
    """One session. `label` and `device` as certified; `recordings` are their names, the oldest first."""

    session: str
    device: str
    label: str
    fixes: Annotated[list[FixDone], msgspec.Meta(max_length=MOST_FIXES)] = []
    recordings: Annotated[list[str], msgspec.Meta(max_length=MOST_RECORDINGS)] = []


def log_fix(directory: Path, empty: Worklog, result: FixResult, wall: float) -> None:
    """Add a fix that has ended (the oldest go first when there are too many).

    Args: empty: names the session. wall: now, in seconds since 1970.

    Raises:
        PrivateFileError: it cannot be written. TrustError: what is kept does not read, or is another device's.
    """
    done = FixDone(
        id=result.id,
        version=result.version,
        outcome=result.outcome,
        at=wall,
        before=[finding.title for finding in result.before],
        after=[finding.title for finding in result.after],
        digest=result.digest,
    )
    log = _begun(directory, empty)
    _write(directory, msgspec.structs.replace(log, fixes=[*log.fixes, done][-MOST_FIXES:]))


def log_recording(directory: Path, empty: Worklog, name: str) -> None:
    """Add the name of a recording; arguments and errors as `log_fix`. Twice is once."""
    log = _begun(directory, empty)
    if name not in log.recordings:
        _write(directory, msgspec.structs.replace(log, recordings=[*log.recordings, name][-MOST_RECORDINGS:]))


def _begun(directory: Path, empty: Worklog) -> Worklog:
    """What is kept so far. Devices choose the names of sessions, so one may not write into another's."""
    log = read_worklog(directory, empty.session) or empty
    if log.device != empty.device:
        raise TrustError(f"{empty.label!r} calls its session as one of {log.label!r} was called; nothing of it is kept.")
    return log


def recording_name(path: Path, kept_in: Path) -> str:
    """What a recording is called in a worklog: its name among those that are kept, or all of its path where it lies elsewhere."""
    return path.stem if path.absolute().parent == kept_in.absolute() else str(path.absolute())


def read_worklog(directory: Path, session: str) -> Worklog | None:
    """What is kept of a session; None when that is nothing.

    Raises:
        TrustError: the file does not read. PrivateFileError: it cannot be read, or that is no session's name.
    """
    path = _path(directory, session)
    try:
        return msgspec.json.decode(read_private(path, FILE_BYTES), type=Worklog)
    except FileNotFoundError:
        return None
    except (ValueError, RecursionError) as error:
        raise TrustError(f"{path} was changed: it does not read ({error}).") from error


def _write(directory: Path, log: Worklog) -> None:
    write_private(_path(directory, log.session), msgspec.json.format(msgspec.json.encode(log)))


def _path(directory: Path, session: str) -> Path:
    if not _SESSION.match(session):
        raise PrivateFileError(f"{session!r} is no session's name, so nothing is kept of it.")
    return directory / f"{session}.json"
