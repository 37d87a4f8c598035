"""What is kept of a session lies where the settings say, in the technician's name."""

from pathlib import Path

from hostio.tasks import Supervisor
from protocol.messages import Message
from protocol.messages.fixes import FixResult
from protocol.messages.recording import RecordingState
from technician_client.console.keeping import About, Keeping
from technician_client.console.ports import Person
from technician_client.notes import read_note
from technician_client.recordings.store import kept
from technician_client.settings import Settings
from technician_client.worklog import read_worklog

PERSON = Person("Ana Ruiz", 3, "5f0c", "https://relay.example")
ABOUT = About("4f21", "dev1", "Reception PC")


def test_notes_are_kept_under_the_sessions_name(tmp_path: Path) -> None:
    Keeping(Settings(tmp_path), b"k" * 32, PERSON).note(ABOUT, "Tray 2 was empty.")
    note = read_note(tmp_path / "notes", "4f21")
    assert note is not None
    assert (note.device, note.label, note.technician, note.text) == ("dev1", "Reception PC", "Ana Ruiz", "Tray 2 was empty.")


async def test_recordings_are_named_by_device_and_a_named_file_is_used_once(tmp_path: Path) -> None:
    settings = Settings(tmp_path, recording_free_gigabytes=0.0)
    keeping, sent = Keeping(settings, b"k" * 32, PERSON), list[Message]()
    async with Supervisor() as supervisor:
        for _ in range(2):
            recording = keeping.recording(
                supervisor, lambda: ABOUT, send=sent.append, on_change=lambda: None, path=tmp_path / "mine.hrrec"
            )
            recording.start()
            await recording.hear(RecordingState(True))
            recording.stop()
            await recording.finished()
    assert (tmp_path / "mine.hrrec").is_file()
    (row,) = kept(tmp_path / "recordings", b"k" * 32)
    assert row.name.endswith("-Reception-PC")
    assert row.meta is not None
    assert (row.meta.session, row.meta.technician) == ("4f21", "Ana Ruiz")


def test_fixes_and_recordings_are_named_under_the_session_and_a_disk_that_takes_nothing_ends_nothing(tmp_path: Path) -> None:
    keeping = Keeping(Settings(tmp_path), b"k" * 32, PERSON)
    keeping.fixed(ABOUT, FixResult(1, "free-disk-space", "1.2", "fixed", 5.0))
    keeping.recorded(ABOUT, Settings(tmp_path).recordings_directory / "one.hrrec")
    log = read_worklog(tmp_path / "worklogs", "4f21")
    assert log is not None
    assert (log.label, [fix.id for fix in log.fixes], log.recordings) == ("Reception PC", ["free-disk-space"], ["one"])
    (tmp_path / "worklogs" / "4f21.json").write_text("{")
    keeping.fixed(ABOUT, FixResult(1, "free-disk-space", "1.2", "fixed", 5.0))
    keeping.recorded(ABOUT, Settings(tmp_path).recordings_directory / "two.hrrec")
    assert (tmp_path / "worklogs" / "4f21.json").read_text() == "{"
