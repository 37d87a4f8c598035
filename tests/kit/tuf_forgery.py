"""What a relay, or a thief of some of the keys, can make of a repository of signed files."""

import hashlib
import shutil
from collections.abc import Mapping, Sequence
from datetime import timedelta
from pathlib import Path

from securesystemslib.signer import Signature
from tuf.api.metadata import Metadata, Snapshot, TargetFile, Targets, Timestamp

from protocol.certificates import PrivateKey
from technician_client.organisation.metadata import TufSigner
from technician_client.organisation.repository import Repository


def forged_signatures(metadata: Metadata, key_ids: Sequence[str], key: PrivateKey) -> None:
    """Sign with a key that nobody appointed, under the names of those that somebody did."""
    signature = TufSigner(key).sign(metadata.signed_bytes).signature
    metadata.signatures.clear()
    for key_id in key_ids:
        metadata.signatures[key_id] = Signature(key_id, signature)


def forge_repository(source: Path, target: Path, role: str, add: Mapping[str, bytes], *, days: float = 1.0) -> Path:
    """A copy of a published repository in which `role` lists other files, everything signed by whoever does not hold the keys.

    Args:
        days: how long the forged timestamp and snapshot are good for, from the genuine one's expiry.
    """
    shutil.copytree(source, target)
    key = PrivateKey.generate()
    repository = Repository(target)
    listed = Metadata[Targets].from_bytes(repository.role(role) or b"")
    for path, data in add.items():
        listed.signed.targets[path] = TargetFile.from_data(path, data, ["sha256"])
        directory, _, name = path.rpartition("/")
        place = target / "targets" / directory / f"{hashlib.sha256(data).hexdigest()}.{name}"
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(data)
    listed.signed.version += 1
    forged_signatures(listed, list(listed.signatures), key)
    (target / "metadata" / f"{listed.signed.version}.{role}.json").write_bytes(listed.to_bytes())
    snapshot = Metadata[Snapshot].from_bytes(repository.role("snapshot") or b"")
    meta = snapshot.signed.meta[f"{role}.json"]
    meta.version, meta.hashes, meta.length = listed.signed.version, None, None
    snapshot.signed.version += 1
    snapshot.signed.expires += timedelta(days=days)
    forged_signatures(snapshot, list(snapshot.signatures), key)
    (target / "metadata" / f"{snapshot.signed.version}.snapshot.json").write_bytes(snapshot.to_bytes())
    timestamp = Metadata[Timestamp].from_bytes(repository.role("timestamp") or b"")
    timestamp.signed.snapshot_meta.version = snapshot.signed.version
    timestamp.signed.snapshot_meta.hashes = timestamp.signed.snapshot_meta.length = None
    timestamp.signed.version += 1
    timestamp.signed.expires += timedelta(days=days)
    forged_signatures(timestamp, list(timestamp.signatures), key)
    (target / "metadata" / "timestamp.json").write_bytes(timestamp.to_bytes())
    return target
