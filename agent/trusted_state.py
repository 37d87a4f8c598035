"""The last complete set of signed files that this agent verified, kept in one file and verified anew whenever it is read.

`VerifiedSet` is what stands on disk: the signed metadata and documents byte by byte. `open_set` turns it into `TrustedState`,
checking every signature and hash from the pinned root down; expiry is not judged here (how old is too old depends on the
capability, see `agent.policy`), so that an agent whose relay is away keeps the newest rules it ever saw.
"""

import hashlib
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import msgspec
from tuf.api.exceptions import RepositoryError
from tuf.api.metadata import Metadata, Root, TargetFile, Targets, Timestamp

from hostio.private_files import PrivateFileError, write_private
from protocol.articles import ARTICLES_PATH, Article, decode_articles
from protocol.documents import (
    POLICY_PATH,
    REVOCATION_PATH,
    TECHNICIANS_PATH,
    OrganisationPolicy,
    RevocationList,
    TechniciansList,
    decode_document,
)
from protocol.errors import TrustError
from protocol.freshness import issued_at
from protocol.manifests import MANIFEST_NAME, ScriptManifest, decode_manifest, manifest_digest

ROLES = ("policy", "revocation", "scripts")
MAX_SET_BYTES = 32 * 1024 * 1024
MAX_SCRIPTS = 500


class VerifiedSet(msgspec.Struct, frozen=True, kw_only=True):
    """What is kept. `roots` are the root files after the pinned one, in order; `roles` the delegated metadata by role;
    `documents` the targets that are read whole, by path, manifests included. `verified_at`, `floor` and `highest` (the
    highest that `floor` ever was; see `protocol.freshness`) in seconds since 1970."""

    roots: list[bytes]
    timestamp: bytes
    targets: bytes
    roles: dict[str, bytes]
    documents: dict[str, bytes]
    revoked: RevocationList
    verified_at: float
    floor: float
    highest: float = 0.0

    @property
    def highest_floor(self) -> float:
        """`highest`, also where an older version kept the set."""
        return max(self.highest, self.floor)


@dataclass(frozen=True, slots=True)
class VerifiedScript:
    """An approved script. Its manifest is verified; its files are read through `read`, which hashes what it opened. `digest`
    names the whole of it (`protocol.messages.fixes.FixDigest`)."""

    manifest: ScriptManifest
    objects: Path
    digest: str

    def read(self, name: str) -> bytes:
        """The bytes of one of the script's files, hashed after they were read from the opened file.

        Raises:
            TrustError: not a file of this script, gone, or not the approved bytes.
        """
        entry = next((file for file in self.manifest.files if file.name == name), None)
        if entry is None:
            raise TrustError(f"{self.manifest.id} has no file {name!r}.")
        try:
            handle = os.open(self.objects / entry.sha256, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0))
            with os.fdopen(handle, "rb") as file:
                data = file.read(entry.length + 1)
        except OSError as error:
            raise TrustError(f"The file {name} of {self.manifest.id} is not here; it comes with the next refresh.") from error
        if len(data) != entry.length or hashlib.sha256(data).hexdigest() != entry.sha256:
            raise TrustError(f"The file {name} of {self.manifest.id} is not the one that was approved. It was not run.")
        return data

    def materialise(self, directory: Path) -> dict[str, str]:
        """Write verified copies into `directory` (made by the caller, private to who runs them), modes 0500.

        Returns:
            The absolute path of each file by name, for `protocol.manifests.render_argv`.

        Raises:
            TrustError: as `read`. OSError: the directory cannot be written.
        """
        paths: dict[str, str] = {}
        for entry in self.manifest.files:
            data = self.read(entry.name)
            path = directory.absolute() / entry.name
            flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_NOFOLLOW", 0)
            with os.fdopen(os.open(path, flags, 0o500), "wb") as file:
                file.write(data)
            paths[entry.name] = str(path)
        return paths


@dataclass(frozen=True, slots=True)
class TrustedState:
    """Everything verified, as objects. Times in seconds since 1970."""

    policy: OrganisationPolicy
    technicians: TechniciansList
    revocation: RevocationList
    scripts: tuple[VerifiedScript, ...]
    timestamp_version: int
    timestamp_issued: float
    policy_version: int
    verified_at: float
    floor: float
    rejected: Mapping[str, str] = field(default_factory=dict)
    articles: tuple[Article, ...] = ()

    def age(self, wall: float) -> float:
        """Seconds since the newest verified timestamp was signed. A signature from the future counts from when it was
        verified."""
        return max(0.0, max(wall, self.floor) - min(self.timestamp_issued, self.verified_at))


def open_set(stored: VerifiedSet, pinned_root: bytes, objects: Path) -> TrustedState:
    """Verify a kept set from the pinned root down.

    Raises:
        TrustError: a signature, a hash or a document does not hold.
    """
    try:
        return _open_set(stored, pinned_root, objects)
    except (RepositoryError, ValueError, KeyError) as error:
        raise TrustError(f"The organisation's signed files on this computer do not verify: {error}.") from error


