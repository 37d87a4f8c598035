"""The organisation's signed files on this machine: who is a technician, what policy says, what is revoked, which fixes are
approved.

They come from the relay, which is a plain mirror: The Update Framework (python-tuf) verifies them from a root that enrolment
pinned. A relay can withhold newer files, and nothing else. What was verified last is kept whole (`agent.trusted_state`) and
stays in force while the relay is away; `age` says how old it is, and `agent.policy` decides what that still allows.

So does it when newer rules were signed for a later version of this program (`unreadable`): what is revoked since is taken over,
and `agent.policy` allows less than by the old rules alone, because nobody here can say what the new ones forbid.
"""

import asyncio
import hashlib
import logging
import threading
from contextlib import suppress
from datetime import datetime
from pathlib import Path

import msgspec
from tuf.api.exceptions import RepositoryError
from tuf.api.metadata import Metadata, Root, Targets, Timestamp
from tuf.ngclient import Updater

from agent.trusted_state import (
    MAX_SCRIPTS,
    ROLES,
    TrustedState,
    VerifiedScript,
    VerifiedSet,
    load_set,
    open_set,
    save_set,
)
from hostio.private_files import PrivateFileError, make_private_directory
from hostio.signed_repository import MAX_FILE_BYTES, Mirror, fetch_target, in_our_words, make_updater
from protocol.articles import ARTICLES_BYTES, ARTICLES_PATH, Article
from protocol.documents import (
    POLICY_PATH,
    REVOCATION_PATH,
    TECHNICIANS_PATH,
    OrganisationPolicy,
    RevocationList,
    TechniciansList,
    decode_document,
)
from protocol.errors import NeedsUpdate, TrustError, Unavailable
from protocol.freshness import issued_at, judged_at, next_floor, unchanged
from protocol.manifests import MANIFEST_NAME

__all__ = ["TrustStore", "VerifiedScript"]

_LOGGER = logging.getLogger(__name__)
_KEPT = "verified.msgpack"
_ALL_SCRIPT_BYTES = 64 * 1024 * 1024


