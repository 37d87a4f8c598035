"""The open database: one SQLite file in WAL mode, many readers, one writer at a time."""

import asyncio
import contextlib
import logging
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import event, text
from sqlalchemy.engine import Connection
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import DatabaseError, DataError, IntegrityError, ProgrammingError, SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker, create_async_engine
from sqlalchemy.pool import ConnectionPoolEntry

from relay.store.migrations import upgrade

_LOGGER = logging.getLogger(__name__)
CLOSE_SECONDS = 5.0
WRITES = "handrail_writes"
PRAGMAS = ("journal_mode=WAL", "synchronous=NORMAL", "busy_timeout=5000", "foreign_keys=ON", "cache_size=-8000")


class StoreError(Exception):
    """The database cannot be used; the text says what to do."""


class Database:
    """Sessions on one database file. `reading()` for looking, `writing()` for a transaction that is committed at its end."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._engine = create_async_engine(f"sqlite+aiosqlite:///{path}", pool_size=4, max_overflow=4, hide_parameters=True)
        event.listen(self._engine.sync_engine, "connect", _prepare)
        event.listen(self._engine.sync_engine, "begin", _begin)
        self._sessions = async_sessionmaker(self._engine, expire_on_commit=False)
        # SQLite has one writer. Waiting here is fair and costs nothing; waiting inside SQLite would poll and could time out.
        self._writer = asyncio.Lock()
        self._in_use = 0
        self._unused = asyncio.Event()
        self._unused.set()

    async def open(self) -> None:
        """Create the file when it is missing and bring its schema up to date.

        Raises:
            StoreError: not writable, not a database, disk full.
            SchemaError: written by a newer relay.
        """
        try:
            async with self._writer, self._engine.execution_options(**{WRITES: True}).begin() as connection:
                await connection.run_sync(upgrade)
        except SQLAlchemyError as error:
            await self._engine.dispose()
            reason = getattr(error, "orig", None) or error
            raise StoreError(
                f"The database {self.path} cannot be opened ({reason}); check the path, its owner and the disk."
            ) from error
        if self.path.exists():
            self.path.chmod(0o600)

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[AsyncSession]:
        """A session that sees one consistent state.

        Raises:
            StoreError: the database does not work (locked, damaged, disk full).
        """
        try:
            async with self._session() as session:
                yield session
        except DatabaseError as error:
            raise self._unusable(error) from error

    @asynccontextmanager
    async def writing(self) -> AsyncIterator[AsyncSession]:
        """A session in a transaction: committed at the end, rolled back when anything is raised.

        Raises:
            StoreError: the database does not work (locked, damaged, disk full); nothing was written.
        """
        try:
            async with self._writer, self._session() as session:
                connection = await session.connection(execution_options={WRITES: True})
                assert connection.in_transaction()
                yield session
                await session.commit()
        except DatabaseError as error:
            raise self._unusable(error) from error

    @asynccontextmanager
    async def _session(self) -> AsyncIterator[AsyncSession]:
        self._in_use += 1
        self._unused.clear()
        try:
            async with self._sessions() as session:
                yield session
        finally:
            self._in_use -= 1
            if not self._in_use:
                self._unused.set()

    def _unusable(self, error: DatabaseError) -> Exception:
        """The error to raise: a mistake of ours stays what it is, anything else is the database's state."""
        if isinstance(error, (IntegrityError, ProgrammingError, DataError)):
            return error
        reason = getattr(error, "orig", None) or error
        _LOGGER.error("the database %s cannot be used: %s", self.path, reason)
        return StoreError(f"The relay's database cannot be used now ({reason}); its operator must look at its disk.")

    async def ping(self) -> bool:
        """Whether the database answers."""
        try:
            async with self.reading() as session:
                await session.execute(text("SELECT 1"))
        except (SQLAlchemyError, StoreError):
            return False
        return True

    async def close(self) -> None:
        """Wait shortly for sessions in use, close every connection; SQLite folds the write-ahead log into the file."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(CLOSE_SECONDS):
                await self._unused.wait()
        await self._engine.dispose()


def _prepare(connection: DBAPIConnection, _entry: ConnectionPoolEntry) -> None:
    # The driver must not begin transactions by its own rules: `_begin` does.
    connection.isolation_level = None
    cursor = connection.cursor()
    try:
        for pragma in PRAGMAS:
            cursor.execute(f"PRAGMA {pragma}")
    except (SQLAlchemyError, sqlite3.Error):
        cursor.close()
        connection.close()
        raise
    cursor.close()


def _begin(connection: Connection) -> None:
    # A transaction that will write takes the write lock at once: upgrading a read one fails when another writer was faster.
    options: dict[str, Any] = dict(connection.get_execution_options())
    connection.exec_driver_sql("BEGIN IMMEDIATE" if options.get(WRITES) else "BEGIN")
