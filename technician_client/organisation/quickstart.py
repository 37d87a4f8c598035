"""An organisation of one in one go: organisation, registration, first technician, starter fixes, a bundle for devices.

Every part is real and the same as step by step; what is chosen is written down in `CHOICES`, with the way to grow out of it.
"""

import os
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec

from hostio.private_files import PrivateFileError
from hostio.relay_http import RelayHttp
from protocol.certificates import (
    PrivateKey,
    Role,
    TechnicianClaims,
    issue_login_leaf,
    issue_technician_leaf,
)
from protocol.documents import Bundle, TechnicianEntry
from protocol.errors import TrustError
from technician_client.identity import (
    IdentityRecord,
    TechnicianIdentity,
    Unlock,
    build_identity,
    keyring_put,
    keyring_usable,
    save_keys,
    save_record,
)
from technician_client.organisation.approvals import approve, starter_fixes
from technician_client.organisation.bundles import device_bundle, write_bundle
from technician_client.organisation.foundation import create_organisation, role_signers
from technician_client.organisation.issuing import peer_id
from technician_client.organisation.lists import admit_technician, technicians
from technician_client.organisation.record import OrganisationHome, OrganisationRecord, Thresholds
from technician_client.organisation.registering import find_pin, register
from technician_client.organisation.repository import Repository
from technician_client.organisation.signer import open_signer
from technician_client.organisation.spool import Spool
from technician_client.organisation.tokens import Issued, Records
from technician_client.organisation.vault import KeyDirectory

FIRST_LEAF = timedelta(days=7)
BUNDLE_LIFE = timedelta(days=30)
BUNDLE_USES = 50

CHOICES = (
    (
        "One signature is enough for everything (thresholds of 1).",
        "Two people: make a new organisation with `handrail org init`, whose default is 2.",
    ),
    (
        "Vault, signer and technician live on this computer, under one passphrase.",
        "Keep organisation/vault on a disk that is plugged in only for decisions; let `handrail signer` "
        "run as a user of its own.",
    ),
    (
        "Nobody may use a computer unattended.",
        "Allow it by group: handrail org policy GROUP --unattended view,control",
    ),
    (
        "All starter fixes are approved; each run still asks the person at the computer.",
        "Look at them with `handrail org show`; withdraw one with `handrail org revoke --fix ID`.",
    ),
)


@dataclass(frozen=True, slots=True)
class Result:
    """What was made."""

    record: OrganisationRecord
    identity: TechnicianIdentity
    bundle: Bundle
    bundle_file: Path
    fixes: tuple[str, ...]
    unlock: Unlock


@dataclass(frozen=True, slots=True)
class Plan:
    """What to make. `passphrase_file` None: the passphrase was typed and is kept by the keyring where there is one."""

    relay: str
    token: str
    pin: str
    name: str
    technician: str
    passphrase: bytes
    passphrase_file: Path | None
    bundle_file: Path
    group: str = "default"
    proxy: str | None = None


