"""The published repository: what is taken, what is refused, when it is signed anew, and in which order it goes out."""

from pathlib import Path

import pytest
from tuf.api.metadata import Metadata, Targets

from protocol.certificates import PrivateKey
from protocol.errors import TrustError
from technician_client.organisation.repository import Repository
from tests.kit.founded import Founded


def test_a_new_organisation_publishes_everything_at_once(tmp_path: Path) -> None:
    founded = Founded(tmp_path)
    prepared = founded.publish()
    assert prepared.changed and not prepared.waiting
    assert set(prepared.published) == {"root", "targets", "scripts", "agent", "policy", "revocation"}
    names = [path for path, _ in founded.repository.files()]
    assert names[-1] == "metadata/timestamp.json" and names[-2] == "metadata/1.snapshot.json"
    assert names[0].startswith("targets/policy/") and "metadata/1.root.json" in names
    assert not founded.publish().changed


def test_snapshot_and_timestamp_are_renewed_at_half_their_lives(tmp_path: Path) -> None:
    founded = Founded(tmp_path)
    founded.publish()
    assert not founded.publish(founded.after(hours=11)).changed
    assert founded.publish(founded.after(hours=13)).changed
    assert founded.repository.version("timestamp") == 2 and founded.repository.version("snapshot") == 1
    assert founded.publish(founded.after(days=4)).changed
    assert founded.repository.version("snapshot") == 2
    assert founded.repository.timestamp_expires() == founded.after(days=5)


def test_an_old_version_is_refused(tmp_path: Path) -> None:
    founded = Founded(tmp_path)
    old = founded.spool.candidate("policy")
    assert old is not None
    founded.publish()
    assert founded.repository.take("policy", old, {}) is None, "it stands there already"
    founded.admit("Bo Li", 2, PrivateKey.generate())
    founded.publish(founded.after(minutes=1))
    waiting = founded.repository.take("policy", old, {})
    assert waiting is not None and "not newer" in waiting.text


def test_a_role_may_sign_only_its_own_paths(tmp_path: Path) -> None:
    founded = Founded(tmp_path)
    founded.publish()
    founded.spool.edit("scripts", add={"policy/org.json": b"{}"}, signers=founded.signers("scripts"), wall=founded.wall)
    (waiting,) = founded.publish().waiting
    assert "may not sign policy/org.json" in waiting.text


def test_a_role_waits_for_its_files_and_wrong_ones_are_refused(tmp_path: Path) -> None:
    founded = Founded(tmp_path)
    founded.publish()
    founded.spool.edit("scripts", add={"scripts/a/1/x": b"right"}, signers=founded.signers("scripts"), wall=founded.wall)
    data = founded.spool.candidate("scripts")
    assert data is not None
    missing = founded.repository.take("scripts", data, {})
    assert missing is not None and "waits for the file" in missing.text
    wrong = founded.repository.take("scripts", data, {"scripts/a/1/x": b"wrong"})
    assert wrong is not None and "refused" in wrong.text
    assert founded.repository.take("scripts", data, {"scripts/a/1/x": b"right"}) is None


def test_unsigned_and_foreign_files_are_refused(tmp_path: Path) -> None:
    founded = Founded(tmp_path)
    founded.publish()
    founded.spool.edit("policy", add={}, signers=founded.signers("policy"), wall=founded.wall)
    data = founded.spool.candidate("policy")
    assert data is not None
    metadata = Metadata[Targets].from_bytes(data)
    metadata.signatures.clear()
    unsigned = founded.repository.take("policy", metadata.to_bytes(), {})
    assert unsigned is not None and unsigned.missing == 1
    for hostile in (b"", b"{}", b"[" * 5000):
        refused = founded.repository.take("policy", hostile, {})
        assert refused is not None and "refused" in refused.text
    root = founded.repository.role("root")
    assert root is not None
    assert founded.repository.take("root", root, {}) is None
    assert founded.repository.take("policy", root, {}) is not None


def test_old_versions_and_their_files_are_forgotten(tmp_path: Path) -> None:
    founded = Founded(tmp_path)
    founded.publish()
    for number in range(6):
        founded.spool.edit(
            "scripts", add={"scripts/a/1/x": b"%d" % number}, signers=founded.signers("scripts"), wall=founded.wall
        )
        assert founded.publish().published == ("scripts",)
    kept = sorted(path.name for path in (founded.home.repository / "metadata").glob("*.scripts.json"))
    assert len(kept) == 3
    assert len(list((founded.home.repository / "targets" / "scripts").rglob("*.x"))) == 3


def test_an_empty_repository_says_so(tmp_path: Path) -> None:
    empty = Repository(tmp_path)
    assert empty.version("root") == 0 and empty.role("policy") is None and empty.files() == [] and empty.expiries() == {}
    assert empty.timestamp_expires() is None
    with pytest.raises(TrustError, match="no root"):
        empty.root()
