"""What a session leaves behind, on a disk that takes it and on one that does not."""

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from agent.audit import Audit
from agent.errors import AuditUnavailable
from agent.receipts import ReceiptEvent
from agent.recording import REASON_CHARS, Leaving, SessionRecord, note_fault
from agent.settings import AgentSettings
from agent.status import RelayStatus, SessionEvent, SessionStatus, StatusBoard
from protocol.audit import check_continues, open_checkpoint
from protocol.certificates import Identity, Role, check_chain
from tests.kit.assisted import Device
from tests.kit.organisation import Organisation


class Desk:
    """A session's record with everything it needs."""

    def __init__(self, tmp_path: Path) -> None:
        organisation = Organisation()
        self.device = Device(organisation, organisation.device())
        person = organisation.technician()
        self.identity: Identity = check_chain(
            person.chain, root_der=organisation.root, expected=Role.TECHNICIAN, purpose="session", wall=datetime.now(UTC)
        )
        self.audit = Audit(tmp_path / "audit.sqlite")
        self.settings = AgentSettings(home=tmp_path)
        relay = RelayStatus("http://127.0.0.1:9", "connected", 0.0, "")
        self.board = StatusBoard(device="d1", label="x", organisation="y", certificate_until=0.0, relay=relay)
        self.record = SessionRecord(
            "s1",
            audit=self.audit,
            board=self.board,
            keys=self.device,
            settings=self.settings,
            wall=lambda: datetime(2026, 11, 21, tzinfo=UTC),
        )

    def fill(self) -> None:
        pages = self.audit._database.execute("PRAGMA page_count").fetchone()[0]
        self.audit._database.execute(f"PRAGMA max_page_count = {pages}")
        with pytest.raises(AuditUnavailable):
            for _ in range(1000):
                self.record.write("filler", {"text": "x" * 300})


@pytest.fixture
async def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


async def test_the_end_is_written_signed_and_kept(desk: Desk) -> None:
    desk.record.write("session opened", {"granted": "chat"})
    leaving = desk.record.close(
        desk.identity, tier=2, asked_for="the printer", unattended=True, opened_at=0.0, because="done" + "x" * 500
    )
    receipt = json.loads(leaving.receipt)
    assert [record["action"] for record in receipt["records"]] == ["session opened", "session ended"]
    assert len(receipt["ended_because"]) == REASON_CHARS
    checkpoint = open_checkpoint(leaving.checkpoint, desk.device.key.public)
    assert (checkpoint.sequence, checkpoint.hash.hex()) == (receipt["audit_sequence"], receipt["audit_hash"])
    assert "without anybody being asked" in Path(leaving.path).read_text()
    desk.audit.close()


async def test_a_full_disk_stops_beginnings_and_not_ends(desk: Desk) -> None:
    desk.fill()
    with pytest.raises(AuditUnavailable):
        desk.record.write("session opened", {"text": "x" * 5000})
    assert "disk space" in desk.board.snapshot().audit
    desk.record.write_anyway("capability revoked", {"text": "x" * 5000})
    desk.settings.receipts.write_text("in the way")
    leaving = desk.record.close(desk.identity, tier=2, asked_for="", unattended=False, opened_at=0.0, because="done")
    assert leaving.path == ""
    assert open_checkpoint(leaving.checkpoint, desk.device.key.public)
    desk.audit.close()


async def test_the_proof_goes_with_the_checkpoint(desk: Desk) -> None:
    """What a technician saw before is shown to be the beginning of what they see now."""

    def close(witness: int) -> Leaving:
        return desk.record.close(
            desk.identity, tier=2, asked_for="", unattended=False, opened_at=0.0, because="done", witness=witness
        )

    desk.record.write("session opened", {"granted": "chat"})
    first = close(0)
    assert first.proof == []
    for number in range(5):
        desk.record.write("did", {"number": number})
    key = desk.device.key.public
    old, second = open_checkpoint(first.checkpoint, key), close(2)
    check_continues(old, open_checkpoint(second.checkpoint, key), second.proof)
    noted = desk.audit.noted_checkpoint()
    assert noted is not None
    assert noted.sequence == open_checkpoint(second.checkpoint, key).sequence + 1, "what was written of the receipt is signed too"
    # Who says to have seen more than there is, is written down and gets no proof.
    third = close(1000)
    assert third.proof == []
    claimed = [record for record, _ in desk.audit.rows() if record.action == "audit chain is shorter than its witness says"]
    assert [record.detail for record in claimed] == [{"witness": 1000}]
    desk.audit.close()


async def test_a_chain_that_was_cut_short_says_so_in_its_next_record(desk: Desk, tmp_path: Path) -> None:
    note_fault(desk.audit, desk.board, 1.0)
    assert desk.board.snapshot().audit == "" and desk.audit.head[0] == 0
    for number in range(3):
        desk.record.write("did", {"number": number})
    desk.audit.checkpoint(desk.device.key, organisation="0" * 16, device="d1", at=1.0)
    desk.audit._database.execute("DELETE FROM record WHERE sequence > 1")
    desk.audit.close()
    with Audit(tmp_path / "audit.sqlite") as again:
        note_fault(again, desk.board, 2.0)
        assert "cut short or rolled back: it ends at record 1" in desk.board.snapshot().audit
        (_, (record, _)) = again.rows()
        assert record.action == "audit chain does not fit its checkpoint"


async def test_what_the_receipt_will_say_is_told_at_once(desk: Desk) -> None:
    told: list[object] = []
    desk.board.set_session(SessionStatus("s1", "Ana", "Example", 2, ["files_out"], False, False, 0.0, 1.0))
    desk.board.listen(told.append)
    desk.record.write("file sent", {"path": "report.pdf", "size": 3})
    at = datetime(2026, 11, 21, tzinfo=UTC).timestamp()
    assert told == [SessionEvent("s1", ReceiptEvent(at, "file sent", {"path": "report.pdf", "size": 3}))]
    leaving = desk.record.close(desk.identity, tier=2, asked_for="", unattended=False, opened_at=0.0, because="done")
    kept = [(one["action"], one["detail"]) for one in json.loads(leaving.receipt)["records"]]
    assert kept[0] == ("file sent", {"path": "report.pdf", "size": 3})
    assert json.loads(leaving.receipt)["left_out"] == 0
    desk.fill()
    told.clear()
    with pytest.raises(AuditUnavailable):
        desk.record.write("file sent", {"path": "x" * 5000, "size": 3})
    assert not told, "it did not happen"
    desk.audit.close()
