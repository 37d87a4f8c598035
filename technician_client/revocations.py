"""Which devices are devices no more: the organisation's signed revocations as this technician knows them, kept fresh.

A device key that was revoked, or one that a revoked device CA certified, is not opened, and a session with it is ended. Lists
only ever add up. Like the agents', this side's knowledge may be fourteen days old at most: a relay can withhold newer files,
and a device that might be revoked is not opened for longer than that.
"""

import asyncio
import logging
import random
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final, Protocol

import msgspec

from hostio.private_files import read_private, write_private
from protocol.certificates import Identity
from protocol.documents import (
    POLICY_PATH,
    REVOCATION_PATH,
    TECHNICIANS_PATH,
    OrganisationPolicy,
    RevocationList,
    TechnicianEntry,
    TechniciansList,
    decode_document,
)
from protocol.errors import HandrailError, TrustError
from technician_client.identity import TechnicianIdentity
from technician_client.settings import Settings

if TYPE_CHECKING:
    from technician_client.signed_files import SignedFiles

_LOGGER = logging.getLogger(__name__)
REFRESH_SECONDS: Final = 300.0
JITTER_SECONDS: Final = 1.0
PATIENCE_SECONDS: Final = 5.0
OLDEST_SECONDS: Final = 14 * 86400.0
_KEPT = "revoked.json"
_KEPT_BYTES = 4 * 1024 * 1024
_READ = "revoked-as-of.json"
_READ_BYTES = 1024


class Files(Protocol):
    """What is needed of `technician_client.signed_files.SignedFiles`."""

    @property
    def version(self) -> int:
        """See `SignedFiles`."""

    def age(self, wall: datetime) -> float | None:
        """See `SignedFiles`."""

    def refresh(self, wall: datetime) -> bool:
        """See `SignedFiles`."""

    def target(self, path: str) -> bytes:
        """See `SignedFiles`."""


class _Read(msgspec.Struct, frozen=True):
    """Of which signed files a list was read last, and when those were signed (seconds since 1970); 0: never."""

    version: int = 0
    as_of: float = 0.0