def quickstart(
    home: OrganisationHome,
    identity_directory: Path,
    plan: Plan,
    *,
    wall: Callable[[], datetime] = lambda: datetime.now(UTC),
    on_progress: Callable[[str], None] = lambda _: None,
) -> Result:
    """Do it all. An interrupted or refused run goes on where it stopped when called again.

    Raises:
        TrustError: there is a finished organisation or an identity here already, or the relay is not genuine.
        Refused: the relay does not accept the token.
        RelayUnreachable: the relay is away (checked before anything is made).
        PrivateFileError: something cannot be written.
    """
    if (identity_directory / "identity.json").exists():
        raise TrustError(f"There is an identity in {identity_directory} already. Choose another --home for another organisation.")
    if home.exists() and home.load().relay:
        raise TrustError(f"There is an organisation in {home.base} already. See: handrail org show")
    pin = find_pin(plan.relay, plan.pin)
    RelayHttp(plan.relay, pin, proxy=plan.proxy).request("GET", "/version")
    if not home.exists():
        on_progress("Making the organisation's keys ...")
        create_organisation(
            home,
            name=plan.name,
            thresholds=Thresholds.of_one(),
            vault_passphrase=plan.passphrase,
            signer_passphrase=plan.passphrase,
            wall=wall(),
        )
    vault = KeyDirectory(home.vault, plan.passphrase)
    policy_keys = role_signers(vault, "policy")
    on_progress("Registering at the relay ...")
    record = register(home, home.load(), url=plan.relay, token=plan.token, pin=pin, proxy=plan.proxy)
    on_progress("Making the first technician ...")
    repository = Repository(home.repository)
    spool = Spool(home.spool, repository)
    records = Records(home.records)
    try:
        identity, unlock = first_technician(home, identity_directory, record, records, plan, wall())
        entry = TechnicianEntry(name=identity.name, tier=3, key=identity.fingerprint.hex(), peer=identity.peer)
        if technicians(spool).find(identity.fingerprint) != entry:
            admit_technician(spool, entry, policy_keys, wall())
        on_progress("Approving the starter fixes ...")
        scripts = starter_fixes()
        approve(spool, scripts, role_signers(vault, "scripts"), wall())
        bundle = device_bundle(record, records, group=plan.group, uses=BUNDLE_USES, life=BUNDLE_LIFE, wall=wall())
        bundle_file = write_bundle(bundle, _free(plan.bundle_file))
    finally:
        records.close()
    return Result(record, identity, bundle, bundle_file, tuple(script.manifest.id for script in scripts), unlock)


def first_technician(
    home: OrganisationHome, directory: Path, record: OrganisationRecord, records: Records, plan: Plan, wall: datetime
) -> tuple[TechnicianIdentity, Unlock]:
    """Make an identity of tier 3 straight from the technician CA, valid for a week; `handrail signer` renews it from then on."""
    authority = open_signer(home, plan.passphrase).authorities[Role.TECHNICIAN]
    session, login = PrivateKey.generate(), PrivateKey.generate()
    peer = peer_id(session.public)
    leaf = issue_technician_leaf(
        peer,
        session.public,
        TechnicianClaims(plan.technician, 3),
        ca_der=authority.certificate,
        ca_key=authority.key,
        lifetime=FIRST_LEAF,
        wall=wall,
        random_bytes=os.urandom,
    )
    login_leaf = issue_login_leaf(
        Role.TECHNICIAN,
        peer,
        login.public,
        ca_der=authority.certificate,
        ca_key=authority.key,
        wall=wall,
        random_bytes=os.urandom,
    )
    unlock: Unlock = "file" if plan.passphrase_file is not None else "prompt"
    kept = IdentityRecord(
        organisation=record.organisation,
        organisation_name=record.name,
        root=record.root,
        tuf_root=record.tuf_root,
        relay=record.relay,
        relay_spki=record.relay_spki,
        chain=[leaf, authority.certificate],
        login_chain=[login_leaf, authority.certificate],
        unlock=unlock,
        passphrase_file=str(plan.passphrase_file.absolute()) if plan.passphrase_file is not None else "",
    )
    identity = build_identity(kept, session, login)
    save_keys(directory, session, login, plan.passphrase)
    kept, unlock = keep_passphrase(directory, kept, plan.passphrase)
    save_record(directory, kept)
    now = wall.timestamp()
    records.add_issued(
        Issued(
            peer, "technician", identity.name, "", 3, identity.fingerprint.hex(), now, now, identity.not_after.timestamp(), False
        )
    )
    return identity, unlock


def keep_passphrase(directory: Path, record: IdentityRecord, passphrase: bytes) -> tuple[IdentityRecord, Unlock]:
    """Let the system's keyring keep a typed passphrase, where there is one that does."""
    if record.unlock == "prompt" and keyring_usable():
        try:
            keyring_put(directory, record, passphrase)
        except PrivateFileError:
            return record, "prompt"
        return msgspec.structs.replace(record, unlock="keyring"), "keyring"
    return record, record.unlock


def _free(path: Path) -> Path:
    """The path, or the first of "name-2", "name-3" ... that is not taken: an earlier run may have left its bundle."""
    candidate, number = path, 1
    while candidate.exists():
        number += 1
        candidate = path.with_stem(f"{path.stem}-{number}")
    return candidate
