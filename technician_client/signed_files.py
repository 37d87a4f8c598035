"""The organisation's signed files on a technician's or an approver's computer, as the relay mirrors them.

The Update Framework (python-tuf) verifies them from the root that came with the bundle; what was verified stays here, so that
nothing older is believed afterwards. The clock is never earlier than what signed files have proved. Blocking: worker threads.
"""

import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, TypeVar

import msgspec
from tuf.api.exceptions import DownloadError, DownloadHTTPError, ExpiredMetadataError, RepositoryError
from tuf.api.metadata import Metadata, Root, TargetFile, Targets, Timestamp
from tuf.ngclient import Updater, UpdaterConfig
from tuf.ngclient.fetcher import FetcherInterface

from hostio.errors import RelayUnreachable
from hostio.private_files import make_private_directory, read_private, write_private
from hostio.relay_http import RelayHttp
from protocol.errors import HandrailError, TrustError, Unavailable
from protocol.freshness import issued_at, next_floor, unchanged
from protocol.limits import LIMITS

MAX_FILE_BYTES = LIMITS.repository_file_bytes
ROLES = ("scripts", "agent", "policy", "revocation")
_BASE = "mirror:///"
_STATE = "state.json"
_STATE_BYTES = 4096
_SIGNER = "the organisation's signer has not run for a day: start `handrail signer`"
Reader = Callable[[str], bytes]
T = TypeVar("T")


