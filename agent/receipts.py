"""The receipts that the person at this computer keeps: listed, read, and rated. Files are written by `agent.audit.save_receipt`.

A rating lies beside its receipt as `STEM.rating.json`; the receipt itself, which repeats the audit record, is never changed.
"""

import re
from pathlib import Path
from typing import Annotated

import msgspec

from agent.errors import AuditUnavailable
from hostio.private_files import PrivateFileError, write_private
from protocol.errors import RefusalReason, Refused

RATING = ".rating.json"
MOST_ROWS = 200
FILE_BYTES = 1024 * 1024
EVENTS_SHOWN = 300
BULK = frozenset({"file asked for", "file received", "file sent", "folder made", "clipboard read", "clipboard written"})
"""What may be done thousands of times in a session: where not everything can be shown, everything else goes before it."""
_SESSION = re.compile(r"[0-9a-f]{4,64}\Z")


class ReceiptEvent(msgspec.Struct, frozen=True):
    """One record of a session. `at` is seconds since 1970."""

    at: float
    action: str
    detail: dict[str, str | int | bool] = {}


class Rating(msgspec.Struct, frozen=True):
    """What the person thought of it: 1 to 5 stars (0: not rated), and their words."""

    stars: Annotated[int, msgspec.Meta(ge=0, le=5)] = 0
    comment: Annotated[str, msgspec.Meta(max_length=2000)] = ""
    at: float = 0.0


class ReceiptRow(msgspec.Struct, frozen=True):
    """One receipt in a list. Times are RFC 3339 in UTC."""

    session: str
    technician: str
    organisation: str
    opened_at: str
    ended_at: str
    stars: int = 0


class ReceiptShown(msgspec.Struct, frozen=True):
    """One receipt with what happened, and its rating. `left_out`: so many more events are not among `records`. `text` is the path
    of its readable file."""

    session: str
    device: str
    organisation: str
    technician: str
    tier: int
    reason: str
    unattended: bool
    opened_at: str
    ended_at: str
    ended_because: str
    records: list[ReceiptEvent] = []
    left_out: int = 0
    rating: Rating = Rating()
    text: str = ""


def telling(records: list[ReceiptEvent], limit: int) -> list[ReceiptEvent]:
    """At most `limit` of them in their order: what is no `BULK` first, and of that the first."""
    if len(records) <= limit:
        return records
    chosen = sorted(range(len(records)), key=lambda at: (records[at].action in BULK, at))[:limit]
    return [records[at] for at in sorted(chosen)]


class ReceiptShelf:
    """The directory of receipts. Blocking: call it in a thread."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def rows(self) -> list[ReceiptRow]:
        """The newest receipts, newest first; a file that does not read is left out."""
        found = []
        for path in self._files()[:MOST_ROWS]:
            try:
                row = msgspec.json.decode(_bounded(path), type=ReceiptRow)
            except (OSError, ValueError):
                continue
            found.append(msgspec.structs.replace(row, stars=_rating(_beside(path)).stars))
        return found

    def read(self, session: str) -> ReceiptShown:
        """The receipt of one session.

        Raises:
            Refused: there is none, or it does not read.
        """
        shown = self._read(self._path(session))
        if shown is None:
            raise Refused("The receipt of this session does not read.", reason=RefusalReason.NOT_FOUND)
        records = telling(shown.records, EVENTS_SHOWN)
        left_out = shown.left_out + len(shown.records) - len(records)
        return msgspec.structs.replace(shown, records=records, left_out=left_out)

    def rate(self, session: str, rating: Rating) -> None:
        """Keep what the person thought of it; a later rating replaces an earlier one.

        Raises:
            Refused: there is no such receipt. AuditUnavailable: the disk does not take it.
        """
        try:
            write_private(_beside(self._path(session)), msgspec.json.encode(rating))
        except PrivateFileError as error:
            raise AuditUnavailable(f"The rating cannot be kept. {error}") from error

    def _files(self) -> list[Path]:
        return sorted((path for path in self._directory.glob("*.json") if not path.name.endswith(RATING)), reverse=True)

    def _path(self, session: str) -> Path:
        if _SESSION.match(session):
            for path in self._directory.glob(f"*-{session}.json"):
                return path
        raise Refused("There is no receipt of this session here.", reason=RefusalReason.NOT_FOUND)

    def _read(self, path: Path) -> ReceiptShown | None:
        try:
            shown = msgspec.json.decode(_bounded(path), type=ReceiptShown)
        except (OSError, ValueError):
            return None
        text = path.with_suffix(".txt")
        return msgspec.structs.replace(shown, rating=_rating(_beside(path)), text=str(text) if text.is_file() else "")


def _beside(path: Path) -> Path:
    """Where the rating of a receipt lies."""
    return path.with_name(path.name.removesuffix(".json") + RATING)


def _bounded(path: Path) -> bytes:
    with path.open("rb") as file:
        data = file.read(FILE_BYTES + 1)
    if len(data) > FILE_BYTES:
        raise ValueError("too long")
    return data


def _rating(path: Path) -> Rating:
    try:
        return msgspec.json.decode(_bounded(path), type=Rating)
    except (OSError, ValueError):
        return Rating()
