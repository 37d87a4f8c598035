"""The organisation's signed files as the relay mirrors them, and the library that verifies them (The Update Framework).

A relay can withhold newer files, and nothing else. Blocking: worker threads.
"""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, Protocol, TypeVar

from tuf.api.exceptions import DownloadError, DownloadHTTPError, ExpiredMetadataError, RepositoryError
from tuf.api.metadata import TargetFile
from tuf.ngclient import Updater, UpdaterConfig
from tuf.ngclient.fetcher import FetcherInterface

from hostio.errors import RelayUnreachable
from hostio.relay_http import RelayHttp
from protocol.errors import HandrailError, TrustError, Unavailable
from protocol.limits import LIMITS

MAX_FILE_BYTES: Final = LIMITS.repository_file_bytes
_SAME_SECONDS: Final = 60.0
_BASE: Final = "mirror:///"
_SIGNER: Final = "the organisation's signer has not run for a day: start `handrail signer`"
T = TypeVar("T")


class Mirror(Protocol):
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
        """See `Mirror.read`."""
        answer = self._http.request("GET", self._prefix + path, max_bytes=max_bytes)
        if answer.status == 200:
            return answer.body
        if answer.status in (403, 404):
            raise FileNotFoundError(path)
        raise RelayUnreachable(f"The relay did not hand out {path}: {answer.problem()}.")


class _Fetcher(FetcherInterface):
    """python-tuf's view of a `Mirror`."""

    def __init__(self, mirror: Mirror) -> None:
        self._mirror = mirror

    def _fetch(self, url: str) -> Iterator[bytes]:
        path = url.removeprefix(_BASE)
        try:
            return iter([self._mirror.read(path, MAX_FILE_BYTES)])
        except FileNotFoundError as error:
            raise DownloadHTTPError(f"{path} is not there", 404) from error


def make_updater(metadata: Path, objects: Path, root: bytes, mirror: Mirror, moment: float) -> Updater:
    """python-tuf over a mirror, judging expiry at `moment` (seconds since 1970). `root`: the pinned root, JSON."""
    updater = Updater(
        str(metadata),
        f"{_BASE}metadata/",
        str(objects),
        f"{_BASE}targets/",
        fetcher=_Fetcher(mirror),
        config=UpdaterConfig(
            root_max_length=MAX_FILE_BYTES,
            snapshot_max_length=MAX_FILE_BYTES,
            targets_max_length=MAX_FILE_BYTES,
            max_root_rotations=64,
        ),
        bootstrap=root,
    )
    # The library reads the OS clock and offers no argument for it; ours is the clock that signed times have bounded.
    updater._trusted_set.reference_time = datetime.fromtimestamp(moment, UTC)
    return updater


def fetch_target(updater: Updater, objects: Path, path: str) -> bytes | None:
    """The verified bytes of a target, kept in `objects` under their hash; None: the organisation signed no such file.

    Raises:
        tuf's errors and OSError: see `in_our_words`.
    """
    info = updater.get_targetinfo(path)
    if info is None:
        return None
    place = objects / _object_name(info)
    if updater.find_cached_target(info, str(place)) is None:
        updater.download_target(info, str(place))
    data = place.read_bytes()
    info.verify_length_and_hashes(data)
    return data


def in_our_words(work: Callable[[], T], moment: float, wall: float, remedy: str = _SIGNER) -> T:
    """Run a part of tuf's and translate its errors into ours. `moment`: as of when it judges; `wall`: what this computer's clock
    says; `remedy`: what may be the matter, and what to do, when something has expired though the clock is right.

    Raises:
        Unavailable: the mirror is away, or the files cannot be stored. TrustError: something does not verify, or has expired.
    """
    try:
        return work()
    except ExpiredMetadataError as error:
        by = _by_what(moment, wall)
        raise TrustError(
            f"The organisation's signed files have expired by {by} ({error}). Either a clock is wrong, or {remedy}."
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


def _by_what(moment: float, wall: float) -> str:
    """Which clock says that something has expired."""
    says, here = (f"{datetime.fromtimestamp(at, UTC):%Y-%m-%d %H:%M} UTC" for at in (moment, wall))
    if moment - wall <= _SAME_SECONDS:
        return f"this computer's clock, which says {here}"
    return (
        f"what the organisation itself has signed: by that it is {says} at least, while this computer's clock says {here}. "
        "Set this computer's clock if it is behind. If it is right, the clock of the organisation's signer was ahead when it "
        "signed: set that one"
    )


def _object_name(info: TargetFile) -> str:
    digest = info.hashes.get("sha256", "")
    if len(digest) != 64 or not digest.isalnum():
        raise RepositoryError(f"{info.path} has no SHA-256")
    return digest
