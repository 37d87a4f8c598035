"""Signing anew what would expire: the roles of the repository, and the signer's login certificate."""

import os
from datetime import datetime

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from tuf.api.metadata import Metadata, Root

from hostio.private_files import write_private
from protocol.certificate_profile import load_certificate
from protocol.certificates import PublicKey, issue_ca, issue_signer_login_leaf
from technician_client.organisation.foundation import CA_KEYS, LOGIN_KEY, ROOT_KEY, role_signers
from technician_client.organisation.metadata import DELEGATED, expiry
from technician_client.organisation.record import OrganisationHome
from technician_client.organisation.repository import Repository
from technician_client.organisation.spool import Spool
from technician_client.organisation.vault import KeyDirectory


def renew_all(home: OrganisationHome, vault: KeyDirectory, wall: datetime) -> list[str]:
    """Sign every offline role anew with the keys of this vault, and certify the signer's keys again.

    Returns:
        What was renewed; a role that still lacks signatures is named with how many.

    Raises:
        NotSetUp: the keys are not here. TrustError: the passphrase is wrong.
    """
    repository = Repository(home.repository)
    spool = Spool(home.spool, repository)
    done = []
    if repository.version("root"):
        spool.put("root", renewed_root(repository, vault, wall), {})
        done.append("root")
    for role in ("targets", *DELEGATED):
        missing = renew_role(spool, role, vault, wall)
        done.append(f"{role} ({missing} more signatures needed)" if missing else role)
    renew_certificates(home, vault, wall)
    return [*done, "the signer's certificates"]


def renewed_root(repository: Repository, vault: KeyDirectory, wall: datetime) -> bytes:
    """The next root: the same keys, a later expiry."""
    metadata: Metadata[Root] = repository.root()
    metadata.signed.version += 1
    metadata.signed.expires = expiry("root", wall)
    metadata.signatures.clear()
    for signer in role_signers(vault, "root"):
        metadata.sign(signer, append=True)
    return metadata.to_bytes()


def renew_role(spool: Spool, role: str, vault: KeyDirectory, wall: datetime) -> int:
    """The same contents of a targets role, a later expiry; returns missing signatures."""
    return spool.edit(role, add={}, signers=role_signers(vault, role), wall=wall)


def renew_certificates(home: OrganisationHome, vault: KeyDirectory, wall: datetime) -> datetime:
    """New certificates for the same keys of the CAs and the signer's login; returns when the login expires."""
    record = home.load()
    root_key = vault.get(ROOT_KEY)
    for role, name in CA_KEYS.items():
        before = load_certificate(home.certificate(name).read_bytes())
        ca = issue_ca(role, ca_key=_public(before), root_der=record.root, root_key=root_key, wall=wall, random_bytes=os.urandom)
        write_private(home.certificate(name), ca)
    before = load_certificate(home.certificate(LOGIN_KEY).read_bytes())
    leaf = issue_signer_login_leaf(_public(before), root_der=record.root, root_key=root_key, wall=wall, random_bytes=os.urandom)
    write_private(home.certificate(LOGIN_KEY), leaf)
    return load_certificate(leaf).not_valid_after_utc


def _public(certificate: x509.Certificate) -> PublicKey:
    """The key that a certificate is for: renewing needs the vault only, not the signer's passphrase."""
    return PublicKey.from_spki(certificate.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo))
