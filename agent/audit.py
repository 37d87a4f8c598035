"""What happened on this machine, as a hash chain in SQLite, and the receipt that the user keeps.

A record that cannot be written stops what it was to record: `Audit.record` raises, and its caller does not go ahead. Nothing here
ever deletes. Values of keys pressed, texts typed and outputs of scripts are never recorded.
"""

import json
import os
import sqlite3
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from agent.errors import AuditUnavailable
from agent.printable import printable
from protocol.audit import GENESIS, Checkpoint, Detail, Record, check_chain, record_hash, sign_checkpoint
from protocol.certificates import PrivateKey
from protocol.errors import TrustError

SCHEMA = """
CREATE TABLE IF NOT EXISTS record (
    sequence INTEGER PRIMARY KEY,          -- 1, 2, 3 ... without gaps
    at       REAL NOT NULL,                -- seconds since 1970
    session  TEXT NOT NULL,                -- '' outside any session
    action   TEXT NOT NULL,
    detail   TEXT NOT NULL,                -- a JSON object
    hash     BLOB NOT NULL                 -- protocol.audit.record_hash
);
CREATE INDEX IF NOT EXISTS record_session ON record (session, sequence);
"""
RECEIPT_ROWS = 500


class Receipt(msgspec.Struct, frozen=True):
    """What one session was, for the person it happened to. Times are RFC 3339 in UTC."""

    session: str
    device: str
    organisation: str
    technician: str
    technician_id: str
    tier: int
    reason: str
    unattended: bool
    opened_at: str
    ended_at: str
    ended_because: str
    records: list[Record]
    audit_sequence: int
    audit_hash: str


class Audit:
    """The chain of one device. Used from one thread.

    Raises:
        AuditUnavailable: the file cannot be opened or written; the text says what to do.
        TrustError: at opening, when the newest records do not hold together.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        with self._translated():
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            path.touch(mode=0o600, exist_ok=True)
            self._database = sqlite3.connect(path, isolation_level=None, timeout=2.0)
            with ExitStack() as on_failure:
                on_failure.callback(self._database.close)
                self._database.execute("PRAGMA journal_mode = WAL")
                self._database.execute("PRAGMA synchronous = FULL")
                self._database.executescript(SCHEMA)
                self._sequence, self._head = self._read_head()
                on_failure.pop_all()

    def record(self, action: str, detail: Detail, *, session: str = "", at: float) -> None:
        """Append one record; on the disk when this returns.

        Raises:
            AuditUnavailable: it could not be written.
        """
        record = Record(self._sequence + 1, at, session, action, dict(detail))
        digest = record_hash(self._head, record)
        with self._translated():
            self._database.execute(
                "INSERT INTO record VALUES (?, ?, ?, ?, ?, ?)",
                (record.sequence, at, session, action, json.dumps(record.detail, ensure_ascii=False, sort_keys=True), digest),
            )
        self._sequence, self._head = record.sequence, digest

    def records(self, session: str, limit: int = RECEIPT_ROWS) -> list[Record]:
        """The first `limit` records of one session, oldest first."""
        with self._translated():
            rows = self._database.execute(
                "SELECT sequence, at, session, action, detail FROM record WHERE session = ? ORDER BY sequence LIMIT ?",
                (session, limit),
            ).fetchall()
        return [Record(sequence, at, name, action, json.loads(detail)) for sequence, at, name, action, detail in rows]

    def verify(self) -> int:
        """Check the whole chain; return how many records it has.

        Raises:
            TrustError: it was edited; the text names the first wrong record.
        """
        with self._translated():
            return check_chain(self._rows(0))[0]

    def checkpoint(self, key: PrivateKey, *, organisation: str, device: str, at: float) -> bytes:
        """The head of the chain, signed with the device's session key."""
        return sign_checkpoint(key, Checkpoint(organisation, device, self._sequence, self._head, at))

    @property
    def head(self) -> tuple[int, bytes]:
        """Length of the chain and the hash of its last record."""
        return self._sequence, self._head

    def close(self) -> None:
        """Close the file."""
        self._database.close()

    def _read_head(self) -> tuple[int, bytes]:
        newest = self._database.execute("SELECT coalesce(max(sequence), 0) FROM record").fetchone()[0]
        before = self._database.execute("SELECT hash FROM record WHERE sequence = ?", (newest - 1,)).fetchone()
        if newest == 0:
            return 0, GENESIS
        if newest > 1 and before is None:
            raise TrustError(f"The audit chain {self._path} is broken: record {newest - 1} is missing.")
        return check_chain(self._rows(newest - 1), sequence=newest - 1, head=before[0] if before else GENESIS)

    def _rows(self, after: int) -> Iterator[tuple[Record, bytes]]:
        rows = self._database.execute(
            "SELECT sequence, at, session, action, detail, hash FROM record WHERE sequence > ? ORDER BY sequence", (after,)
        )
        for sequence, at, session, action, detail, digest in rows:
            try:
                yield Record(sequence, at, session, action, json.loads(detail)), digest
            except json.JSONDecodeError as error:
                raise TrustError(f"The audit chain is broken at record {sequence}: its detail does not read.") from error

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except (sqlite3.Error, OSError) as error:
            raise AuditUnavailable(
                f"The audit record {self._path} cannot be written ({error}). Free some disk space or mend its permissions: "
                "until then no session can begin."
            ) from error


def moment(at: float) -> str:
    """Seconds since 1970 as RFC 3339 in UTC."""
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def receipt_text(receipt: Receipt) -> str:
    """The receipt as a person reads it."""
    how = "without anybody being asked, as the organisation's policy allows" if receipt.unattended else "with consent"
    lines = [
        f"Handrail session {receipt.session}",
        "",
        f"Computer:     {printable(receipt.device)}",
        f"Technician:   {printable(receipt.technician)} (tier {receipt.tier}, {receipt.technician_id})",
        f"Organisation: {printable(receipt.organisation)}",
        f"Reason:       {printable(receipt.reason) or 'none given'}",
        f"Opened:       {receipt.opened_at} {how}",
        f"Ended:        {receipt.ended_at}, {printable(receipt.ended_because)}",
        "",
        "What happened:",
    ]
    for record in receipt.records:
        detail = ", ".join(f"{name} {value}" for name, value in record.detail.items())
        lines.append(f"  {moment(record.at)}  {record.action}{': ' if detail else ''}{printable(detail)}")
    lines += ["", f"Audit record {receipt.audit_sequence}, {receipt.audit_hash}", ""]
    return "\n".join(lines)


def save_receipt(directory: Path, receipt: Receipt) -> Path:
    """Write the receipt as JSON and as text; return the text's path.

    Raises:
        AuditUnavailable: the disk does not take it.
    """
    stem = f"{receipt.opened_at.replace(':', '')}-{receipt.session}"
    text, data = directory / f"{stem}.txt", directory / f"{stem}.json"
    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        for path, content in ((data, msgspec.json.format(msgspec.json.encode(receipt))), (text, receipt_text(receipt).encode())):
            with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
                file.write(content)
    except OSError as error:
        raise AuditUnavailable(f"The receipt {text} cannot be written: {error.strerror or error}.") from error
    return text
