"""Attacks on the organisation's signed files, on real repositories: rows 12 to 14, 31, 41, 42, 45, 46.

The relay is a mirror that serves what it likes; thieves hold some of the keys.
"""

import dataclasses
import json
import shutil
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from tuf.api.metadata import Metadata, Targets, Timestamp

import agent.opening
from agent.policy import Circumstances, SessionKind, Technician, decide
from agent.trust import TrustStore
from protocol.capabilities import Capability
from protocol.certificates import PrivateKey, Role, TechnicianClaims, check_chain, issue_technician_leaf
from protocol.documents import (
    POLICY_PATH,
    TECHNICIANS_PATH,
    GroupPolicy,
    OrganisationPolicy,
    TechnicianEntry,
    TechniciansList,
    canonical_json,
)
from protocol.errors import HandrailError, RefusalReason, TrustError
from technician_client.organisation.approvals import Script, read_script, starter_fixes
from technician_client.organisation.lists import dismiss_technician, revoke_key
from technician_client.organisation.metadata import make_timestamp
from technician_client.signed_files import SignedFiles
from tests.kit.founded import Founded
from tests.kit.tuf_forgery import forge_repository


@pytest.fixture
def founded(tmp_path: Path) -> Founded:
    founded = Founded(tmp_path)
    founded.publish()
    return founded


def looks(trust: TrustStore, wall: datetime) -> None:
    """The agent fetches what the relay serves; what it thinks of that is seen from what it believes afterwards."""
    try:
        trust.refresh_blocking(wall)
    except HandrailError:
        return


def script(directory: Path, text: str = "echo done\n", identifier: str = "harmless") -> Script:
    directory.mkdir()
    (directory / "fix.sh").write_text(text)
    (directory / "fix.toml").write_text(
        f'id = "{identifier}"\nversion = "1"\ntitle = "A fix"\nmin_tier = 1\nrun_as = "user"\nos = ["linux"]\n'
        'files = ["fix.sh"]\n[run]\nargv = ["/bin/sh", "{file:fix.sh}"]\n'
    )
    return read_script(directory)


def circumstances(trust: TrustStore, technician: Technician, wall: datetime) -> Circumstances:
    """What the agent decides by; `wall` is what the computer's clock says."""
    policy = trust.policy()
    return Circumstances(
        technician=technician,
        group="default",
        rules=GroupPolicy() if policy is None else policy.group("default"),
        kind=SessionKind.ATTENDED,
        list_known=trust.technicians() is not None,
        age=trust.age(wall),
        wall=trust.clock(wall),
        supported=frozenset(Capability),
    )


def _authority(founded: Founded) -> tuple[bytes, PrivateKey]:
    authority = founded.issuer()._authorities[Role.TECHNICIAN]
    return authority.certificate, authority.key


def known_to(trust: TrustStore, founded: Founded, key: PrivateKey, tier: int, wall: datetime, hours: float = 12) -> Technician:
    """The same, as an agent with these signed files sees them."""
    certificate, ca_key = _authority(founded)
    leaf = issue_technician_leaf(
        "mallory",
        key.public,
        TechnicianClaims("Ana Ruiz", tier),
        ca_der=certificate,
        ca_key=ca_key,
        lifetime=timedelta(hours=hours),
        wall=wall,
        random_bytes=lambda n: bytes(range(n)),
    )
    identity = check_chain(
        [leaf, certificate], root_der=founded.record.root, expected=Role.TECHNICIAN, purpose="session", wall=wall
    )
    return agent.opening.technician_of(identity, trust.technicians(), trust.revocation())


# -- the relay ----------------------------------------------------------------------------------------------------------


@pytest.mark.attack(12, without=["repository_signatures"])
def test_a_relay_cannot_push_a_script_of_its_own(founded: Founded, tmp_path: Path) -> None:
    mirror = founded.mirror()
    trust = founded.trust(tmp_path / "agent", mirror)
    trust.refresh_blocking(founded.wall)
    hostile = script(tmp_path / "hostile", "rm -rf ~\n", "flush-dns").targets()
    mirror.frozen = forge_repository(founded.home.repository, tmp_path / "forged", "scripts", hostile)
    looks(trust, founded.after(minutes=5))
    assert trust.scripts() == []


