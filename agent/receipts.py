"""The receipts that the person at this computer keeps: listed, read, and rated. Files are written by `agent.audit.save_receipt`.

A rating lies beside its receipt as `STEM.rating.json`; the receipt itself, which repeats the audit record, is never changed.
"""

import os
import re
from pathlib import Path
from typing import Annotated

import msgspec

from agent.errors import AuditUnavailable
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
    """The directory of receipts."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def rows(self) -> list[ReceiptRow]:
        """The newest receipts, newest first; a file that does not read is left out."""
        found = []
        for path in self._files()[:MOST_ROWS]:
            shown = self._read(path)
            if shown is not None:
                stars = shown.rating.stars
                found.append(
                    ReceiptRow(shown.session, shown.technician, shown.organisation, shown.opened_at, shown.ended_at, stars)
                )
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
        path = self._path(session)
        target = path.with_name(path.name.removesuffix(".json") + RATING)
        new = target.with_suffix(".new")
        try:
            with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600), "wb") as file:
                file.write(msgspec.json.encode(rating))
            new.replace(target)
        except OSError as error:
            raise AuditUnavailable(f"The rating cannot be written: {error.strerror or error}.") from error

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
        rated = path.with_name(path.name.removesuffix(".json") + RATING)
        return msgspec.structs.replace(shown, rating=_rating(rated), text=str(text) if text.is_file() else "")


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
