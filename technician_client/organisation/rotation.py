"""Changing keys: who may sign which role of the repository, and the keys of the signer.

The root file names the keys of root, targets, snapshot and timestamp; the targets file those of the other roles. Taking a key
out may leave a published file with too few signatures: it is then signed anew by the keys that are here, and `Repository`
publishes nothing that would leave the others unverifiable.
"""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

import msgspec
from cryptography.hazmat.primitives.serialization import load_der_public_key
from securesystemslib.signer import SSlibKey
from tuf.api.metadata import Metadata, Root

from hostio.private_files import write_private
from protocol.certificate_profile import load_certificate
from protocol.certificates import PrivateKey, PublicKey, Role, issue_ca, issue_signer_login_leaf
from protocol.errors import TrustError
from technician_client.errors import NotFound
from technician_client.organisation.foundation import CA_KEYS, LOGIN_KEY, ROOT_KEY, SNAPSHOT_KEY, TIMESTAMP_KEY, role_signers
from technician_client.organisation.metadata import DELEGATED, OFFLINE, TufSigner, expiry, missing_signatures
from technician_client.organisation.record import OrganisationHome, OrganisationRecord
from technician_client.organisation.repository import Repository
from technician_client.organisation.spool import Spool
from technician_client.organisation.vault import KeyDirectory, PublicHalf

ONLINE = (SNAPSHOT_KEY, TIMESTAMP_KEY)
MOST_THRESHOLD = 9


@dataclass(frozen=True, slots=True)
class Changed:
    """What a change of keys led to: signatures that are still missing, by role (0: it is on its way)."""

    missing: Mapping[str, int] = field(default_factory=dict)


def tuf_key(public: PublicKey) -> SSlibKey:
    """A public key as the repository names it."""
    return SSlibKey.from_crypto(load_der_public_key(public.spki))


def holders_of(spool: Spool, repository: Repository) -> dict[str, tuple[int, list[str]]]:
    """Threshold and key ids of every role, as published or waiting."""
    root = newest_root(spool, repository).signed
    found = {name: (role.threshold, list(role.keyids)) for name, role in root.roles.items()}
    delegations = spool.newest("targets").signed.delegations
    for name, delegated in (delegations.roles if delegations is not None and delegations.roles else {}).items():
        found[name] = (delegated.threshold, list(delegated.keyids))
    return found


def newest_root(spool: Spool, repository: Repository) -> Metadata[Root]:
    """The root that waits, else the published one."""
    waiting = spool.candidate("root")
    return Metadata[Root].from_bytes(waiting) if waiting is not None else repository.root()


def trust_key(
    home: OrganisationHome,
    vault: KeyDirectory,
    role: str,
    half: PublicHalf | None,
    *,
    replace: str = "",
    threshold: int | None = None,
    wall: datetime,
) -> Changed:
    """Let a key sign for a role, in the place of another one or beside the others; or only change how many must sign.

    Args:
        half: the new key's public half; None to only take one out or change the threshold.
        replace: the name (of a key here), key id or its beginning, or holder, of the key that may sign no more.

    Raises:
        NotFound: no such key signs for the role. TrustError: too few keys would be left, or the role cannot be changed so.
        NotSetUp: the keys that decide about this are not in this vault.
    """
    if role not in (*OFFLINE, *ONLINE):
        raise TrustError(f"{role!r} is no role of the repository.")
    repository = Repository(home.repository)
    spool = Spool(home.spool, repository)
    record = home.load()
    gone = find_key(vault, record, spool, repository, role, replace) if replace else ""
    key = tuf_key(half.key) if half is not None else None
    if role in DELEGATED:
        missing = _change_delegation(spool, vault, role, key, gone, threshold, wall)
    else:
        missing = _change_root(spool, repository, vault, role, key, gone, threshold, wall)
    _note(home, record, role, half, key, gone, threshold)
    return Changed(missing)


def find_key(vault: KeyDirectory, record: OrganisationRecord, spool: Spool, repository: Repository, role: str, words: str) -> str:
    """The id of the one key of a role that answers to a name, a holder, or the beginning of its id."""
    _, ids = holders_of(spool, repository)[role]
    half = vault.public(words) if words in vault.names() else None
    found = [tuf_key(half.key).keyid] if half is not None else []
    found = found or [key for key in ids if key.startswith(words) or record.holders.get(key, "") == words]
    found = [key for key in dict.fromkeys(found) if key in ids]
    if len(found) != 1:
        raise NotFound(f"{len(found)} keys of {role} answer to {words!r}. See: handrail org show")
    return found[0]


