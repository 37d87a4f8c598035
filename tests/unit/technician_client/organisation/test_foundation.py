"""Founding an organisation: everything fits together, nothing is half made."""

from datetime import UTC, datetime
from pathlib import Path
from unittest import mock

import pytest

from protocol.certificates import Role, check_ca, check_chain, organisation_name
from protocol.documents import POLICY_PATH, OrganisationPolicy, decode_document
from protocol.errors import LocalProtocolError, TrustError
from technician_client.errors import NotSetUp
from technician_client.organisation.foundation import CA_KEYS, create_organisation, first_documents, role_signers
from technician_client.organisation.record import OrganisationHome, Thresholds
from technician_client.organisation.vault import KeyDirectory, WeakPassphrase
from tests.kit.founded import NAME, PASSPHRASE, Founded

WALL = datetime(2026, 11, 1, tzinfo=UTC)


def test_certificates_belong_to_the_root(tmp_path: Path) -> None:
    founded = Founded(tmp_path)
    record = founded.record
    assert organisation_name(record.root) == NAME
    for role, name in CA_KEYS.items():
        found, fingerprint = check_ca(founded.home.certificate(name).read_bytes(), root_der=record.root, wall=founded.wall)
        assert found is role and fingerprint == founded.signer_keys.get(name).public.fingerprint
    leaf = founded.home.certificate("login").read_bytes()
    identity = check_chain([leaf], root_der=record.root, expected=Role.SIGNER, purpose="login", wall=founded.wall)
    assert identity.organisation == record.organisation


def test_the_vault_has_a_spare_key_where_two_must_sign(tmp_path: Path) -> None:
    founded = Founded(tmp_path, two_people=True)
    names = founded.vault.names()
    assert [name for name in names if name.startswith("scripts-")] == ["scripts-1", "scripts-2", "scripts-3"]
    assert "revocation-1" in names and "revocation-2" not in names
    assert set(founded.signer_keys.names()) == {"device-ca", "technician-ca", "login", "snapshot", "timestamp"}
    assert len(role_signers(founded.vault, "scripts")) == 3
    with pytest.raises(NotSetUp):
        role_signers(founded.signer_keys, "scripts")


def test_nobody_is_trusted_at_first() -> None:
    documents = first_documents("Example", WALL)
    policy = decode_document(documents["policy"][POLICY_PATH], OrganisationPolicy)
    assert policy.name == "Example" and policy.group("default").unattended == [] and policy.default.unattended == []


def test_a_refused_founding_leaves_nothing(tmp_path: Path) -> None:
    home = OrganisationHome(tmp_path / "organisation")
    with pytest.raises(WeakPassphrase):
        create_organisation(
            home,
            name="X",
            thresholds=Thresholds.of_one(),
            vault_passphrase=b"short",
            signer_passphrase=PASSPHRASE,
            wall=WALL,
        )
    assert not home.base.exists()


def test_an_organisation_is_never_overwritten(tmp_path: Path) -> None:
    founded = Founded(tmp_path)
    with pytest.raises(TrustError, match="already"):
        create_organisation(
            founded.home,
            name="X",
            thresholds=Thresholds.of_one(),
            vault_passphrase=PASSPHRASE,
            signer_passphrase=PASSPHRASE,
            wall=WALL,
        )
    other = OrganisationHome(tmp_path / "other")
    other.base.mkdir()
    (other.base / "letter.txt").write_text("mine")
    with mock.patch("protocol.keys._LOG_N", 10), pytest.raises(TrustError, match="other files"):
        create_organisation(
            other,
            name="X",
            thresholds=Thresholds.of_one(),
            vault_passphrase=PASSPHRASE,
            signer_passphrase=PASSPHRASE,
            wall=WALL,
        )
    assert (other.base / "letter.txt").read_text() == "mine"


def test_a_name_that_cannot_stand_in_a_certificate_is_refused(tmp_path: Path) -> None:
    home = OrganisationHome(tmp_path / "organisation")
    with mock.patch("protocol.keys._LOG_N", 10), pytest.raises(LocalProtocolError):
        create_organisation(
            home,
            name="x" * 65,
            thresholds=Thresholds.of_one(),
            vault_passphrase=PASSPHRASE,
            signer_passphrase=PASSPHRASE,
            wall=WALL,
        )
    assert not home.exists()


def test_the_vault_opens_with_its_own_passphrase_only(tmp_path: Path) -> None:
    founded = Founded(tmp_path)
    with pytest.raises(TrustError):
        KeyDirectory(founded.home.vault, b"not the passphrase").get("organisation-root")
