"""Making an organisation: its keys, its certificates, and the first files of its repository."""

import os
import shutil
from collections.abc import Mapping, Sequence, Set
from contextlib import ExitStack
from datetime import datetime
from pathlib import Path

from tuf.api.metadata import TargetFile

from hostio.private_files import make_private_directory, write_private
from protocol.certificates import Role, issue_ca, issue_root, issue_signer_login_leaf, organisation_id
from protocol.documents import (
    POLICY_PATH,
    REVOCATION_PATH,
    TECHNICIANS_PATH,
    GroupPolicy,
    OrganisationPolicy,
    RevocationList,
    TechniciansList,
    canonical_json,
)
from protocol.errors import TrustError
from technician_client.organisation.metadata import DELEGATED, OFFLINE, TufSigner, make_delegated, make_root, make_targets
from technician_client.organisation.record import OrganisationHome, OrganisationRecord, Thresholds
from technician_client.organisation.repository import Repository
from technician_client.organisation.spool import Spool
from technician_client.organisation.tokens import Records
from technician_client.organisation.vault import SHORTEST_PASSPHRASE, KeyDirectory, WeakPassphrase

ROOT_KEY = "organisation-root"
SNAPSHOT_KEY = "snapshot"
TIMESTAMP_KEY = "timestamp"
LOGIN_KEY = "login"
CA_KEYS: Mapping[Role, str] = {Role.DEVICE: "device-ca", Role.TECHNICIAN: "technician-ca"}


def create_organisation(
    home: OrganisationHome,
    *,
    name: str,
    thresholds: Thresholds,
    vault_passphrase: bytes,
    signer_passphrase: bytes,
    wall: datetime,
) -> OrganisationRecord:
    """Make vault, signer and the first repository files (in the spool, fully signed).

    Raises:
        TrustError: there is one here already, or a passphrase is too short.
        LocalProtocolError: the name cannot stand in a certificate.
        PrivateFileError: something cannot be written.
    """
    if home.exists():
        raise TrustError(f"There is an organisation in {home.base} already. Choose another --home for a second one.")
    for passphrase in (vault_passphrase, signer_passphrase):
        if len(passphrase) < SHORTEST_PASSPHRASE:
            raise WeakPassphrase(f"The passphrase is too short: take at least {SHORTEST_PASSPHRASE} characters.")
    # Everything is made beside its place and moved there at the end: an interrupted run leaves nothing half made.
    make_private_directory(home.base.parent)
    building = OrganisationHome(home.base.with_name(f".{home.base.name}.{os.getpid()}"), home.vault_at)
    make_private_directory(building.base)
    vault = KeyDirectory(building.vault, vault_passphrase)
    before = vault.names()
    with ExitStack() as on_failure:
        on_failure.callback(_leave_nothing, building, vault, frozenset(before))
        record = _build(building, name, thresholds, vault_passphrase, signer_passphrase, wall)
        building.base.replace(_empty(home.base))
        on_failure.pop_all()
    return record


def _leave_nothing(building: OrganisationHome, vault: KeyDirectory, before: Set[str]) -> None:
    """It did not come to be, because the disk was full for example: nothing of it must lie in the way of the next attempt."""
    for key in set(vault.names()) - before:  # a vault may lie elsewhere
        vault.remove(key)
    shutil.rmtree(building.base, ignore_errors=True)


def _empty(place: Path) -> Path:
    if place.exists():
        try:
            place.rmdir()
        except OSError as error:
            raise TrustError(f"{place} holds other files. Move them away, or choose another --home.") from error
    return place


def _build(
    home: OrganisationHome, name: str, thresholds: Thresholds, vault_passphrase: bytes, signer_passphrase: bytes, wall: datetime
) -> OrganisationRecord:
    vault, signer = KeyDirectory(home.vault, vault_passphrase), KeyDirectory(home.signer_keys, signer_passphrase)
    root_key = vault.create(ROOT_KEY, "P-384")
    root = issue_root(root_key, name=name, wall=wall, random_bytes=os.urandom)
    for role, key_name in CA_KEYS.items():
        public = signer.create(key_name).public
        ca = issue_ca(role, ca_key=public, root_der=root, root_key=root_key, wall=wall, random_bytes=os.urandom)
        write_private(home.certificate(key_name), ca)
    login = signer.create(LOGIN_KEY).public
    leaf = issue_signer_login_leaf(login, root_der=root, root_key=root_key, wall=wall, random_bytes=os.urandom)
    write_private(home.certificate(LOGIN_KEY), leaf)
    keys: dict[str, Sequence[TufSigner]] = {}
    for role_name in OFFLINE:
        count = Thresholds.keys_for(getattr(thresholds, role_name))
        keys[role_name] = [TufSigner(vault.create(f"{role_name}-{number}")) for number in range(1, count + 1)]
    online = {role_name: TufSigner(signer.create(role_name)) for role_name in (SNAPSHOT_KEY, TIMESTAMP_KEY)}
    tuf_root = make_root(keys, thresholds, online, wall).to_bytes()
    spool = Spool(home.spool, Repository(home.repository))
    spool.put("root", tuf_root, {})
    spool.put("targets", make_targets(keys, thresholds, wall).to_bytes(), {})
    for role_name, documents in first_documents(name, wall).items():
        _first_file(spool, role_name, documents, keys[role_name], wall)
    Records(home.records).close()
    record = OrganisationRecord(organisation_id(root), name, root, tuf_root, thresholds, wall.timestamp())
    home.save(record)
    return record


def _first_file(spool: Spool, role: str, documents: Mapping[str, bytes], signers: Sequence[TufSigner], wall: datetime) -> None:
    metadata = make_delegated(role, wall)
    for path, data in documents.items():
        metadata.signed.targets[path] = TargetFile.from_data(path, data, ["sha256"])
    for signer in signers:
        metadata.sign(signer, append=True)
    spool.put(role, metadata.to_bytes(), documents)


def first_documents(name: str, wall: datetime) -> Mapping[str, Mapping[str, bytes]]:
    """The documents that a new organisation begins with, by role: nobody is a technician, nothing is unattended."""
    issued = float(int(wall.timestamp()))
    policy = OrganisationPolicy(issued=issued, name=name, groups={"default": GroupPolicy()})
    documents: dict[str, dict[str, bytes]] = {role: {} for role in DELEGATED}
    documents["policy"] = {
        POLICY_PATH: canonical_json(policy),
        TECHNICIANS_PATH: canonical_json(TechniciansList(issued=issued)),
    }
    documents["revocation"] = {REVOCATION_PATH: canonical_json(RevocationList(issued=issued))}
    return documents


def role_signers(vault: KeyDirectory, role: str, *, only: Sequence[str] = ()) -> list[TufSigner]:
    """The keys of a role that lie in this vault (`only`: those names of them).

    Raises:
        NotSetUp: none of them is here.
        TrustError: the passphrase is wrong.
    """
    names = list(only) or [name for name in vault.names() if name.rpartition("-")[0] == role]
    return [TufSigner(vault.get(name)) for name in names or [f"{role}-1"]]