class Revocations:
    """What is revoked. `check` is cheap; `keep_fresh` runs as long as the link does."""

    def __init__(self, directory: Path, files: Files, *, wall: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        """Args:
            directory: where the union of all lists is kept (the files' own).

        Raises:
            PrivateFileError: what is kept cannot be read.
        """
        self._kept = directory / _KEPT
        self._files = files
        self._wall = wall
        self._revoked = RevocationList(issued=0.0)
        self._taken = 0  # version of the signed files whose list was read; 0: none by this process
        try:
            self._revoked = decode_document(read_private(self._kept, _KEPT_BYTES, secret=False), RevocationList)
        except (FileNotFoundError, TrustError):
            _LOGGER.debug("no revocations are kept here yet")
        self._read_path, self._read = directory / _READ, _Read()
        try:
            self._read = msgspec.json.decode(read_private(self._read_path, _READ_BYTES, secret=False), type=_Read)
        except (FileNotFoundError, ValueError, RecursionError):
            _LOGGER.debug("it is not known as of when")
        self._hint = asyncio.Event()
        self._news = asyncio.Event()
        self._first = asyncio.Event()
        self.problem = ""

    @property
    def version(self) -> int:
        """Version of the newest verified timestamp; 0 before the first."""
        return self._files.version

    async def policy(self) -> OrganisationPolicy | None:
        """The organisation's signed policy, as of the last look; None where none was had by this process."""
        try:
            return decode_document(await asyncio.to_thread(self._files.target, POLICY_PATH), OrganisationPolicy)
        except HandrailError as error:
            _LOGGER.info("the organisation's policy is not known here now: %s", error)
            return None

    def hint(self) -> None:
        """There may be something newer: the relay said so, or the link stands again."""
        self._hint.set()

    async def ready(self, seconds: float = PATIENCE_SECONDS) -> None:
        """Wait until this process has looked once, or for `seconds`: then what is kept decides."""
        try:
            async with asyncio.timeout(seconds):
                await self._first.wait()
        except TimeoutError:
            _LOGGER.warning("the organisation's signed files did not come in time; the ones here decide")

    def check(self, identity: Identity) -> None:
        """May a session be held with this device?

        Raises:
            TrustError: its key or its CA is revoked, or what is known here is too old to say.
        """
        if not identity.issuer:
            return  # a guest: nobody certified it, and nothing but its code leads there
        key, authority = identity.fingerprint.hex(), identity.issuer.hex()
        if key in self._revoked.fingerprints:
            raise TrustError(
                f"{identity.display_name!r} was revoked by your organisation: whoever answers with its key is not to be trusted. "
                "The session was stopped. If the computer is in good hands, your administrator enrols it again."
            )
        if authority in self._revoked.fingerprints:
            raise TrustError(
                f"The authority that certified {identity.display_name!r} was revoked by your organisation. The session was "
                "stopped. The device gets a new certificate by itself; until then your administrator knows more."
            )
        age = self._age()
        if age is None or age > OLDEST_SECONDS:
            state = "never came here" if age is None else f"are {age / 86400:.0f} days old here"
            raise TrustError(
                f"Your organisation's signed files {state}: nobody can say whether {identity.display_name!r} was revoked. "
                f"The session was stopped. {self.problem or 'The relay must hand them out.'}"
            )

    def _age(self) -> float | None:
        """Seconds since the list that was read last was the newest; None where none ever was. Newer signed files make it no
        younger as long as the relay keeps the list that belongs to them to itself, or this version cannot read it."""
        wall = self._wall()
        age = self._files.age(wall)
        if age is None or self._files.version == self._read.version:
            return age
        return max(age, wall.timestamp() - self._read.as_of) if self._read.version else None

    def technicians(self) -> list[TechnicianEntry]:
        """Who is a technician, by the newest verified list; those whose key is revoked are left out. Blocking.

        Raises:
            HandrailError: the list is not here and cannot be fetched.
        """
        listed = decode_document(self._files.target(TECHNICIANS_PATH), TechniciansList)
        return [entry for entry in listed.technicians if entry.key not in self._revoked.fingerprints]

    async def refresh(self) -> None:
        """Look once. Failures are remembered in `problem` and change nothing else."""
        before = self.problem
        try:
            newer = await asyncio.to_thread(self._refresh)
            self.problem = ""
        except HandrailError as error:
            newer, self.problem = False, str(error)
            if self.problem != before:
                _LOGGER.warning("%s", error)
        self._first.set()
        if newer:
            self._news.set()

    def _refresh(self) -> bool:
        wall = self._wall()
        self._files.refresh(wall)
        version = self._files.version
        if version == self._taken:
            return False
        # The files being newer and their list being read are two steps: a relay that fails between them is asked again.
        listed = decode_document(self._files.target(REVOCATION_PATH), RevocationList)
        self._revoked = self._revoked.union(listed)
        write_private(self._kept, msgspec.json.encode(self._revoked))
        self._read = _Read(version, wall.timestamp() - (self._files.age(wall) or 0.0))
        write_private(self._read_path, msgspec.json.encode(self._read))
        self._taken = version
        return True

    async def keep_fresh(self) -> None:
        """Look now, after each hint, and every few minutes, for ever."""
        while True:
            self._hint.clear()
            await self.refresh()
            try:
                async with asyncio.timeout(REFRESH_SECONDS * random.uniform(0.9, 1.1)):  # noqa: S311 - jitter, not a secret
                    await self._hint.wait()
                    await asyncio.sleep(random.uniform(0, JITTER_SECONDS))  # noqa: S311
            except TimeoutError:
                continue

    async def watch(self, identity: Identity, stop: Callable[[TrustError], None]) -> None:
        """While a session lasts: call `stop` once its device is trusted no more."""
        while True:
            self._news.clear()
            try:
                self.check(identity)
            except TrustError as error:
                stop(error)
                return
            try:
                async with asyncio.timeout(REFRESH_SECONDS):
                    await self._news.wait()
            except TimeoutError:
                continue


def signed_files_of(identity: TechnicianIdentity, settings: Settings) -> "SignedFiles":
    """The signed files of a technician's organisation, kept below the settings' home. One at a time in a process.

    Raises:
        HandrailError: a directory or the relay's address cannot be used.
    """
    # Imported when it is needed: the library that verifies takes longer to load than `handrail --help` to run.
    from hostio.relay_http import RelayHttp
    from hostio.signed_repository import RelayMirror
    from technician_client.signed_files import SignedFiles

    http = RelayHttp(identity.relay_url, identity.relay_spki, proxy=settings.proxy, timeout=settings.connect_seconds)
    return SignedFiles(settings.signed_files_directory, identity.tuf_root, RelayMirror(http, identity.organisation))


def revocations_of(identity: TechnicianIdentity, settings: Settings) -> Revocations:
    """The revocations of a technician's organisation. Raises as `signed_files_of`."""
    return Revocations(settings.signed_files_directory, signed_files_of(identity, settings))
