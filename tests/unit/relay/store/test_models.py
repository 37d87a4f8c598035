"""The tables, and that the migrations make exactly them."""

from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection, text

from relay.store.database import Database
from relay.store.models import Base


async def test_migrations_make_exactly_the_models(database: Database) -> None:
    def differences(connection: Connection) -> list[object]:
        return list(compare_metadata(MigrationContext.configure(connection), Base.metadata))

    async with database.reading() as session:
        assert await (await session.connection()).run_sync(differences) == []
        assert await session.scalar(text("SELECT version_num FROM alembic_version")) == "0001"


def test_whatever_belongs_to_a_peer_names_its_organisation() -> None:
    for table in Base.metadata.sorted_tables:
        if table.name not in ("organisations", "registration_tokens"):
            assert "organisation" in table.columns, table.name


def test_devices_and_technicians_are_tables_apart() -> None:
    assert {"devices", "technicians"} <= set(Base.metadata.tables)
    for name in ("devices", "technicians"):
        assert [column.name for column in Base.metadata.tables[name].primary_key] == ["organisation", "id"]
