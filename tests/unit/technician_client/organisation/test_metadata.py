"""The layout of the signed repository, clause by clause of security.md section 6."""

from datetime import UTC, datetime, timedelta

import pytest
from tuf.api.metadata import Metadata, Root, Snapshot, Targets, Timestamp

from protocol.certificates import PrivateKey
from protocol.errors import TrustError
from technician_client.organisation.metadata import (
    DELEGATED,
    LIVES,
    TufSigner,
    make_delegated,
    make_root,
    make_snapshot,
    make_targets,
    make_timestamp,
    missing_signatures,
    read_metadata,
)
from technician_client.organisation.record import Thresholds

WALL = datetime(2026, 11, 1, tzinfo=UTC)


@pytest.fixture(scope="module")
def keys() -> dict[str, list[TufSigner]]:
    return {role: [TufSigner(PrivateKey.generate()) for _ in range(3)] for role in ("root", "targets", *DELEGATED)}


@pytest.fixture(scope="module")
def online() -> dict[str, TufSigner]:
    return {role: TufSigner(PrivateKey.generate()) for role in ("snapshot", "timestamp")}


def test_the_root_names_every_top_level_role(keys: dict[str, list[TufSigner]], online: dict[str, TufSigner]) -> None:
    root = Metadata[Root].from_bytes(make_root(keys, Thresholds(), online, WALL).to_bytes())
    root.verify_delegate("root", root)
    assert root.signed.consistent_snapshot
    assert {name: role.threshold for name, role in root.signed.roles.items()} == {
        "root": 2,
        "targets": 2,
        "snapshot": 1,
        "timestamp": 1,
    }
    assert root.signed.expires == WALL + timedelta(days=365)


def test_targets_only_delegate_and_the_patterns_do_not_cross_directories(keys: dict[str, list[TufSigner]]) -> None:
    targets = make_targets(keys, Thresholds(), WALL).signed
    assert targets.targets == {}
    assert targets.delegations is not None and targets.delegations.roles is not None
    roles = targets.delegations.roles
    assert set(roles) == {"scripts", "agent", "policy", "revocation"}
    assert {name: role.threshold for name, role in roles.items()} == {"scripts": 2, "agent": 2, "policy": 2, "revocation": 1}
    for role, good, bad in (
        ("scripts", "scripts/a/1/fix.py", "scripts/a/1/x/fix.py"),
        ("scripts", "scripts/a/1/manifest.json", "policy/org.json"),
        ("policy", "policy/org.json", "policy/a/org.json"),
        ("revocation", "revocation/list.json", "scripts/a/1/fix.py"),
        ("agent", "agent/linux/1.0/agent.deb", "agent/linux"),
    ):
        assert roles[role].is_delegated_path(good) and not roles[role].is_delegated_path(bad)


def test_one_key_counts_once(keys: dict[str, list[TufSigner]]) -> None:
    targets = make_targets(keys, Thresholds(), WALL).signed
    scripts = make_delegated("scripts", WALL)
    assert missing_signatures(scripts, "scripts", targets) == 2
    scripts.sign(keys["scripts"][0], append=True)
    scripts.sign(keys["scripts"][0], append=True)
    assert missing_signatures(scripts, "scripts", targets) == 1
    scripts.sign(keys["policy"][0], append=True)
    assert missing_signatures(scripts, "scripts", targets) == 1
    scripts.sign(keys["scripts"][2], append=True)
    assert missing_signatures(scripts, "scripts", targets) == 0


def test_the_timestamp_says_when_it_was_made(keys: dict[str, list[TufSigner]], online: dict[str, TufSigner]) -> None:
    files = {"targets.json": make_targets(keys, Thresholds(), WALL).to_bytes()}
    snapshot = make_snapshot(4, files, online["snapshot"], WALL)
    timestamp = Metadata[Timestamp].from_bytes(make_timestamp(9, snapshot, online["timestamp"], WALL)).signed
    assert timestamp.unrecognized_fields == {"x-handrail-issued": int(WALL.timestamp())}
    assert timestamp.expires == WALL + timedelta(hours=24) and timestamp.snapshot_meta.version == 4
    timestamp.snapshot_meta.verify_length_and_hashes(snapshot)
    assert Metadata[Snapshot].from_bytes(snapshot).signed.expires == WALL + LIVES["snapshot"]


def test_what_only_the_signer_makes_is_not_taken_from_others(
    keys: dict[str, list[TufSigner]], online: dict[str, TufSigner]
) -> None:
    snapshot = make_snapshot(1, {}, online["snapshot"], WALL)
    with pytest.raises(TrustError, match="only the signer"):
        read_metadata(snapshot, "policy.json")
    for data in (b"", b"{}", b"[" * 5000):
        with pytest.raises(TrustError):
            read_metadata(data, "policy.json")
    assert isinstance(read_metadata(make_targets(keys, Thresholds(), WALL).to_bytes(), "targets.json").signed, Targets)


def test_keys_are_not_opened_by_address() -> None:
    signer = TufSigner(PrivateKey.generate())
    with pytest.raises(TrustError):
        TufSigner.from_priv_key_uri("file:/x", signer.public_key)
