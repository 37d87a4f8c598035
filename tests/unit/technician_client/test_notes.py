"""Notes are private, bounded and gone when they are empty."""

import stat
from pathlib import Path

import pytest

from hostio.private_files import PrivateFileError
from protocol.errors import TrustError
from technician_client.notes import Note, read_note, save_note

NOTE = Note("4f21aa", "dev1", "Reception PC", "Ana Ruiz", "Changed the tray of the printer.", 1795262400.0)


def test_what_is_written_is_read_by_its_owner_alone(tmp_path: Path) -> None:
    save_note(tmp_path / "notes", NOTE)
    assert read_note(tmp_path / "notes", "4f21aa") == NOTE
    assert read_note(tmp_path / "notes", "another") is None
    (file,) = (tmp_path / "notes").iterdir()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_no_text_is_no_file(tmp_path: Path) -> None:
    save_note(tmp_path, NOTE)
    save_note(tmp_path, Note("4f21aa", "dev1", "", "", " \n", 2.0))
    assert list(tmp_path.iterdir()) == []
    save_note(tmp_path, Note("4f21aa", "dev1", "", "", "", 2.0))


def test_a_name_leads_nowhere_else_and_a_changed_file_is_noticed(tmp_path: Path) -> None:
    for name in ("../receipts/x", "", "a/b", "x" * 65):
        with pytest.raises(PrivateFileError):
            read_note(tmp_path, name)
    save_note(tmp_path, NOTE)
    (tmp_path / "4f21aa.json").write_text("{}")
    with pytest.raises(TrustError):
        read_note(tmp_path, "4f21aa")
