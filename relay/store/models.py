"""Every table. The organisation stands beside the peer's id in each: one relay serves many, and none sees another's rows.

Times are wall seconds since 1970. Labels, platforms and texts came from peers and are unverified.
"""

from sqlalchemy import Float, Index, Integer, LargeBinary, String, Text
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

ORGANISATION = String(16)
PEER = String(40)


class Base(DeclarativeBase):
    """Common metadata; the migrations are compared with it in a test."""


class Organisation(Base):
    """A registered root certificate (DER). The id is derived from its key."""

    __tablename__ = "organisations"

    id: Mapped[str] = mapped_column(ORGANISATION, primary_key=True)
    name: Mapped[str] = mapped_column(String(200))
    root: Mapped[bytes] = mapped_column(LargeBinary)
    registered_at: Mapped[float] = mapped_column(Float)


class RegistrationToken(Base):
    """A one-time token of the operator, as its SHA-256. Used at most once; then it names who used it."""

    __tablename__ = "registration_tokens"

    hash: Mapped[bytes] = mapped_column(LargeBinary(32), primary_key=True)
    created_at: Mapped[float] = mapped_column(Float)
    expires_at: Mapped[float] = mapped_column(Float)
    used_by: Mapped[str | None] = mapped_column(ORGANISATION)


class Device(Base):
    """A device that has logged in at least once. `label_key` is the label case-folded, to sort and search by."""

    __tablename__ = "devices"

    organisation: Mapped[str] = mapped_column(ORGANISATION, primary_key=True)
    id: Mapped[str] = mapped_column(PEER, primary_key=True)
    label: Mapped[str] = mapped_column(String(100))
    label_key: Mapped[str] = mapped_column(String(300))
    platform: Mapped[str] = mapped_column(String(100))
    first_seen: Mapped[float] = mapped_column(Float)
    last_seen: Mapped[float] = mapped_column(Float)

    __table_args__ = (Index("devices_by_label", "organisation", "label_key", "id"),)


class Technician(Base):
    """A technician that has logged in at least once. A table of its own: an id here says nothing about an id in `devices`."""

    __tablename__ = "technicians"

    organisation: Mapped[str] = mapped_column(ORGANISATION, primary_key=True)
    id: Mapped[str] = mapped_column(PEER, primary_key=True)
    label: Mapped[str] = mapped_column(String(100))
    first_seen: Mapped[float] = mapped_column(Float)
    last_seen: Mapped[float] = mapped_column(Float)


class Mail(Base):
    """A document that waits for its recipient ("signer" or a peer id) to acknowledge it. Delivered in order of `number`."""

    __tablename__ = "mail"

    number: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=True)
    id: Mapped[str] = mapped_column(String(40), unique=True)
    organisation: Mapped[str] = mapped_column(ORGANISATION)
    recipient: Mapped[str] = mapped_column(PEER)
    sender: Mapped[str] = mapped_column(String(60))
    kind: Mapped[str] = mapped_column(String(40))
    body: Mapped[bytes] = mapped_column(LargeBinary)
    size: Mapped[int] = mapped_column(Integer)
    created_at: Mapped[float] = mapped_column(Float)

    __table_args__ = (
        Index("mail_by_recipient", "organisation", "recipient", "number"),
        Index("mail_by_sender", "organisation", "sender"),
        Index("mail_by_age", "created_at"),
        {"sqlite_autoincrement": True},
    )


class Enrolment(Base):
    """A request that was taken to the signer's mailbox, and its answer. `poll_hash` is the SHA-256 of the poll token."""

    __tablename__ = "enrolments"

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    organisation: Mapped[str] = mapped_column(ORGANISATION)
    kind: Mapped[str] = mapped_column(String(20))
    token_id: Mapped[str] = mapped_column(Text)
    poll_hash: Mapped[bytes] = mapped_column(LargeBinary(32))
    created_at: Mapped[float] = mapped_column(Float)
    answer: Mapped[bytes | None] = mapped_column(LargeBinary)
    answered_at: Mapped[float | None] = mapped_column(Float)

    __table_args__ = (Index("enrolments_by_organisation", "organisation"), Index("enrolments_by_age", "created_at"))


class RepositoryFile(Base):
    """A file of an organisation's TUF repository. `path` is relative: "metadata/timestamp.json", "targets/scripts/..."."""

    __tablename__ = "repository_files"

    organisation: Mapped[str] = mapped_column(ORGANISATION, primary_key=True)
    path: Mapped[str] = mapped_column(String(500), primary_key=True)
    body: Mapped[bytes] = mapped_column(LargeBinary)
    sha256: Mapped[bytes] = mapped_column(LargeBinary(32))
    size: Mapped[int] = mapped_column(Integer)
    written_at: Mapped[float] = mapped_column(Float)
