"""The agent's trust over real repositories on disk, with a mirror that withholds, alters, rolls back and goes away."""

import json
import shutil
from pathlib import Path

import msgspec
import pytest
from tuf.api.metadata import Metadata, Targets

from agent.policy import Circumstances, SessionKind, Technician, decide
from protocol.articles import ARTICLES_BYTES, ARTICLES_PATH, Article
from protocol.capabilities import DAY, RULES, Capability
from protocol.certificates import PrivateKey
from protocol.documents import POLICY_PATH, GroupPolicy, canonical_json
from protocol.errors import NeedsUpdate, RefusalReason, TrustError, Unavailable
from protocol.formats import NEWEST_FORMAT
from technician_client.organisation.approvals import starter_fixes
from technician_client.organisation.lists import put_article, revoke_key
from tests.kit.founded import Founded


@pytest.fixture
def founded(tmp_path: Path) -> Founded:
    organisation = Founded(tmp_path)
    organisation.publish()
    return organisation


def test_before_the_first_refresh_nothing_is_known(founded: Founded, tmp_path: Path) -> None:
    trust = founded.trust(tmp_path / "agent")
    assert (trust.technicians(), trust.policy(), trust.revocation(), trust.scripts()) == (None, None, None, [])
    assert trust.age(founded.wall) is None and trust.timestamp_version == trust.policy_version == 0
    assert trust.state is None and trust.script("empty-trash") is None


async def test_lists_policy_and_scripts_arrive_verified(founded: Founded, tmp_path: Path) -> None:
    key = PrivateKey.generate()
    founded.admit("Bo Li", 2, key)
    founded.approve(*starter_fixes())
    founded.publish()
    trust = founded.trust(tmp_path / "agent")
    assert await trust.refresh(founded.wall)
    technicians = trust.technicians()
    assert technicians is not None and technicians.find(key.public.fingerprint) is not None
    assert {script.manifest.id for script in trust.scripts()} == {script.manifest.id for script in starter_fixes()}
    script = trust.script("empty-trash")
    assert script is not None and script.read("fix.py").startswith(b'"""Empty')
    assert not await trust.refresh(founded.after(minutes=1).timestamp())
    assert trust.age(founded.after(hours=3)) == pytest.approx(3 * 3600)


def test_what_was_verified_stays_in_force_while_the_relay_is_away(founded: Founded, tmp_path: Path) -> None:
    mirror = founded.mirror()
    founded.trust(tmp_path / "agent", mirror).refresh_blocking(founded.wall)
    mirror.away = True
    trust = founded.trust(tmp_path / "agent", mirror)
    policy = trust.policy()
    assert policy is not None and policy.name == "Example Ltd"
    with pytest.raises(Unavailable, match="does not answer"):
        trust.refresh_blocking(founded.after(days=3))
    assert trust.policy() == policy and trust.age(founded.after(days=3)) == pytest.approx(3 * 86400)


def test_a_relay_that_withholds_can_only_make_trust_older(founded: Founded, tmp_path: Path) -> None:
    """security.md row 14: freezing fails closed by age, and an expired timestamp is not news."""
    key = PrivateKey.generate()
    mirror = founded.mirror()
    trust = founded.trust(tmp_path / "agent", mirror)
    trust.refresh_blocking(founded.wall)
    mirror.freeze(tmp_path / "frozen")
    revoke_key(founded.spool, [key.public.fingerprint.hex()], founded.signers("revocation"), founded.wall)
    founded.publish(founded.after(hours=1))
    assert not trust.refresh_blocking(founded.after(hours=2))
    assert trust.age(founded.after(hours=2)) == pytest.approx(2 * 3600)
    with pytest.raises(TrustError, match="signer has not run for a day"):
        trust.refresh_blocking(founded.after(hours=25))
    mirror.frozen = None
    founded.publish(founded.after(hours=25))
    assert trust.refresh_blocking(founded.after(hours=25))
    revocation = trust.revocation()
    assert revocation is not None and revocation.refuses(key.public.fingerprint, 1e12)


