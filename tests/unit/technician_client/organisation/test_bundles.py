"""Bundles: a secret file and the signer's memory of it belong together."""

import stat
from datetime import timedelta
from pathlib import Path

import pytest

from hostio.private_files import PrivateFileError
from protocol.documents import decode_bundle
from protocol.errors import TrustError
from technician_client.organisation.bundles import device_bundle, technician_bundle, write_bundle
from tests.kit.founded import Founded


def test_a_bundle_and_its_token_agree(tmp_path: Path) -> None:
    founded = Founded(tmp_path)
    bundle = founded.device_bundle(group="kiosk", uses=3)
    token = founded.records.token(bundle.token_id)
    assert token is not None
    assert (token.secret, token.group, token.uses, token.used, token.expires) == (bundle.secret, "kiosk", 3, 0, bundle.expires)
    assert bundle.root == founded.record.root and bundle.tuf_root == founded.record.tuf_root
    invitation = founded.technician_bundle("Bo Li", 2)
    assert (invitation.kind, invitation.name, invitation.tier) == ("technician", "Bo Li", 2)
    assert invitation.secret != bundle.secret


def test_a_bundle_file_is_private_and_never_overwrites(tmp_path: Path) -> None:
    founded = Founded(tmp_path)
    bundle = founded.device_bundle()
    path = write_bundle(bundle, tmp_path / "kiosk")
    assert path.name == "kiosk.handrail" and stat.S_IMODE(path.stat().st_mode) == 0o600
    assert decode_bundle(path.read_bytes()) == bundle
    with pytest.raises(PrivateFileError, match="already"):
        write_bundle(bundle, tmp_path / "kiosk")
    with pytest.raises(PrivateFileError, match="no directory"):
        write_bundle(bundle, tmp_path / "nowhere" / "kiosk.handrail")


@pytest.mark.parametrize(("group", "uses"), [("", 1), ("Kiosk", 1), ("a b", 1), ("x" * 41, 1), ("ok", 0), ("ok", 100_001)])
def test_impossible_groups_and_uses_are_refused(tmp_path: Path, group: str, uses: int) -> None:
    founded = Founded(tmp_path)
    with pytest.raises(TrustError):
        device_bundle(founded.record, founded.records, group=group, uses=uses, life=timedelta(days=1), wall=founded.wall)


@pytest.mark.parametrize(("name", "tier"), [("", 1), (" Bo", 1), ("Bo\n", 1), ("x" * 101, 1), ("Bo", 0), ("Bo", 4)])
def test_impossible_technicians_are_refused(tmp_path: Path, name: str, tier: int) -> None:
    founded = Founded(tmp_path)
    with pytest.raises(TrustError):
        technician_bundle(founded.record, founded.records, name=name, tier=tier, life=timedelta(days=1), wall=founded.wall)
