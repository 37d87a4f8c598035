"""The signed metadata of the repository (The Update Framework), laid out as security.md section 6 says.

    root        2-of-3, 365 d      targets   2-of-3, 180 d, delegations only
      scripts     approvers, 90 d    scripts/<id>/<version>/<file>
      agent       release, 90 d      agent/<platform>/<version>/<file>
      policy      admins, 90 d       policy/<name>.json
      revocation  on call, 90 d      revocation/list.json
    snapshot 7 d, timestamp 24 h: the signer's keys

Pure: keys and the time come in, metadata objects come out.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta

from cryptography.hazmat.primitives.serialization import load_der_public_key
from securesystemslib.signer import Key, SecretsHandler, Signature, Signer, SSlibKey
from tuf.api.exceptions import RepositoryError
from tuf.api.metadata import (
    DelegatedRole,
    Delegations,
    Metadata,
    MetaFile,
    Role,
    Root,
    Snapshot,
    Targets,
    Timestamp,
)

from protocol.certificates import PrivateKey
from protocol.errors import TrustError
from protocol.freshness import ISSUED_FIELD
from technician_client.organisation.record import Thresholds

SPEC_VERSION = "1.0.31"
LIVES: Mapping[str, timedelta] = {
    "root": timedelta(days=365),
    "targets": timedelta(days=180),
    "scripts": timedelta(days=90),
    "agent": timedelta(days=90),
    "policy": timedelta(days=90),
    "revocation": timedelta(days=90),
    "snapshot": timedelta(days=7),
    "timestamp": timedelta(hours=24),
}
DELEGATED: Mapping[str, str] = {
    "scripts": "scripts/*/*/*",
    "agent": "agent/*/*/*",
    "policy": "policy/*",
    "revocation": "revocation/*",
}
OFFLINE = ("root", "targets", *DELEGATED)


class TufSigner(Signer):
    """One of our keys as python-tuf wants to see it: ECDSA P-256 with SHA-256."""

    def __init__(self, key: PrivateKey) -> None:
        self._key = key
        public = SSlibKey.from_crypto(load_der_public_key(key.public.spki))
        self._public: SSlibKey = public

    @property
    def public_key(self) -> SSlibKey:
        """The public half, with its key id."""
        return self._public

    @classmethod
    def from_priv_key_uri(
        cls,
        priv_key_uri: str,  # noqa: ARG003 - the library's signature
        public_key: Key,  # noqa: ARG003
        secrets_handler: SecretsHandler | None = None,  # noqa: ARG003
    ) -> "TufSigner":
        """Not offered: keys come from the vault only.

        Raises:
            TrustError: always.
        """
        raise TrustError("Keys are opened through the vault, not by an address.")

    def sign(self, payload: bytes) -> Signature:
        """Sign canonical bytes."""
        return Signature(self._public.keyid, self._key.sign(payload).hex())


def expiry(role: str, wall: datetime) -> datetime:
    """When a file of this role that is signed now expires (whole seconds, as the format demands)."""
    return (wall + LIVES[role]).astimezone(UTC).replace(microsecond=0)


def make_root(
    keys: Mapping[str, Sequence[TufSigner]], thresholds: Thresholds, online: Mapping[str, TufSigner], wall: datetime
) -> Metadata[Root]:
    """The first root. `keys` holds the signers of "root" and "targets", `online` those of "snapshot" and "timestamp"."""
    signers: dict[str, Sequence[TufSigner]] = {"root": keys["root"], "targets": keys["targets"]}
    signers.update({name: [signer] for name, signer in online.items()})
    needed = {"root": thresholds.root, "targets": thresholds.targets, "snapshot": 1, "timestamp": 1}
    public = {signer.public_key.keyid: signer.public_key for group in signers.values() for signer in group}
    roles = {name: Role([signer.public_key.keyid for signer in group], needed[name]) for name, group in signers.items()}
    root = Root(
        version=1,
        spec_version=SPEC_VERSION,
        expires=expiry("root", wall),
        keys=dict(public),
        roles=roles,
        consistent_snapshot=True,
    )
    metadata = Metadata(root)
    for signer in keys["root"]:
        metadata.sign(signer, append=True)
    return metadata


def make_targets(keys: Mapping[str, Sequence[TufSigner]], thresholds: Thresholds, wall: datetime) -> Metadata[Targets]:
    """The top-level targets: nothing but who may sign what."""
    public = {signer.public_key.keyid: signer.public_key for name in DELEGATED for signer in keys[name]}
    roles = {
        name: DelegatedRole(
            name=name,
            keyids=[signer.public_key.keyid for signer in keys[name]],
            threshold=getattr(thresholds, name),
            terminating=True,
            paths=[pattern],
        )
        for name, pattern in DELEGATED.items()
    }
    targets = Targets(
        version=1,
        spec_version=SPEC_VERSION,
        expires=expiry("targets", wall),
        targets={},
        delegations=Delegations(keys=dict(public), roles=roles),
    )
    metadata = Metadata(targets)
    for signer in keys["targets"]:
        metadata.sign(signer, append=True)
    return metadata


def make_delegated(role: str, wall: datetime) -> Metadata[Targets]:
    """An empty, unsigned first file of a delegated role."""
    return Metadata(Targets(version=1, spec_version=SPEC_VERSION, expires=expiry(role, wall), targets={}))


def make_snapshot(version: int, files: Mapping[str, bytes], signer: TufSigner, wall: datetime) -> bytes:
    """A snapshot of "targets.json" and the delegated roles' files. `files` maps those names to the signed bytes."""
    meta = {name: MetaFile.from_data(Metadata.from_bytes(data).signed.version, data, ["sha256"]) for name, data in files.items()}
    snapshot = Snapshot(version=version, spec_version=SPEC_VERSION, expires=expiry("snapshot", wall), meta=meta)
    metadata = Metadata(snapshot)
    metadata.sign(signer)
    return metadata.to_bytes()


def make_timestamp(version: int, snapshot: bytes, signer: TufSigner, wall: datetime) -> bytes:
    """A timestamp over this snapshot that says when it was made."""
    meta = MetaFile.from_data(Metadata[Snapshot].from_bytes(snapshot).signed.version, snapshot, ["sha256"])
    timestamp = Timestamp(
        version=version,
        spec_version=SPEC_VERSION,
        expires=expiry("timestamp", wall),
        snapshot_meta=meta,
        unrecognized_fields={ISSUED_FIELD: int(wall.timestamp())},
    )
    metadata = Metadata(timestamp)
    metadata.sign(signer)
    return metadata.to_bytes()


def read_metadata(data: bytes, where: str) -> "Metadata[Root] | Metadata[Targets]":
    """Parse a root or targets file.

    Raises:
        TrustError: it does not parse, or is of another kind.
    """
    try:
        metadata = Metadata.from_bytes(data)
    except (RepositoryError, ValueError, RecursionError) as error:
        raise TrustError(f"{where} is not a signed file of the repository: {error}.") from error
    if not isinstance(metadata.signed, Root | Targets):
        raise TrustError(f"{where} is a {metadata.signed.type} file, which only the signer makes.")
    return metadata


def missing_signatures(metadata: Metadata[Targets] | Metadata[Root], role: str, delegator: Root | Targets) -> int:
    """How many more valid signatures of different keys this file needs (0: enough)."""
    result = delegator.get_verification_result(role, metadata.signed_bytes, metadata.signatures)
    return max(0, result.threshold - len(result.signed))