def _change_delegation(
    spool: Spool, vault: KeyDirectory, role: str, key: SSlibKey | None, gone: str, threshold: int | None, wall: datetime
) -> dict[str, int]:
    signers = role_signers(vault, "targets")
    metadata = spool.newest("targets")
    signed = metadata.signed
    if signed.delegations is None or not signed.delegations.roles or role not in signed.delegations.roles:
        raise TrustError(f"The repository's targets do not name {role}. Restore organisation/ from your backup.")
    if key is not None:
        signed.add_key(key, role)
    if gone:
        signed.revoke_key(gone, role)
    delegated = signed.delegations.roles[role]
    delegated.threshold = _threshold(role, len(delegated.keyids), delegated.threshold if threshold is None else threshold)
    signed.version += 1
    signed.expires = expiry("targets", wall)
    metadata.signatures.clear()
    for signer in signers:
        metadata.sign(signer, append=True)
    spool.put("targets", metadata.to_bytes(), {})
    missing = {"targets": spool.missing("targets")}
    if spool.missing(role):
        missing[role] = spool.edit(role, add={}, signers=_allowed(vault, role, delegated.keyids), wall=wall)
    return missing


def _change_root(
    spool: Spool,
    repository: Repository,
    vault: KeyDirectory,
    role: str,
    key: SSlibKey | None,
    gone: str,
    threshold: int | None,
    wall: datetime,
) -> dict[str, int]:
    if not repository.version("root"):
        raise TrustError("The first root is not published yet. Run `handrail signer` once, then change keys.")
    signers = role_signers(vault, "root")
    metadata = newest_root(spool, repository)
    signed = metadata.signed
    if key is not None:
        signed.add_key(key, role)
    if gone:
        signed.revoke_key(gone, role)
    wanted = signed.roles[role].threshold if threshold is None else threshold
    signed.roles[role].threshold = _threshold(role, len(signed.roles[role].keyids), wanted)
    signed.version = repository.root().signed.version + 1
    signed.expires = expiry("root", wall)
    metadata.signatures.clear()
    for signer in signers:
        metadata.sign(signer, append=True)
    spool.put("root", metadata.to_bytes(), {})
    missing = {"root": missing_of_root(metadata, repository)}
    if role == "targets" and missing_signatures(spool.newest("targets"), "targets", signed):
        targets = spool.newest("targets")
        targets.signed.version += 1
        targets.signed.expires = expiry("targets", wall)
        targets.signatures.clear()
        for signer in _allowed(vault, "targets", signed.roles["targets"].keyids):
            targets.sign(signer, append=True)
        spool.put("targets", targets.to_bytes(), {})
        missing["targets"] = missing_signatures(targets, "targets", signed)
    return missing


def missing_of_root(metadata: Metadata[Root], repository: Repository) -> int:
    """How many signatures a waiting root lacks: by the keys that stood before it and by its own."""
    before = repository.root().signed
    return max(missing_signatures(metadata, "root", before), missing_signatures(metadata, "root", metadata.signed))


def countersign_root(spool: Spool, repository: Repository, signers: Sequence[TufSigner]) -> int:
    """Add signatures to a waiting root; returns how many are still missing.

    Raises:
        TrustError: no root waits, or a key may sign neither for the old nor for the new one.
    """
    data = spool.candidate("root")
    if data is None:
        raise TrustError("Nothing of root waits for a signature.")
    metadata = Metadata[Root].from_bytes(data)
    allowed = {*repository.root().signed.roles["root"].keyids, *metadata.signed.roles["root"].keyids}
    for signer in signers:
        if signer.public_key.keyid not in allowed:
            raise TrustError("This key may not sign for root: neither the present root nor the new one names it.")
        metadata.sign(signer, append=True)
    spool.put("root", metadata.to_bytes(), {})
    return missing_of_root(metadata, repository)


def rotate_role(home: OrganisationHome, vault: KeyDirectory, role: str, name: str, wall: datetime) -> tuple[str, Changed]:
    """A new key in this vault in the place of one that is here, which is forgotten afterwards; returns the new one's name.

    Raises:
        NotFound: the key is not here, or does not sign for the role. Others as `trust_key`.
    """
    if name not in vault.names():
        raise NotFound(f"There is no key {name!r} in this vault. Here are: {', '.join(vault.names())}")
    before = vault.public(name)
    number = 1 + max((int(known.rpartition("-")[2]) for known in vault.names() if _numbered(known, role)), default=0)
    fresh = f"{role}-{number}"
    vault.create(fresh, holder=before.holder if before is not None else "")
    try:
        changed = trust_key(home, vault, role, vault.public(fresh), replace=name, wall=wall)
    except (TrustError, NotFound):
        vault.remove(fresh)  # nothing names it
        raise
    vault.remove(name)
    return fresh, changed


