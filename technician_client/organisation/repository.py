"""The published repository on the signer's disk, laid out exactly as the relay serves it (consistent snapshots).

metadata/<n>.root.json, <n>.targets.json, <n>.<role>.json, <n>.snapshot.json, timestamp.json
targets/<directory>/<sha256>.<file>
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from tuf.api.exceptions import RepositoryError
from tuf.api.metadata import Metadata, Root, Snapshot, TargetFile, Targets, Timestamp

from hostio.private_files import read_private, write_private
from protocol.errors import TrustError
from protocol.limits import LIMITS
from technician_client.organisation.metadata import (
    DELEGATED,
    LIVES,
    TufSigner,
    make_snapshot,
    make_timestamp,
    missing_signatures,
    read_metadata,
)

MAX_FILE_BYTES = LIMITS.repository_file_bytes
KEPT_VERSIONS = 3
_VERSIONED = re.compile(r"([0-9]{1,9})\.([a-z]+)\.json")


@dataclass(frozen=True, slots=True)
class Waiting:
    """Something in the spool that was not published, and why. `missing` counts signatures (0: it is refused)."""

    role: str
    missing: int
    text: str


class Repository:
    """The published files. Only the signer writes here; those who decide read what stands."""

    def __init__(self, directory: Path) -> None:
        self._metadata = directory / "metadata"
        self._targets = directory / "targets"
        self.nowhere = directory / "no-spool"  # a spool that is always empty: what is published and nothing else

    # -- reading

    def root(self) -> Metadata[Root]:
        """The newest root.

        Raises:
            TrustError: there is none.
        """
        data = self.role("root")
        if data is None:
            raise TrustError("The repository has no root file. Restore organisation/ from your backup.")
        return Metadata[Root].from_bytes(data)

    def version(self, role: str) -> int:
        """The newest version of a role's file on disk; 0 when there is none."""
        if role == "timestamp":
            data = self._read(self._metadata / "timestamp.json")
            return Metadata[Timestamp].from_bytes(data).signed.version if data else 0
        return max(self._versions().get(role, [0]))

    def role(self, role: str) -> bytes | None:
        """The newest file of a role, or None."""
        if role == "timestamp":
            return self._read(self._metadata / "timestamp.json")
        version = self.version(role)
        return self._read(self._metadata / f"{version}.{role}.json") if version else None

    def target(self, listed: TargetFile) -> bytes | None:
        """The bytes of a published target, or None."""
        return self._read(self._targets / served_path(listed))

    def files(self) -> list[tuple[str, bytes]]:
        """Everything a client needs, in the order in which it must be uploaded: a client that comes in between sees the old
        state whole.

        Returns:
            ("targets/..." or "metadata/...", bytes); timestamp.json is last.
        """
        files: list[tuple[str, bytes]] = []
        roles: list[tuple[str, bytes]] = []
        for role in ("targets", *DELEGATED):
            data = self.role(role)
            if data is None:
                continue
            signed = Metadata[Targets].from_bytes(data).signed
            for path in sorted(signed.targets):
                body = self.target(signed.targets[path])
                if body is not None:
                    files.append((f"targets/{served_path(signed.targets[path])}", body))
            roles.append((f"metadata/{signed.version}.{role}.json", data))
        roots = sorted(self._versions().get("root", []))
        files += [(f"metadata/{n}.root.json", self._read(self._metadata / f"{n}.root.json") or b"") for n in roots]
        files += roles
        snapshot, timestamp = self.role("snapshot"), self.role("timestamp")
        if snapshot is not None and timestamp is not None:
            files.append((f"metadata/{self.version('snapshot')}.snapshot.json", snapshot))
            files.append(("metadata/timestamp.json", timestamp))
        return files

    def timestamp_expires(self) -> datetime | None:
        """When the published timestamp expires."""
        data = self.role("timestamp")
        return Metadata[Timestamp].from_bytes(data).signed.expires.astimezone(UTC) if data else None

    def expiries(self) -> Mapping[str, datetime]:
        """When each role's published file expires."""
        found = {}
        for role in ("root", "targets", *DELEGATED, "snapshot", "timestamp"):
            data = self.role(role)
            if data is not None:
                found[role] = Metadata.from_bytes(data).signed.expires.astimezone(UTC)
        return found

    # -- writing (the signer)

    def take(self, role: str, data: bytes, targets: Mapping[str, bytes]) -> Waiting | None:
        """Publish a file of an offline role if it is newer, complete and carries enough signatures.

        Args:
            targets: candidate bytes by path for targets that are not published yet.

        Returns:
            None when it stands in the repository now, else why not.
        """
        try:
            metadata = read_metadata(data, f"{role}.json")
            return self._take_root(metadata, data) if role == "root" else self._take_targets(role, metadata, data, targets)
        except (TrustError, RepositoryError, ValueError) as error:
            return Waiting(role, 0, f"refused: {error}")

    def holds(self, listed: TargetFile) -> bool:
        """Whether a target is there, by its name, which has its hash, and its length: whoever wrote it had verified it."""
        try:
            return (self._targets / served_path(listed)).stat().st_size == listed.length
        except FileNotFoundError:
            return False

    def copy(self, metadata: Mapping[str, bytes], targets: Iterable[tuple[str, bytes]]) -> None:
        """Take over files that were verified elsewhere, by the names under which they are served; targets one at a time."""
        for place, body in targets:
            write_private(self._targets / place, body)
        for name, data in metadata.items():
            self._write(name, data)

    def stranded(self, role: str, data: bytes, candidates: Mapping[str, bytes]) -> Waiting | None:
        """Why a root or targets file must wait: a role below it would no longer be signed by enough of the keys it names.

        Args:
            candidates: the other files that are about to be published, by role.
        """
        if role not in ("root", "targets"):
            return None
        try:
            signed = read_metadata(data, f"{role}.json").signed
            below = ("targets",) if role == "root" else tuple(DELEGATED)
            for name in below:
                files = [file for file in (candidates.get(name), self.role(name)) if file is not None]
                if files and all(missing_signatures(read_metadata(file, f"{name}.json"), name, signed) for file in files):
                    return Waiting(role, 0, f"waits until {name} is signed by enough of its new keys")
        except (TrustError, RepositoryError, ValueError):
            return None  # `take` says what is wrong with it
        return None

    def _take_root(self, metadata: "Metadata[Root] | Metadata[Targets]", data: bytes) -> Waiting | None:
        if not isinstance(metadata.signed, Root):
            return Waiting("root", 0, "refused: this is not a root file")
        version = metadata.signed.version
        if self.version("root"):
            current = self.root().signed
            if version == current.version and self.role("root") == data:
                return None
            if version != current.version + 1:
                return Waiting("root", 0, f"refused: version {version} does not follow {current.version}")
            missing = missing_signatures(metadata, "root", current)
            if missing:
                return Waiting("root", missing, f"waits for {missing} more signature(s) of the present root keys")
        missing = missing_signatures(metadata, "root", metadata.signed)
        if missing:
            return Waiting("root", missing, f"waits for {missing} more signature(s)")
        self._write(f"{version}.root.json", data)
        return None

    def _take_targets(
        self, role: str, metadata: "Metadata[Root] | Metadata[Targets]", data: bytes, candidates: Mapping[str, bytes]
    ) -> Waiting | None:
        signed = metadata.signed
        if not isinstance(signed, Targets):
            return Waiting(role, 0, "refused: this is not a list of targets")
        delegator: Root | Targets = self.root().signed
        if role != "targets":
            top = self.role("targets")
            if top is None:
                return Waiting(role, 0, "waits for the targets file that names its keys")
            delegator = Metadata[Targets].from_bytes(top).signed
        missing = missing_signatures(metadata, role, delegator)
        if missing:
            return Waiting(role, missing, f"waits for {missing} more signature(s)")
        if signed.version == self.version(role) and self.role(role) == data:
            return None  # it was taken when the disk was full, before it could be taken out of the spool
        if signed.version <= self.version(role):
            return Waiting(role, 0, f"refused: version {signed.version} is not newer than {self.version(role)}")
        bodies: dict[str, bytes] = {}
        for path, listed in signed.targets.items():
            if isinstance(delegator, Targets) and delegator.delegations is not None:
                allowed = (delegator.delegations.roles or {})[role]
                if not allowed.is_delegated_path(path):
                    return Waiting(role, 0, f"refused: {role} may not sign {path}")
            if self.target(listed) is None:
                body = candidates.get(path)
                if body is None:
                    return Waiting(role, 0, f"waits for the file {path}")
                listed.verify_length_and_hashes(body)
                bodies[served_path(listed)] = body
        for place, body in bodies.items():
            write_private(self._targets / place, body)
        self._write(f"{signed.version}.{role}.json", data)
        return None

    def sign(self, snapshot_key: TufSigner, timestamp_key: TufSigner, wall: datetime) -> bool:
        """Make a new snapshot and timestamp where something changed or half of their life is over.

        Returns:
            Whether there is anything new to upload.
        """
        files = {f"{role}.json": data for role in ("targets", *DELEGATED) if (data := self.role(role)) is not None}
        if len(files) != 1 + len(DELEGATED) or not self._appointed(snapshot_key, timestamp_key):
            return False
        snapshot = self.role("snapshot")
        stale = snapshot is None or not self._covers(snapshot, files) or _half_over(snapshot, "snapshot", wall)
        if snapshot is None or stale or not self._signed("snapshot", snapshot):
            version = self.version("snapshot") + 1
            snapshot = make_snapshot(version, files, snapshot_key, wall)
            self._write(f"{version}.snapshot.json", snapshot)
        timestamp = self.role("timestamp")
        if timestamp is not None and not _half_over(timestamp, "timestamp", wall) and self._signed("timestamp", timestamp):
            stands = Metadata[Timestamp].from_bytes(timestamp).signed.snapshot_meta.version
            if stands == self.version("snapshot"):
                return False
        self._write("timestamp.json", make_timestamp(self.version("timestamp") + 1, snapshot, timestamp_key, wall))
        self._forget_old()
        return True

    def _appointed(self, snapshot_key: TufSigner, timestamp_key: TufSigner) -> bool:
        """Whether the published root names this signer's keys: what others sign, nobody believes."""
        roles = self.root().signed.roles
        pairs = (("snapshot", snapshot_key), ("timestamp", timestamp_key))
        return all(key.public_key.keyid in roles[name].keyids for name, key in pairs)

    def _signed(self, role: str, data: bytes) -> bool:
        """Whether a file of the signer's is signed by the key that the published root names (it may have been changed since)."""
        metadata = Metadata.from_bytes(data)
        return self.root().signed.get_verification_result(role, metadata.signed_bytes, metadata.signatures).verified

    @staticmethod
    def _covers(snapshot: bytes, files: Mapping[str, bytes]) -> bool:
        meta = Metadata[Snapshot].from_bytes(snapshot).signed.meta
        versions = {name: Metadata[Targets].from_bytes(data).signed.version for name, data in files.items()}
        return {name: info.version for name, info in meta.items()} == versions

    def _forget_old(self) -> None:
        """Drop versions that no client can still be reading; roots stay for ever."""
        keep: set[str] = set()
        for role, versions in self._versions().items():
            for version in sorted(versions)[:-KEPT_VERSIONS] if role != "root" else []:
                (self._metadata / f"{version}.{role}.json").unlink(missing_ok=True)
        for path in self._metadata.glob("*.json"):
            match = _VERSIONED.fullmatch(path.name)
            if match and match.group(2) in DELEGATED:
                signed = Metadata[Targets].from_bytes(path.read_bytes()).signed
                keep |= {served_path(listed) for listed in signed.targets.values()}
        for path in self._targets.rglob("*"):
            if path.is_file() and path.relative_to(self._targets).as_posix() not in keep:
                path.unlink(missing_ok=True)

    def _versions(self) -> dict[str, list[int]]:
        found: dict[str, list[int]] = {}
        for path in self._metadata.glob("*.json"):
            match = _VERSIONED.fullmatch(path.name)
            if match:
                found.setdefault(match.group(2), []).append(int(match.group(1)))
        return found

    def _write(self, name: str, data: bytes) -> None:
        write_private(self._metadata / name, data)

    @staticmethod
    def _read(path: Path) -> bytes | None:
        try:
            return read_private(path, MAX_FILE_BYTES, secret=False)
        except FileNotFoundError:
            return None


def served_path(listed: TargetFile) -> str:
    """Where a target is served: its hash stands before its file name."""
    directory, separator, name = listed.path.rpartition("/")
    return f"{directory}{separator}{listed.hashes['sha256']}.{name}"


def _half_over(data: bytes, role: str, wall: datetime) -> bool:
    return Metadata.from_bytes(data).signed.expires - wall < LIVES[role] / 2


def take_all(repository: Repository, candidates: Sequence[tuple[str, bytes, Mapping[str, bytes]]]) -> list[Waiting]:
    """Take candidates in the order root, targets, delegated; returns what was not published."""
    order = {"root": 0, "targets": 1}
    files = {role: data for role, data, _ in candidates}
    waiting = []
    for role, data, targets in sorted(candidates, key=lambda item: order.get(item[0], 2)):
        refusal = repository.stranded(role, data, files) or repository.take(role, data, targets)
        if refusal is not None:
            waiting.append(refusal)
    return waiting