def _open_set(stored: VerifiedSet, pinned_root: bytes, objects: Path) -> TrustedState:
    root = Metadata[Root].from_bytes(pinned_root)
    root.verify_delegate(Root.type, root)
    for data in stored.roots:
        following = Metadata[Root].from_bytes(data)
        if following.signed.version != root.signed.version + 1:
            raise TrustError("A root file of the organisation's repository is missing.")
        root.verify_delegate(Root.type, following)
        following.verify_delegate(Root.type, following)
        root = following
    timestamp = Metadata[Timestamp].from_bytes(stored.timestamp)
    root.verify_delegate(Timestamp.type, timestamp)
    targets = Metadata[Targets].from_bytes(stored.targets)
    root.verify_delegate(Targets.type, targets)
    roles: dict[str, Metadata[Targets]] = {}
    for name in ROLES:
        roles[name] = Metadata[Targets].from_bytes(stored.roles[name])
        targets.verify_delegate(name, roles[name])
    policy, technicians = _document(stored, roles["policy"], POLICY_PATH), _document(stored, roles["policy"], TECHNICIANS_PATH)
    revocation = decode_document(_document(stored, roles["revocation"], REVOCATION_PATH), RevocationList)
    scripts, rejected = collect_scripts(roles["scripts"].signed.targets, stored.documents, objects)
    try:
        articles = _articles(stored, roles["policy"])
    except TrustError as error:  # of a later version, perhaps: nothing depends on them
        articles, rejected = (), {**rejected, ARTICLES_PATH: str(error)}
    return TrustedState(
        policy=decode_document(policy, OrganisationPolicy),
        technicians=decode_document(technicians, TechniciansList),
        revocation=revocation.union(stored.revoked),
        scripts=scripts,
        timestamp_version=timestamp.signed.version,
        timestamp_issued=issued_at(timestamp.signed.unrecognized_fields),
        policy_version=roles["policy"].signed.version,
        verified_at=stored.verified_at,
        floor=stored.floor,
        rejected=rejected,
        articles=articles,
    )


def _document(stored: VerifiedSet, role: Metadata[Targets], path: str) -> bytes:
    target = role.signed.targets.get(path)
    data = stored.documents.get(path)
    if target is None or data is None:
        raise TrustError(f"The organisation's repository does not hold {path}.")
    target.verify_length_and_hashes(data)
    return data


def _articles(stored: VerifiedSet, role: Metadata[Targets]) -> tuple[Article, ...]:
    """The organisation's articles; none where it has published none, or they have not been fetched."""
    if ARTICLES_PATH not in role.signed.targets or ARTICLES_PATH not in stored.documents:
        return ()
    return tuple(decode_articles(_document(stored, role, ARTICLES_PATH)).articles)


def collect_scripts(
    targets: Mapping[str, TargetFile], documents: Mapping[str, bytes], objects: Path
) -> tuple[tuple[VerifiedScript, ...], dict[str, str]]:
    """The newest version of every script whose manifest agrees with the signed list of files.

    Returns:
        The scripts by id, and why others were left out, by "id/version".
    """
    newest: dict[str, VerifiedScript] = {}
    rejected: dict[str, str] = {}
    for path, target in sorted(targets.items())[: MAX_SCRIPTS * 8]:
        if not path.endswith(f"/{MANIFEST_NAME}"):
            continue
        _, identifier, version, _ = path.split("/")
        try:
            data = documents.get(path, b"")
            target.verify_length_and_hashes(data)
            manifest = decode_manifest(data)
            if (manifest.id, manifest.version) != (identifier, version):
                raise TrustError(f"its manifest calls it {manifest.id} {manifest.version}")
            _check_files(manifest, targets)
        except (TrustError, RepositoryError) as error:
            rejected[f"{identifier}/{version}"] = str(error)
            continue
        known = newest.get(identifier)
        if known is None or version_key(known.manifest.version) < version_key(version):
            newest[identifier] = VerifiedScript(manifest, objects, manifest_digest(data))
    return tuple(newest[identifier] for identifier in sorted(newest)), rejected


def version_key(version: str) -> tuple[int, ...]:
    """Versions in order: 2 < 10 < 10.1."""
    return tuple(int(part) for part in version.split("."))


def _check_files(manifest: ScriptManifest, targets: Mapping[str, TargetFile]) -> None:
    for file in manifest.files:
        target = targets.get(f"scripts/{manifest.id}/{manifest.version}/{file.name}")
        if target is None or target.length != file.length or target.hashes.get("sha256") != file.sha256:
            raise TrustError(f"its file {file.name} is not the one that was approved")


def load_set(path: Path) -> VerifiedSet | None:
    """Read a kept set; None when there is none.

    Raises:
        TrustError: the file is damaged.
    """
    try:
        with path.open("rb") as file:
            data = file.read(MAX_SET_BYTES + 1)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise TrustError(f"{path} cannot be read: {error.strerror or error}.") from error
    try:
        return msgspec.msgpack.decode(data, type=VerifiedSet)
    except (ValueError, RecursionError) as error:
        raise TrustError(f"{path} is damaged.") from error


def save_set(path: Path, stored: VerifiedSet) -> None:
    """Replace the kept set in one step.

    Raises:
        PrivateFileError: it cannot be written.
    """
    data = msgspec.msgpack.encode(stored)
    if len(data) > MAX_SET_BYTES:
        raise PrivateFileError(f"The organisation's signed files have {len(data)} bytes, more than an agent keeps.")
    write_private(path, data)
