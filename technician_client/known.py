"""What certificates have told about devices: their labels and groups, kept from session to session.

The relay knows neither groups nor whether a label is true. What is written here was read from a certificate that was
verified in a session, so that a group can be addressed, and a label that the relay has changed is noticed.
"""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import msgspec

from protocol.certificates import Identity
from protocol.errors import HandrailError
from protocol.link_messages import Role
from technician_client.private_files import read_private, write_private
from technician_client.verdicts import device_claims

_MOST_BYTES = 32 * 1024 * 1024
_MOST_DEVICES = 100_000


class KnownDevice(msgspec.Struct, frozen=True):
    """One device as its certificate described it. `seen` is when, in seconds since 1970."""

    label: Annotated[str, msgspec.Meta(max_length=200)]
    group: Annotated[str, msgspec.Meta(max_length=200)]
    seen: float


class KnownDevices:
    """The devices met so far. `remember` writes at once; several commands may run side by side, the last one to write wins."""

    def __init__(self, path: Path, *, wall: Callable[[], float] = time.time) -> None:
        """Read what is known. A file that cannot be read counts as empty: it is a memory, not an authority."""
        self._path = path
        self._wall = wall
        self._devices = self._read()

    def _read(self) -> dict[str, KnownDevice]:
        try:
            return msgspec.json.decode(read_private(self._path, _MOST_BYTES, secret=False), type=dict[str, KnownDevice])
        except (FileNotFoundError, HandrailError, msgspec.DecodeError):
            return {}

    def get(self, peer: str) -> KnownDevice | None:
        """What is known of a device by id."""
        return self._devices.get(peer)

    def groups(self) -> frozenset[str]:
        """Every group met so far."""
        return frozenset(device.group for device in self._devices.values())

    def remember(self, identity: Identity) -> None:
        """Note what a verified certificate says. Of a guest nothing is noted.

        Raises:
            TrustError: it is not a device's. PrivateFileError: the file cannot be written.
        """
        claims = device_claims(identity)
        if identity.role is Role.GUEST:
            return  # nobody has certified it, and it does not come again
        known = self._devices.get(identity.peer)
        if known is not None and (known.label, known.group) == (claims.label, claims.group):
            return
        self._devices = self._read()
        self._devices[identity.peer] = KnownDevice(claims.label, claims.group, self._wall())
        while len(self._devices) > _MOST_DEVICES:
            del self._devices[min(self._devices, key=lambda peer: self._devices[peer].seen)]
        write_private(self._path, msgspec.json.encode(self._devices))
