"""The approved fix scripts as the organisation has published them, for people to read: text, approvals, what changed.

The relay is a plain mirror: The Update Framework (python-tuf) verifies everything from the root that joining pinned. Nothing is
decided by what is read here; a device verifies again, by itself, before it runs anything. Of former versions, which are no longer
approved, those are shown that still carry enough signatures of today's approvers.
"""

import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, Protocol

from tuf.api.exceptions import DownloadError, DownloadHTTPError, ExpiredMetadataError, RepositoryError
from tuf.api.metadata import Metadata, TargetFile, Targets
from tuf.ngclient import Updater, UpdaterConfig
from tuf.ngclient.fetcher import FetcherInterface

from protocol.errors import HandrailError, TrustError, Unavailable
from protocol.limits import LIMITS
from protocol.manifests import MANIFEST_NAME, ScriptManifest, decode_manifest
from technician_client.errors import RelayUnreachable
from technician_client.organisation.metadata import LIVES
from technician_client.private_files import make_private_directory
from technician_client.relay_http import RelayHttp

MAX_FILE_BYTES: Final = LIMITS.repository_file_bytes
_ROLE: Final = "scripts"
_BASE: Final = "mirror:///"
_MOST_SCRIPTS: Final = 500
_MOST_BYTES: Final = 64 * 1024 * 1024
_FORMER_VERSIONS: Final = 12


class Mirror(Protocol):
    """Where the repository's files come from."""

    def read(self, path: str, max_bytes: int) -> bytes:
        """The bytes of "metadata/<file>" or "targets/<path>". Called in a worker thread.

        Raises:
            FileNotFoundError: there is no such file. Unavailable: the mirror is away.
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
    def __init__(self, mirror: Mirror) -> None:
        self._mirror = mirror

    def _fetch(self, url: str) -> Iterator[bytes]:
        path = url.removeprefix(_BASE)
        try:
            return iter([self._mirror.read(path, MAX_FILE_BYTES)])
        except FileNotFoundError as error:
            raise DownloadHTTPError(f"{path} is not there", 404) from error


@dataclass(frozen=True, slots=True)
class Approval:
    """Who stands behind a file of approved scripts: `signers` are ids of keys whose signature verifies, `threshold` how many
    were needed. `signed` follows from `expires` and the 90 days that approvals live."""

    version: int
    signers: tuple[str, ...]
    threshold: int
    signed: datetime
    expires: datetime


@dataclass(frozen=True, slots=True)
class PublishedScript:
    """One approved script with the bytes that were signed. `approval`: that of the first file it stood in, as far back as the
    mirror still has them, with today's expiry. `former`: the version before it, or None."""

    manifest: ScriptManifest
    files: Mapping[str, bytes] = field(repr=False)
    approval: Approval
    former: "PublishedScript | None" = None


@dataclass(frozen=True, slots=True)
class Library:
    """All approved scripts, by id, as they stood at `read_at`."""

    scripts: Mapping[str, PublishedScript]
    approval: Approval
    read_at: datetime


