"""What was decided and is not yet published: `publish/metadata/<role>.json` and `publish/targets/<path>`.

Those who decide write here (targets first, then the role's file in one step); the signer takes out what carries enough
signatures. A role's file that lacks some waits here, and more signatures are added to it.
"""

import hashlib
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path

from tuf.api.metadata import Metadata, Root, TargetFile, Targets

from hostio.private_files import read_private, write_private_together
from protocol.errors import TrustError
from protocol.limits import LIMITS
from technician_client.organisation.metadata import DELEGATED, TufSigner, expiry, missing_signatures, read_metadata
from technician_client.organisation.repository import Repository

MAX_FILE_BYTES = LIMITS.repository_file_bytes


class Spool:
    """The spool directory, seen from both sides."""

    def __init__(self, directory: Path, repository: Repository) -> None:
        self._directory = directory
        self._repository = repository

    def roles(self) -> Sequence[str]:
        """Roles that have a file waiting."""
        return sorted(path.stem for path in (self._directory / "metadata").glob("*.json"))

    def candidate(self, role: str) -> bytes | None:
        """The waiting file of a role."""
        try:
            return read_private(self._metadata(role), MAX_FILE_BYTES, secret=False)
        except FileNotFoundError:
            return None

    def target(self, path: str) -> bytes | None:
        """A waiting target file."""
        try:
            return read_private(self._directory / "targets" / path, MAX_FILE_BYTES, secret=False)
        except FileNotFoundError:
            return None

    def newest(self, role: str) -> Metadata[Targets]:
        """The newest file of a targets role: the waiting one, else the published one.

        Raises:
            TrustError: there is none, or it is damaged.
        """
        data = self.candidate(role) or self._repository.role(role)
        if data is None:
            raise TrustError(f"The repository has no {role} file. Restore organisation/ from your backup.")
        metadata = read_metadata(data, f"{role}.json")
        if not isinstance(metadata.signed, Targets):
            raise TrustError(f"{role}.json is not a list of targets.")
        return metadata

    def newest_target(self, role: str, path: str) -> bytes:
        """The newest bytes of a target, matched against the newest file of its role.

        Raises:
            TrustError: it is not there.
        """
        listed = self.newest(role).signed.targets.get(path)
        if listed is not None:
            for data in (self.target(path), self._repository.target(listed)):
                if data is not None and hashlib.sha256(data).hexdigest() == listed.hashes["sha256"]:
                    return data
        raise TrustError(f"The repository does not hold {path}.")

    def delegator(self, role: str) -> Root | Targets:
        """Who says which keys may sign this role: the root, or the targets role."""
        if role in DELEGATED:
            return self.newest("targets").signed
        waiting = self.candidate("root")
        if waiting is not None and not self._repository.version("root"):
            return Metadata[Root].from_bytes(waiting).signed  # nothing is published yet
        return self._repository.root().signed

    def edit(
        self,
        role: str,
        *,
        add: Mapping[str, bytes],
        remove: Sequence[str] = (),
        signers: Sequence[TufSigner],
        wall: datetime,
    ) -> int:
        """Change the targets of a role (or only its expiry), sign with these keys, lay it into the spool.

        Returns:
            How many signatures are still missing before the signer publishes it.

        Raises:
            TrustError: a path that the role may not sign, a file too large, or a key that may not sign for the role.
        """
        metadata = self.newest(role)
        signed = metadata.signed
        for path in remove:
            signed.targets.pop(path, None)
        for path, data in add.items():
            check_path(path)
            if len(data) > MAX_FILE_BYTES:
                raise TrustError(f"{path} has {len(data)} bytes; the repository takes at most {MAX_FILE_BYTES}.")
            signed.targets[path] = TargetFile.from_data(path, data, ["sha256"])
        signed.version += 1
        signed.expires = expiry(role, wall)
        metadata.signatures.clear()
        return self._sign(role, metadata, signers, add)

    def countersign(self, role: str, signers: Sequence[TufSigner]) -> int:
        """Add signatures to a waiting file; returns how many are still missing.

        Raises:
            TrustError: nothing of this role waits, or a key may not sign for it.
        """
        if self.candidate(role) is None:
            raise TrustError(f"Nothing of {role} waits for a signature.")
        return self._sign(role, self.newest(role), signers)

    def put(self, role: str, metadata: bytes, targets: Mapping[str, bytes], before: Mapping[Path, bytes] | None = None) -> None:
        """Lay a finished file and its targets into the spool, together with the files of `before`, which take their places first:
        all of it or nothing. What waited before lists other bytes under the same paths, and must not lose them to a full disk.

        Raises:
            TrustError: a path that no target may have. PrivateFileError: it cannot be written; nothing was changed.
        """
        files = dict(before or {})
        for path, data in targets.items():
            check_path(path)
            files[self._directory / "targets" / path] = data
        write_private_together(files | {self._metadata(role): metadata})

    def missing(self, role: str) -> int:
        """How many signatures a waiting file still needs."""
        return missing_signatures(self.newest(role), role, self.delegator(role))

    def taken(self, role: str, data: bytes) -> None:
        """The signer has published these bytes: forget them, unless a newer file lies there by now."""
        if self.candidate(role) == data:
            self._metadata(role).unlink(missing_ok=True)

    def _sign(
        self, role: str, metadata: Metadata[Targets], signers: Sequence[TufSigner], targets: Mapping[str, bytes] | None = None
    ) -> int:
        delegator = self.delegator(role)
        allowed = set(_key_ids(delegator, role))
        for signer in signers:
            if signer.public_key.keyid not in allowed:
                raise TrustError(f"This key may not sign for {role}: the organisation's targets do not name it.")
            metadata.sign(signer, append=True)
        self.put(role, metadata.to_bytes(), targets or {})
        return missing_signatures(metadata, role, delegator)

    def _metadata(self, role: str) -> Path:
        if role not in (*DELEGATED, "targets", "root"):
            raise TrustError(f"{role!r} is no role of the repository.")
        return self._directory / "metadata" / f"{role}.json"


def _key_ids(delegator: Root | Targets, role: str) -> Sequence[str]:
    return list(delegator.get_delegated_role(role).keyids)


def check_path(path: str) -> None:
    """Raises:
    TrustError: no path that a target may have.
    """
    parts = path.split("/")
    if not path or any(part in ("", ".", "..") or part.startswith(".") or not part.isascii() for part in parts):
        raise TrustError(f"{path!r} is no path of the repository.")