def rotate_ca(home: OrganisationHome, vault: KeyDirectory, signer: KeyDirectory, role: Role, wall: datetime) -> bytes:
    """A new key and certificate for one of the signer's CAs; returns the fingerprint of the old key. What the old one issued
    holds until it expires, unless that fingerprint is revoked.

    Raises:
        NotSetUp: a key is not here. TrustError: a passphrase is wrong.
    """
    name, key = CA_KEYS[role], PrivateKey.generate()
    old = signer.get(name).public.fingerprint
    root = home.load().root
    ca = issue_ca(role, ca_key=key.public, root_der=root, root_key=vault.get(ROOT_KEY), wall=wall, random_bytes=os.urandom)
    signer.replace(name, key)
    write_private(home.certificate(name), ca)
    return old


def rotate_login(home: OrganisationHome, vault: KeyDirectory, signer: KeyDirectory, wall: datetime) -> datetime:
    """A new key and certificate with which the signer logs in to the relay; returns until when; raises as `rotate_ca`."""
    key = PrivateKey.generate()
    root = home.load().root
    leaf = issue_signer_login_leaf(key.public, root_der=root, root_key=vault.get(ROOT_KEY), wall=wall, random_bytes=os.urandom)
    signer.replace(LOGIN_KEY, key)
    write_private(home.certificate(LOGIN_KEY), leaf)
    return load_certificate(leaf).not_valid_after_utc


def rotate_online(home: OrganisationHome, vault: KeyDirectory, signer: KeyDirectory, role: str, wall: datetime) -> Changed:
    """A new snapshot or timestamp key of the signer, named by a new root; raises as `trust_key`."""
    key = PrivateKey.generate()
    old = tuf_key(signer.get(role).public).keyid
    changed = trust_key(home, vault, role, PublicHalf(role, key.public.spki), replace=old, wall=wall)
    signer.replace(role, key)
    return changed


def move_key(vault: KeyDirectory, name: str, target: KeyDirectory, *, holder: str = "") -> None:
    """Hand a key over to its holder's own vault, under that one's passphrase; it is gone from here afterwards.

    Raises:
        NotSetUp: it is not here. TrustError: the passphrase is wrong, or one of that name is there already.
        PrivateFileError: it cannot be written.
    """
    key = vault.get(name)
    half = vault.public(name)
    target.put(name, key, holder=holder or (half.holder if half is not None else ""))
    vault.remove(name)


def note_holder(home: OrganisationHome, half: PublicHalf) -> None:
    """Write down who holds a key, for `handrail org show`."""
    record = home.load()
    home.save(msgspec.structs.replace(record, holders={**record.holders, tuf_key(half.key).keyid: half.holder or half.name}))


def _note(
    home: OrganisationHome,
    record: OrganisationRecord,
    role: str,
    half: PublicHalf | None,
    key: SSlibKey | None,
    gone: str,
    threshold: int | None,
) -> None:
    holders = {known: who for known, who in record.holders.items() if known != gone}
    if half is not None and key is not None and role in OFFLINE:
        holders[key.keyid] = half.holder or half.name
    thresholds = record.thresholds
    if threshold is not None and role in OFFLINE:
        thresholds = msgspec.structs.replace(thresholds, **{role: threshold})
    home.save(msgspec.structs.replace(record, holders=holders, thresholds=thresholds))


def _allowed(vault: KeyDirectory, role: str, key_ids: Sequence[str]) -> list[TufSigner]:
    """The keys of a role in this vault that may sign for it; none when all of them are elsewhere."""
    names = [name for name in vault.names() if name.rpartition("-")[0] == role]
    return [signer for signer in (TufSigner(vault.get(name)) for name in names) if signer.public_key.keyid in key_ids]


def _numbered(name: str, role: str) -> bool:
    before, _, number = name.rpartition("-")
    return before == role and number.isdigit()


def _threshold(role: str, keys: int, wanted: int) -> int:
    if not 1 <= wanted <= min(keys, MOST_THRESHOLD):
        raise TrustError(
            f"{role} would need {wanted} signatures and have {keys} keys. Add a key first, or give another --threshold."
        )
    return wanted
