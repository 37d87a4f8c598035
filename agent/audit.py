"""What happened on this machine, as a hash chain with a Merkle tree over it in SQLite, and the receipt that the user keeps.

Beside the chain lies the checkpoint that was signed last, a file of its own: a chain that ends before it was cut short or rolled
back. A record that cannot be written stops what it was to record: `Audit.record` raises, and its caller does not go ahead.
Nothing here ever deletes. Values of keys pressed, texts typed and outputs of scripts are never recorded.
"""

import json
import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Self

import msgspec

from agent.errors import AuditDamaged, AuditUnavailable
from agent.receipts import BULK
from hostio.private_files import PrivateFileError, write_private
from protocol.audit import (
    CHECKPOINT_BYTES,
    GENESIS,
    Checkpoint,
    Detail,
    Record,
    check_chain,
    moment,
    read_checkpoint,
    record_hash,
    sign_checkpoint,
)
from protocol.certificates import PrivateKey
from protocol.errors import TrustError
from protocol.merkle import Frontier, consistency_proof, inclusion_proof, leaf_hash
from protocol.printable import printable

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
CREATE TABLE IF NOT EXISTS node (          -- roots of the full subtrees of protocol.merkle; made anew when in doubt
    level    INTEGER NOT NULL,
    position INTEGER NOT NULL,
    hash     BLOB NOT NULL,
    PRIMARY KEY (level, position)
) WITHOUT ROWID;
"""
DAMAGED = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB})
CHECKPOINT_SUFFIX = ".checkpoint"
RECEIPT_ROWS = 500
RECEIPT_WRITTEN = "receipt written"
"""The record of a receipt's two files, by SHA-256: whoever changes one of them later is found out."""


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
    left_out: int = 0
    """So many more records the session has in the chain than stand in `records`."""


