"""What is kept of a session lies where the settings say, in the technician's name."""

from pathlib import Path

from protocol.messages import Message
from protocol.messages.recording import RecordingState
from technician_client.console.keeping import About, Keeping
from technician_client.console.ports import Person
from technician_client.notes import read_note
from technician_client.recordings.library import kept
from technician_client.settings import Settings
from technician_client.tasks import Supervisor

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