class _State(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is remembered beside the files: seconds since 1970."""

    version: Annotated[int, msgspec.Meta(ge=0)] = 0
    issued: float = 0.0
    floor: float = 0.0
    verified_at: float = 0.0


def relay_reader(http: RelayHttp, organisation: str) -> Reader:
    """Reads "metadata/<file>" or "targets/<path>" from the relay.

    The function raises FileNotFoundError where there is no such file, `RelayUnreachable` or `TrustError` as `RelayHttp`.
    """

    def read(path: str) -> bytes:
        answer = http.request("GET", f"/tuf/{organisation}/{path}", max_bytes=MAX_FILE_BYTES)
        if answer.status == 200:
            return answer.body
        if answer.status in (403, 404):
            raise FileNotFoundError(path)
        raise RelayUnreachable(f"The relay did not hand out {path}: {answer.problem()}")

    return read


class _Fetcher(FetcherInterface):
    """python-tuf's view of a `Reader`."""

    def __init__(self, read: Reader) -> None:
        self._read = read

    def _fetch(self, url: str) -> Iterator[bytes]:
        path = url.removeprefix(_BASE)
        try:
            return iter([self._read(path)])
        except FileNotFoundError as error:
            raise DownloadHTTPError(f"{path} is not there", 404) from error


class SignedFiles:
    """Verified metadata and targets of one organisation."""

    def __init__(self, directory: Path, tuf_root: bytes, read: Reader) -> None:
        """Args:
            directory: this store's own; made if missing.
            tuf_root: the pinned root of the repository, JSON.

        Raises:
            PrivateFileError: the directory cannot be made.
        """
        self._directory = make_private_directory(directory)
        self._metadata = make_private_directory(directory / "metadata")
        self._objects = make_private_directory(directory / "objects")
        self._root = tuf_root
        self._read = read
        self._lock = threading.Lock()
        self._updater: Updater | None = None
        self._whole: bytes | None = None  # the timestamp of the last refresh that ended well: a newer one may lie beside it
        self._looked = 0.0
        self._state = _State()
        try:
            self._state = msgspec.json.decode(read_private(directory / _STATE, _STATE_BYTES, secret=False), type=_State)
        except (FileNotFoundError, ValueError, RecursionError):
            pass  # the first time, or damaged: the metadata beside it is verified in any case

    @property
    def version(self) -> int:
        """Version of the newest verified timestamp; 0 before the first."""
        return self._state.version

    def age(self, wall: datetime) -> float | None:
        """Seconds since the newest verified timestamp was signed; None before the first."""
        state = self._state
        return max(0.0, self.clock(wall) - min(state.issued, state.verified_at)) if state.version else None

    def clock(self, wall: datetime) -> float:
        """The wall time, never earlier than what signed files have proved."""
        return max(wall.timestamp(), self._state.floor)

    def refresh(self, wall: datetime) -> bool:
        """Fetch and verify what is newer; one small request where nothing is.

        Returns:
            Whether there is something newer than before.

        Raises:
            Unavailable: the relay is away, or the files cannot be stored.
            TrustError: something does not verify, or has expired by this computer's clock.
        """
        with self._lock:
            moment = self.clock(wall)
            return self._guarded(lambda: self._refresh(moment, wall.timestamp()), moment)

    def _refresh(self, moment: float, wall: float) -> bool:
        whole = self._whole
        if self._updater is not None and whole is not None:
            expires = Metadata[Timestamp].from_bytes(whole).signed.expires.timestamp()
            if unchanged(whole, self._read("metadata/timestamp.json"), self._looked, moment, expires):
                return False
        updater = Updater(
            str(self._metadata),
            f"{_BASE}metadata/",
            str(self._objects),
            f"{_BASE}targets/",
            fetcher=_Fetcher(self._read),
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
        data = (self._metadata / "timestamp.json").read_bytes()
        timestamp = Metadata[Timestamp].from_bytes(data).signed
        before, issued = self._state, issued_at(timestamp.unrecognized_fields)
        newer = timestamp.version > before.version
        floor = next_floor(before.floor, issued, wall) if newer else before.floor
        self._state = _State(timestamp.version, issued, floor, wall)
        write_private(self._directory / _STATE, msgspec.json.encode(self._state))
        self._updater, self._whole, self._looked = updater, data, moment
        return timestamp.version != before.version

    def role(self, name: str) -> bytes:
        """The verified file of a delegated role or of "targets", as it is signed (after `refresh`).

        Raises:
            Unavailable, TrustError: as `refresh`.
        """
        updater = self._loaded()
        if name not in ("root", "targets"):
            none = f"{name}/-/-/-" if name in ("scripts", "agent") else f"{name}/-"  # there is no such file; the role is loaded
            remedy = f"the organisation's decisions about {name} were not signed anew in time: `handrail org renew`"
            self._guarded(lambda: updater.get_targetinfo(none), self._looked, remedy)
        return (self._metadata / f"{name}.json").read_bytes()

    def roots(self) -> dict[int, bytes]:
        """Every verified root from the pinned one on, by version."""
        first = Metadata[Root].from_bytes(self._root).signed.version
        found = {first: self._root}
        for path in (self._metadata / "root_history").glob("*.root.json"):
            version = int(path.name.partition(".")[0])
            if version > first:
                found[version] = path.read_bytes()
        return found

    def snapshot(self) -> tuple[bytes, bytes]:
        """The verified snapshot and timestamp, as they are signed."""
        return (self._metadata / "snapshot.json").read_bytes(), (self._metadata / "timestamp.json").read_bytes()

    def listed(self, role: str) -> dict[str, TargetFile]:
        """The targets of a role, by path; raises as `role`."""
        return Metadata[Targets].from_bytes(self.role(role)).signed.targets

    def target(self, path: str) -> bytes:
        """The verified bytes of a target.

        Raises:
            TrustError: the organisation signed no such file, or the relay serves other bytes. Unavailable: as `refresh`.
        """
        updater = self._loaded()

        def load() -> bytes:
            info = updater.get_targetinfo(path)
            if info is None:
                raise TrustError(f"The organisation's repository does not hold {path}.")
            place = self._objects / info.hashes["sha256"]
            if updater.find_cached_target(info, str(place)) is None:
                updater.download_target(info, str(place))
            data = place.read_bytes()
            info.verify_length_and_hashes(data)
            return data

        return self._guarded(load, self._looked)

    def drop_targets(self) -> None:
        """Keep no target any longer: they were taken over elsewhere, or are fetched again when they are wanted.

        Raises:
            Unavailable: they cannot be removed.
        """
        try:
            for path in self._objects.iterdir():
                path.unlink(missing_ok=True)
        except OSError as error:
            raise Unavailable(f"What was fetched cannot be removed: {error.strerror or error}.") from error

    def _loaded(self) -> Updater:
        if self._updater is None:
            raise TrustError("The organisation's signed files were not fetched yet.")
        return self._updater

    def _guarded(self, work: Callable[[], T], moment: float, remedy: str = _SIGNER) -> T:
        """Run tuf's part at `moment` and translate its errors into ours."""
        try:
            return work()
        except ExpiredMetadataError as error:
            says = f"{datetime.fromtimestamp(moment, UTC):%Y-%m-%d %H:%M} UTC"
            raise TrustError(
                f"The organisation's signed files have expired by this computer's clock, which says {says} ({error}). Either the "
                f"clock is wrong, or {remedy}."
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
        except FileNotFoundError as error:
            raise Unavailable(
                "The relay does not hold the organisation's signed files yet. Is `handrail signer` running?"
            ) from error
        except OSError as error:
            raise Unavailable(f"The organisation's signed files cannot be stored: {error.strerror or error}.") from error
