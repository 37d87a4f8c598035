"""The technician's copy of the signed files over real repositories, with a mirror that withholds, alters and rolls back."""

from pathlib import Path

import pytest

from protocol.certificates import PrivateKey
from protocol.documents import REVOCATION_PATH, RevocationList, decode_document
from protocol.errors import TrustError, Unavailable
from technician_client.organisation.approvals import starter_fixes
from technician_client.organisation.lists import revoke_key
from technician_client.signed_files import SignedFiles
from tests.kit.founded import Founded, Mirror


@pytest.fixture
def founded(tmp_path: Path) -> Founded:
    organisation = Founded(tmp_path)
    organisation.publish()
    return organisation


def files(founded: Founded, directory: Path, mirror: Mirror) -> SignedFiles:
    return SignedFiles(directory, founded.record.tuf_root, mirror)


def test_lists_arrive_verified_and_nothing_new_costs_one_request(founded: Founded, tmp_path: Path) -> None:
    mirror = founded.mirror()
    signed = files(founded, tmp_path / "signed", mirror)
    assert signed.version == 0 and signed.age(founded.wall) is None
    with pytest.raises(TrustError, match="not fetched yet"):
        signed.target(REVOCATION_PATH)
    assert signed.refresh(founded.wall) and signed.version == 1
    key = PrivateKey.generate().public.fingerprint
    revoke_key(founded.spool, [key.hex()], founded.signers("revocation"), founded.wall)
    founded.approve(*starter_fixes())
    founded.publish(founded.after(minutes=1))
    assert signed.refresh(founded.after(minutes=2)) and signed.version == 2
    assert decode_document(signed.target(REVOCATION_PATH), RevocationList).refuses(key, 0)
    assert any(path.endswith("manifest.json") for path in signed.listed("scripts"))
    assert signed.role("targets") and list(signed.roots()) == [1] and all(signed.snapshot())
    with pytest.raises(TrustError, match="does not hold"):
        signed.target("policy/other.json")
    mirror.asked.clear()
    assert not signed.refresh(founded.after(minutes=3))
    assert mirror.asked == ["metadata/timestamp.json"]


def test_what_was_cut_off_after_its_timestamp_is_fetched_at_the_next_look(founded: Founded, tmp_path: Path) -> None:
    mirror = founded.mirror()
    signed = files(founded, tmp_path / "signed", mirror)
    signed.refresh(founded.wall)
    revoke_key(founded.spool, ["ab" * 32], founded.signers("revocation"), founded.wall)
    founded.publish(founded.after(minutes=1))
    mirror.altered["metadata/2.snapshot.json"] = b"{}"
    for _look in range(2):
        with pytest.raises(TrustError, match="do not verify"):
            signed.refresh(founded.after(minutes=2))
    mirror.altered.clear()
    assert signed.refresh(founded.after(minutes=2)) and signed.version == 2


def test_what_is_older_altered_or_expired_is_refused_and_what_stands_stays(founded: Founded, tmp_path: Path) -> None:
    mirror = founded.mirror()
    old = tmp_path / "old"
    mirror.freeze(old)
    mirror.frozen = None
    revoke_key(founded.spool, ["ab" * 32], founded.signers("revocation"), founded.wall)
    founded.publish(founded.after(minutes=1))
    files(founded, tmp_path / "signed", mirror).refresh(founded.after(minutes=1))
    mirror.frozen = old  # rolled back, and another process asks
    again = files(founded, tmp_path / "signed", mirror)
    assert again.version == 2
    with pytest.raises(TrustError, match="do not verify"):
        again.refresh(founded.after(minutes=2))
    mirror.frozen = None
    mirror.altered["metadata/timestamp.json"] = b"{}"
    with pytest.raises(TrustError, match="do not verify"):
        again.refresh(founded.after(minutes=2))
    mirror.altered.clear()
    with pytest.raises(TrustError, match="expired by this computer's clock"):
        again.refresh(founded.after(days=3))
    mirror.away = True
    with pytest.raises(Unavailable):
        again.refresh(founded.after(minutes=3))
    assert again.version == 2 and again.age(founded.after(hours=1)) == pytest.approx(3540, abs=2)


def test_the_clock_is_never_earlier_than_what_was_signed(founded: Founded, tmp_path: Path) -> None:
    mirror = founded.mirror()
    signed = files(founded, tmp_path / "signed", mirror)
    signed.refresh(founded.after(hours=1))
    assert signed.clock(founded.after(days=-30)) == founded.wall.timestamp()
    (tmp_path / "signed" / "state.json").write_text("damaged")
    assert files(founded, tmp_path / "signed", mirror).version == 0
