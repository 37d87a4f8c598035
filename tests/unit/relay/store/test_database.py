"""The open database."""

import asyncio
import sqlite3
from pathlib import Path

import pytest
from sqlalchemy import func, select, text
from sqlalchemy.exc import IntegrityError

from relay.store.database import Database, StoreError
from relay.store.migrations import SchemaError
from relay.store.models import Organisation


def organisation(number: int) -> Organisation:
    return Organisation(id=f"{number:016x}", name="x", root=b"r", registered_at=1.0)


async def count(database: Database) -> int:
    async with database.reading() as session:
        return await session.scalar(select(func.count()).select_from(Organisation)) or 0


async def test_it_is_private_write_ahead_logged_and_opened_twice_without_harm(tmp_path: Path) -> None:
    database = Database(tmp_path / "r.sqlite")
    await database.open()
    await database.open()
    async with database.reading() as session:
        assert await session.scalar(text("PRAGMA journal_mode")) == "wal"
        assert await session.scalar(text("PRAGMA synchronous")) == 1
    await database.close()
    assert (tmp_path / "r.sqlite").stat().st_mode & 0o777 == 0o600
    assert [path.name for path in tmp_path.iterdir()] == ["r.sqlite"], "the log was folded in"


async def test_a_failed_transaction_leaves_nothing(database: Database) -> None:
    with pytest.raises(ZeroDivisionError):
        async with database.writing() as session:
            session.add(organisation(1))
            await session.flush()
            raise ZeroDivisionError
    assert await count(database) == 0


async def test_many_writers_wait_for_each_other(database: Database) -> None:
    async def write(number: int) -> None:
        async with database.writing() as session:
            assert await session.scalar(select(func.count()).select_from(Organisation)) is not None
            session.add(organisation(number))

    async with asyncio.TaskGroup() as group:
        for number in range(50):
            group.create_task(write(number))
    assert await count(database) == 50


async def test_another_process_may_write_too(database: Database) -> None:
    """`handrail-relay token` does while the relay runs."""
    other = Database(database.path)
    await other.open()
    async with other.writing() as session:
        session.add(organisation(1))
    await other.close()
    assert await count(database) == 1


async def test_a_path_that_cannot_be_opened_is_named(tmp_path: Path) -> None:
    database = Database(tmp_path / "missing" / "r.sqlite")
    with pytest.raises(StoreError, match=r"missing/r\.sqlite"):
        await database.open()
    await database.close()


async def test_a_file_that_is_no_database_is_named(tmp_path: Path) -> None:
    (tmp_path / "r.sqlite").write_bytes(b"garbage" * 1000)
    database = Database(tmp_path / "r.sqlite")
    with pytest.raises(StoreError, match=r"r\.sqlite"):
        await database.open()
    await database.close()


async def test_a_database_of_a_newer_relay_is_refused(database: Database) -> None:
    async with database.writing() as session:
        await session.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(SchemaError, match="9999"):
        await database.open()


async def test_a_full_disk_is_an_error_with_a_sentence_and_the_relay_goes_on(database: Database) -> None:
    """SQLite is told that its disk is full: no more pages than it has."""
    async with database.reading() as session:
        pages = await session.scalar(text("PRAGMA page_count"))
    small = Database(database.path)
    async with small.reading() as session:
        await session.execute(text(f"PRAGMA max_page_count = {pages}"))
    with pytest.raises(StoreError, match="full"):
        async with small.writing() as session:
            session.add(Organisation(id="f" * 16, name="x", root=b"r" * 1_000_000, registered_at=1.0))
    async with small.writing() as session:
        session.add(organisation(1))
    assert await count(small) == 1
    await small.close()


async def test_ping_tells_whether_it_answers(database: Database, tmp_path: Path) -> None:
    assert await database.ping()
    broken = Database(tmp_path / "no" / "such" / "file")
    assert not await broken.ping()
    await broken.close()


async def test_the_file_is_a_sound_sqlite_database(database: Database) -> None:
    async with database.writing() as session:
        session.add(organisation(1))
    await database.close()
    with sqlite3.connect(database.path) as plain:
        assert plain.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    plain.close()


async def test_a_mistake_of_ours_is_no_state_of_the_database(database: Database) -> None:
    for _ in range(2):
        with pytest.raises(IntegrityError):
            async with database.writing() as session:
                session.add(organisation(1))
                session.add(Organisation(id=f"{1:016x}", name="x", root=b"r", registered_at=1.0))
    assert await count(database) == 0
