"""What the signer remembers: enrolment tokens (written by `handrail org`), what it answered, and what it issued. One SQLite
file."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Self

from hostio.private_files import make_private_directory, write_private
from protocol.documents import Bundle
from protocol.errors import Unavailable

Kind = Literal["device", "technician"]
_SCHEMA = """
create table if not exists tokens (
    token_id text primary key, kind text not null, secret blob not null, device_group text not null, name text not null,
    tier integer not null, uses integer not null, used integer not null default 0, expires real not null, created real not null,
    withdrawn integer not null default 0);
create table if not exists answers (request blob primary key, answer blob not null, at real not null);
create table if not exists issued (
    peer text not null, kind text not null, label text not null, device_group text not null, tier integer not null,
    fingerprint text not null primary key, first_at real not null, last_at real not null, not_after real not null,
    revoked integer not null default 0);
"""
ANSWERS_KEPT_SECONDS = 30 * 86400.0


@dataclass(frozen=True, slots=True)
class Token:
    """One enrolment token. Times in seconds since 1970."""

    token_id: str
    kind: Kind
    secret: bytes
    group: str
    name: str
    tier: int
    uses: int
    used: int
    expires: float
    withdrawn: bool

    def __repr__(self) -> str:
        return f"Token({self.token_id!r}, {self.kind!r}, used {self.used} of {self.uses})"


@dataclass(frozen=True, slots=True)
class Issued:
    """One key that was certified: whose, until when. `label` is a device's label or a technician's name."""

    peer: str
    kind: Kind
    label: str
    group: str
    tier: int
    fingerprint: str
    first_at: float
    last_at: float
    not_after: float
    revoked: bool


class Records:
    """The signer's records. Used by the signer and by `handrail org` at the same time: each method is one transaction."""

    def __init__(self, path: Path) -> None:
        """Raises:
        Unavailable: the file cannot be opened or is damaged.
        """
        make_private_directory(path.parent)
        if not path.exists():
            write_private(path, b"")  # made with its mode, before anything secret is in it
        self._path = path
        try:
            self._database = sqlite3.connect(path, timeout=10, isolation_level=None, check_same_thread=False)
            self._database.execute("pragma journal_mode=wal")
            self._database.execute("pragma synchronous=full")
            self._database.executescript(_SCHEMA)
        except sqlite3.Error as error:
            raise Unavailable(
                f"{path} cannot be opened ({error}). Make room if the disk is full; otherwise restore it from your backup."
            ) from error

    def close(self) -> None:
        """Close the file."""
        self._database.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exception: object) -> None:
        self.close()

    def add_token(self, bundle: Bundle, uses: int, wall: float) -> None:
        """Remember a token that stands in a new bundle."""
        with self._transaction() as database:
            database.execute(
                "insert into tokens(token_id, kind, secret, device_group, name, tier, uses, expires, created) "
                "values(?,?,?,?,?,?,?,?,?)",
                (
                    bundle.token_id,
                    bundle.kind,
                    bundle.secret,
                    bundle.group,
                    bundle.name,
                    bundle.tier,
                    uses,
                    bundle.expires,
                    wall,
                ),
            )

    def token(self, token_id: str) -> Token | None:
        """A token by id."""
        rows = self._rows("select * from tokens where token_id = ?", token_id)
        return _token(rows[0]) if rows else None

    def tokens(self) -> list[Token]:
        """Every token, newest first."""
        return [_token(row) for row in self._rows("select * from tokens order by created desc")]

    def withdraw_token(self, token_id: str) -> bool:
        """End a token; False when there is none of this id."""
        with self._transaction() as database:
            return database.execute("update tokens set withdrawn = 1 where token_id = ?", (token_id,)).rowcount > 0

    def use_token(self, token_id: str, request: bytes, answer: bytes, issued: Issued, wall: float) -> bool:
        """Count one use, keep the answer and remember the certified key, all of it or nothing; False when no use is left."""
        with self._transaction() as database:
            changed = database.execute(
                "update tokens set used = used + 1 where token_id = ? and used < uses and withdrawn = 0", (token_id,)
            ).rowcount
            if changed:
                database.execute("insert or replace into answers values(?,?,?)", (request, answer, wall))
                database.execute("delete from answers where at < ?", (wall - ANSWERS_KEPT_SECONDS,))
                _add_issued(database, issued)
            return changed > 0

    def answer(self, request: bytes) -> bytes | None:
        """What was answered to the request with this digest: mail may come twice, and a use counts once."""
        rows = self._rows("select answer from answers where request = ?", request)
        return bytes(rows[0]["answer"]) if rows else None

    def add_issued(self, issued: Issued) -> None:
        """Remember a certified key; one that is known keeps `first_at` and `revoked`."""
        with self._transaction() as database:
            _add_issued(database, issued)

    def issued(self, kind: Kind | None = None) -> list[Issued]:
        """Every certified key, newest first."""
        rows = self._rows("select * from issued order by last_at desc")
        found = [_issued(row) for row in rows]
        return [item for item in found if kind is None or item.kind == kind]

    def issued_key(self, fingerprint: str) -> Issued | None:
        """One certified key."""
        rows = self._rows("select * from issued where fingerprint = ?", fingerprint)
        return _issued(rows[0]) if rows else None

    def mark_revoked(self, fingerprint: str) -> None:
        """No certificate will be renewed for this key."""
        with self._transaction() as database:
            database.execute("update issued set revoked = 1 where fingerprint = ?", (fingerprint,))

    def _rows(self, query: str, *values: object) -> list[sqlite3.Row]:
        try:
            cursor = self._database.execute(query, values)
            cursor.row_factory = sqlite3.Row
            return cursor.fetchall()
        except sqlite3.Error as error:
            raise self._failed(error) from error

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        try:
            self._database.execute("begin immediate")
            try:
                yield self._database
                self._database.execute("commit")
            finally:
                if self._database.in_transaction:
                    self._database.execute("rollback")
        except sqlite3.Error as error:
            raise self._failed(error) from error

    def _failed(self, error: sqlite3.Error) -> Unavailable:
        return Unavailable(
            f"The signer's records {self._path} cannot be used ({error}); nothing was changed. Is the disk full? "
            "Make room on it, then try again.",
            retry_after=30.0,
        )


def _add_issued(database: sqlite3.Connection, issued: Issued) -> None:
    database.execute(
        "insert into issued values(?,?,?,?,?,?,?,?,?,?) on conflict(fingerprint) do update set label = excluded.label, "
        "device_group = excluded.device_group, tier = excluded.tier, last_at = excluded.last_at, "
        "not_after = excluded.not_after",
        (
            issued.peer,
            issued.kind,
            issued.label,
            issued.group,
            issued.tier,
            issued.fingerprint,
            issued.first_at,
            issued.last_at,
            issued.not_after,
            int(issued.revoked),
        ),
    )


def _token(row: sqlite3.Row) -> Token:
    return Token(
        token_id=row["token_id"],
        kind=row["kind"],
        secret=bytes(row["secret"]),
        group=row["device_group"],
        name=row["name"],
        tier=row["tier"],
        uses=row["uses"],
        used=row["used"],
        expires=row["expires"],
        withdrawn=bool(row["withdrawn"]),
    )


def _issued(row: sqlite3.Row) -> Issued:
    return Issued(
        peer=row["peer"],
        kind=row["kind"],
        label=row["label"],
        group=row["device_group"],
        tier=row["tier"],
        fingerprint=row["fingerprint"],
        first_at=row["first_at"],
        last_at=row["last_at"],
        not_after=row["not_after"],
        revoked=bool(row["revoked"]),
    )