class Audit:
    """The chain of one device. Used from one thread.

    Raises:
        AuditUnavailable: the file cannot be opened or written; the text says what to do.
        TrustError: at opening, when the newest records do not hold together.
    """

    def __init__(self, path: Path, *, read_only: bool = False) -> None:
        """Args: read_only: for looking at the chain of an agent that may be running; nothing is made or mended."""
        self._path = path
        self._nodes: dict[tuple[int, int], bytes] = {}  # read-only: the tree as it follows from the records
        with self._translated():
            if not read_only:
                path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
                path.touch(mode=0o600, exist_ok=True)
            name = f"{path.absolute().as_uri()}?mode={'ro' if read_only else 'rw'}"
            self._database = sqlite3.connect(name, uri=True, isolation_level=None, timeout=2.0)
            with ExitStack() as on_failure:
                on_failure.callback(self._database.close)
                if not read_only:
                    self._database.execute("PRAGMA journal_mode = WAL")
                    self._database.execute("PRAGMA synchronous = FULL")
                    self._database.executescript(SCHEMA)
                    self._sequence, self._head = self._read_head()
                    self._tree = self._open_tree()
                else:
                    self._database.execute("BEGIN")  # one state of the file, whatever the agent writes meanwhile
                    self._tree, self._head = self._grow_tree(self._remember), self._newest_hash()
                    self._sequence = self._tree.size
                on_failure.pop_all()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exception: object) -> None:
        self.close()

    def record(self, action: str, detail: Detail, *, session: str = "", at: float) -> None:
        """Append one record; on the disk when this returns.

        Raises:
            AuditUnavailable: it could not be written.
        """
        record = Record(self._sequence + 1, at, session, action, dict(detail))
        digest = record_hash(self._head, record)
        tree = Frontier(self._tree.size, list(self._tree.hashes))
        nodes = tree.append(leaf_hash(digest))
        text = json.dumps(record.detail, ensure_ascii=False, sort_keys=True)
        with self._translated(), self._transaction():
            self._database.execute(
                "INSERT INTO record VALUES (?, ?, ?, ?, ?, ?)", (record.sequence, at, session, action, text, digest)
            )
            self._database.executemany("INSERT INTO node VALUES (?, ?, ?)", nodes)
        self._sequence, self._head, self._tree = record.sequence, digest, tree

    def records(self, session: str, limit: int = RECEIPT_ROWS) -> list[Record]:
        """At most `limit` records of one session (-1: all), oldest first. Of more, what may be thousands (files) is left out
        first: nobody can push a terminal or a recording out of a receipt with them."""
        with self._translated():
            rows = self._database.execute(
                "SELECT sequence, at, session, action, detail FROM record WHERE session = ? "
                "ORDER BY action IN (SELECT value FROM json_each(?)), sequence LIMIT ?",
                (session, json.dumps(sorted(BULK)), limit),
            ).fetchall()
        return [Record(sequence, at, name, action, json.loads(detail)) for sequence, at, name, action, detail in sorted(rows)]

    def count(self, session: str) -> int:
        """How many records one session has."""
        with self._translated():
            found: tuple[int] = self._database.execute("SELECT count(*) FROM record WHERE session = ?", (session,)).fetchone()
        return found[0]

    def rows(self) -> Iterator[tuple[Record, bytes]]:
        """Every record with its stored hash, oldest first.

        Raises:
            TrustError: one does not read. AuditUnavailable: the file does not.
        """
        with self._translated():
            yield from self._rows(0)

    def verify(self) -> int:
        """Check the whole chain, the tree over it and the checkpoint beside it; return how many records there are.

        Raises:
            TrustError: something was edited, deleted, put in another order, cut short or rolled back; the text names the first
                record that does not fit.
        """
        with self._translated():
            count = check_chain(self._rows(0))[0]
        if self.fault:
            raise TrustError(self.fault)
        return count

    @property
    def fault(self) -> str:
        """What does not fit between the chain and the checkpoint that was signed last; "" when they fit."""
        try:
            noted = self.noted_checkpoint()
        except TrustError as error:
            return f"{self._note} was damaged: {error}"
        return "" if noted is None else self.held_against(noted.sequence, noted.hash, f"the checkpoint of {moment(noted.at)}")

    def held_against(self, sequence: int, digest: bytes, witness: str) -> str:
        """What does not fit between the chain and one that had `digest` at record `sequence`; "" when they fit."""
        if sequence > self._sequence:
            return (
                f"The audit chain {self._path} was cut short or rolled back: it ends at record {self._sequence}, but {witness} "
                f"saw record {sequence}."
            )
        if sequence and self.hash_of(sequence) != digest:
            return (
                f"The audit chain {self._path} was written anew: its record {sequence} is another than the one that {witness} "
                "saw. It or a record before it was edited, and all hashes after it were made again."
            )
        return ""

    def noted_checkpoint(self) -> Checkpoint | None:
        """The checkpoint that was signed last, None when none was yet. Its signature is not looked at: whoever can write here can
        sign as well.

        Raises:
            TrustError: the file is damaged.
        """
        data = self.noted_bytes()
        return read_checkpoint(data) if data else None

    def noted_bytes(self) -> bytes:
        """The same as it was signed; b"" when there is none."""
        with self._translated():
            try:
                with self._note.open("rb") as file:
                    return file.read(CHECKPOINT_BYTES + 1)
            except FileNotFoundError:
                return b""

    def checkpoint(self, key: PrivateKey, *, organisation: str, device: str, at: float) -> bytes:
        """The head of the chain, signed with the device's session key; also noted beside the chain.

        Raises:
            AuditUnavailable: the note cannot be written.
        """
        signed = sign_checkpoint(key, Checkpoint(organisation, device, self._sequence, self._head, at, self._tree.root()))
        try:
            write_private(self._note, signed)
        except PrivateFileError as error:
            raise AuditUnavailable(f"The audit checkpoint cannot be kept: {error}") from error
        return signed

    def proof_since(self, sequence: int) -> list[bytes]:
        """That the chain continues what it was at `sequence` records; nothing when it never had so many."""
        with self._translated():
            return consistency_proof(self._node, sequence, self._sequence) if 0 <= sequence <= self._sequence else []

    def proof_of(self, sequence: int) -> list[bytes]:
        """That record `sequence` belongs to the chain as it stands.

        Raises:
            TrustError: there is no such record.
        """
        if not 1 <= sequence <= self._sequence:
            raise TrustError(f"There is no record {sequence} in {self._path}.")
        with self._translated():
            return inclusion_proof(self._node, sequence - 1, self._sequence)

    def hash_of(self, sequence: int) -> bytes:
        """The stored hash of a record; the genesis hash of record 0; b"" when there is none."""
        if sequence == 0:
            return GENESIS
        with self._translated():
            row = self._database.execute("SELECT hash FROM record WHERE sequence = ?", (sequence,)).fetchone()
        return _digest(sequence, row[0]) if row else b""

    @property
    def head(self) -> tuple[int, bytes]:
        """Length of the chain and the hash of its last record."""
        return self._sequence, self._head

    @property
    def root(self) -> bytes:
        """The root of the tree over all records."""
        return self._tree.root()

    def close(self) -> None:
        """Close the file."""
        self._database.close()

    @property
    def _note(self) -> Path:
        return self._path.with_suffix(CHECKPOINT_SUFFIX)

    def _read_head(self) -> tuple[int, bytes]:
        newest = self._database.execute("SELECT coalesce(max(sequence), 0) FROM record").fetchone()[0]
        before = self.hash_of(newest - 1) if newest > 1 else GENESIS
        if newest == 0:
            return 0, GENESIS
        if not before:
            raise TrustError(f"The audit chain {self._path} is broken: record {newest - 1} is missing.")
        return check_chain(self._rows(newest - 1), sequence=newest - 1, head=before)

    def _newest_hash(self) -> bytes:
        row = self._database.execute("SELECT sequence, hash FROM record ORDER BY sequence DESC LIMIT 1").fetchone()
        return _digest(*row) if row else GENESIS

    def _open_tree(self) -> Frontier:
        """The tree as it was stored; made anew from the records where it does not go with them."""
        stored = self._database.execute("SELECT count(*) FROM node WHERE level = 0").fetchone()[0]
        if stored == self._sequence:
            try:
                tree = Frontier.of(self._sequence, self._node)
            except TrustError:
                stored = -1
            else:
                if not self._sequence or self._node(0, self._sequence - 1) == leaf_hash(self._head):
                    return tree
        with self._transaction():
            self._database.execute("DELETE FROM node")
            return self._grow_tree(lambda nodes: self._database.executemany("INSERT INTO node VALUES (?, ?, ?)", nodes))

    def _grow_tree(self, keep: Callable[[list[tuple[int, int, bytes]]], object] = lambda _: None) -> Frontier:
        tree = Frontier()
        for sequence, digest in self._database.execute("SELECT sequence, hash FROM record ORDER BY sequence").fetchall():
            keep(tree.append(leaf_hash(_digest(sequence, digest))))
        return tree

    def _remember(self, nodes: list[tuple[int, int, bytes]]) -> None:
        self._nodes.update({(level, position): digest for level, position, digest in nodes})

    def _node(self, level: int, position: int) -> bytes:
        if self._nodes:
            return self._nodes[level, position]
        row = self._database.execute("SELECT hash FROM node WHERE level = ? AND position = ?", (level, position)).fetchone()
        if row is None:
            raise TrustError(f"The tree over the audit chain {self._path} is incomplete; it is made anew at the next start.")
        return bytes(row[0])

    def _rows(self, after: int) -> Iterator[tuple[Record, bytes]]:
        rows = self._database.execute(
            "SELECT sequence, at, session, action, detail, hash FROM record WHERE sequence > ? ORDER BY sequence", (after,)
        )
        for sequence, at, session, action, detail, digest in rows:
            try:
                yield _record(sequence, at, session, action, detail), _digest(sequence, digest)
            except (ValueError, TypeError) as error:
                raise TrustError(f"The audit chain is broken at record {sequence}: it was edited and no longer reads.") from error

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        self._database.execute("BEGIN IMMEDIATE")
        try:
            yield
            self._database.execute("COMMIT")
        finally:
            if self._database.in_transaction:
                self._database.execute("ROLLBACK")

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except (sqlite3.Error, OSError) as error:
            if isinstance(error, sqlite3.Error) and getattr(error, "sqlite_errorcode", 0) & 0xFF in DAMAGED:
                raise AuditDamaged(
                    f"The audit record {self._path} was damaged ({error}): it is no whole database any more. Keep the file for "
                    "whoever looks into it; the checkpoints that technicians keep still tell what it was."
                ) from error
            raise AuditUnavailable(
                f"The audit record {self._path} cannot be written ({error}). Free some disk space or mend its permissions: "
                "until then no session can begin."
            ) from error


