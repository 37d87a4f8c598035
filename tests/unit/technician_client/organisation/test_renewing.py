"""Signing anew: later expiries, the same contents, and clients that follow."""

from pathlib import Path

import pytest

from protocol.errors import TrustError
from technician_client.organisation.renewing import renew_all
from technician_client.organisation.vault import KeyDirectory
from tests.kit.founded import Applicant, Founded


def test_everything_that_would_expire_is_signed_anew_and_agents_follow(tmp_path: Path) -> None:
    founded = Founded(tmp_path)
    founded.publish()
    trust = founded.trust(tmp_path / "agent")
    trust.refresh_blocking(founded.wall)
    later = founded.after(days=80)
    done = renew_all(founded.home, founded.vault, later)
    assert "root" in done and "policy" in done
    assert founded.publish(later).waiting == ()
    expiries = founded.repository.expiries()
    assert expiries["root"] == founded.after(days=80 + 365) and expiries["policy"] == founded.after(days=170)
    assert founded.repository.version("root") == 2
    trust.refresh_blocking(founded.after(days=80, minutes=1))
    policy = trust.policy()
    assert policy is not None and policy.name == founded.record.name
    again = founded.trust(tmp_path / "agent")
    assert again.policy() == policy


def test_the_signers_certificates_keep_their_keys(tmp_path: Path) -> None:
    founded = Founded(tmp_path)
    founded.publish()
    before = founded.home.certificate("device-ca").read_bytes()
    renew_all(founded.home, founded.vault, founded.after(days=200))
    assert founded.home.certificate("device-ca").read_bytes() != before
    founded.publish(founded.after(days=200))
    enrolled = Applicant(founded.device_bundle(days=300)).enrol(founded.issuer(), founded.after(days=200))
    assert enrolled.identity.not_after > founded.after(days=250)


def test_the_vaults_passphrase_is_needed(tmp_path: Path) -> None:
    founded = Founded(tmp_path)
    founded.publish()
    with pytest.raises(TrustError):
        renew_all(founded.home, KeyDirectory(founded.home.vault, b"wrong passphrase"), founded.wall)
