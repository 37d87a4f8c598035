"""Past sessions as they are kept on this computer: the device's receipt, the technician's notes, what was fixed, the recordings.

Nothing here needs a key, and nothing is taken for more than it is: `fault` says what was wrong with a device's last words, and a
receipt is the device's own account, not ours.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Annotated, Final

import msgspec

from protocol.audit import Record
from protocol.errors import HandrailError
from technician_client.errors import Ambiguous, NotFound
from technician_client.notes import Note, read_note
from technician_client.receipts import LastWords, read_words, receipt_name, session_in_name
from technician_client.settings import Settings
from technician_client.worklog import FixDone, Worklog, read_worklog

MOST_SESSIONS: Final = 2000
_MOST_RECORDS: Final = 1000
_LAST: Final = 20
"""Among so many newest by their names is the one that ended last: the clock may have been set meanwhile."""


class _Receipt(msgspec.Struct):
    """What a receipt may say; everything may be missing, since the device wrote it."""

    technician: Annotated[str, msgspec.Meta(max_length=200)] = ""
    organisation: Annotated[str, msgspec.Meta(max_length=200)] = ""
    reason: Annotated[str, msgspec.Meta(max_length=500)] = ""
    unattended: bool = False
    opened_at: Annotated[str, msgspec.Meta(max_length=40)] = ""
    ended_because: Annotated[str, msgspec.Meta(max_length=500)] = ""
    records: Annotated[list[Record], msgspec.Meta(max_length=_MOST_RECORDS)] = []


@dataclass(frozen=True, slots=True)
class PastSession:
    """One session. Times are seconds since 1970 (0: not known); `records` are the device's own, in their order; `signed` is how
    many records the checkpoint that came with them covers (0: none came); `fault` is what was wrong with them ("": nothing)."""

    session: str
    device: str
    label: str
    technician: str = ""
    organisation: str = ""
    reason: str = ""
    unattended: bool = False
    opened_at: float = 0.0
    ended_at: float = 0.0
    ended_because: str = ""
    records: tuple[Record, ...] = ()
    signed: int = 0
    fault: str = ""
    note: str = ""
    fixes: tuple[FixDone, ...] = ()
    recordings: tuple[str, ...] = ()

    @property
    def files(self) -> tuple[Record, ...]:
        """The records of files that came to the device (`file received`) or went from it (`file sent`)."""
        return tuple(record for record in self.records if record.action in ("file received", "file sent"))


@dataclass(slots=True)
class _Files:
    """What is kept of one session by the names of the files alone: its receipts, and about when it ended (seconds since 1970).
    `anybody`: somebody else has named a receipt, which may be of any session."""

    receipts: list[Path] = field(default_factory=list)
    about: float = 0.0
    anybody: bool = False


def past_sessions(settings: Settings, most: int = MOST_SESSIONS) -> list[PastSession]:
    """The newest `most` sessions of which something is kept, the newest first. Blocking."""
    files = _files(settings)
    newest = sorted(files, key=lambda name: (files[name].about, name), reverse=True)[:most]
    return _put_together(settings, {name: files[name] for name in newest})


def _put_together(settings: Settings, files: Mapping[str, _Files]) -> list[PastSession]:
    """Read these sessions, the newest first."""
    words = _newest_words(path for one in files.values() for path in one.receipts)
    names = set(words) | {name for name, one in files.items() if not one.receipts}
    found = [_read(settings, name, words.get(name)) for name in names]
    return sorted(found, key=lambda one: (one.ended_at, one.session), reverse=True)


def past_session(settings: Settings, name: str) -> PastSession:
    """One session, by its name or the beginning of it; "last" is the newest.

    Raises:
        NotFound: nothing is kept of it. Ambiguous: several begin like that.
    """
    files = _files(settings)
    if name == "last" and files:
        return past_sessions(settings, _LAST)[0]
    begun = {key: one for key, one in files.items() if name and _may_begin(key, one, name)}
    every = _put_together(settings, begun)
    found = [one for one in every if one.session == name] or [one for one in every if name and one.session.startswith(name)]
    if len(found) == 1:
        return found[0]
    if not found:
        raise NotFound(f"Nothing is kept of a session {name!r} here. `handrail receipts list` shows what there is.")
    names = [one.session for one in found]
    raise Ambiguous(f"{len(found)} sessions begin with {name!r}: {', '.join(names[:8])}", candidates=names)


def _files(settings: Settings) -> dict[str, _Files]:
    """By session, as far as the names tell it. What bears no name of ours counts as one of its own."""
    found: dict[str, _Files] = {}
    for path in settings.receipts_directory.glob("*.json"):
        named = receipt_name(path)
        one = found.setdefault(path.stem if named is None else named.session, _Files())
        one.receipts.append(path)
        one.anybody = one.anybody or named is None
        one.about = max(one.about, _written(path) if named is None else named.ended_at)
    for directory in (settings.notes_directory, settings.worklogs_directory):
        for path in directory.glob("*.json"):
            one = found.setdefault(path.stem, _Files())
            if not one.receipts:
                one.about = max(one.about, _written(path))
    return found


def _written(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except FileNotFoundError:
        return 0.0  # it was removed meanwhile


def _may_begin(key: str, files: _Files, name: str) -> bool:
    """Whether what these files hold may be a session whose name begins so."""
    return files.anybody or key.startswith(session_in_name(name)) or any(path.stem.startswith(name) for path in files.receipts)


def _newest_words(paths: Iterable[Path]) -> dict[str, LastWords]:
    """By session. A session that was resumed has last words of each part; the last ones tell of all."""
    newest: dict[str, LastWords] = {}
    for words in _readable(paths):
        before = newest.get(words.session)
        if words.session and (before is None or before.ended_at <= words.ended_at):
            newest[words.session] = words
    return newest


def _readable(paths: Iterable[Path]) -> Iterator[LastWords]:
    for path in sorted(paths):
        try:
            yield read_words(path)
        except HandrailError as error:
            # Shown as a session of its own, so that it is noticed; `handrail audit verify` is strict about it.
            yield LastWords(path.stem, "", "", 0.0, "", False, "", "", fault=str(error))


def _read(settings: Settings, name: str, words: LastWords | None) -> PastSession:
    note: Note | None = None
    log: Worklog | None = None
    faults = [words.fault] if words is not None and words.fault else []
    try:
        note = read_note(settings.notes_directory, name)
        log = read_worklog(settings.worklogs_directory, name)
    except HandrailError as error:
        faults.append(str(error))
    receipt = _Receipt()
    if words is not None and words.receipt:
        try:
            receipt = msgspec.json.decode(words.receipt, type=_Receipt)
        except (ValueError, RecursionError) as error:
            faults.append(f"The device's receipt does not read: {error}.")
    source = words or note or log
    return PastSession(
        session=name,
        device=source.device if source else "",
        label=source.label if source else "",
        technician=receipt.technician or (note.technician if note else ""),
        organisation=receipt.organisation,
        reason=receipt.reason,
        unattended=receipt.unattended,
        opened_at=_seconds(receipt.opened_at),
        ended_at=words.ended_at if words else _last_change(note, log),
        ended_because=receipt.ended_because or (words.reason if words else ""),
        records=tuple(receipt.records),
        signed=words.sequence if words else 0,
        fault=" ".join(faults),
        note=note.text if note else "",
        fixes=tuple(log.fixes) if log else (),
        recordings=tuple(log.recordings) if log else (),
    )


def _last_change(note: Note | None, log: Worklog | None) -> float:
    """When something was kept last of a session without last words: it did not end before."""
    return max([note.changed_at if note else 0.0, *(fix.at for fix in (log.fixes if log else []))])


def _seconds(moment: str) -> float:
    try:
        return datetime.fromisoformat(moment.replace("Z", "+00:00")).timestamp()
    except ValueError:
        return 0.0


def document(past: PastSession) -> dict[str, object]:
    """A session as `--json`, the console's page and the exported JSON show it; times in seconds since 1970."""
    return {
        "session": past.session,
        "device": past.device,
        "label": past.label,
        "technician": past.technician,
        "organisation": past.organisation,
        "reason": past.reason,
        "unattended": past.unattended,
        "opened_at": past.opened_at,
        "ended_at": past.ended_at,
        "ended_because": past.ended_because,
        "signed": past.signed,
        "fault": past.fault,
        "note": past.note,
        "fixes": [msgspec.to_builtins(fix) for fix in past.fixes],
        "files": [{"way": "put" if one.action == "file received" else "taken", "at": one.at, **one.detail} for one in past.files],
        "recordings": list(past.recordings),
        "records": [{"at": one.at, "action": one.action, "detail": dict(one.detail)} for one in past.records],
    }


def to_json(past: PastSession) -> str:
    """`document` as a file."""
    return json.dumps(document(past), indent=2) + "\n"
