"""Attacks on approvals that travel through the relay's mailbox: rows 12, 13, 31 and 41. The relay edits, swaps, withholds and
plays again what approvers and the signer send each other; one insider tries to be two."""

import hashlib
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import msgspec
import pytest
from tuf.api.metadata import Metadata, TargetFile, Targets

from protocol.approvals import Looked, Proposal, pack, unpack
from protocol.certificates import PrivateKey
from protocol.errors import HandrailError, Refused, TrustError
from protocol.link_messages import LinkMessage, MailDeliver
from technician_client.organisation.approvals import Script, read_script
from technician_client.organisation.metadata import TufSigner
from tests.kit.approvers import Approvers, write_fix
from tests.kit.hostile_relay import LinkPlan, Wire
from tests.kit.post import Post, opened
from tests.kit.world import World

EVIL = b"rm -rf ~\n"


@pytest.fixture
def post(tmp_path: Path) -> Post:
    return Post(tmp_path)


def script(directory: Path, text: str = "echo done\n", version: str = "1") -> Script:
    return read_script(write_fix(directory, text=text, version=version))


def tampered(packed: bytes) -> bytes:
    """A proposal whose script does something else, hashes and all made to fit; only the signatures are still of the other one."""
    proposal = unpack(packed, Proposal)
    metadata = Metadata[Targets].from_bytes(proposal.metadata)
    targets = dict(proposal.targets)
    for path in list(targets):
        if path.endswith("fix.sh"):
            targets[path] = EVIL
            metadata.signed.targets[path] = TargetFile.from_data(path, EVIL, ["sha256"])
    return pack(Proposal(proposal.role, metadata.to_bytes(), targets))


def edited(document: bytes) -> bytes:
    """The relay's version of a mailed decision."""
    request = opened(document)
    if request.action != "share":
        return document
    return msgspec.msgpack.encode(msgspec.structs.replace(request, body=tampered(request.body)))


def waits_at_signer(post: Post) -> bytes:
    """Everything that waits in the signer's spool."""
    return b"".join(path.read_bytes() for path in sorted(post.founded.home.spool.rglob("*")) if path.is_file())


@pytest.mark.attack(12, without=["approval_signatures"])
def test_a_mailed_decision_that_the_relay_changed_is_refused_and_does_not_wait(post: Post, tmp_path: Path) -> None:
    bo = post.approver("scripts-1")
    post.edit = edited
    said = ""
    try:
        bo.approve(script(tmp_path / "fix"))
    except HandrailError as error:
        said = str(error)
    assert EVIL not in waits_at_signer(post)
    assert "changed ours on its way" in said and "changed on its way" in post.lines[-1]
    post.edit = lambda document: document
    assert bo.mailing.share(bo.spool, "scripts", bo.key) == 1  # what was signed goes its way once the relay lets it


@pytest.mark.attack(12, without=["approval_answers"])
def test_what_the_relay_shows_an_approver_is_not_what_waits_and_is_refused(post: Post, tmp_path: Path) -> None:
    """It hides a decision that waits: it plays the answer again that nothing waits."""
    bo, cy = post.approver("scripts-1"), post.approver("scripts-2")
    assert cy.waits() is None
    nothing = post.answered[-1]
    bo.approve(script(tmp_path / "fix"))
    post.swap = lambda _: nothing
    with pytest.raises(TrustError, match="played an older answer again"):
        pytest.fail(f"Cy was told that nothing waits: {cy.waits()}")


@pytest.mark.attack(12)
def test_an_edited_answer_is_refused_whole(post: Post, tmp_path: Path) -> None:
    bo, cy = post.approver("scripts-1"), post.approver("scripts-2")
    bo.approve(script(tmp_path / "fix"))

    def edit(answer: bytes) -> bytes:
        fields = msgspec.msgpack.decode(answer)
        looked = unpack(fields[4], Looked)
        assert looked.proposal is not None
        fields[4] = pack(msgspec.structs.replace(looked, proposal=unpack(tampered(pack(looked.proposal)), Proposal)))
        return msgspec.msgpack.encode(fields)

    post.swap = edit
    with pytest.raises(TrustError, match="changed on its way"):
        cy.waits()


