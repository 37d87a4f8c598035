"""The organisation's signed files on this machine: who is a technician, what policy says, what is revoked, which fixes are
approved.

They come from the relay, which is a plain mirror: The Update Framework (python-tuf) verifies them from a root that enrolment
pinned. A relay can withhold newer files, and nothing else. What was verified last is kept whole (`agent.trusted_state`) and
stays in force while the relay is away; `age` says how old it is, and `agent.policy` decides what that still allows.
"""

import asyncio
import hashlib
import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol, TypeVar

from tuf.api.exceptions import DownloadError, DownloadHTTPError, ExpiredMetadataError, RepositoryError
from tuf.api.metadata import Metadata, Root, TargetFile, Targets, Timestamp
from tuf.ngclient import Updater, UpdaterConfig
from tuf.ngclient.fetcher import FetcherInterface

from agent.trusted_state import (
    MAX_FILE_BYTES,
    MAX_SCRIPTS,
    ROLES,
    TrustedState,
    VerifiedScript,
    VerifiedSet,
    load_set,
    open_set,
    save_set,
)
from hostio.errors import RelayUnreachable
from hostio.private_files import PrivateFileError, make_private_directory
from hostio.relay_http import RelayHttp
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
from protocol.errors import HandrailError, TrustError, Unavailable
from protocol.freshness import issued_at, next_floor, unchanged
from protocol.manifests import MANIFEST_NAME

__all__ = ["RelayMirror", "RepositoryFetcher", "TrustStore", "VerifiedScript"]

_LOGGER = logging.getLogger(__name__)
_BASE = "mirror:///"
_KEPT = "verified.msgpack"
T = TypeVar("T")
_ALL_SCRIPT_BYTES = 64 * 1024 * 1024


class RepositoryFetcher(Protocol):
    """Where the repository's files come from."""

    def read(self, path: str, max_bytes: int) -> bytes:
        """The bytes of "metadata/<file>" or "targets/<path>". Called in a worker thread.

        Raises:
            FileNotFoundError: there is no such file.
            Unavailable: the mirror is away.
            TrustError: the mirror is not the one that was pinned.
        """


class RelayMirror:
    """The repository as the relay serves it."""

    def __init__(self, http: RelayHttp, organisation: str) -> None:
        self._http = http
        self._prefix = f"/tuf/{organisation}/"

    def read(self, path: str, max_bytes: int) -> bytes:
        """See `RepositoryFetcher.read`."""
        answer = self._http.request("GET", self._prefix + path, max_bytes=max_bytes)
        if answer.status == 200:
            return answer.body
        if answer.status in (403, 404):
            raise FileNotFoundError(path)
        raise RelayUnreachable(f"The relay did not hand out {path}: {answer.problem()}.")


class _TufFetcher(FetcherInterface):
    """python-tuf's view of a `RepositoryFetcher`."""

    def __init__(self, source: RepositoryFetcher) -> None:
        self._source = source

    def _fetch(self, url: str) -> Iterator[bytes]:
        path = url.removeprefix(_BASE)
        try:
            return iter([self._source.read(path, MAX_FILE_BYTES)])
        except FileNotFoundError as error:
            raise DownloadHTTPError(f"{path} is not there", 404) from error


