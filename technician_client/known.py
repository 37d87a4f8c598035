"""What devices have told about themselves, end to end: kept on this computer from session to session.

The relay knows neither groups nor who uses a device, nor whether a label is true. Label and group are written here from a
certificate that was verified in a session, so that a group can be addressed and a label that the relay has changed is noticed;
the user's name, the asset tag and what was found wrong come from the device's own tables and findings in such a session, and are
as old as that session.
"""

import asyncio
import logging
import threading
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Annotated, Any, Final

import msgspec

from hostio.private_files import PrivateFileError, read_private, write_private
from hostio.tasks import Supervisor
from protocol.certificates import Identity
from protocol.errors import HandrailError
from protocol.link_messages import Role
from protocol.messages.diagnostics import DiagnosticsTable, Finding
from technician_client.verdicts import device_claims

_LOGGER = logging.getLogger(__name__)
WRITE_SECONDS: Final = 1.0
_MOST_BYTES = 64 * 1024 * 1024
_MOST_DEVICES = 100_000
_FACT_CHARS = 120
_SEVERITIES = ("critical", "warning", "notice")


class Health(msgspec.Struct, frozen=True):
    """What was found wrong when somebody last looked: how many of each severity, the title of the worst, and when (seconds
    since 1970)."""

    critical: int = 0
    warning: int = 0
    notice: int = 0
    worst: Annotated[str, msgspec.Meta(max_length=200)] = ""
    checked: float = 0.0


class KnownDevice(msgspec.Struct, frozen=True, omit_defaults=True):
    """One device. `label` and `group` as its certificate described it, first so at `seen`; `user` and `asset_tag` as it said
    itself; `health` None: nobody has looked; `last_session`: when somebody last had a session with it (0: never). Times in
    seconds since 1970."""

    label: Annotated[str, msgspec.Meta(max_length=200)]
    group: Annotated[str, msgspec.Meta(max_length=200)]
    seen: float
    user: Annotated[str, msgspec.Meta(max_length=200)] = ""
    asset_tag: Annotated[str, msgspec.Meta(max_length=200)] = ""
    health: Health | None = None
    last_session: float = 0.0


def health_of(findings: Sequence[Finding], checked: float) -> Health:
    """Count findings."""
    counts = {severity: sum(one.severity == severity for one in findings) for severity in _SEVERITIES}
    worst = next((one.title for severity in _SEVERITIES for one in findings if one.severity == severity), "")
    return Health(**counts, worst=worst[:_FACT_CHARS], checked=checked)


def _text(cell: object) -> str:
    return " ".join(cell.split())[:_FACT_CHARS] if isinstance(cell, str) else ""


def facts_of(table: DiagnosticsTable) -> Mapping[str, str]:
    """What a table says about a device that is worth remembering: `user` (who is logged in, the latest) and `asset_tag`."""
    if table.status != "ok":
        return {}
    if table.name == "logged_in_users":
        user = next((name for row in table.rows if (name := _text(row.get("user")))), "")
        return {"user": user} if user else {}
    if table.name == "system_info":
        return {"asset_tag": _text(table.rows[0].get("asset_tag"))} if table.rows else {}
    return {}


