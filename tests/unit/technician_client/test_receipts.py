"""The technician as a witness."""

import base64
import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from hostio.private_files import PrivateFileError
from protocol.audit import Checkpoint, open_checkpoint, sign_checkpoint
from protocol.certificates import PublicKey, check_chain
from protocol.session import SessionEnded
from technician_client.receipts import ReceiptName, keep_last_words, newest_pin, receipt_name, session_in_name
from tests.kit.organisation import Organisation

HEAD = b"h" * 32


@pytest.fixture(scope="module")
def organisation() -> Organisation:
    return Organisation()


def ended(checkpoint: bytes = b"", receipt: bytes = b"") -> SessionEnded:
    return SessionEnded("done", clean=True, by_peer=True, checkpoint=checkpoint, receipt=receipt)


def test_a_signed_checkpoint_is_kept_and_can_be_checked_again(organisation: Organisation, tmp_path: Path) -> None:
    device = organisation.device("Till 1")
    identity = check_chain(
        device.chain, root_der=organisation.root, expected=device.role, purpose="session", wall=datetime.now(UTC)
    )
    signed = sign_checkpoint(device.key, Checkpoint(organisation.id, device.peer, 7, HEAD, 1.0))
    kept = keep_last_words(tmp_path / "r", identity, "../../s 1", ended(signed, b'{"minutes":5}'), wall=1000.5)
    assert kept is not None
    assert kept.fault == ""
    assert kept.path == tmp_path / "r" / f"1000-{device.peer}-_s_1.json"
    assert kept.path.stat().st_mode & 0o077 == 0
    document = json.loads(kept.path.read_text())
    assert (document["sequence"], document["hash"], document["label"]) == (7, HEAD.hex(), "Till 1")
    assert json.loads(document["receipt"]) == {"minutes": 5}
    again = open_checkpoint(
        base64.b64decode(document["checkpoint"]), PublicKey.of_certificate(base64.b64decode(document["certificate"]))
    )
    assert again.hash == HEAD


def test_words_that_do_not_hold_are_kept_as_such(organisation: Organisation, tmp_path: Path) -> None:
    device, other = organisation.device(), organisation.device()
    identity = check_chain(
        device.chain, root_der=organisation.root, expected=device.role, purpose="session", wall=datetime.now(UTC)
    )
    by_another = sign_checkpoint(other.key, Checkpoint(organisation.id, device.peer, 7, HEAD, 1.0))
    of_another = sign_checkpoint(device.key, Checkpoint(organisation.id, other.peer, 7, HEAD, 1.0))
    for number, bad in enumerate((by_another, of_another, b"nonsense")):
        kept = keep_last_words(tmp_path, identity, f"s{number}", ended(bad, b"\xff not text"), wall=1.0)
        assert kept is not None
        assert kept.fault
        document = json.loads(kept.path.read_text())
        assert "checkpoint" not in document
        assert document["fault"] == kept.fault


def test_of_many_kept_checkpoints_one_signature_is_verified(
    organisation: Organisation, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    device = organisation.device()
    identity = check_chain(
        device.chain, root_der=organisation.root, expected=device.role, purpose="session", wall=datetime.now(UTC)
    )
    for number in (3, 9, 5, 7):
        signed = sign_checkpoint(device.key, Checkpoint(organisation.id, device.peer, number, HEAD, 1.0))
        assert keep_last_words(tmp_path, identity, f"s{number}", ended(signed), wall=float(number)) is not None
    verified: list[bytes] = []

    def counted(data: bytes, key: PublicKey) -> Checkpoint:
        verified.append(data)
        return open_checkpoint(data, key)

    monkeypatch.setattr("technician_client.receipts.open_checkpoint", counted)
    pin = newest_pin(tmp_path, device.peer)
    assert pin is not None and (pin.sequence, len(verified)) == (9, 1)
    three, nine = (next(path for path in tmp_path.iterdir() if path.stem.endswith(name)) for name in ("s3", "s9"))
    three.write_text(three.read_text().replace('"sequence": 3', '"sequence": 99'))  # what is written beside it counts for nothing
    pin = newest_pin(tmp_path, device.peer)
    assert pin is not None and pin.sequence == 9
    nine.write_text(nine.read_text().replace('"checkpoint": "', '"checkpoint": "AAAA'))
    pin = newest_pin(tmp_path, device.peer)
    assert pin is not None and pin.sequence == 7


def test_a_kept_file_is_known_by_its_name(organisation: Organisation, tmp_path: Path) -> None:
    device = organisation.device()
    identity = check_chain(
        device.chain, root_der=organisation.root, expected=device.role, purpose="session", wall=datetime.now(UTC)
    )
    kept = keep_last_words(tmp_path, identity, "ab/c-" + "x" * 60, ended(receipt=b"{}"), wall=1000.5)
    assert kept is not None
    assert receipt_name(kept.path) == ReceiptName(1000.0, session_in_name("ab/c-" + "x" * 60))
    for name in ("broken.json", "x-dev-s.json", "1-dev-s.txt", "1-dev.json"):
        assert receipt_name(tmp_path / name) is None


def test_without_last_words_there_is_no_file(organisation: Organisation, tmp_path: Path) -> None:
    device = organisation.device()
    identity = check_chain(
        device.chain, root_der=organisation.root, expected=device.role, purpose="session", wall=datetime.now(UTC)
    )
    assert keep_last_words(tmp_path, identity, "s", ended(), wall=1.0) is None
    assert list(tmp_path.iterdir()) == []


def test_a_directory_that_cannot_be_made_is_said(organisation: Organisation, tmp_path: Path) -> None:
    device = organisation.device()
    identity = check_chain(
        device.chain, root_der=organisation.root, expected=device.role, purpose="session", wall=datetime.now(UTC)
    )
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(PrivateFileError):
        keep_last_words(tmp_path / "file" / "r", identity, "s", ended(b"x"), wall=1.0)