@pytest.mark.attack(12, without=["repository_signatures"])
def test_a_relay_cannot_push_a_policy_or_a_technician_of_its_own(founded: Founded, tmp_path: Path) -> None:
    mirror = founded.mirror()
    trust = founded.trust(tmp_path / "agent", mirror)
    trust.refresh_blocking(founded.wall)
    issued = founded.after(minutes=1).timestamp()
    mallory = TechnicianEntry(name="Mallory", tier=3, key="ab" * 32, peer="mallory")
    everything = GroupPolicy(unattended=list(Capability))
    forged = {
        TECHNICIANS_PATH: canonical_json(TechniciansList(issued=issued, technicians=[mallory])),
        POLICY_PATH: canonical_json(OrganisationPolicy(issued=issued, name="Example Ltd", default=everything)),
    }
    mirror.frozen = forge_repository(founded.home.repository, tmp_path / "forged", "policy", forged)
    looks(trust, founded.after(minutes=5))
    policy, technicians = trust.policy(), trust.technicians()
    assert policy is not None and policy.group("default").unattended != list(Capability)
    assert technicians is not None and technicians.find(bytes.fromhex("ab" * 32)) is None


@pytest.mark.attack(12, without=["repository_signatures"])
def test_a_relay_cannot_change_a_script_that_was_approved(founded: Founded, tmp_path: Path) -> None:
    founded.approve(*starter_fixes())
    founded.publish(founded.after(minutes=1))
    mirror = founded.mirror()
    trust = founded.trust(tmp_path / "agent", mirror)
    looks(trust, founded.after(minutes=1))
    genuine = trust.script("empty-trash")
    assert genuine is not None
    changed = script(tmp_path / "changed", "steal\n", "empty-trash").targets()
    mirror.frozen = forge_repository(founded.home.repository, tmp_path / "forged", "scripts", changed)
    looks(trust, founded.after(minutes=5))
    now = trust.script("empty-trash")
    assert now is not None and now.manifest == genuine.manifest


@pytest.mark.attack(13, without=["repository_memory"])
def test_a_relay_cannot_roll_back_to_a_list_with_a_dismissed_technician(founded: Founded, tmp_path: Path) -> None:
    key = PrivateKey.generate()
    founded.admit("Mallory", 3, key)
    founded.publish(founded.after(minutes=1))
    mirror = founded.mirror()
    shutil.copytree(founded.home.repository, tmp_path / "old")
    dismiss_technician(founded.spool, "Mallory", founded.signers("policy"), founded.after(minutes=2))
    founded.publish(founded.after(minutes=2))
    trust = founded.trust(tmp_path / "agent", mirror)
    trust.refresh_blocking(founded.after(minutes=2))
    mirror.frozen = tmp_path / "old"
    looks(trust, founded.after(minutes=5))
    technicians = trust.technicians()
    assert technicians is not None and technicians.find(key.public.fingerprint) is None


@pytest.mark.attack(13, without=["repository_expiry"])
def test_a_frozen_repository_is_news_to_nobody_after_a_day(founded: Founded, tmp_path: Path) -> None:
    """A new agent that knows nothing yet must not take week-old files for the present."""
    mirror = founded.mirror()
    mirror.freeze(tmp_path / "frozen")
    trust = founded.trust(tmp_path / "agent", mirror)
    looks(trust, founded.after(hours=25))
    assert trust.technicians() is None


@pytest.mark.attack(14, without=["freshness"])
@pytest.mark.parametrize(
    ("capability", "days"),
    [(Capability.TERMINAL, 1.1), (Capability.FILES_OUT, 1.1), (Capability.FIXES, 7.1), (Capability.VIEW, 14.1)],
)
def test_who_withholds_a_revocation_ends_up_with_nothing(
    founded: Founded, tmp_path: Path, capability: Capability, days: float
) -> None:
    """The relay serves yesterday's files for ever: what a revoked technician can still do shrinks to nothing."""
    key = PrivateKey.generate()
    founded.admit("Ana Ruiz", 3, key)
    founded.publish(founded.after(minutes=1))
    mirror = founded.mirror()
    mirror.freeze(tmp_path / "frozen")
    trust = founded.trust(tmp_path / "agent", mirror)
    trust.refresh_blocking(founded.after(minutes=1))
    revoke_key(founded.spool, [key.public.fingerprint.hex()], founded.signers("revocation"), founded.wall)
    founded.publish(founded.after(minutes=2))
    late = founded.after(days=days)
    looks(trust, late)
    decision = decide(capability, circumstances(trust, known_to(trust, founded, key, 3, late), late))
    assert decision.reason is RefusalReason.STALE_TRUST
    mirror.frozen = None
    founded.publish(late)
    looks(trust, late)
    decision = decide(capability, circumstances(trust, known_to(trust, founded, key, 3, late), late))
    assert decision.reason is RefusalReason.REVOKED


