"""A mailed decision is judged by its signatures and by what is published."""

from datetime import timedelta
from pathlib import Path

import msgspec
import pytest
from tuf.api.metadata import Metadata, TargetFile, Targets

from protocol.approvals import Proposal
from protocol.certificates import PrivateKey
from protocol.errors import TrustError
from technician_client.organisation.approvals import approve, starter_fixes
from technician_client.organisation.metadata import TufSigner
from technician_client.organisation.proposals import digest_of, judge, key_ids, proposal_of
from tests.kit.founded import Founded


@pytest.fixture
def founded(tmp_path: Path) -> Founded:
    founded = Founded(tmp_path, two_people=True)
    founded.publish()
    return founded


def proposed(founded: Founded) -> Proposal:
    approve(founded.spool, starter_fixes()[:1], founded.signers("scripts", "scripts-1"), founded.wall)
    return proposal_of(founded.spool, founded.repository, "scripts")


def test_a_proposal_that_holds_says_who_signed_and_how_many_are_missing(founded: Founded) -> None:
    proposal = proposed(founded)
    judged = judge(proposal, founded.repository, founded.wall)
    signer = founded.signers("scripts", "scripts-1")[0]
    assert (judged.version, judged.missing, judged.signed) == (2, 1, (signer.public_key.keyid,))
    assert set(judged.targets) == set(proposal.targets) and judged.digest == digest_of(founded.spool.newest("scripts"))
    assert len(key_ids(founded.repository, "scripts")) == 3
    strange = Metadata[Targets].from_bytes(proposal.metadata)
    strange.sign(TufSigner(PrivateKey.generate()), append=True)
    again = judge(msgspec.structs.replace(proposal, metadata=strange.to_bytes()), founded.repository, founded.wall)
    assert list(again.metadata.signatures) == [signer.public_key.keyid]  # a stranger's signature is left out


def changed(founded: Founded, change: str) -> Proposal:
    proposal = proposed(founded)
    metadata = Metadata[Targets].from_bytes(proposal.metadata)
    targets = dict(proposal.targets)
    path = sorted(targets)[0]
    match change:
        case "unsigned":
            metadata.signatures.clear()
        case "old":
            metadata.signed.version = 1
        case "far":
            metadata.signed.version = 5000
        case "for ever":
            metadata.signed.expires += timedelta(days=400)
        case "foreign path":
            metadata.signed.targets["policy/org.json"] = TargetFile.from_data("policy/org.json", b"{}", ["sha256"])
            targets["policy/org.json"] = b"{}"
        case "missing file":
            del targets[path]
        case "other file":
            targets[path] = b"other"
    if change in ("old", "far", "for ever", "foreign path"):  # its author meant it
        metadata.signatures.clear()
        metadata.sign(founded.signers("scripts", "scripts-1")[0])
    return Proposal("scripts", metadata.to_bytes(), targets)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ("unsigned", "nobody's decision"),
        ("old", "old decision, played again"),
        ("far", "leaves out more than"),
        ("for ever", "hold for longer"),
        ("foreign path", "may not sign"),
        ("missing file", "lacks the file"),
        ("other file", "not the one that was signed"),
    ],
)
def test_everything_else_is_refused_by_name(founded: Founded, change: str, said: str) -> None:
    with pytest.raises(TrustError, match=said):
        judge(changed(founded, change), founded.repository, founded.wall)


def test_roots_expired_files_and_nonsense_do_not_travel(founded: Founded) -> None:
    proposal = proposed(founded)
    for other, said in ((Proposal("root", b"{}", {}), "not mailed"), (Proposal("scripts", b"{}", {}), "not a signed file")):
        with pytest.raises(TrustError, match=said):
            judge(other, founded.repository, founded.wall)
    with pytest.raises(TrustError, match="expired on"):
        judge(proposal, founded.repository, founded.after(days=91))
    with pytest.raises(TrustError, match="Nothing of policy waits"):
        proposal_of(founded.spool, founded.repository, "policy")