def test_a_rolled_back_repository_is_refused(founded: Founded, tmp_path: Path) -> None:
    """security.md row 13."""
    mirror = founded.mirror()
    trust = founded.trust(tmp_path / "agent", mirror)
    shutil.copytree(founded.home.repository, tmp_path / "old")
    founded.admit("Bo Li", 2, PrivateKey.generate())
    founded.publish(founded.after(minutes=5))
    trust.refresh_blocking(founded.after(minutes=5))
    mirror.frozen = tmp_path / "old"
    with pytest.raises(TrustError, match="do not verify"):
        trust.refresh_blocking(founded.after(minutes=6))
    technicians = trust.technicians()
    assert technicians is not None and len(technicians.technicians) == 1


@pytest.mark.parametrize("name", ["metadata/timestamp.json", "metadata/1.snapshot.json", "metadata/1.policy.json"])
def test_altered_files_are_refused(founded: Founded, tmp_path: Path, name: str) -> None:
    """security.md row 12: the relay pushes something of its own."""
    mirror = founded.mirror()
    genuine = (founded.home.repository / name).read_bytes()
    for hostile in (genuine.replace(b'"version": 1', b'"version": 9').replace(b'"version":1', b'"version":9'), b"", b"{}"):
        mirror.altered[name] = hostile
        with pytest.raises(TrustError):
            founded.trust(tmp_path / "agent", mirror).refresh_blocking(founded.wall)


def test_an_altered_script_never_reaches_the_store(founded: Founded, tmp_path: Path) -> None:
    founded.approve(*starter_fixes())
    founded.publish()
    mirror = founded.mirror()
    (path,) = (founded.home.repository / "targets" / "scripts" / "empty-trash").rglob("*.fix.py")
    name = path.relative_to(founded.home.repository).as_posix()
    mirror.altered[name] = path.read_bytes().replace(b"Empty", b"Steal")
    trust = founded.trust(tmp_path / "agent", mirror)
    with pytest.raises(TrustError):
        trust.refresh_blocking(founded.wall)
    assert trust.scripts() == []