class TrustStore:
    """Verified policy, lists and scripts. Reading is cheap and safe from every thread; `refresh` talks to the relay."""

    def __init__(self, directory: Path, root: bytes, mirror: Mirror) -> None:
        """Args:
            directory: this store's own; made if missing.
            root: the pinned root of the repository (`tuf_root` of the bundle), JSON.
            mirror: where newer files come from.

        Raises:
            PrivateFileError: the directory cannot be made.
        """
        self._directory = make_private_directory(directory)
        self._metadata = make_private_directory(directory / "metadata")
        self._objects = make_private_directory(directory / "objects")
        self._root = root
        self._source = mirror
        self._updater: Updater | None = None  # of the last refresh
        self._looked = 0.0  # as of when everything was last judged that was fetched
        self._wall = 0.0  # what this computer's clock said then
        self._lock = threading.RLock()
        self._stored: VerifiedSet | None = None
        self._state: TrustedState | None = None
        self._unreadable = ""
        try:
            self._stored = load_set(directory / _KEPT)
            if self._stored is not None:
                self._state = open_set(self._stored, root, self._objects)
        except TrustError as error:
            self._stored = None
            _LOGGER.warning("the kept signed files were dropped and are fetched anew: %s", error)

    @property
    def state(self) -> TrustedState | None:
        """Everything verified last, or None before the first success."""
        return self._state

    @property
    def unreadable(self) -> str:
        """The version of this program that the organisation's newest files need, which are not in force therefore; "" when this
        one reads them, as far as this process has seen."""
        return self._unreadable

    def technicians(self) -> TechniciansList | None:
        """Who is a technician; None before the first refresh."""
        return self._state.technicians if self._state else None

    def policy(self) -> OrganisationPolicy | None:
        """The organisation's policy; None before the first refresh."""
        return self._state.policy if self._state else None

    def revocation(self) -> RevocationList | None:
        """Everything that was ever seen revoked; None before the first refresh."""
        return self._state.revocation if self._state else None

    def scripts(self) -> list[VerifiedScript]:
        """The approved scripts, newest version of each, by id."""
        return list(self._state.scripts) if self._state else []

    def script(self, identifier: str) -> VerifiedScript | None:
        """One approved script."""
        return next((script for script in self.scripts() if script.manifest.id == identifier), None)

    def articles(self) -> list[Article]:
        """The organisation's help articles."""
        return list(self._state.articles) if self._state else []

    @property
    def timestamp_version(self) -> int:
        """Version of the newest verified timestamp; 0 before the first."""
        return self._state.timestamp_version if self._state else 0

    @property
    def policy_version(self) -> int:
        """Version of the verified policy role; 0 before the first."""
        return self._state.policy_version if self._state else 0

    def age(self, wall: datetime | float) -> float | None:
        """Seconds since the newest verified timestamp was signed; None before the first refresh."""
        return self._state.age(_seconds(wall)) if self._state else None

    def clock(self, wall: datetime | float) -> float:
        """The wall time, never earlier than what signed files have proved, in seconds since 1970."""
        return max(_seconds(wall), self._state.floor if self._state else 0.0)

    async def refresh(self, wall: datetime | float) -> bool:
        """`refresh_blocking` in a worker thread."""
        return await asyncio.to_thread(self.refresh_blocking, wall)

    def refresh_blocking(self, wall: datetime | float) -> bool:
        """Fetch and verify what is newer. On any error everything verified before stays in force.

        Returns:
            Whether something is newer than before.

        Raises:
            Unavailable: the relay is away, or the files cannot be stored.
            NeedsUpdate: what is signed is for a later version; what was revoked with it is taken over.
            TrustError: something does not verify, or has expired.
        """
        with self._lock:
            before = self.timestamp_version
            self._wall = _seconds(wall)
            moment = judged_at(self._wall, self._stored.highest_floor if self._stored else 0.0)
            if self._nothing_new(moment):
                return False
            try:
                stored = in_our_words(lambda: self._fetch(moment, _seconds(wall)), moment, self._wall)
                try:
                    state = open_set(stored, self._root, self._objects)
                except NeedsUpdate:
                    self._take_revoked(stored)
                    raise
            except NeedsUpdate as error:
                self._unreadable = error.reader
                raise
            self._save(stored)
            self._stored, self._state, self._looked, self._unreadable = stored, state, moment, ""
            for name, reason in state.rejected.items():
                _LOGGER.warning("the organisation's %s is not offered: %s", name, reason)
            self._drop_unused(state)
            return state.timestamp_version != before

    def _take_revoked(self, newer: VerifiedSet) -> None:
        """Of files that cannot be used as a whole, what is revoked: that only ever takes away."""
        if self._stored is None or newer.revoked == self._stored.revoked:
            return
        stored = msgspec.structs.replace(self._stored, revoked=newer.revoked)
        state = open_set(stored, self._root, self._objects)
        self._save(stored)
        self._stored, self._state = stored, state

    def _save(self, stored: VerifiedSet) -> None:
        try:
            save_set(self._directory / _KEPT, stored)
        except PrivateFileError as error:
            raise Unavailable(f"The organisation's signed files cannot be kept: {error}") from error

    def _nothing_new(self, moment: float) -> bool:
        """One small request: whether the relay still serves the timestamp that was verified last, and nothing is missing here."""
        kept, state = self._stored, self._state
        if kept is None or state is None or not self._looked:
            return False
        try:
            served = self._source.read("metadata/timestamp.json", MAX_FILE_BYTES)
        except FileNotFoundError:
            return False
        expires = Metadata[Timestamp].from_bytes(kept.timestamp).signed.expires.timestamp()
        if not unchanged(kept.timestamp, served, self._looked, moment, expires):
            return False
        return all((self._objects / file.sha256).exists() for script in state.scripts for file in script.manifest.files)

    def _fetch(self, moment: float, wall: float) -> VerifiedSet:
        updater = make_updater(self._metadata, self._objects, self._root, self._source, moment)
        updater.refresh()
        documents = {path: self._target(updater, path) for path in (POLICY_PATH, TECHNICIANS_PATH, REVOCATION_PATH)}
        documents.update(self._fetch_articles(updater))
        documents.update(self._fetch_scripts(updater))
        self._updater = updater
        timestamp = (self._metadata / "timestamp.json").read_bytes()
        signed = Metadata[Timestamp].from_bytes(timestamp).signed
        issued = issued_at(signed.unrecognized_fields)
        old = self._stored
        newer = signed.version > self.timestamp_version
        floor, highest = (old.floor, old.highest_floor) if old is not None else (0.0, 0.0)
        floor = next_floor(floor, highest, issued, wall) if newer else floor
        revoked = decode_document(documents[REVOCATION_PATH], RevocationList)
        return VerifiedSet(
            roots=self._roots(),
            timestamp=timestamp,
            targets=(self._metadata / "targets.json").read_bytes(),
            roles={name: (self._metadata / f"{name}.json").read_bytes() for name in ROLES},
            documents=documents,
            revoked=revoked.union(old.revoked) if old is not None else revoked,
            verified_at=wall,
            floor=floor,
            highest=max(highest, floor),
        )

    def _roots(self) -> list[bytes]:
        """The root files after the pinned one, as the updater has verified and kept them."""
        pinned = Metadata[Root].from_bytes(self._root).signed.version
        current = Metadata[Root].from_bytes((self._metadata / "root.json").read_bytes()).signed.version
        history = self._metadata / "root_history"
        return [(history / f"{version}.root.json").read_bytes() for version in range(pinned + 1, current + 1)]

    def _fetch_articles(self, updater: Updater) -> dict[str, bytes]:
        """The organisation's articles, if it has any that are not too large to be read."""
        info = updater.get_targetinfo(ARTICLES_PATH)
        if info is None or info.length > ARTICLES_BYTES:
            return {}
        return {ARTICLES_PATH: self._target(updater, ARTICLES_PATH)}

    def _fetch_scripts(self, updater: Updater) -> dict[str, bytes]:
        """Every file of every script into `objects/`; returns the manifests by path."""
        updater.get_targetinfo("scripts/-/-/-")  # loads and verifies the role; there is no such script
        role = Metadata[Targets].from_bytes((self._metadata / "scripts.json").read_bytes()).signed
        manifests: dict[str, bytes] = {}
        if sum(target.length for target in role.targets.values()) > _ALL_SCRIPT_BYTES:
            raise RepositoryError("the approved scripts are larger than 64 MiB together")
        for path in sorted(role.targets):
            data = self._target(updater, path)
            if path.endswith(f"/{MANIFEST_NAME}") and len(manifests) < MAX_SCRIPTS:
                manifests[path] = data
        return manifests

    def _target(self, updater: Updater, path: str) -> bytes:
        data = fetch_target(updater, self._objects, path)
        if data is None:
            raise RepositoryError(f"{path} is not in the repository")
        return data

    def releases(self) -> list[str]:
        """The signed paths of the agent's releases, as of the last refresh of this process (none before the first).

        Raises:
            Unavailable, TrustError: as `refresh_blocking`.
        """
        with self._lock:
            updater = self._updater
            if updater is None:
                return []
            in_our_words(lambda: updater.get_targetinfo("agent/-/-/-"), self._looked, self._wall)  # loads and verifies the role
            return list(Metadata[Targets].from_bytes((self._metadata / "agent.json").read_bytes()).signed.targets)

    def release_target(self, path: str) -> bytes:
        """The verified bytes of a release's file; nothing of it is kept here. Raises as `releases`."""
        with self._lock:
            updater = self._updater
            if updater is None:
                raise Unavailable("The organisation's signed files were not fetched yet.")
            data = in_our_words(lambda: self._target(updater, path), self._looked, self._wall)
            (self._objects / hashlib.sha256(data).hexdigest()).unlink(missing_ok=True)
            return data

    def _drop_unused(self, state: TrustedState) -> None:
        used = {file.sha256 for script in state.scripts for file in script.manifest.files}
        stored = self._stored
        if stored is not None:
            used |= {hashlib.sha256(data).hexdigest() for data in stored.documents.values()}
        for path in list(self._objects.iterdir()):
            if path.name not in used:
                with suppress(OSError):  # what cannot be removed (a folder that somebody made there) is never read either
                    path.unlink(missing_ok=True)


def _seconds(wall: datetime | float) -> float:
    return wall.timestamp() if isinstance(wall, datetime) else wall
