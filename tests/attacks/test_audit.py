"""Row 16: records of what happened are edited, deleted, put in another order, written anew; on real files of a real session."""

import json
import sqlite3
from pathlib import Path

import pytest

from agent.audit import Audit
from agent.audit_export import open_chain, verify
from agent.features.chat import ChatFeature
from protocol.audit import Checkpoint, open_checkpoint, sign_checkpoint
from protocol.capabilities import Capability
from protocol.certificates import PrivateKey
from protocol.errors import HandrailError, TrustError
from protocol.messages.chat import ChatMessage
from protocol.session import SessionEnded
from technician_client.receipts import keep_last_words, newest_pin
from tests.kit.assisted import Assistance
from tests.kit.audited import Audited

CHANGES = {
    "edit": "UPDATE record SET detail = replace(detail, 'Ana Ruiz', 'nobody') WHERE sequence = 1",
    "time": "UPDATE record SET at = at - 86400 WHERE sequence = 2",
    "session": "UPDATE record SET session = 'other' WHERE sequence = 2",
    "delete": "DELETE FROM record WHERE sequence = 1",
    "reorder": "UPDATE record SET sequence = CASE sequence WHEN 2 THEN -3 WHEN 3 THEN -2 END WHERE sequence IN (2, 3)",
    "insert": "INSERT INTO record SELECT max(sequence) + 1, at, session, 'nothing happened', '{}', hash FROM record",
}


async def session(tmp_path: Path) -> tuple[Checkpoint, bytes]:
    """One session with its records on the disk; the checkpoint that the technician was given, and the device's key."""
    audit = Audit(tmp_path / "audit.sqlite")
    async with Assistance(tmp_path, (ChatFeature,), audit=audit, wanted=(Capability.CHAT,)) as one:
        person = one.sit_down()
        await person.allow(Capability.CHAT)
        from protocol.session import Opened

        await one.event(Opened)
        one.say(ChatMessage("hello"))
        one.technician.end("done", 0.0)
        one.flush()
        ended = await one.ended()
        key = one.device.key.public
    assert ended.checkpoint
    return open_checkpoint(ended.checkpoint, key), ended.receipt


def changed(path: Path, *statements: str) -> None:
    database = sqlite3.connect(path)
    with database:
        for statement in statements:
            database.execute(statement)
    database.close()


def verdict(path: Path) -> str:
    """What the agent says of the file: "" when it holds."""
    try:
        audit = Audit(path)
    except TrustError as error:
        return str(error)
    try:
        audit.verify()
    except TrustError as error:
        return str(error)
    finally:
        audit.close()
    return ""


@pytest.mark.attack(16, without=["audit_chain"])
@pytest.mark.parametrize("change", list(CHANGES))
async def test_whoever_changes_a_record_is_found_out(tmp_path: Path, change: str) -> None:
    await session(tmp_path)
    path = tmp_path / "audit.sqlite"
    assert verdict(path) == ""
    statements = [CHANGES[change]]
    if change == "reorder":
        statements.append("UPDATE record SET sequence = -sequence WHERE sequence < 0")
    changed(path, *statements)
    assert "broken" in verdict(path)


@pytest.mark.attack(16)
async def test_a_chain_that_was_written_anew_no_longer_fits_its_witness(tmp_path: Path) -> None:
    """Every hash fits again; the checkpoint that the technician kept does not."""
    checkpoint, receipt = await session(tmp_path)
    path = tmp_path / "audit.sqlite"
    database = sqlite3.connect(path)
    rows = database.execute("SELECT at, session, action, detail FROM record ORDER BY sequence").fetchall()
    head = database.execute("SELECT hash FROM record WHERE sequence = ?", (checkpoint.sequence,)).fetchone()[0]
    database.close()
    assert head == checkpoint.hash
    assert "written anew" not in verdict(path)
    for suffix in ("", "-wal", "-shm"):
        Path(f"{path}{suffix}").unlink(missing_ok=True)
    path.with_suffix(".checkpoint").unlink()  # whoever writes the chain anew takes its own note away as well
    anew = Audit(path)
    for at, name, action, detail in rows:
        anew.record(action, json.loads(detail.replace("Ana Ruiz", "nobody")), session=name, at=at)
    anew.close()
    assert verdict(path) == ""
    database = sqlite3.connect(path)
    head = database.execute("SELECT hash FROM record WHERE sequence = ?", (checkpoint.sequence,)).fetchone()[0]
    database.close()
    assert head != checkpoint.hash
    assert json.loads(receipt)["audit_hash"] == checkpoint.hash.hex()


