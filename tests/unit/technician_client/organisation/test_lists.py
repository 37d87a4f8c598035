"""Technicians, policy, revocation: each decision is a new signed file; revocation only adds."""

from pathlib import Path

import msgspec
import pytest

from protocol.articles import ARTICLES_PATH, MOST_ARTICLES, Article, ArticleList
from protocol.capabilities import Capability
from protocol.certificates import PrivateKey
from protocol.documents import GroupPolicy, OrganisationPolicy, canonical_json
from protocol.errors import TrustError
from technician_client.errors import NotFound
from technician_client.organisation import lists
from tests.kit.founded import Founded


def test_a_technician_is_admitted_changed_and_dismissed(tmp_path: Path) -> None:
    founded, key = Founded(tmp_path), PrivateKey.generate()
    founded.admit("Bo Li", 2, key)
    founded.admit("Bo Li", 3, key)
    (entry,) = lists.technicians(founded.spool).technicians
    assert (entry.tier, entry.key) == (3, key.public.fingerprint.hex())
    gone, missing = lists.dismiss_technician(founded.spool, "Bo Li", founded.signers("policy"), founded.wall)
    assert gone == entry and missing == 0
    assert lists.technicians(founded.spool).technicians == []
    with pytest.raises(NotFound):
        lists.dismiss_technician(founded.spool, "Bo Li", founded.signers("policy"), founded.wall)


def test_two_of_one_name_are_told_apart_by_key(tmp_path: Path) -> None:
    founded, key = Founded(tmp_path), PrivateKey.generate()
    founded.admit("Bo Li", 2, key)
    founded.admit("Bo Li", 2, PrivateKey.generate())
    with pytest.raises(TrustError, match="more of the key"):
        lists.dismiss_technician(founded.spool, "Bo Li", founded.signers("policy"), founded.wall)
    gone, _ = lists.dismiss_technician(founded.spool, key.public.fingerprint.hex()[:20], founded.signers("policy"), founded.wall)
    assert gone.key == key.public.fingerprint.hex()


def test_policy_changes_one_group_and_leaves_the_others(tmp_path: Path) -> None:
    founded = Founded(tmp_path)

    def allow(before: OrganisationPolicy) -> OrganisationPolicy:
        return msgspec.structs.replace(before, groups={**before.groups, "kiosk": GroupPolicy(unattended=[Capability.VIEW])})

    assert lists.change_policy(founded.spool, allow, founded.signers("policy"), founded.wall) == 0
    policy = lists.policy(founded.spool)
    assert policy.group("kiosk").unattended == [Capability.VIEW] and policy.group("default").unattended == []
    assert lists.technicians(founded.spool).technicians == []


def test_revocation_only_adds_up(tmp_path: Path) -> None:
    founded = Founded(tmp_path)
    signers = founded.signers("revocation")
    lists.revoke_key(founded.spool, ["aa" * 32], signers, founded.wall)
    lists.revoke_key(founded.spool, ["bb" * 32], signers, founded.wall, not_before=50.0)
    lists.revoke_key(founded.spool, [], signers, founded.wall, not_before=10.0)
    revoked = lists.revocation(founded.spool)
    assert revoked.fingerprints == ["aa" * 32, "bb" * 32] and revoked.not_before == 50.0


def test_renewals_are_judged_by_what_is_published_not_by_what_waits(tmp_path: Path) -> None:
    founded, key = Founded(tmp_path), PrivateKey.generate()
    founded.publish()
    founded.admit("Bo Li", 2, key)
    assert lists.published_lists(founded.repository).technicians.find(key.public.fingerprint) is None
    founded.publish()
    assert lists.published_lists(founded.repository).technicians.find(key.public.fingerprint) is not None


def article(identifier: str, text: str = "Is it on?") -> Article:
    return Article(id=identifier, title=f"About {identifier}", words=[identifier], text=text)


def test_articles_are_put_replaced_and_dropped(tmp_path: Path) -> None:
    founded = Founded(tmp_path)
    signers, wall = founded.signers("policy"), founded.wall
    assert lists.articles(founded.spool).articles == []
    for one in (article("printer"), article("network"), article("printer", "Open the lid.")):
        assert lists.put_article(founded.spool, one, signers, wall) == 0
    assert lists.articles(founded.spool).articles == [article("network"), article("printer", "Open the lid.")]
    assert lists.drop_article(founded.spool, "network", signers, wall) == 0
    assert [one.id for one in lists.articles(founded.spool).articles] == ["printer"]
    with pytest.raises(NotFound):
        lists.drop_article(founded.spool, "network", signers, wall)
    assert lists.technicians(founded.spool).technicians == []


def test_no_more_articles_than_agents_read(tmp_path: Path) -> None:
    founded = Founded(tmp_path)
    many = ArticleList(issued=1.0, articles=[article(f"a{at}") for at in range(MOST_ARTICLES)])
    signers, wall = founded.signers("policy"), founded.wall
    founded.spool.edit("policy", add={ARTICLES_PATH: canonical_json(many)}, signers=signers, wall=wall)
    with pytest.raises(TrustError, match="Remove one first"):
        lists.put_article(founded.spool, article("one-more"), signers, wall)
    assert lists.put_article(founded.spool, article("a5", "another text"), signers, wall) == 0
    large = ArticleList(issued=1.0, articles=[article(f"a{at}", "\u4e00" * 4000) for at in range(43)])
    founded.spool.edit("policy", add={ARTICLES_PATH: canonical_json(large)}, signers=signers, wall=wall)
    with pytest.raises(TrustError, match="Shorten some"):
        lists.put_article(founded.spool, article("one-more", "\u4e00" * 4000), signers, wall)
