"""What a session leaves behind, on a disk that takes it and on one that does not."""

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from agent.audit import Audit
from agent.errors import AuditUnavailable
from agent.recording import SessionRecord
from agent.settings import AgentSettings
from agent.status import RelayStatus, StatusBoard
from protocol.audit import open_checkpoint
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
    assert len(receipt["ended_because"]) == 200
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
