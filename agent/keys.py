"""What the rest of the agent needs to know of the device's identity; `agent.enrolment` loads and renews it."""

from datetime import datetime
from typing import Protocol

from protocol.certificates import PrivateKey


class DeviceKeys(Protocol):
    """Keys, chains and names of an enrolled device. Chains are [leaf, device CA] in DER."""

    @property
    def key(self) -> PrivateKey:
        """The session key."""

    @property
    def chain(self) -> list[bytes]:
        """The session chain."""

    @property
    def login_key(self) -> PrivateKey:
        """The key that logs in to the relay."""

    @property
    def login_chain(self) -> list[bytes]:
        """The login chain."""

    @property
    def root(self) -> bytes:
        """The organisation's pinned root certificate, DER."""

    @property
    def peer(self) -> str:
        """This device's id."""

    @property
    def organisation(self) -> str:
        """The organisation's id."""

    @property
    def organisation_name(self) -> str:
        """The organisation's name, as the bundle said."""

    @property
    def label(self) -> str:
        """The certified label."""

    @property
    def group(self) -> str:
        """The certified group."""

    @property
    def not_before(self) -> datetime:
        """Since when the session leaf is valid."""

    @property
    def not_after(self) -> datetime:
        """Until when the session leaf is valid."""


class EnrolledDevice(DeviceKeys, Protocol):
    """A device that belongs to an organisation and knows its relay."""

    @property
    def relay(self) -> str:
        """The relay's address, `https://HOST:PORT`."""

    @property
    def relay_spki(self) -> str:
        """Hex SHA-256 of the relay's TLS key, or "" for the system's certificate authorities."""

    @property
    def tuf_root(self) -> bytes:
        """The pinned root of the organisation's signed repository, JSON."""
