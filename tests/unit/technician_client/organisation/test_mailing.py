"""What an approver makes of what comes back."""

from pathlib import Path

import msgspec
import pytest

from protocol.approvals import Looked, Proposal, make_answer, pack
from protocol.errors import TrustError
from technician_client.organisation.approvals import read_script
from technician_client.organisation.foundation import LOGIN_KEY
from technician_client.organisation.mailing import take
from tests.kit.approvers import write_fix
from tests.kit.post import Post


@pytest.fixture
def post(tmp_path: Path) -> Post:
    return Post(tmp_path)


def said_by_the_signer(post: Post, looked: Looked | bytes) -> None:
    """From now on the signer itself (stolen) answers so."""
    home = post.founded.home
    key, leaf = post.founded.signer_keys.get(LOGIN_KEY), home.certificate(LOGIN_KEY).read_bytes()
    body = looked if isinstance(looked, bytes) else pack(looked)
    post.swap = lambda _: make_answer(post.sent[-1], "done", "", key=key, leaf=leaf, issued=0.0, body=body)


def test_even_the_signers_word_does_not_make_a_decision(post: Post, tmp_path: Path) -> None:
    bo, cy = post.approver("scripts-1"), post.approver("scripts-2")
    bo.approve(read_script(write_fix(tmp_path / "fix")))
    judged = cy.waits()
    assert judged is not None
    forged = Proposal("scripts", judged.metadata.to_bytes(), dict.fromkeys(judged.targets, b"other"))
    said_by_the_signer(post, Looked(forged, []))
    found = cy.mailing.look("scripts", cy.key)
    assert found.judged is None and "not the one that was signed" in found.problem
    said_by_the_signer(post, Looked(msgspec.structs.replace(forged, role="policy"), []))
    assert "another role" in cy.mailing.look("scripts", cy.key).problem
    said_by_the_signer(post, b"\xc1")
    with pytest.raises(TrustError, match="cannot be read"):
        bo.mailing.share(bo.spool, "scripts", bo.key)


def test_what_was_signed_here_and_what_came_are_put_together(post: Post, tmp_path: Path) -> None:
    bo, cy = post.approver("scripts-1"), post.approver("scripts-2")
    bo.approve(read_script(write_fix(tmp_path / "fix")))
    judged = cy.waits()
    assert judged is not None
    take(cy.spool, judged)
    cy.spool.countersign("scripts", cy.signers)
    again = cy.waits()
    assert again is not None
    take(cy.spool, again)  # one's own signature is not lost
    assert len(cy.spool.newest("scripts").signatures) == 2 and cy.spool.missing("scripts") == 0
