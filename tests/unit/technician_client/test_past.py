"""Past sessions are put together from what is kept, and nothing that is damaged hides the rest."""

import json
from pathlib import Path

import msgspec
import pytest

from hostio.private_files import write_private
from technician_client.errors import Ambiguous, NotFound
from technician_client.notes import Note, save_note
from technician_client.past import document, past_session, past_sessions, to_json
from technician_client.receipts import LastWords, read_words
from technician_client.settings import Settings
from tests.kit.past import CUT, OPENED, RECEIPT, RECORDING, SESSION, keep_two_sessions, last_words


def test_receipt_notes_fixes_and_recordings_of_one_session_come_together(tmp_path: Path) -> None:
    newest, cut = past_sessions(keep_two_sessions(tmp_path))
    assert (newest.session, newest.label, newest.technician, newest.reason) == (
        SESSION,
        "Reception PC",
        "Ana Ruiz",
        "the disk is full",
    )
    assert (newest.opened_at, newest.ended_at, newest.signed) == (OPENED, OPENED + 300, 41)
    assert [record.action for record in newest.files] == ["file received", "file sent"]
    assert [fix.outcome for fix in newest.fixes] == ["fixed"]
    assert newest.recordings == (RECORDING,)
    assert newest.note.startswith("Tray 2 was empty.")
    assert newest.fault == ""
    assert (cut.session, cut.label, cut.ended_at, cut.records, cut.signed) == (CUT, "Till 3", OPENED - 86400, (), 0)


def test_nothing_kept_is_an_empty_list(tmp_path: Path) -> None:
    assert past_sessions(Settings(tmp_path)) == []
    with pytest.raises(NotFound, match="receipts list"):
        past_session(Settings(tmp_path), "last")


def test_a_session_is_found_by_its_beginning_or_as_the_last(tmp_path: Path) -> None:
    settings = keep_two_sessions(tmp_path)
    assert past_session(settings, "last").session == SESSION
    assert past_session(settings, "0b").session == CUT
    assert past_session(settings, SESSION).session == SESSION
    save_note(settings.notes_directory, Note("4f99", "d", "l", "t", "words", 1.0))
    with pytest.raises(Ambiguous, match="2 sessions begin"):
        past_session(settings, "4f")
    for missing in ("", "zz"):
        with pytest.raises(NotFound):
            past_session(settings, missing)


def test_of_a_session_that_went_on_the_last_words_count(tmp_path: Path) -> None:
    settings = keep_two_sessions(tmp_path)
    later = last_words(ended_at=OPENED + 900, reason="later")
    write_private(settings.receipts_directory / "0-k3v9w2m4x7q1-4f21aa.json", msgspec.json.encode(later))
    assert past_session(settings, SESSION).ended_at == OPENED + 900


def test_only_what_is_asked_for_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = keep_two_sessions(tmp_path)
    for number in range(50):
        words = last_words(session=f"{number:02x}dd", ended_at=OPENED - 90_000 - number)
        path = settings.receipts_directory / f"{int(words.ended_at)}-k3v9w2m4x7q1-{words.session}.json"
        write_private(path, msgspec.json.encode(words))
    read: list[Path] = []

    def noted(path: Path) -> LastWords:
        read.append(path)
        return read_words(path)

    monkeypatch.setattr("technician_client.past.read_words", noted)
    assert past_session(settings, SESSION).session == SESSION
    assert len(read) == 1
    read.clear()
    assert [one.session for one in past_sessions(settings, 3)] == [SESSION, CUT, "00dd"]
    assert len(read) == 2  # of the second only notes are kept
    read.clear()
    assert past_session(settings, "last").session == SESSION
    assert len(read) <= 20
    (settings.receipts_directory / "renamed by hand.json").write_bytes(msgspec.json.encode(last_words(session="ee11")))
    assert past_session(settings, "ee").session == "ee11"


@pytest.mark.parametrize("directory", ["receipts", "notes", "worklogs"])
def test_a_damaged_file_is_named_and_hides_nothing(tmp_path: Path, directory: str) -> None:
    settings = keep_two_sessions(tmp_path)
    write_private(tmp_path / directory / "broken.json", b"{")
    found = {one.session: one for one in past_sessions(settings)}
    assert set(found) == {SESSION, CUT, "broken"}
    assert "broken.json was changed" in found["broken"].fault


def test_a_receipt_that_does_not_read_is_said(tmp_path: Path) -> None:
    settings = keep_two_sessions(tmp_path)
    words = last_words(receipt='{"records": 7}', fault="It is another chain.")
    write_private(settings.receipts_directory / RECEIPT, msgspec.json.encode(words))
    past = past_session(settings, SESSION)
    assert past.fault.startswith("It is another chain. The device's receipt does not read")
    assert (past.label, past.technician) == ("Reception PC", "Ana Ruiz")  # from the notes


def test_the_document_tells_everything_and_is_json(tmp_path: Path) -> None:
    past = past_session(keep_two_sessions(tmp_path), SESSION)
    told = json.loads(to_json(past))
    assert told == json.loads(json.dumps(document(past)))
    assert told["files"][0] == {
        "way": "put",
        "at": OPENED + 90,
        "path": "Documents/report.odt",
        "size": 20480,
        "sha256": "ab" * 32,
    }
    assert told["files"][1]["way"] == "taken"
    assert told["fixes"][0]["after"] == ["12 updates wait"]
    assert told["recordings"] == [RECORDING]
    assert len(told["records"]) == 7