@pytest.mark.attack(13, without=["approvals_ended"])
def test_a_decision_that_was_withdrawn_does_not_come_back(post: Post, tmp_path: Path) -> None:
    bo, cy = post.approver("scripts-1"), post.approver("scripts-2")
    bo.approve(script(tmp_path / "fix"))
    letter = post.sent[-1]
    judged = bo.waits()
    assert judged is not None
    bo.mailing.withdraw("scripts", bo.key, judged.digest)
    post.restart()
    post.deliver(letter)  # the relay plays it again
    assert cy.waits() is None
    assert "was withdrawn" in post.lines[-2]
    with pytest.raises(Refused, match="withdrawn"):
        bo.mailing.share(bo.spool, "scripts", bo.key)


@pytest.mark.attack(13)
def test_a_decision_that_was_published_or_is_too_old_does_not_come_back(post: Post, tmp_path: Path) -> None:
    bo, cy = post.approver("scripts-1"), post.approver("scripts-2")
    bo.approve(script(tmp_path / "fix"))
    letter = post.sent[-1]
    assert cy.countersign() == 0
    assert post.founded.publish(post.now).published == ("scripts",)
    post.restart()
    post.deliver(letter)
    assert "played again" in post.lines[-1] and post.founded.spool.candidate("scripts") is None
    post.now += timedelta(days=16)
    post.restart()
    post.deliver(letter)
    assert "too old" in post.lines[-1]


@pytest.mark.attack(31)
def test_a_key_that_nobody_appointed_is_neither_shown_anything_nor_heard(post: Post, tmp_path: Path) -> None:
    bo, mallory = post.approver("scripts-1"), post.approver("scripts-2")
    bo.approve(script(tmp_path / "fix"))
    mallory.key = PrivateKey.generate()
    mallory.signers = [TufSigner(mallory.key)]
    with pytest.raises(Refused, match="does not sign for scripts"):
        mallory.waits()
    with pytest.raises(Refused, match="does not sign for scripts"):
        mallory.mailing.share(bo.spool, "scripts", mallory.key)


@pytest.mark.attack(41, without=["thresholds"])
def test_one_approver_who_mails_twice_is_still_one(post: Post, tmp_path: Path) -> None:
    bo = post.approver("scripts-1")
    assert bo.approve(script(tmp_path / "fix")) == 1
    assert bo.countersign() == 1
    assert post.founded.publish(post.now).published == ()


class Edits:
    """What the relay does to the signer's mail."""

    def __init__(self) -> None:
        self.changed = 0

    def __call__(self, wire: Wire, message: LinkMessage) -> LinkMessage | None:
        if not isinstance(message, MailDeliver) or message.body[1:11] != b"\xa9approve.1":
            return message
        body = edited(message.body)
        self.changed += body != message.body
        return msgspec.structs.replace(message, body=body)


@pytest.fixture
def world(tmp_path: Path, without: str) -> Iterator[World]:
    from tests.kit.hostile_relay import HostileRelay

    world = World(tmp_path / "world", tapped=True, tap_kind=HostileRelay, without=without)
    try:
        yield world
    finally:
        world.stop()


@pytest.mark.attack(12, without=["approval_signatures"])
def test_on_real_processes_an_edited_approval_never_reaches_the_second_approver(
    world: World, tmp_path: Path, without: str
) -> None:
    told = world.start_relay()
    people = Approvers(tmp_path, world.url, told["token"], told["relay_spki"], without=without)
    try:
        people.start_signer()
        edits = Edits()
        assert world.tap is not None
        world.tap.plan = LinkPlan(edits)  # type: ignore[attr-defined]
        refused = people.org("bo", "approve", str(write_fix(tmp_path / "fix")), "--yes", code=7)
        assert edits.changed >= 1
        shown = people.org("cy", "approvals")
        assert EVIL.decode().strip() not in shown and "nothing waits" in shown
        assert "changed ours on its way" in refused
    finally:
        people.stop()


def test_the_forgery_is_one(post: Post, tmp_path: Path) -> None:
    """What the relay makes of a decision really says something else."""
    bo = post.approver("scripts-1")
    bo.approve(script(tmp_path / "fix"))
    proposal = unpack(tampered(opened(post.sent[-1]).body), Proposal)
    listed = Metadata[Targets].from_bytes(proposal.metadata).signed.targets["scripts/harmless/1/fix.sh"]
    assert listed.hashes["sha256"] == hashlib.sha256(EVIL).hexdigest()
