"""The chain checked here, and as a file for others."""

import sqlite3
from pathlib import Path

import pytest

from agent.audit import Audit
from agent.audit_export import export, kept_receipts, line_of, open_chain, verify
from agent.errors import AuditUnavailable, NotEnrolled
from protocol.audit import Record
from protocol.audit_export import check
from protocol.errors import TrustError
from tests.kit.audited import Audited
from tests.kit.organisation import Organisation


@pytest.fixture
def home(tmp_path: Path) -> Audited:
    audited = Audited(tmp_path / "agent")
    for name in ("one", "two", "three"):
        audited.session(name)
    return audited


def verdict(home: Audited) -> str:
    """What `handrail-agent audit verify` finds; "" for nothing."""
    try:
        with open_chain(home.path) as chain:
            verify(chain, home.settings.receipts, home.device)
    except TrustError as error:
        return str(error)
    return ""


def test_a_whole_chain_is_said_to_be_whole(home: Audited) -> None:
    with open_chain(home.path) as chain:
        sound = verify(chain, home.settings.receipts, home.device)
        assert (sound.records, sound.receipts) == (12, 3)
        assert verify(chain, home.settings.home / "none", None).receipts == 0
    with pytest.raises(NotEnrolled, match="no audit record"):
        open_chain(home.path.parent / "other.sqlite")


@pytest.mark.parametrize(
    ("statements", "words"),
    [
        (["UPDATE record SET detail = '{\"number\": 7}' WHERE sequence = 6"], "broken at record 6: it was edited"),
        (["UPDATE record SET detail = '[1]' WHERE sequence = 6"], "broken at record 6: it was edited and no longer reads"),
        (["UPDATE record SET action = x'ff' WHERE sequence = 6"], "broken at record 6: it was edited and no longer reads"),
        (["UPDATE record SET hash = 'words' WHERE sequence = 6"], "broken at record 6: its hash was edited and no longer reads"),
        (["UPDATE record SET hash = 100000000000 WHERE sequence = 6"], "broken at record 6: its hash was edited and no longer"),
        (["DELETE FROM record WHERE sequence = 6"], "broken at record 6: it was deleted"),
        (["DELETE FROM record WHERE sequence = 1"], "broken at record 1: it was deleted"),
        (
            [
                "UPDATE record SET sequence = -sequence WHERE sequence IN (6, 7)",
                "UPDATE record SET sequence = 13 + sequence WHERE sequence < 0",
            ],
            "broken at record 6: the order was changed: it stands as record 7 now",
        ),
        (["DELETE FROM record WHERE sequence > 10"], "cut short or rolled back: it ends at record 10, but the checkpoint"),
        (["DELETE FROM record"], "cut short or rolled back: it ends at record 0, but the checkpoint"),
    ],
)
def test_each_change_of_the_file_is_named(home: Audited, statements: list[str], words: str) -> None:
    home.change(*statements)
    assert words in verdict(home)


def test_an_older_copy_of_the_database_is_named(home: Audited, tmp_path: Path) -> None:
    home.keep_copy(tmp_path / "copy")
    home.session("four")
    home.put_back(tmp_path / "copy", note=False)
    assert "cut short or rolled back: it ends at record 12, but the checkpoint of" in verdict(home)
    home.put_back(tmp_path / "copy", note=True)
    assert "rolled back: it ends at record 12, but the receipt" in verdict(home) and "saw record 15" in verdict(home)


def test_a_chain_that_was_written_anew_is_named_by_its_receipts(home: Audited) -> None:
    home.write_anew("Ana Ruiz", "nobody")
    assert "Record 1 of the audit chain is another than in the receipt of" in verdict(home)
    (home.settings.receipts / "0.json").write_text("{}")
    assert "does not read" in verdict(home)


def test_a_database_or_its_checkpoint_that_is_gone_is_missed(home: Audited) -> None:
    note = home.path.with_suffix(".checkpoint")
    note.write_bytes(b"\x00")
    assert "does not decode" in verdict(home)
    checkpoint = home.session("four").checkpoint
    note.write_bytes(checkpoint[:-1] + bytes([checkpoint[-1] ^ 1]))
    assert verdict(home) != ""
    home.path.unlink()
    assert "was taken away" in verdict(home)