# -- thieves and insiders ------------------------------------------------------------------------------------------------


@pytest.mark.attack(31, without=["thresholds"])
@pytest.mark.parametrize("role", ["scripts", "policy"])
def test_one_key_alone_publishes_nothing(tmp_path: Path, role: str) -> None:
    founded = Founded(tmp_path, two_people=True)
    founded.publish()
    trust = founded.trust(tmp_path / "agent")
    trust.refresh_blocking(founded.wall)
    before = trust.state
    assert before is not None
    add = script(tmp_path / "mine", "rm -rf ~\n").targets()
    if role == "policy":
        mallory = TechnicianEntry(name="Mallory", tier=3, key="ab" * 32, peer="mallory")
        listed = TechniciansList(issued=founded.after(minutes=1).timestamp(), technicians=[mallory])
        add = {TECHNICIANS_PATH: canonical_json(listed)}
    founded.spool.edit(role, add=add, signers=founded.signers(role, f"{role}-1"), wall=founded.wall)
    data = founded.spool.candidate(role)
    assert data is not None
    founded.publish(founded.after(minutes=1))  # what an honest signer makes of it: nothing
    looks(trust, founded.after(minutes=1))
    # A signer that plays along publishes it all the same; agents count signatures themselves.
    version = Metadata[Targets].from_bytes(data).signed.version
    (founded.home.repository / "metadata" / f"{version}.{role}.json").write_bytes(data)
    for path, body in add.items():
        listed_file = Metadata[Targets].from_bytes(data).signed.targets[path]
        directory, _, name = path.rpartition("/")
        place = founded.home.repository / "targets" / directory / f"{listed_file.hashes['sha256']}.{name}"
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(body)
    founded.publish(founded.after(minutes=2))
    looks(trust, founded.after(minutes=2))
    assert trust.state is not None
    assert (trust.state.scripts, trust.state.technicians) == (before.scripts, before.technicians)


@pytest.mark.attack(41, without=["thresholds"])
def test_one_approver_who_signs_twice_counts_once(tmp_path: Path) -> None:
    founded = Founded(tmp_path, two_people=True)
    founded.publish()
    trust = founded.trust(tmp_path / "agent")
    (one,) = founded.signers("scripts", "scripts-1")
    targets = script(tmp_path / "mine").targets()
    assert founded.spool.edit("scripts", add=targets, signers=[one], wall=founded.wall) == 1
    assert founded.spool.countersign("scripts", [one]) == 1
    founded.publish(founded.after(minutes=1))
    looks(trust, founded.after(minutes=1))
    assert trust.scripts() == []


@pytest.mark.attack(41)
def test_one_signature_that_stands_there_twice_is_refused(tmp_path: Path) -> None:
    """By hand, in the file itself, in whatever spelling of the key's name."""
    founded = Founded(tmp_path, two_people=True)
    founded.publish()
    (one,) = founded.signers("scripts", "scripts-1")
    founded.spool.edit("scripts", add=script(tmp_path / "mine").targets(), signers=[one], wall=founded.wall)
    data = json.loads(founded.spool.candidate("scripts") or b"")
    (signature,) = data["signatures"]
    for index, spelling in enumerate((signature["keyid"], signature["keyid"].upper(), signature["keyid"] + " ")):
        doubled = {**data, "signatures": [signature, {**signature, "keyid": spelling}]}
        founded.spool.put("scripts", json.dumps(doubled).encode(), {})
        founded.publish(founded.after(minutes=1))
        trust = founded.trust(tmp_path / f"agent-{index}")
        trust.refresh_blocking(founded.after(minutes=1))
        assert trust.scripts() == []


@pytest.mark.attack(42, without=["clock_floor"])
def test_a_clock_that_is_set_back_revives_no_certificate(founded: Founded, tmp_path: Path) -> None:
    key = PrivateKey.generate()
    founded.admit("Ana Ruiz", 3, key)
    founded.publish(founded.after(minutes=1))
    trust = founded.trust(tmp_path / "agent")
    trust.refresh_blocking(founded.after(minutes=1))
    technician = known_to(trust, founded, key, 3, founded.wall, hours=12)
    founded.publish(founded.after(hours=20))
    trust.refresh_blocking(founded.after(hours=20))
    then = circumstances(trust, technician, founded.after(hours=1))
    assert decide(Capability.CONTROL, then).reason is RefusalReason.EXPIRED


