"""The spool: versions only go up, keys count once, a decision waits until enough have signed."""

from pathlib import Path

import pytest

from protocol.errors import TrustError
from tests.kit.founded import Founded


def test_an_edit_stands_in_the_spool_with_the_next_version(tmp_path: Path) -> None:
    founded = Founded(tmp_path)
    founded.publish()
    before = founded.spool.newest("scripts").signed.version
    missing = founded.spool.edit(
        "scripts", add={"scripts/a/1/fix.py": b"x"}, signers=founded.signers("scripts"), wall=founded.after(days=1)
    )
    assert missing == 0 and founded.spool.roles() == ["scripts"]
    newest = founded.spool.newest("scripts").signed
    assert newest.version == before + 1 and newest.expires == founded.after(days=91)
    assert founded.spool.newest_target("scripts", "scripts/a/1/fix.py") == b"x"


def test_two_different_keys_are_needed_where_policy_says_two(tmp_path: Path) -> None:
    founded = Founded(tmp_path, two_people=True)
    assert founded.publish().waiting == ()
    one, two = founded.signers("scripts", "scripts-1"), founded.signers("scripts", "scripts-2")
    assert founded.spool.edit("scripts", add={"scripts/a/1/fix.py": b"x"}, signers=one, wall=founded.wall) == 1
    assert founded.spool.countersign("scripts", one) == 1
    (waiting,) = founded.publish().waiting
    assert waiting.role == "scripts" and waiting.missing == 1
    assert founded.spool.countersign("scripts", two) == 0
    assert founded.publish().published == ("scripts",)
    assert founded.spool.roles() == []


def test_a_key_of_another_role_is_refused(tmp_path: Path) -> None:
    founded = Founded(tmp_path)
    with pytest.raises(TrustError, match="may not sign"):
        founded.spool.edit("scripts", add={}, signers=founded.signers("policy"), wall=founded.wall)


def test_nothing_to_countersign_is_said(tmp_path: Path) -> None:
    founded = Founded(tmp_path)
    founded.publish()
    with pytest.raises(TrustError, match="Nothing of policy waits"):
        founded.spool.countersign("policy", founded.signers("policy"))


@pytest.mark.parametrize("path", ["", "/etc/passwd", "scripts/../x", "scripts//x", "scripts/a/1/.hidden", "scripts/a/1/é"])
def test_paths_cannot_leave_the_repository(tmp_path: Path, path: str) -> None:
    founded = Founded(tmp_path)
    with pytest.raises(TrustError, match="no path"):
        founded.spool.edit("scripts", add={path: b"x"}, signers=founded.signers("scripts"), wall=founded.wall)


def test_files_and_roles_are_bounded(tmp_path: Path) -> None:
    founded = Founded(tmp_path)
    with pytest.raises(TrustError, match="at most"):
        founded.spool.edit(
            "scripts", add={"scripts/a/1/x": bytes(1024 * 1024 + 1)}, signers=founded.signers("scripts"), wall=founded.wall
        )
    with pytest.raises(TrustError, match="no role"):
        founded.spool.candidate("../../etc")


def test_a_newer_decision_is_not_dropped_when_an_older_one_was_published(tmp_path: Path) -> None:
    founded = Founded(tmp_path)
    founded.publish()
    founded.spool.edit("scripts", add={"scripts/a/1/x": b"1"}, signers=founded.signers("scripts"), wall=founded.wall)
    published = founded.spool.candidate("scripts")
    assert published is not None
    founded.spool.edit("scripts", add={"scripts/a/1/x": b"2"}, signers=founded.signers("scripts"), wall=founded.wall)
    founded.spool.taken("scripts", published)
    assert founded.spool.roles() == ["scripts"]
