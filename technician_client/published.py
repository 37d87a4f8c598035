"""The approved fix scripts as the organisation has published them, for people to read: text, approvals, what changed.

The relay is a plain mirror: The Update Framework (python-tuf) verifies everything from the root that joining pinned. Nothing is
decided by what is read here; a device verifies again, by itself, before it runs anything. Of former versions, which are no longer
approved, those are shown that still carry enough signatures of today's approvers.
"""

import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from tuf.api.exceptions import RepositoryError
from tuf.api.metadata import Metadata, TargetFile, Targets

from hostio.private_files import make_private_directory, write_private
from hostio.signed_repository import MAX_FILE_BYTES, Mirror
from protocol.errors import HandrailError, TrustError, Unavailable
from protocol.manifests import MANIFEST_NAME, ScriptManifest, decode_manifest, manifest_digest
from technician_client.organisation.metadata import LIVES
from technician_client.signed_files import SignedFiles

_ROLE: Final = "scripts"
_MOST_SCRIPTS: Final = 500
_MOST_BYTES: Final = 64 * 1024 * 1024
_FORMER_VERSIONS: Final = 12


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
    mirror still has them, with today's expiry. `digest` names the whole of it, as orders to run it do. `former`: the version
    before it, or None."""

    manifest: ScriptManifest
    files: Mapping[str, bytes] = field(repr=False)
    approval: Approval
    digest: str
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
            directory: where verified files are kept.
            root: the first root file of the repository, as it was pinned.

        Raises:
            PrivateFileError: the directory cannot be made.
        """
        self._files = SignedFiles(directory, root, mirror)
        self._former = make_private_directory(directory / "former")
        self._mirror = mirror
        self._used: set[str] = set()
        self._lock = threading.Lock()
        self._library: Library | None = None
        self._version = 0  # of the signed files that it was read from

    def read(self, wall: datetime) -> Library:
        """Fetch and verify what is published now; one small request where nothing is newer.

        Raises:
            Unavailable: the relay is away.
            TrustError: something does not verify, or has expired.
        """
        with self._lock:
            self._files.refresh(wall)
            kept = self._library
            if (
                kept is not None
                and self._version == self._files.version
                and self._files.clock(wall) < kept.approval.expires.timestamp()
            ):
                self._library = replace(kept, read_at=wall.astimezone(UTC))
            else:
                self._library = self._read(wall)
                self._version = self._files.version
            return self._library

    def _read(self, wall: datetime) -> Library:
        top = Metadata[Targets].from_bytes(self._files.role("targets")).signed
        newest = Metadata[Targets].from_bytes(self._files.role(_ROLE))
        approval = _approval(top, newest)
        if sum(target.length for target in newest.signed.targets.values()) > _MOST_BYTES:
            raise TrustError("The approved scripts are larger than 64 MiB together: nothing of them is shown.")
        scripts = _scripts(newest.signed, approval, {}, lambda target: self._files.target(target.path))
        self._used.clear()
        try:
            self._look_back(top, newest.signed.version, scripts)
            for path in self._former.iterdir():
                if path.name not in self._used:
                    path.unlink()
        except OSError as error:
            raise Unavailable(f"The approved scripts cannot be kept: {error.strerror or error}.") from error
        return Library(scripts, approval, wall.astimezone(UTC))

    def _former_role(self, top: Targets, version: int) -> Metadata[Targets]:
        """An older file of the role, from here or from the mirror.

        Raises:
            FileNotFoundError, Unavailable: there is none. RepositoryError: it does not verify by today's approvers.
        """
        place = self._place(f"{version}.{_ROLE}.json")
        if place.exists():
            with suppress(RepositoryError):  # today's approvers may be others: then what the mirror has decides
                return _verified(top, place.read_bytes())
        data = self._mirror.read(f"metadata/{version}.{_ROLE}.json", MAX_FILE_BYTES)
        former = _verified(top, data)
        write_private(place, data)
        return former

    def _place(self, name: str) -> Path:
        self._used.add(name)
        return self._former / name

    def _former_target(self, target: TargetFile) -> bytes:
        place = self._place(target.hashes["sha256"])
        if place.exists():
            with suppress(RepositoryError):  # damaged here
                return _checked(target, place.read_bytes())
        directory, _, name = target.path.rpartition("/")
        served = self._mirror.read(f"targets/{directory}/{target.hashes['sha256']}.{name}", MAX_FILE_BYTES)
        data = _checked(target, served)
        write_private(place, data)
        return data

    def _look_back(self, top: Targets, newest: int, scripts: dict[str, PublishedScript]) -> None:
        """Find since when each script has stood there and what stood there before, in the files that the mirror still has."""
        open_ids = dict.fromkeys(scripts)
        for version in range(newest - 1, max(0, newest - 1 - _FORMER_VERSIONS), -1):
            if not open_ids:
                return
            try:
                former = self._former_role(top, version)
                approval = _approval(top, former)
                only = {name: scripts[name].manifest.version for name in open_ids}
                older = _scripts(former.signed, approval, only, self._former_target)
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


def _scripts(
    role: Targets, approval: Approval, only: Mapping[str, str], load: Callable[[TargetFile], bytes]
) -> dict[str, PublishedScript]:
    """The scripts of one file of the role, by id; `only`: of these ids, and of other versions than those named."""
    found: dict[str, PublishedScript] = {}
    for path in sorted(role.targets):
        parts = path.split("/")
        if len(parts) != 4 or parts[3] != MANIFEST_NAME or len(found) >= _MOST_SCRIPTS:
            continue
        if only and only.get(parts[1], parts[2]) == parts[2]:
            continue
        data = load(role.targets[path])
        manifest = decode_manifest(data)
        if (manifest.id, manifest.version) != (parts[1], parts[2]):
            raise TrustError(
                f"{path} says that it is {manifest.id} {manifest.version}: nothing of the approved scripts is shown."
            )
        base = f"{_ROLE}/{manifest.id}/{manifest.version}"
        try:
            files = {file.name: load(role.targets[f"{base}/{file.name}"]) for file in manifest.files}
        except KeyError as error:
            raise TrustError(f"{error} of {manifest.id} {manifest.version} is not signed: nothing is shown.") from error
        found[manifest.id] = PublishedScript(manifest, files, approval, manifest_digest(data))
    return found


def _verified(top: Targets, data: bytes) -> Metadata[Targets]:
    role = Metadata[Targets].from_bytes(data)
    top.verify_delegate(_ROLE, role.signed_bytes, role.signatures)
    return role


def _checked(target: TargetFile, data: bytes) -> bytes:
    target.verify_length_and_hashes(data)
    return data


def _approval(top: Targets, role: Metadata[Targets]) -> Approval:
    result = top.get_verification_result(_ROLE, role.signed_bytes, role.signatures)
    expires = role.signed.expires.astimezone(UTC)
    return Approval(role.signed.version, tuple(sorted(result.signed)), result.threshold, expires - LIVES[_ROLE], expires)