class TrustStore:
    """Verified policy, lists and scripts. Reading is cheap and safe from every thread; `refresh` talks to the relay."""

    def __init__(self, directory: Path, root: bytes, fetcher: RepositoryFetcher) -> None:
        """Args:
            directory: this store's own; made if missing.
            root: the pinned root of the repository (`tuf_root` of the bundle), JSON.
            fetcher: where newer files come from.

        Raises:
            PrivateFileError: the directory cannot be made.
        """
        self._directory = make_private_directory(directory)
        self._metadata = make_private_directory(directory / "metadata")
        self._objects = make_private_directory(directory / "objects")
        self._root = root
        self._source = fetcher
        self._fetcher = _TufFetcher(fetcher)
        self._updater: Updater | None = None  # of the last refresh
        self._looked = 0.0  # when everything was last fetched, by `clock`
        self._lock = threading.RLock()
        self._stored: VerifiedSet | None = None
        self._state: TrustedState | None = None
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
            TrustError: something does not verify, or has expired by this computer's clock.
        """
        with self._lock:
            before = self.timestamp_version
            moment = self.clock(wall)
            if self._nothing_new(moment):
                return False
            stored = self._guarded(lambda: self._fetch(moment, _seconds(wall)), moment)
            state = open_set(stored, self._root, self._objects)
            try:
                save_set(self._directory / _KEPT, stored)
            except PrivateFileError as error:
                raise Unavailable(f"The organisation's signed files cannot be kept: {error}") from error
            self._stored, self._state, self._looked = stored, state, moment
            for name, reason in state.rejected.items():
                _LOGGER.warning("the organisation's %s is not offered: %s", name, reason)
            self._drop_unused(state)
            return state.timestamp_version != before

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

    def _guarded(self, work: Callable[[], T], moment: float) -> T:
        """Run tuf's part and translate its errors into ours."""
        try:
            return work()
        except ExpiredMetadataError as error:
            raise TrustError(
                f"The organisation's signed files have expired by this computer's clock, which says {_date(moment)} ({error}). "
                "Either the clock is wrong, or the organisation's signer has not run for a day: start `handrail signer`."
            ) from error
        except DownloadError as error:
            cause = error.__cause__
            if isinstance(cause, HandrailError):
                raise cause from error
            raise Unavailable(f"The organisation's signed files could not be fetched: {error}.") from error
        except RepositoryError as error:
            raise TrustError(
                f"The signed files on the relay do not verify ({error}). Nothing was taken over; tell your administrator."
            ) from error
        except OSError as error:
            raise Unavailable(f"The organisation's signed files cannot be stored: {error.strerror or error}.") from error

    def _fetch(self, moment: float, wall: float) -> VerifiedSet:
        updater = Updater(
            str(self._metadata),
            f"{_BASE}metadata/",
            str(self._objects),
            f"{_BASE}targets/",
            fetcher=self._fetcher,
            config=UpdaterConfig(
                root_max_length=MAX_FILE_BYTES,
                snapshot_max_length=MAX_FILE_BYTES,
                targets_max_length=MAX_FILE_BYTES,
                max_root_rotations=64,
            ),
            bootstrap=self._root,
        )
        # The library reads the OS clock and offers no argument for it; ours is the clock that signed times have bounded.
        updater._trusted_set.reference_time = datetime.fromtimestamp(moment, UTC)
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
        floor = old.floor if old is not None else 0.0
        revoked = decode_document(documents[REVOCATION_PATH], RevocationList)
        return VerifiedSet(
            roots=self._roots(),
            timestamp=timestamp,
            targets=(self._metadata / "targets.json").read_bytes(),
            roles={name: (self._metadata / f"{name}.json").read_bytes() for name in ROLES},
            documents=documents,
            revoked=revoked.union(old.revoked) if old is not None else revoked,
            verified_at=wall,
            floor=next_floor(floor, issued, wall) if newer else floor,
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
        info = updater.get_targetinfo(path)
        if info is None:
            raise RepositoryError(f"{path} is not in the repository")
        place = self._objects / _object_name(info)
        if updater.find_cached_target(info, str(place)) is None:
            updater.download_target(info, str(place))
        data = place.read_bytes()
        info.verify_length_and_hashes(data)
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
            self._guarded(lambda: updater.get_targetinfo("agent/-/-/-"), 0.0)  # loads and verifies the role
            return list(Metadata[Targets].from_bytes((self._metadata / "agent.json").read_bytes()).signed.targets)

    def release_target(self, path: str) -> bytes:
        """The verified bytes of a release's file; nothing of it is kept here. Raises as `releases`."""
        with self._lock:
            updater = self._updater
            if updater is None:
                raise Unavailable("The organisation's signed files were not fetched yet.")
            data = self._guarded(lambda: self._target(updater, path), 0.0)
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


def _object_name(info: TargetFile) -> str:
    digest = info.hashes.get("sha256", "")
    if len(digest) != 64 or not digest.isalnum():
        raise RepositoryError(f"{info.path} has no SHA-256")
    return digest


def _seconds(wall: datetime | float) -> float:
    return wall.timestamp() if isinstance(wall, datetime) else wall


def _date(moment: float) -> str:
    return f"{datetime.fromtimestamp(moment, UTC):%Y-%m-%d %H:%M} UTC"
