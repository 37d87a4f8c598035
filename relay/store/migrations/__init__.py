"""Moves a database to the newest schema, step by step, in one transaction: Alembic's scripts, run without its command line."""

from pathlib import Path

from alembic.migration import MigrationContext
from alembic.operations import Operations
from alembic.script import ScriptDirectory
from alembic.script.base import Script
from alembic.script.revision import RevisionError
from sqlalchemy import Connection

HERE = Path(__file__).parent


class SchemaError(Exception):
    """The database cannot be brought to this version's schema; the text says what to do."""


def upgrade(connection: Connection) -> list[str]:
    """Run what is missing; the names of the revisions that were run.

    Raises:
        SchemaError: the database was written by a newer relay.
    """
    scripts = ScriptDirectory(str(HERE), version_locations=[str(HERE / "versions")])
    context = MigrationContext.configure(connection)
    current = context.get_current_revision()
    try:
        steps: list[Script] = list(scripts.iterate_revisions("heads", current or "base"))
    except RevisionError as error:
        raise SchemaError(
            f"The database is of a newer schema ({current}) than this relay knows; install the newer relay, or restore a backup."
        ) from error
    done: list[str] = []
    for step in reversed(steps):
        with Operations.context(context):
            step.module.upgrade()
        context.stamp(scripts, step.revision)
        done.append(step.revision)
    return done