def test_a_receipt_that_was_edited_is_named(home: Audited) -> None:
    """The chain is whole; what the person was left with is not."""
    (path, *_) = sorted(home.settings.receipts.glob("*.json"))
    whole = path.read_bytes()
    for old, new in ((b"Ana Ruiz", b"Bo Li"), (b'"number": 0', b'"number": 9')):
        assert old in whole
        path.write_bytes(whole.replace(old, new))
        assert f"The receipt {path.name} was changed" in verdict(home)
    path.write_bytes(whole)
    assert verdict(home) == ""


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("Ana Ruiz", "Bo Li", "line 4 says “Technician:   Bo Li (tier 2"),
        ("Reason:       the printer\n", "", "line 6 says “Opened:"),
        ("What happened:\n", "What happened:\n  nothing\n", "line 11 says “nothing”, where it said “2026"),
        ("Audit record", "Audit record", ""),
    ],
)
def test_an_edited_text_is_named_with_the_line_that_differs(home: Audited, old: str, new: str, says: str) -> None:
    """What people read, though the file for programs beside it was left as it is."""
    (path, *_) = sorted(home.settings.receipts.glob("*.txt"))
    whole = path.read_text()
    assert old in whole
    path.write_text(whole.replace(old, new))
    found = verdict(home)
    assert found == "" if not says else f"The receipt {path.name} was changed: " in found and says in found


def test_what_differs_is_said_without_obeying_it(home: Audited) -> None:
    (path, *_) = sorted(home.settings.receipts.glob("*.txt"))
    whole = path.read_text()
    path.write_text(whole + "\x1b[2Jmore\n")
    assert "says “" in verdict(home) and "nothing stood there" in verdict(home) and "\x1b" not in verdict(home)
    path.write_bytes(b"")
    assert "line 1 is gone, where it said “Handrail session one”" in verdict(home)
    path.write_bytes(whole.encode().replace(b"\n", b"\r\n"))
    assert "is not the file of which record" in verdict(home)


def test_what_no_record_repeats_is_held_to_what_was_written(home: Audited) -> None:
    """The head of a receipt: reason, tier, how it ended."""
    (path, *_) = sorted(home.settings.receipts.glob("*.json"))
    path.write_bytes(path.read_bytes().replace(b"the printer", b"the accounts"))
    assert f"The receipt {path.name} was changed: it is not the file of which record 4 tells" in verdict(home)


def test_ratings_beside_receipts_and_receipts_thrown_away_are_no_fault(home: Audited) -> None:
    first, second, _ = sorted(home.settings.receipts.glob("*.json"))
    first.with_name(first.name.removesuffix(".json") + ".rating.json").write_text('{"stars": 5}')
    second.unlink()
    second.with_suffix(".txt").unlink()
    with open_chain(home.path) as chain:
        sound = verify(chain, home.settings.receipts, home.device)
    assert (sound.records, sound.receipts, sound.gone) == (12, 2, 1)


def test_receipts_of_before_there_was_a_record_of_them_are_held_to_the_chain_alone(
    home: Audited, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("agent.recording.SessionRecord._vouch_for", lambda *_: None)
    home.session("four")
    path = max(home.settings.receipts.glob("*.txt"))
    path.write_text("something else")
    assert verdict(home) == ""


def test_a_file_that_is_no_database_any_more_is_named(home: Audited) -> None:
    home.path.write_bytes(b"junk" * 2000)
    assert "was damaged" in verdict(home)


def test_a_checkpoint_of_an_earlier_identity_is_no_fault(home: Audited) -> None:
    home.device = Audited(home.settings.home).device
    assert verdict(home) == ""


def test_an_exported_file_holds(home: Audited) -> None:
    for session, count in (("", 12), ("two", 3)):
        lines = home.export(session)
        assert len(lines) == count + 1
        shown = check(lines, root_der=home.organisation.root, witnesses=lambda _: [])
        assert (shown.whole, shown.records, shown.identity.peer) == (not session, count, home.device.peer)
    with pytest.raises(TrustError):
        check(home.export(), root_der=Organisation().root, witnesses=lambda _: [])


def test_nothing_is_signed_that_does_not_hold(home: Audited) -> None:
    home.change("DELETE FROM record WHERE sequence = 2")
    with pytest.raises(TrustError, match="record 2"):
        home.export()


def test_a_chain_is_read_while_its_agent_writes(home: Audited) -> None:
    with Audit(home.path) as writing, Audit(home.path, read_only=True) as reading:
        writing.record("more", {}, at=1.0)
        assert reading.verify() == 12
        assert len(list(export(reading, home.device, session="", at=1.0))) == 13
        with pytest.raises(AuditUnavailable):
            reading.record("more", {}, at=1.0)
    home.path.write_bytes(b"nothing of the kind" * 1000)
    with pytest.raises((AuditUnavailable, sqlite3.Error)):
        open_chain(home.path)


def test_receipts_that_cannot_be_read_are_said(home: Audited) -> None:
    (home.settings.receipts / "0.json").mkdir()
    with pytest.raises(AuditUnavailable):
        list(kept_receipts(home.settings.receipts))


def test_a_record_reads_as_a_line() -> None:
    assert line_of(Record(1, 0.0, "", "did", {"b": 1, "a": "x"})) == "did: a x, b 1"
    assert line_of(Record(1, 0.0, "", "did", {})) == "did"