class KnownDevices:
    """The devices met so far. What is learned is written at once, or `in_background`; several commands may run side by side, the
    last one to write a field wins. For one thread: the event loop's where there is one."""

    def __init__(
        self,
        path: Path,
        *,
        wall: Callable[[], float] = time.time,
        on_change: Callable[[str, KnownDevice], None] = lambda _peer, _device: None,
    ) -> None:
        """Read what is known. A file that cannot be read counts as empty: it is a memory, not an authority.

        Args:
            on_change: called with a device's id and what is known of it now.
        """
        self._path = path
        self._wall = wall
        self._on_change = on_change
        self._devices = self._read()
        self._pending: dict[str, dict[str, Any]] = {}  # fields by device that are not written yet
        self._later: asyncio.Event | None = None  # set when there is something to write in the background
        self._writing = threading.Lock()

    def _read(self) -> dict[str, KnownDevice]:
        try:
            return msgspec.json.decode(read_private(self._path, _MOST_BYTES, secret=False), type=dict[str, KnownDevice])
        except (FileNotFoundError, HandrailError, msgspec.DecodeError):
            return {}

    def get(self, peer: str) -> KnownDevice | None:
        """What is known of a device by id."""
        return self._devices.get(peer)

    def everything(self) -> Mapping[str, KnownDevice]:
        """Every device met so far, by id."""
        return self._devices

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
        self._keep(identity.peer, label=claims.label, group=claims.group, seen=self._wall())

    def met(self, peer: str) -> None:
        """A session with a device that is known was opened (others are left out).

        Raises:
            PrivateFileError: the file cannot be written.
        """
        if peer in self._devices:
            self._keep(peer, last_session=self._wall())

    def learn(self, peer: str, facts: Mapping[str, str], findings: Sequence[Finding] | None = None) -> None:
        """Note what a known device said in a session (`facts_of`, and its findings; None: they were not looked at).

        Raises:
            PrivateFileError: the file cannot be written.
        """
        known = self._devices.get(peer)
        if known is None:
            return
        told: dict[str, Any] = {name: value for name, value in facts.items() if getattr(known, name) != value}
        if findings is not None:
            told["health"] = health_of(findings, self._wall())
        if told:
            self._keep(peer, **told)

    def _keep(self, peer: str, **fields: Any) -> None:
        self._pending.setdefault(peer, {}).update(fields)
        if self._later is None:
            self._write()
        else:
            _merge(self._devices, {peer: fields})
            self._later.set()
        self._on_change(peer, self._devices[peer])

    def _write(self) -> None:
        """Everything that is not written yet, here and now."""
        self._devices = self._saved(self._pending)
        self._pending = {}

    def _saved(self, changes: Mapping[str, Mapping[str, Any]]) -> dict[str, KnownDevice]:
        """Write these into what the file says now; returns all of it. Any thread."""
        with self._writing:
            devices = self._read()
            _merge(devices, changes)
            write_private(self._path, msgspec.json.encode(devices))
        return devices

    @asynccontextmanager
    async def in_background(self) -> AsyncIterator[None]:
        """While this lasts, what is learned is written by a thread once a second at most, and at the end: the file of many
        devices takes longer to write than a picture may wait. What cannot be written is logged, and tried again."""
        if self._later is not None:  # somebody further out does it
            yield
            return
        self._later = asyncio.Event()
        try:
            async with Supervisor() as tasks:
                _ = tasks.spawn(self._keep_writing(self._later), "what is known of devices")
                yield
        finally:
            self._later = None
            if self._pending:
                try:
                    self._write()
                except PrivateFileError as error:
                    _LOGGER.warning("what is known of devices is not kept: %s", error)

    async def _keep_writing(self, later: asyncio.Event) -> None:
        while True:
            await later.wait()
            later.clear()
            changes, self._pending = self._pending, {}
            try:
                devices = await asyncio.to_thread(self._saved, changes)
            except (PrivateFileError, asyncio.CancelledError) as error:
                for peer, fields in changes.items():
                    self._pending[peer] = fields | self._pending.get(peer, {})
                if isinstance(error, asyncio.CancelledError):
                    raise
                _LOGGER.warning("what is known of devices is not kept: %s", error)
            else:
                _merge(devices, self._pending)
                self._devices = devices
            await asyncio.sleep(WRITE_SECONDS)  # what is learned meanwhile is written together


def _merge(devices: dict[str, KnownDevice], changes: Mapping[str, Mapping[str, Any]]) -> None:
    for peer, fields in changes.items():
        devices[peer] = msgspec.structs.replace(devices.get(peer) or KnownDevice("", "", 0.0), **fields)
    while len(devices) > _MOST_DEVICES:
        del devices[min(devices, key=lambda other: devices[other].seen)]