@pytest.mark.attack(45, without=["technicians_list"])
def test_a_minted_technician_is_nobody(founded: Founded, tmp_path: Path) -> None:
    """The thief has the technician CA and issues a certificate of tier 3 for a key of its own."""
    founded.admit("Ana Ruiz", 3, PrivateKey.generate())
    founded.publish(founded.after(minutes=1))
    trust = founded.trust(tmp_path / "agent")
    trust.refresh_blocking(founded.after(minutes=1))
    now = founded.after(minutes=2)
    technician = known_to(trust, founded, PrivateKey.generate(), 3, now)
    for capability in Capability:
        assert decide(capability, circumstances(trust, technician, now)).reason is RefusalReason.NOT_ON_LIST


@pytest.mark.attack(45, without=["technicians_list"])
def test_a_minted_certificate_raises_nobody(founded: Founded, tmp_path: Path) -> None:
    """The thief certifies a technician of tier 1 as one of tier 3: the signed list has the last word."""
    key = PrivateKey.generate()
    founded.admit("Bo Li", 1, key)
    founded.publish(founded.after(minutes=1))
    trust = founded.trust(tmp_path / "agent")
    trust.refresh_blocking(founded.after(minutes=1))
    now = founded.after(minutes=2)
    technician = known_to(trust, founded, key, 3, now)
    assert decide(Capability.TERMINAL, circumstances(trust, technician, now)).reason is RefusalReason.TIER_TOO_LOW


@pytest.mark.attack(45, without=["revocation_union"])
def test_nobody_is_unrevoked(founded: Founded, tmp_path: Path) -> None:
    """The thief even has the key of those on call and signs an empty list."""
    key = PrivateKey.generate().public.fingerprint
    revoke_key(founded.spool, [key.hex()], founded.signers("revocation"), founded.wall)
    founded.publish(founded.after(minutes=1))
    trust = founded.trust(tmp_path / "agent")
    trust.refresh_blocking(founded.after(minutes=1))
    empty = b'{"fingerprints":[],"issued":1.0,"not_before":0.0,"v":1}'
    signers = founded.signers("revocation")
    founded.spool.edit("revocation", add={"revocation/list.json": empty}, signers=signers, wall=founded.wall)
    founded.publish(founded.after(minutes=2))
    looks(trust, founded.after(minutes=2))
    for store in (trust, founded.trust(tmp_path / "agent")):
        revoked = store.revocation()
        assert revoked is not None and revoked.refuses(key, 1e12)


@pytest.mark.attack(45, without=["repository_signatures"])
def test_the_signers_own_keys_do_not_sign_lists(founded: Founded, tmp_path: Path) -> None:
    """With snapshot and timestamp keys alone, a list of technicians of one's own is not to be had."""
    trust = founded.trust(tmp_path / "agent")
    trust.refresh_blocking(founded.wall)
    mallory = TechnicianEntry(name="Mallory", tier=3, key="ab" * 32, peer="mallory")
    listed = canonical_json(TechniciansList(issued=founded.wall.timestamp(), technicians=[mallory]))
    forged = forge_repository(founded.home.repository, tmp_path / "forged", "policy", {TECHNICIANS_PATH: listed})
    for path in (forged / "metadata").glob("*.policy.json"):
        shutil.copy(path, founded.home.repository / "metadata" / path.name)
    for path in (forged / "targets" / "policy").iterdir():
        shutil.copy(path, founded.home.repository / "targets" / "policy" / path.name)
    founded.publish(founded.after(minutes=2))  # the genuine keys sign snapshot and timestamp over it
    looks(trust, founded.after(minutes=2))
    technicians = trust.technicians()
    assert technicians is not None and technicians.find(bytes.fromhex("ab" * 32)) is None


