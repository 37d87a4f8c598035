"""Changing keys, as agents see it: what was approved stays approved, and a lost key signs no more."""

from pathlib import Path
from unittest import mock

import pytest
from tuf.api.metadata import Metadata, Root

from protocol.certificates import PrivateKey, Role, check_chain
from protocol.errors import TrustError
from technician_client.errors import NotFound
from technician_client.organisation.approvals import starter_fixes
from technician_client.organisation.metadata import TufSigner
from technician_client.organisation.publishing import Publisher
from technician_client.organisation.rotation import (
    countersign_root,
    holders_of,
    move_key,
    newest_root,
    note_holder,
    rotate_ca,
    rotate_login,
    rotate_online,
    rotate_role,
    trust_key,
    tuf_key,
)
from technician_client.organisation.vault import KeyDirectory, PublicHalf
from tests.kit.founded import PASSPHRASE, Applicant, Founded


@pytest.fixture(autouse=True)
def cheap_keys() -> object:
    with mock.patch("protocol.keys._LOG_N", 10):
        yield


@pytest.fixture
def founded(tmp_path: Path) -> Founded:
    founded = Founded(tmp_path, two_people=True)
    founded.approve(*starter_fixes()[:2])
    founded.publish()
    return founded


def scripts(founded: Founded, directory: Path, minutes: float) -> int:
    """How many scripts an agent knows that has followed from the start."""
    trust = founded.trust(directory)
    trust.refresh_blocking(founded.after(minutes=minutes))
    return len(trust.scripts())


@pytest.mark.parametrize("role", ["scripts", "policy", "revocation", "agent", "targets", "root"])
def test_a_key_of_each_role_is_replaced_and_agents_follow(founded: Founded, tmp_path: Path, role: str) -> None:
    assert scripts(founded, tmp_path / "agent", 0) == 2
    old = tuf_key(founded.vault.get(f"{role}-1").public).keyid
    count = len(holders_of(founded.spool, founded.repository)[role][1])
    name, changed = rotate_role(founded.home, founded.vault, role, f"{role}-1", founded.after(minutes=1))
    assert name == f"{role}-{count + 1}" and not any(changed.missing.values())
    prepared = founded.publish(founded.after(minutes=2))
    assert prepared.waiting == ()
    _, keys = holders_of(founded.spool, founded.repository)[role]
    assert old not in keys and len(keys) == count and f"{role}-1" not in founded.vault.names()
    assert scripts(founded, tmp_path / "agent", 3) == 2
    assert scripts(founded, tmp_path / "fresh", 3) == 2
    # and what the present keys sign from now on is believed
    founded.approve(*starter_fixes()[:3], wall=founded.after(minutes=4))
    founded.publish(founded.after(minutes=4))
    assert scripts(founded, tmp_path / "agent", 5) == 3


def test_nothing_is_published_that_would_leave_a_role_unsigned(founded: Founded, tmp_path: Path) -> None:
    """Two of three approvers give way to people whose keys are not here: agents keep what they have until those have signed."""
    assert scripts(founded, tmp_path / "agent", 0) == 2
    bo = KeyDirectory(tmp_path / "bo", PASSPHRASE)
    for old, new in (("scripts-1", "scripts-8"), ("scripts-2", "scripts-9")):
        bo.create(new, holder="Bo")
        changed = trust_key(founded.home, founded.vault, "scripts", bo.public(new), replace=old, wall=founded.after(minutes=1))
    assert changed.missing == {"targets": 0, "scripts": 1}
    waiting = {item.role: item.text for item in founded.publish(founded.after(minutes=2)).waiting}
    assert waiting["targets"] == "waits until scripts is signed by enough of its new keys"
    assert scripts(founded, tmp_path / "agent", 3) == 2
    assert founded.spool.countersign("scripts", [TufSigner(bo.get("scripts-8"))]) == 0
    assert founded.publish(founded.after(minutes=4)).waiting == ()
    assert scripts(founded, tmp_path / "agent", 5) == 2


