"""What the console keeps of sessions on this computer: recordings and notes. Each file is the technician's alone."""

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from hostio.tasks import Supervisor
from protocol.errors import HandrailError
from protocol.messages import Message
from protocol.messages.fixes import FixResult
from technician_client.console.ports import Person
from technician_client.notes import Note, save_note
from technician_client.recordings.announced import AnnouncedRecording
from technician_client.recordings.names import new_path
from technician_client.recordings.recorder import Bounds
from technician_client.recordings.writer import Meta
from technician_client.settings import Settings
from technician_client.worklog import Worklog, log_fix, log_recording, recording_name

_LOGGER = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class About:
    """Which session something is kept of. `label` and `device` as certified."""

    session: str
    device: str
    label: str


@dataclass(frozen=True, slots=True)
class Keeping:
    """Where and in whose name things are kept. `key` seals recordings."""

    settings: Settings
    key: bytes
    person: Person
    first_recording: Path | None = None  # a file that was named for the recording of the first session

    def recording(
        self,
        supervisor: Supervisor,
        about: Callable[[], About],
        *,
        send: Callable[[Message], None],
        on_change: Callable[[], None],
        path: Path | None = None,
    ) -> AnnouncedRecording:
        """The recording of one session. `path`: a file to use instead of a new one among the others."""
        settings = self.settings

        def meta() -> Meta:
            what = about()
            return Meta(what.session, what.device, what.label, self.person.name, self.person.organisation, time.time())

        def where() -> Path:
            if path is not None and not path.exists():
                return path
            return new_path(settings.recordings_directory, about().label, time.time())

        return AnnouncedRecording(
            supervisor,
            send=send,
            where=where,
            key=self.key,
            meta=meta,
            bounds=Bounds.of_gigabytes(settings.recording_gigabytes, settings.recording_free_gigabytes),
            on_change=on_change,
        )

    def fixed(self, about: About, result: FixResult) -> None:
        """A fix has ended in a session: kept with what was wrong before and after. A disk that takes nothing costs only that."""
        try:
            log_fix(self.settings.worklogs_directory, _worklog(about), result, time.time())
        except HandrailError as error:
            _LOGGER.warning("what was fixed in session %s is not kept: %s", about.session, error)

    def recorded(self, about: About, path: Path) -> None:
        """A recording of a session has begun in that file; kept as `fixed`."""
        try:
            name = recording_name(path, self.settings.recordings_directory)
            log_recording(self.settings.worklogs_directory, _worklog(about), name)
        except HandrailError as error:
            _LOGGER.warning("the recording of session %s is not named in its receipt: %s", about.session, error)

    def note(self, about: About, text: str) -> None:
        """Keep notes of a session.

        Raises:
            PrivateFileError: they cannot be written.
        """
        save_note(
            self.settings.notes_directory,
            Note(about.session, about.device, about.label, self.person.name, text, time.time()),
        )


def _worklog(about: About) -> Worklog:
    return Worklog(about.session, about.device, about.label)