@pytest.mark.attack(46, without=["floor_step"])
def test_a_timestamp_from_the_future_locks_nobody_out(founded: Founded, tmp_path: Path) -> None:
    key = PrivateKey.generate()
    founded.admit("Ana Ruiz", 3, key)
    founded.publish(founded.after(minutes=1))
    trust = founded.trust(tmp_path / "agent")
    trust.refresh_blocking(founded.after(minutes=1))
    founded.publish(founded.after(days=60))
    looks(trust, founded.after(minutes=2))
    assert trust.clock(founded.after(minutes=2)) <= founded.after(days=1.1).timestamp()
    # A day and a bit later the organisation works again, with certificates of that day.
    later = founded.after(days=1.2)
    technician = known_to(trust, founded, key, 3, later)
    decision = decide(Capability.VIEW, circumstances(trust, technician, later))
    assert decision.allowed, decision.sentence


@pytest.mark.attack(46, without=["floor_depth"])
def test_the_thief_of_the_signer_turns_no_clock_back_by_more_than_a_day(founded: Founded, tmp_path: Path) -> None:
    """One newer timestamp after the other, each dated long ago, for a computer whose own clock was set back."""
    trust = founded.trust(tmp_path / "agent")
    for days in (0.1, 1, 2, 3):
        founded.publish(founded.after(days=days))
        trust.refresh_blocking(founded.after(days=days))
    trust_clock = founded.after(days=2).timestamp()
    for again in range(4):
        signer, version = founded.publisher()._timestamp, founded.repository.version("timestamp") + 1
        made = make_timestamp(version, founded.repository.role("snapshot") or b"", signer, founded.after(hours=again))
        timestamp = Metadata[Timestamp].from_bytes(made)
        timestamp.signed.expires = founded.after(days=30)
        timestamp.sign(signer)
        (founded.home.repository / "metadata" / "timestamp.json").write_bytes(timestamp.to_bytes())
        looks(trust, founded.after(days=0.2))
        looks(founded.trust(tmp_path / "agent"), founded.after(days=0.2))
    assert trust.clock(founded.after(days=0.2)) >= trust_clock


def test_a_signer_whose_clock_was_ahead_and_was_set_right_is_followed_at_once(founded: Founded, tmp_path: Path) -> None:
    """Nobody waits for a day until certificates of the present count again; those who decide and those who help alike."""
    key = PrivateKey.generate()
    founded.admit("Ana Ruiz", 3, key)
    founded.publish(founded.after(minutes=1))
    trust = founded.trust(tmp_path / "agent")
    files = SignedFiles(tmp_path / "technician", founded.record.tuf_root, founded.mirror())
    for wall in (founded.after(minutes=1), founded.after(minutes=2)):
        trust.refresh_blocking(wall)
        files.refresh(wall)
    founded.publish(founded.after(hours=20))  # by its clock; it is three minutes later
    now = founded.after(minutes=3)
    trust.refresh_blocking(now)
    files.refresh(now)
    technician = known_to(trust, founded, key, 3, now, hours=12)
    assert trust.clock(now) == files.clock(now) == founded.after(hours=20).timestamp()
    then = dataclasses.replace(circumstances(trust, technician, now), clock=now.timestamp())
    decision = decide(Capability.VIEW, then)
    assert decision.code == "expired_by_signed" and "ahead of this computer's clock" in decision.sentence
    revoke_key(founded.spool, ["ab" * 32], founded.signers("revocation"), now)
    founded.publish(founded.after(minutes=4))
    trust.refresh_blocking(founded.after(minutes=4))
    files.refresh(founded.after(minutes=4))
    for clock in (trust.clock, files.clock):
        assert clock(founded.after(minutes=4)) == founded.after(minutes=4).timestamp()
    assert decide(Capability.VIEW, circumstances(trust, technician, founded.after(minutes=4))).allowed


def test_the_forgers_tools_make_a_repository_that_reads(founded: Founded, tmp_path: Path) -> None:
    """What the tests above refuse is refused for its signatures, not because it is broken."""
    with pytest.MonkeyPatch.context() as patch:
        from tests.kit.controls import take_away

        take_away("repository_signatures", patch.setattr)
        mirror = founded.mirror()
        trust = founded.trust(tmp_path / "agent", mirror)
        mirror.frozen = forge_repository(
            founded.home.repository, tmp_path / "forged", "scripts", script(tmp_path / "s").targets()
        )
        assert trust.refresh_blocking(founded.after(minutes=1))
        assert [found.manifest.id for found in trust.scripts()] == ["harmless"]
    with pytest.raises(TrustError):
        founded.trust(tmp_path / "other", mirror).refresh_blocking(founded.after(minutes=1))