def test_thresholds_move_within_the_keys_that_there_are(founded: Founded) -> None:
    with pytest.raises(TrustError, match="would need 4"):
        trust_key(founded.home, founded.vault, "scripts", None, threshold=4, wall=founded.wall)
    changed = trust_key(founded.home, founded.vault, "scripts", None, threshold=3, wall=founded.wall)
    assert not any(changed.missing.values()) and founded.record.thresholds.scripts == 3
    changed = trust_key(founded.home, founded.vault, "root", None, threshold=3, wall=founded.wall)
    assert changed.missing == {"root": 0}
    with pytest.raises(TrustError, match="no role"):
        trust_key(founded.home, founded.vault, "nothing", None, threshold=1, wall=founded.wall)
    with pytest.raises(NotFound, match="0 keys of scripts"):
        trust_key(founded.home, founded.vault, "scripts", None, replace="root-1", wall=founded.wall)
    with pytest.raises(NotFound, match="no key"):
        rotate_role(founded.home, founded.vault, "scripts", "scripts-9", founded.wall)
    before = founded.vault.names()
    with pytest.raises(NotFound):
        rotate_role(founded.home, founded.vault, "scripts", "policy-1", founded.wall)
    assert founded.vault.names() == before


def test_a_root_needs_the_old_and_the_new_keys(founded: Founded, tmp_path: Path) -> None:
    bo = KeyDirectory(tmp_path / "bo", PASSPHRASE)
    for name in ("root-2", "root-3"):
        move_key(founded.vault, name, bo, holder="Bo")
    half = bo.public("root-2")
    assert half is not None and half.holder == "Bo"
    note_holder(founded.home, half)
    assert "Bo" in founded.record.holders.values()
    _, changed = rotate_role(founded.home, founded.vault, "root", "root-1", founded.wall)
    assert changed.missing == {"root": 1}
    with pytest.raises(TrustError, match="may not sign for root"):
        countersign_root(founded.spool, founded.repository, [TufSigner(PrivateKey.generate())])
    assert countersign_root(founded.spool, founded.repository, [TufSigner(bo.get("root-2"))]) == 0
    assert newest_root(founded.spool, founded.repository).signed.version == 2
    assert founded.publish(founded.after(minutes=1)).published == ("root",)
    with pytest.raises(TrustError, match="Nothing of root waits"):
        countersign_root(founded.spool, founded.repository, [])


def test_before_the_first_root_is_published_it_is_not_changed(tmp_path: Path) -> None:
    founded = Founded(tmp_path, two_people=True)
    with pytest.raises(TrustError, match="not published yet"):
        trust_key(founded.home, founded.vault, "root", None, threshold=1, wall=founded.wall)


@pytest.mark.parametrize("role", ["snapshot", "timestamp"])
def test_the_signers_online_keys_are_replaced_with_a_new_root(founded: Founded, tmp_path: Path, role: str) -> None:
    assert scripts(founded, tmp_path / "agent", 0) == 2
    running = founded.publisher()
    changed = rotate_online(founded.home, founded.vault, founded.signer_keys, role, founded.after(minutes=1))
    assert changed.missing == {"root": 0}
    # The signer that still runs has the old key: it publishes nothing that nobody could verify.
    (waiting,) = running.prepare(founded.after(minutes=2)).waiting
    assert "restart" in waiting.text and scripts(founded, tmp_path / "agent", 3) == 2
    restarted: Publisher = founded.publisher()
    assert restarted.prepare(founded.after(minutes=4)).published == ("root",)
    assert scripts(founded, tmp_path / "agent", 5) == 2 and scripts(founded, tmp_path / "fresh", 5) == 2
    assert not running.prepare(founded.after(minutes=6)).changed
    root = Metadata[Root].from_bytes(founded.repository.role("root") or b"").signed
    assert root.roles[role].keyids == [tuf_key(founded.signer_keys.get(role).public).keyid]


@pytest.mark.parametrize("role", [Role.DEVICE, Role.TECHNICIAN])
def test_a_new_authority_issues_and_the_old_ones_certificates_hold(founded: Founded, role: Role) -> None:
    def applicant() -> Applicant:
        return Applicant(founded.device_bundle() if role is Role.DEVICE else founded.technician_bundle())

    before = applicant().enrol(founded.issuer(), founded.wall)
    old = rotate_ca(founded.home, founded.vault, founded.signer_keys, role, founded.wall)
    after = applicant().enrol(founded.issuer(), founded.after(minutes=1))
    identities = [
        check_chain(made.chain, root_der=founded.record.root, expected=role, purpose="session", wall=founded.after(minutes=1))
        for made in (before, after)
    ]
    assert identities[0].issuer == old != identities[1].issuer != b""


def test_the_signers_login_is_replaced(founded: Founded) -> None:
    before = founded.signer_keys.get("login").public
    until = rotate_login(founded.home, founded.vault, founded.signer_keys, founded.wall)
    assert until > founded.wall and founded.signer_keys.get("login").public != before


def test_a_public_half_is_named_as_the_repository_names_it() -> None:
    key = PrivateKey.generate().public
    assert tuf_key(PublicHalf("x", key.spki).key).keyid == tuf_key(key).keyid