def _digest(sequence: int, value: object) -> bytes:
    """A stored hash, once it is sure that it is one: whoever edits the file can put anything there."""
    if not isinstance(value, bytes) or len(value) != len(GENESIS):
        raise TrustError(f"The audit chain is broken at record {sequence}: its hash was edited and no longer reads.")
    return value


def _record(sequence: int, at: float, session: str, action: str, detail: str) -> Record:
    """A row as a record; ValueError and TypeError when somebody put something else there."""
    fields = {"sequence": sequence, "at": at, "session": session, "action": action, "detail": json.loads(detail)}
    return msgspec.convert(fields, Record)


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
    if receipt.left_out:
        lines.append(f"  and {receipt.left_out} more records of files, folders and the like: handrail-agent audit export")
    lines += ["", f"Audit record {receipt.audit_sequence}, {receipt.audit_hash}", ""]
    return "\n".join(lines)


def receipt_files(receipt: Receipt) -> tuple[bytes, bytes]:
    """The receipt for programs (JSON) and for people (text)."""
    return msgspec.json.format(msgspec.json.encode(receipt)), receipt_text(receipt).encode()


def save_receipt(directory: Path, receipt: Receipt) -> Path:
    """Write the receipt as JSON and as text; return the text's path.

    Raises:
        AuditUnavailable: the disk does not take it.
    """
    stem = f"{receipt.opened_at.replace(':', '')}-{receipt.session}"
    text, data = directory / f"{stem}.txt", directory / f"{stem}.json"
    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        for path, content in zip((data, text), receipt_files(receipt), strict=True):
            with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
                file.write(content)
    except OSError as error:
        raise AuditUnavailable(f"The receipt {text} cannot be written: {error.strerror or error}.") from error
    return text
