"""The signer's desk: what it keeps, merges, replaces and forgets. (Attacks on it: tests/attacks/test_approvals.py.)"""

import secrets
from datetime import timedelta
from pathlib import Path

import pytest

from protocol.approvals import make_request
from protocol.errors import Refused, RemoteProtocolError, TrustError
from technician_client.organisation.approvals import approve as sign_scripts
from technician_client.organisation.approvals import read_script
from technician_client.organisation.renewing import renew_certificates
from tests.kit.approvers import write_fix
from tests.kit.post import Post


@pytest.fixture
def post(tmp_path: Path) -> Post:
    return Post(tmp_path)


def test_signatures_add_up_whoever_sends_first(post: Post, tmp_path: Path) -> None:
    bo, cy = post.approver("scripts-1"), post.approver("scripts-2")
    assert bo.approve(read_script(write_fix(tmp_path / "fix"))) == 1
    assert "1 more signature(s) needed" in post.lines[-1]
    assert bo.mailing.share(bo.spool, "scripts", bo.key) == 1  # the same again
    assert cy.countersign() == 0 and "published now" in post.lines[-1]
    assert post.founded.publish(post.now).published == ("scripts",)
    assert cy.waits() is None


def test_large_decisions_come_in_parts(post: Post, tmp_path: Path) -> None:
    bo, cy = post.approver("scripts-1"), post.approver("scripts-2")
    noise = secrets.token_hex(20_000)
    assert bo.approve(read_script(write_fix(tmp_path / "fix", text=f"echo {noise}\n"))) == 1
    assert len(post.sent) > 2
    judged = cy.waits()
    assert judged is not None and any(noise.encode() in data for data in judged.targets.values())
    document = make_request(
        bo.key, "share", organisation=post.founded.record.organisation, role="scripts", at=post.now.timestamp(),
        nonce=bytes(32), part=2, parts=3, body=b"x",
    )  # fmt: skip
    post.deliver(document)
    assert "part of the decision is missing" in post.lines[-1] or not post.lines[-1]
    twice = post.deliver(post.sent[0])
    assert twice == post.answered[0]  # mail that comes twice counts once


def test_an_author_replaces_an_own_decision_and_nobody_elses(post: Post, tmp_path: Path) -> None:
    bo, cy = post.approver("scripts-1"), post.approver("scripts-2")
    bo.approve(read_script(write_fix(tmp_path / "fix")))
    with pytest.raises(Refused, match="waits already"):
        cy.approve(read_script(write_fix(tmp_path / "other", "other")))
    bo.approve(read_script(write_fix(tmp_path / "fix", version="2")))
    looked = cy.mailing.look("scripts", cy.key)
    assert looked.judged is not None and looked.judged.version == 3
    assert [(entry.version, entry.how) for entry in looked.ended] == [(2, "replaced")]
    with pytest.raises(Refused, match="Only who has signed"):
        cy.mailing.withdraw("scripts", cy.key, looked.judged.digest)
    with pytest.raises(Refused, match="does not wait"):
        bo.mailing.withdraw("scripts", bo.key, bytes(32))
    assert "withdrawn" in bo.mailing.withdraw("scripts", bo.key, looked.judged.digest)
    assert post.founded.spool.candidate("scripts") is None


def test_what_expires_while_it_waits_is_named(post: Post, tmp_path: Path) -> None:
    bo, cy = post.approver("scripts-1"), post.approver("scripts-2")
    bo.approve(read_script(write_fix(tmp_path / "fix")))
    post.now += timedelta(days=91)
    renew_certificates(post.founded.home, post.founded.vault, post.now)
    post.restart()
    looked = cy.mailing.look("scripts", cy.key)
    assert looked.judged is None and [entry.how for entry in looked.ended] == ["expired"]


def test_requests_that_are_none_of_its_business_are_refused(post: Post, tmp_path: Path) -> None:
    bo = post.approver("scripts-1")
    with pytest.raises(RemoteProtocolError):
        post.deliver(b"nonsense")
    for changes, said in (
        ({"organisation": "0" * 16}, "another organisation"),
        ({"role": "root"}, "not mailed"),
        ({"at": post.now.timestamp() + 3600}, "a clock is wrong"),
        ({"role": "policy"}, "does not sign for policy"),
    ):
        fields = {"organisation": post.founded.record.organisation, "role": "scripts", "at": post.now.timestamp(), **changes}
        post.deliver(make_request(bo.key, "look", nonce=bytes(32), **fields))  # type: ignore[arg-type]
        assert said in post.lines[-1]
    sign_scripts(bo.spool, [read_script(write_fix(tmp_path / "fix"))], post.founded.signers("scripts", "scripts-3"), post.now)
    with pytest.raises(Refused, match="must have signed"):
        bo.mailing.share(bo.spool, "scripts", bo.key)
    (post.founded.home.signer / "approvals.json").write_text("damaged")
    (post.founded.home.signer / "approvals.json").chmod(0o600)
    with pytest.raises((Refused, TrustError), match="damaged"):
        bo.mailing.look("scripts", bo.key)
