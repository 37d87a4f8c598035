"""The first tables: organisations, tokens, devices, technicians, mail, enrolments, repository files."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create every table of the first schema."""
    op.create_table(
        "organisations",
        sa.Column("id", sa.String(16), primary_key=True),
        sa.Column("name", sa.String(200), nullable=False),
        sa.Column("root", sa.LargeBinary(), nullable=False),
        sa.Column("registered_at", sa.Float(), nullable=False),
    )
    op.create_table(
        "registration_tokens",
        sa.Column("hash", sa.LargeBinary(32), primary_key=True),
        sa.Column("created_at", sa.Float(), nullable=False),
        sa.Column("expires_at", sa.Float(), nullable=False),
        sa.Column("used_by", sa.String(16)),
    )
    _create_peers()
    _create_documents()


def _create_peers() -> None:
    op.create_table(
        "devices",
        sa.Column("organisation", sa.String(16), primary_key=True),
        sa.Column("id", sa.String(40), primary_key=True),
        sa.Column("label", sa.String(100), nullable=False),
        sa.Column("label_key", sa.String(300), nullable=False),
        sa.Column("platform", sa.String(100), nullable=False),
        sa.Column("first_seen", sa.Float(), nullable=False),
        sa.Column("last_seen", sa.Float(), nullable=False),
    )
    op.create_index("devices_by_label", "devices", ["organisation", "label_key", "id"])
    op.create_table(
        "technicians",
        sa.Column("organisation", sa.String(16), primary_key=True),
        sa.Column("id", sa.String(40), primary_key=True),
        sa.Column("label", sa.String(100), nullable=False),
        sa.Column("first_seen", sa.Float(), nullable=False),
        sa.Column("last_seen", sa.Float(), nullable=False),
    )


def _create_documents() -> None:
    op.create_table(
        "mail",
        sa.Column("number", sa.Integer(), primary_key=True, autoincrement=True),
        sa.Column("id", sa.String(40), nullable=False, unique=True),
        sa.Column("organisation", sa.String(16), nullable=False),
        sa.Column("recipient", sa.String(40), nullable=False),
        sa.Column("sender", sa.String(60), nullable=False),
        sa.Column("kind", sa.String(40), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.Float(), nullable=False),
        sqlite_autoincrement=True,
    )
    op.create_index("mail_by_recipient", "mail", ["organisation", "recipient", "number"])
    op.create_index("mail_by_sender", "mail", ["organisation", "sender"])
    op.create_index("mail_by_age", "mail", ["created_at"])
    op.create_table(
        "enrolments",
        sa.Column("id", sa.String(32), primary_key=True),
        sa.Column("organisation", sa.String(16), nullable=False),
        sa.Column("kind", sa.String(20), nullable=False),
        sa.Column("token_id", sa.Text(), nullable=False),
        sa.Column("poll_hash", sa.LargeBinary(32), nullable=False),
        sa.Column("created_at", sa.Float(), nullable=False),
        sa.Column("answer", sa.LargeBinary()),
        sa.Column("answered_at", sa.Float()),
    )
    op.create_index("enrolments_by_organisation", "enrolments", ["organisation"])
    op.create_index("enrolments_by_age", "enrolments", ["created_at"])
    op.create_table(
        "repository_files",
        sa.Column("organisation", sa.String(16), primary_key=True),
        sa.Column("path", sa.String(500), primary_key=True),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("sha256", sa.LargeBinary(32), nullable=False),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.Column("written_at", sa.Float(), nullable=False),
    )


def downgrade() -> None:
    """Not offered: restore a backup instead."""
    raise NotImplementedError("restore a backup of the database instead")
