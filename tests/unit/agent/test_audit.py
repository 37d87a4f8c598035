"""The audit record on disk, and receipts."""

import stat
from pathlib import Path

import pytest

from agent.audit import Audit, Receipt, moment, receipt_text, save_receipt
from agent.errors import AuditDamaged, AuditUnavailable
from protocol.audit import GENESIS, open_checkpoint
from protocol.certificates import PrivateKey
from protocol.errors import TrustError


def receipt(records: list[object] | None = None) -> Receipt:
    return Receipt(
        session="s1",
        device="Till 3\x1b[2J",
        organisation="Example Ltd",
        technician="Ana Ruiz",
        technician_id="t1",
        tier=2,
        reason="",
        unattended=False,
        opened_at="2026-11-21T10:00:00Z",
        ended_at="2026-11-21T10:05:00Z",
        ended_because="done",
        records=records or [],  # type: ignore[arg-type]
        audit_sequence=4,
        audit_hash="ab",
    )


def test_records_survive_and_chain(tmp_path: Path) -> None:
    path = tmp_path / "home" / "audit.sqlite"
    audit = Audit(path)
    assert audit.head == (0, GENESIS)
    audit.record("opened", {"name": "Ana"}, session="s1", at=1.0)
    audit.record("other", {}, at=2.0)
    audit.close()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    again = Audit(path)
    again.record("ended", {"ok": True, "seconds": 5}, session="s1", at=3.0)
    assert [record.action for record in again.records("s1")] == ["opened", "ended"]
    assert again.verify() == 3
    key = PrivateKey.generate()
    checkpoint = open_checkpoint(again.checkpoint(key, organisation="0" * 16, device="d1", at=4.0), key.public)
    assert (checkpoint.sequence, checkpoint.hash) == again.head
    again.close()


@pytest.mark.parametrize(
    "edit",
    [
        "UPDATE record SET action = 'nothing' WHERE sequence = 2",
        "UPDATE record SET detail = '{' WHERE sequence = 2",
        "DELETE FROM record WHERE sequence = 2",
    ],
)
def test_an_edit_is_found(tmp_path: Path, edit: str) -> None:
    audit = Audit(tmp_path / "audit.sqlite")
    for number in range(3):
        audit.record("did", {"number": number}, at=float(number))
    audit._database.execute(edit)
    with pytest.raises(TrustError, match=r"broken.*2"):
        audit.verify()
    audit.close()


def test_an_edited_end_is_found_at_the_start(tmp_path: Path) -> None:
    audit = Audit(tmp_path / "audit.sqlite")
    for number in range(3):
        audit.record("did", {"number": number}, at=float(number))
    audit._database.execute("UPDATE record SET at = 9 WHERE sequence = 3")
    audit.close()
    with pytest.raises(TrustError, match="record 3"):
        Audit(tmp_path / "audit.sqlite")


def test_a_full_disk_is_said_and_nothing_is_half_written(tmp_path: Path) -> None:
    audit = Audit(tmp_path / "audit.sqlite")
    audit.record("first", {}, at=0.0)
    audit._database.execute(f"PRAGMA max_page_count = {audit._database.execute('PRAGMA page_count').fetchone()[0]}")
    with pytest.raises(AuditUnavailable, match="Free some disk space"):
        for _ in range(1000):
            audit.record("filler", {"text": "x" * 300}, at=0.0)
    count = audit.head[0]
    audit._database.execute("PRAGMA max_page_count = 1000000")
    audit.record("space again", {}, at=1.0)
    assert audit.verify() == count + 1
    audit.close()


@pytest.mark.parametrize("content", [b"this is not a database" * 100, None])
def test_a_file_that_is_no_record_is_said(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "audit.sqlite"
    path.mkdir() if content is None else path.write_bytes(content)
    error, words = (AuditUnavailable, "cannot be written") if content is None else (AuditDamaged, "was damaged")
    with pytest.raises(error, match=words):
        Audit(path)


def test_a_receipt_is_kept_as_text_and_json(tmp_path: Path) -> None:
    path = save_receipt(tmp_path / "receipts", receipt())
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    text = path.read_text()
    assert "Technician:   Ana Ruiz (tier 2, t1)" in text
    assert "none given" in text
    assert "\x1b" not in text
    assert path.with_suffix(".json").exists()
    with pytest.raises(AuditUnavailable):
        save_receipt(path / "below-a-file", receipt())


def test_words_of_a_receipt() -> None:
    assert moment(0.0) == "1970-01-01T00:00:00Z"
    assert "Till 3\\x1b[2J" in receipt_text(receipt())


def test_many_files_push_nothing_else_out_of_a_receipt(tmp_path: Path) -> None:
    with Audit(tmp_path / "audit.sqlite") as audit:
        for at in range(12):
            audit.record("file received", {"path": f"{at}"}, session="s1", at=float(at))
        audit.record("terminal opened", {"user": "maria"}, session="s1", at=20.0)
        audit.record("session ended", {}, session="s1", at=21.0)
        kept = audit.records("s1", limit=5)
        assert [one.action for one in kept] == ["file received"] * 3 + ["terminal opened", "session ended"]
        assert [one.sequence for one in kept] == [1, 2, 3, 13, 14]
        assert len(audit.records("s1", limit=-1)) == audit.count("s1") == 14