class PublishedLibrary:
    """Reads the library. Blocking: run it in a worker thread."""

    def __init__(self, directory: Path, root: bytes, mirror: Mirror) -> None:
        """Args:
        directory: where verified metadata are kept.
        root: the first root file of the repository, as it was pinned.
        """
        self._directory = directory
        self._root = root
        self._mirror = mirror
        self._lock = threading.Lock()

    def read(self, wall: datetime) -> Library:
        """Fetch and verify what is published now.

        Raises:
            Unavailable: the relay is away.
            TrustError: something does not verify, or has expired.
        """
        with self._lock:
            try:
                return self._read(wall)
            except ExpiredMetadataError as error:
                raise TrustError(
                    f"The organisation's signed files have expired ({error}). Start its signer (`handrail signer`) if that is "
                    "about the timestamp, else have the scripts approved anew; or this computer's clock is wrong."
                ) from error
            except DownloadError as error:
                cause = error.__cause__
                if isinstance(cause, HandrailError):
                    raise cause from error
                raise Unavailable(f"The approved scripts could not be fetched: {error}.") from error
            except RepositoryError as error:
                raise TrustError(f"The signed files on the relay do not verify ({error}). Tell your administrator.") from error
            except OSError as error:
                raise Unavailable(f"The approved scripts cannot be kept: {error.strerror or error}.") from error

    def _read(self, wall: datetime) -> Library:
        metadata = make_private_directory(self._directory / "metadata")
        updater = Updater(
            str(metadata),
            f"{_BASE}metadata/",
            str(make_private_directory(self._directory / "objects")),
            f"{_BASE}targets/",
            fetcher=_Fetcher(self._mirror),
            config=UpdaterConfig(
                root_max_length=MAX_FILE_BYTES,
                snapshot_max_length=MAX_FILE_BYTES,
                targets_max_length=MAX_FILE_BYTES,
                max_root_rotations=64,
            ),
            bootstrap=self._root,
        )
        updater._trusted_set.reference_time = wall  # the library offers no argument for it
        updater.refresh()
        updater.get_targetinfo(f"{_ROLE}/-/-/-")  # loads and verifies the role; there is no such script
        top = Metadata[Targets].from_bytes((metadata / "targets.json").read_bytes()).signed
        newest = Metadata[Targets].from_bytes((metadata / f"{_ROLE}.json").read_bytes())
        approval = _approval(top, newest)
        if sum(target.length for target in newest.signed.targets.values()) > _MOST_BYTES:
            raise RepositoryError("the approved scripts are larger than 64 MiB together")
        scripts = self._scripts(newest.signed, approval, {})
        self._look_back(top, newest.signed.version, scripts)
        return Library(scripts, approval, wall.astimezone(UTC))

    def _scripts(self, role: Targets, approval: Approval, only: Mapping[str, str]) -> dict[str, PublishedScript]:
        """The scripts of one file of the role, by id; `only`: of these ids, and of other versions than those named."""
        found: dict[str, PublishedScript] = {}
        for path in sorted(role.targets):
            parts = path.split("/")
            if len(parts) != 4 or parts[3] != MANIFEST_NAME or len(found) >= _MOST_SCRIPTS:
                continue
            if only and only.get(parts[1], parts[2]) == parts[2]:
                continue
            manifest = decode_manifest(self._target(role.targets[path]))
            if (manifest.id, manifest.version) != (parts[1], parts[2]):
                raise RepositoryError(f"{path} says that it is {manifest.id} {manifest.version}")
            base = f"{_ROLE}/{manifest.id}/{manifest.version}"
            files = {file.name: self._target(role.targets[f"{base}/{file.name}"]) for file in manifest.files}
            found[manifest.id] = PublishedScript(manifest, files, approval)
        return found

    def _target(self, target: TargetFile) -> bytes:
        directory, _, name = target.path.rpartition("/")
        data = self._mirror.read(f"targets/{directory}/{target.hashes['sha256']}.{name}", MAX_FILE_BYTES)
        target.verify_length_and_hashes(data)
        return data

    def _look_back(self, top: Targets, newest: int, scripts: dict[str, PublishedScript]) -> None:
        """Find since when each script has stood there and what stood there before, in the files that the mirror still has."""
        open_ids = dict.fromkeys(scripts)
        for version in range(newest - 1, max(0, newest - 1 - _FORMER_VERSIONS), -1):
            if not open_ids:
                return
            try:
                former = Metadata[Targets].from_bytes(self._mirror.read(f"metadata/{version}.{_ROLE}.json", MAX_FILE_BYTES))
                top.verify_delegate(_ROLE, former.signed_bytes, former.signatures)
                approval = _approval(top, former)
                older = self._scripts(former.signed, approval, {name: scripts[name].manifest.version for name in open_ids})
            except (FileNotFoundError, HandrailError, RepositoryError, KeyError):
                return  # withheld, forgotten, or signed by people who approve no longer: there is no former version to show
            for name in tuple(open_ids):
                script = scripts[name]
                stood = f"{_ROLE}/{name}/{script.manifest.version}/{MANIFEST_NAME}" in former.signed.targets
                if stood:
                    scripts[name] = replace(script, approval=replace(approval, expires=script.approval.expires))
                    continue
                if name in older:
                    scripts[name] = replace(script, former=older[name])
                del open_ids[name]


def _approval(top: Targets, role: Metadata[Targets]) -> Approval:
    result = top.get_verification_result(_ROLE, role.signed_bytes, role.signatures)
    expires = role.signed.expires.astimezone(UTC)
    return Approval(role.signed.version, tuple(sorted(result.signed)), result.threshold, expires - LIVES[_ROLE], expires)