def test_another_organisations_repository_is_refused(founded: Founded, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    stranger = Founded(tmp_path / "other", two_people=True)
    stranger.publish()
    with pytest.raises(TrustError):
        founded.trust(tmp_path / "agent", stranger.mirror()).refresh_blocking(founded.wall)


def test_revocation_is_the_union_of_everything_seen(founded: Founded, tmp_path: Path) -> None:
    """security.md row 45: a thief of one key un-revokes nobody."""
    key = PrivateKey.generate().public.fingerprint
    revoke_key(founded.spool, [key.hex()], founded.signers("revocation"), founded.wall)
    founded.publish()
    trust = founded.trust(tmp_path / "agent")
    trust.refresh_blocking(founded.wall)
    empty = b'{"fingerprints":[],"issued":1.0,"not_before":0.0,"v":1}'
    founded.spool.edit(
        "revocation", add={"revocation/list.json": empty}, signers=founded.signers("revocation"), wall=founded.wall
    )
    founded.publish(founded.after(minutes=1))
    assert trust.refresh_blocking(founded.after(minutes=1))
    for store in (trust, founded.trust(tmp_path / "agent")):
        revocation = store.revocation()
        assert revocation is not None and revocation.refuses(key, 1e12)


def test_a_clock_set_back_is_lifted_to_the_newest_signed_time(founded: Founded, tmp_path: Path) -> None:
    """security.md row 42."""
    trust = founded.trust(tmp_path / "agent")
    trust.refresh_blocking(founded.wall)
    founded.publish(founded.after(hours=20))
    trust.refresh_blocking(founded.after(hours=20))
    assert trust.clock(founded.after(days=-300)) == founded.after(hours=20).timestamp()
    assert trust.clock(founded.after(days=3)) == founded.after(days=3).timestamp()


def test_a_timestamp_from_the_future_lifts_the_clock_by_a_day_at_most(founded: Founded, tmp_path: Path) -> None:
    """security.md row 46: the thief of a signer dates a signature a year ahead; the fleet is not locked out."""
    trust = founded.trust(tmp_path / "agent")
    trust.refresh_blocking(founded.wall)
    founded.publish(founded.after(days=150))
    trust.refresh_blocking(founded.after(hours=1))
    trust.refresh_blocking(founded.after(hours=2))
    assert trust.clock(founded.wall) == founded.after(days=1).timestamp()
    assert trust.age(founded.after(hours=3)) is not None


def test_a_damaged_store_is_fetched_anew(founded: Founded, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    founded.trust(tmp_path / "agent").refresh_blocking(founded.wall)
    kept = tmp_path / "agent" / "verified.msgpack"
    for damage in (b"", b"garbage", kept.read_bytes().replace(b"Example Ltd", b"Example Inc")):
        kept.write_bytes(damage)
        trust = founded.trust(tmp_path / "agent")
        assert trust.policy() is None and "fetched anew" in caplog.text
        caplog.clear()
        trust.refresh_blocking(founded.wall)
        assert trust.policy() is not None


def test_a_script_that_contradicts_its_manifest_is_left_out_by_name(
    founded: Founded, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    scripts = starter_fixes()
    founded.approve(*scripts)
    role = founded.spool.newest("scripts").signed
    manifest = next(path for path in role.targets if path.endswith("empty-trash/1/manifest.json"))
    data = founded.spool.newest_target("scripts", manifest).replace(b'"id":"empty-trash"', b'"id":"other-thing"')
    founded.spool.edit("scripts", add={manifest: data}, signers=founded.signers("scripts"), wall=founded.wall)
    founded.publish()
    trust = founded.trust(tmp_path / "agent")
    trust.refresh_blocking(founded.wall)
    assert len(trust.scripts()) == len(scripts) - 1 and "empty-trash/1 is not offered" in caplog.text


def test_files_that_are_no_longer_approved_are_dropped(founded: Founded, tmp_path: Path) -> None:
    founded.approve(*starter_fixes())
    founded.publish()
    trust = founded.trust(tmp_path / "agent")
    trust.refresh_blocking(founded.wall)
    before = len(list((tmp_path / "agent" / "objects").iterdir()))
    founded.spool.edit(
        "scripts",
        add={},
        remove=list(founded.spool.newest("scripts").signed.targets),
        signers=founded.signers("scripts"),
        wall=founded.wall,
    )
    founded.publish()
    trust.refresh_blocking(founded.wall)
    assert trust.scripts() == [] and len(list((tmp_path / "agent" / "objects").iterdir())) < before


def test_a_folder_among_the_kept_files_is_in_nobodys_way(founded: Founded, tmp_path: Path) -> None:
    founded.publish()
    trust = founded.trust(tmp_path / "agent")
    (tmp_path / "agent" / "objects" / "notes").mkdir()
    assert trust.refresh_blocking(founded.after(minutes=1))
    assert trust.policy() is not None


def test_a_role_without_enough_signatures_is_refused_by_the_agent_itself(tmp_path: Path) -> None:
    """security.md row 31: even a signer that publishes it cannot make agents take a half-signed file."""
    founded = Founded(tmp_path, two_people=True)
    founded.publish()
    trust = founded.trust(tmp_path / "agent")
    trust.refresh_blocking(founded.wall)
    founded.spool.edit("scripts", add={"scripts/a/1/x": b"x"}, signers=founded.signers("scripts", "scripts-1"), wall=founded.wall)
    data = founded.spool.candidate("scripts")
    assert data is not None
    version = Metadata[Targets].from_bytes(data).signed.version
    (founded.home.repository / "metadata" / f"{version}.scripts.json").write_bytes(data)
    founded.publish()
    with pytest.raises(TrustError, match="do not verify"):
        trust.refresh_blocking(founded.after(minutes=1))


# -- freshness and the clock's floor, on real files --------------------------------------------------------------------------


@pytest.mark.parametrize("kind", [SessionKind.ATTENDED, SessionKind.UNATTENDED])
@pytest.mark.parametrize("capability", list(Capability))
def test_signed_state_lasts_as_long_as_each_capability_says(tmp_path: Path, capability: Capability, kind: SessionKind) -> None:
    """The relay withholds everything from some moment on: a minute before the capability's time is over it still works, a minute
    after it does not. The age is that of the newest timestamp that was verified, and survives a restart of the agent."""
    founded = Founded(tmp_path)
    key = PrivateKey.generate()
    founded.admit("Ana Ruiz", 3, key)
    founded.publish()
    founded.trust(tmp_path / "agent").refresh_blocking(founded.wall)
    mirror = founded.mirror()
    mirror.away = True
    trust = founded.trust(tmp_path / "agent", mirror)
    listed, rules = trust.technicians(), GroupPolicy(unattended=list(Capability))
    assert listed is not None

    def allowed(seconds: float) -> bool:
        wall = founded.after(seconds=seconds)
        with pytest.raises(Unavailable):
            trust.refresh_blocking(wall)
        entry = listed.find(key.public.fingerprint)
        technician = Technician("Ana Ruiz", 3, (), 0.0, wall.timestamp() + 60, entry, False)
        now = Circumstances(technician, "default", rules, kind, True, trust.age(wall), trust.clock(wall), frozenset(Capability))
        decision = decide(capability, now)
        assert decision.allowed or decision.reason is RefusalReason.STALE_TRUST, decision
        return decision.allowed

    lasts = RULES[capability].freshness if kind is SessionKind.ATTENDED else min(RULES[capability].freshness, DAY)
    assert allowed(lasts - 60) and not allowed(lasts + 60)


def test_the_clocks_floor_rises_with_signed_times_only_and_a_day_at_most(tmp_path: Path) -> None:
    founded = Founded(tmp_path)
    founded.publish()
    trust = founded.trust(tmp_path / "agent")
    trust.refresh_blocking(founded.wall)
    start = founded.wall.timestamp()
    assert trust.clock(founded.after(days=-400)) == start  # a clock that is set back finds the newest signed time
    assert trust.clock(founded.after(days=3)) == start + 3 * DAY  # one that runs ahead raises nothing for good
    assert founded.trust(tmp_path / "agent").clock(founded.after(days=-400)) == start
    # A signer (or its thief) dates a timestamp far ahead: a day at most, again and again only with a new signature each time.
    founded.publish(founded.after(days=90))
    trust.refresh_blocking(founded.after(minutes=5))
    assert trust.clock(founded.after(days=-400)) <= start + DAY + 300
    trust.refresh_blocking(founded.after(minutes=6))
    assert trust.clock(founded.after(days=-400)) <= start + DAY + 300


def test_a_refresh_that_brings_nothing_new_costs_one_small_request(founded: Founded, tmp_path: Path) -> None:
    founded.approve(*starter_fixes())
    founded.publish()
    mirror = founded.mirror()
    trust = founded.trust(tmp_path / "agent", mirror)
    assert trust.refresh_blocking(founded.wall)
    mirror.asked.clear()
    assert not trust.refresh_blocking(founded.after(minutes=5))
    assert mirror.asked == ["metadata/timestamp.json"]
    script = trust.script("empty-trash")
    assert script is not None
    (tmp_path / "agent" / "objects" / script.manifest.files[0].sha256).unlink()  # a script's file is missing: it is fetched again
    trust.refresh_blocking(founded.after(minutes=6))
    assert len(mirror.asked) > 2
    founded.admit("Bo Li", 2, PrivateKey.generate(), wall=founded.after(minutes=7))
    founded.publish(founded.after(minutes=7))
    assert trust.refresh_blocking(founded.after(minutes=8))
    mirror.asked.clear()
    trust.refresh_blocking(founded.after(hours=7))  # a new root alone does not change the timestamp
    assert "metadata/2.root.json" in mirror.asked


def printer(text: str = "Is it on?") -> Article:
    return Article(id="printer", title="The printer does not print", words=["printer"], text=text)


def test_articles_come_with_the_other_signed_files_and_stay_while_the_relay_is_away(founded: Founded, tmp_path: Path) -> None:
    trust = founded.trust(tmp_path / "agent")
    trust.refresh_blocking(founded.wall)
    assert trust.articles() == []
    put_article(founded.spool, printer(), founded.signers("policy"), founded.wall)
    founded.publish()
    trust.refresh_blocking(founded.wall)
    assert trust.articles() == [printer()]
    assert founded.trust(tmp_path / "agent").articles() == [printer()], "kept, and verified anew"
    put_article(founded.spool, printer("Open the lid."), founded.signers("policy"), founded.wall)
    founded.publish()
    trust.refresh_blocking(founded.wall)
    assert trust.articles() == [printer("Open the lid.")]


def test_articles_that_cannot_be_read_cost_nothing_else(
    founded: Founded, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    later = b'{"v":2,"issued":1.0,"pictures":[]}'
    founded.spool.edit("policy", add={ARTICLES_PATH: later}, signers=founded.signers("policy"), wall=founded.wall)
    founded.publish()
    trust = founded.trust(tmp_path / "agent")
    trust.refresh_blocking(founded.wall)
    assert trust.articles() == [] and trust.policy() is not None
    assert "policy/articles.json is not offered" in caplog.text
    large = b" " * (ARTICLES_BYTES + 1)
    founded.spool.edit("policy", add={ARTICLES_PATH: large}, signers=founded.signers("policy"), wall=founded.wall)
    founded.publish()
    trust.refresh_blocking(founded.wall)
    assert trust.articles() == [] and trust.policy() is not None


def test_a_relay_cannot_change_an_article(founded: Founded, tmp_path: Path) -> None:
    put_article(founded.spool, printer(), founded.signers("policy"), founded.wall)
    founded.publish()
    mirror = founded.mirror()
    trust = founded.trust(tmp_path / "agent", mirror)
    (served,) = [str(path.relative_to(mirror.directory)) for path in mirror.directory.rglob("targets/policy/*.articles.json")]
    mirror.altered[served] = (mirror.directory / served).read_bytes().replace(b"Is it on?", b"Call 555")
    with pytest.raises(TrustError):
        trust.refresh_blocking(founded.wall)
    assert trust.articles() == []


def later_policy(founded: Founded, **more: object) -> None:
    """The organisation publishes a policy that a later version has written."""
    policy = json.loads(founded.spool.newest_target("policy", POLICY_PATH))
    signed = json.dumps(policy | {"v": NEWEST_FORMAT + 1, "reader": "3.1", "curfew": "22:00"} | more).encode()
    founded.spool.edit("policy", add={POLICY_PATH: signed}, signers=founded.signers("policy"), wall=founded.wall)


def test_rules_for_a_later_version_do_not_come_into_force_but_what_they_revoke_does(founded: Founded, tmp_path: Path) -> None:
    trust = founded.trust(tmp_path / "agent")
    trust.refresh_blocking(founded.wall)
    before = trust.policy()
    assert trust.unreadable == ""
    key = PrivateKey.generate().public.fingerprint
    revoke_key(founded.spool, [key.hex()], founded.signers("revocation"), founded.wall)
    later_policy(founded)
    founded.publish(founded.after(minutes=1))
    for minutes in (1, 2):  # it is asked for again, and says the same
        with pytest.raises(NeedsUpdate, match=r"Update Handrail on this computer to version 3\.1 or later"):
            trust.refresh_blocking(founded.after(minutes=minutes))
    assert trust.unreadable == "3.1" and trust.policy() == before
    assert trust.age(founded.after(hours=3)) == pytest.approx(3 * 3600), "what is not in force is no news"
    for store in (trust, founded.trust(tmp_path / "agent")):
        revocation = store.revocation()
        assert revocation is not None and revocation.refuses(key, 1e12)
    later_policy(founded, v=NEWEST_FORMAT, curfew=None)
    with pytest.raises(TrustError, match="curfew"):
        founded.publish(founded.after(minutes=3))
        trust.refresh_blocking(founded.after(minutes=3))
    assert trust.unreadable == "3.1"
    policy = msgspec.structs.replace(before, name="Another Ltd") if before else None
    assert policy is not None
    founded.spool.edit("policy", add={POLICY_PATH: canonical_json(policy)}, signers=founded.signers("policy"), wall=founded.wall)
    founded.publish(founded.after(minutes=4))
    assert trust.refresh_blocking(founded.after(minutes=4))
    assert trust.unreadable == "" and trust.policy() == policy


def test_a_device_that_knows_no_rules_yet_takes_none_that_it_cannot_read(founded: Founded, tmp_path: Path) -> None:
    later_policy(founded)
    founded.publish(founded.after(minutes=1))
    trust = founded.trust(tmp_path / "agent")
    with pytest.raises(NeedsUpdate):
        trust.refresh_blocking(founded.after(minutes=1))
    assert trust.state is None and trust.policy() is None and trust.unreadable == "3.1"