@pytest.mark.attack(16, without=["checkpoint_signature"])
def test_a_forged_checkpoint_is_no_witness() -> None:
    """Whoever edits records would like to hand out checkpoints to match."""
    device, thief = PrivateKey.generate(), PrivateKey.generate()
    forged = sign_checkpoint(thief, Checkpoint("0" * 16, "device1", 3, bytes(32), 1.0))
    with pytest.raises(HandrailError):
        open_checkpoint(forged, device.public)


@pytest.mark.attack(16)
async def test_a_record_that_cannot_be_written_stops_what_it_would_record(tmp_path: Path) -> None:
    """No record, no session: filling the disk hides nothing."""
    from protocol.session import DeniedByAgent

    audit = Audit(tmp_path / "audit.sqlite")
    changed(tmp_path / "audit.sqlite", "CREATE TRIGGER full BEFORE INSERT ON record BEGIN SELECT RAISE(ABORT, 'full'); END")
    async with Assistance(tmp_path, (ChatFeature,), audit=audit, wanted=(Capability.CHAT,)) as one:
        one.sit_down()
        denied = await one.event(DeniedByAgent)
        assert "audit" in denied.denied.text


@pytest.mark.attack(16, without=["pinned_checkpoints"])
@pytest.mark.parametrize("tampering", ["rolled back", "cut short", "written anew"])
async def test_the_next_session_shows_what_became_of_the_record(tmp_path: Path, tampering: str) -> None:
    """The thief has the computer and its key, fits every hash and signs for it; the technician's pin does not move."""
    home, kept = Audited(tmp_path / "agent"), tmp_path / "receipts"

    def one_session(name: str) -> str:
        pin = newest_pin(kept, home.device.peer)
        leaving = home.session(name, witness=0 if pin is None else pin.sequence)
        ended = SessionEnded("done", True, True, leaving.checkpoint, leaving.receipt, proof=tuple(leaving.proof))
        words = keep_last_words(kept, home.identity(), name, ended, wall=home.now, pin=pin)
        assert words is not None
        return words.fault

    assert one_session("one") == ""
    home.keep_copy(tmp_path / "copy")
    assert one_session("two") == ""
    if tampering == "rolled back":
        home.put_back(tmp_path / "copy")
    elif tampering == "cut short":
        home.change("DELETE FROM record WHERE sequence > 2", "DELETE FROM node")
        home.path.with_suffix(".checkpoint").unlink()
    else:
        home.write_anew("Ana Ruiz", "nobody")
    assert "rolled back" in one_session("three")


@pytest.mark.attack(37, without=["receipt_record"])
def test_a_receipt_that_was_made_to_read_better_is_found_out(tmp_path: Path) -> None:
    """Whoever had the user's account for a while edits what the person was left with; the files for programs stay as they are."""
    home = Audited(tmp_path / "agent")
    home.session("one")
    (text,) = home.settings.receipts.glob("*.txt")
    text.write_text(text.read_text().replace("Ana Ruiz", "Bo Li"))
    with open_chain(home.path) as chain, pytest.raises(TrustError, match="line 4 says “Technician:   Bo Li"):
        verify(chain, home.settings.receipts, home.device)
