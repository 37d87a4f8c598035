"""Recording a session from the command line, without a browser: watches the screen for as long as the session lasts."""

import time
from pathlib import Path
from typing import Final

from hostio.private_files import PrivateFileError
from hostio.tasks import Supervisor
from protocol.capabilities import Capability
from protocol.errors import HandrailError
from protocol.messages import Message
from protocol.messages.screen import ScreenStart, ScreenUpdate
from technician_client.answers import SessionItem
from technician_client.cli.output import Output
from technician_client.link import TechnicianKeys
from technician_client.recordings.announced import AnnouncedRecording, Stage
from technician_client.recordings.names import SUFFIX
from technician_client.recordings.recorder import Bounds
from technician_client.recordings.store import recordings_key
from technician_client.recordings.writer import Meta
from technician_client.screenshot import acknowledge
from technician_client.sessions import Session
from technician_client.settings import Settings
from technician_client.worklog import Worklog, log_recording, recording_name

DECODERS: Final = ["avc1.42e02a"]


def demand_recording_file(path: Path) -> Path:
    """The file a recording is to be written to, with its suffix.

    Raises:
        PrivateFileError: it is there already, or its directory is not.
    """
    file = path if path.suffix == SUFFIX else path.with_name(path.name + SUFFIX)
    if file.exists():
        raise PrivateFileError(f"{file} is there already; a recording never replaces a file. Choose another name.")
    if not file.parent.is_dir():
        raise PrivateFileError(f"There is no directory {file.parent}.")
    return file


class TerminalRecording:
    """One recording over every tunnel of a session. Make it inside the event loop."""

    def __init__(self, output: Output, settings: Settings, keys: TechnicianKeys, supervisor: Supervisor, path: Path) -> None:
        self._output = output
        self._session: Session | None = None
        self._settings = settings
        self._supervisor = supervisor
        self._keys = keys
        self._told = Stage.OFF
        self._recording = AnnouncedRecording(
            supervisor,
            send=self._send,
            where=lambda: path,
            key=recordings_key(keys.key),
            meta=self._meta,
            bounds=Bounds.of_gigabytes(settings.recording_gigabytes, settings.recording_free_gigabytes),
            on_change=self._changed,
        )

    def begin(self, session: Session) -> None:
        """The session is open, for the first time or again.

        Raises:
            HandrailError: it is not open any more.
        """
        before, self._session = self._session, session
        if before is not None:
            self._recording.opened(Capability.RECORDING in session.granted)
        elif Capability.RECORDING in session.granted:
            self._recording.start()
        else:
            self._output.progress("Asking the person there whether the session may be recorded ...")
            _ = self._supervisor.spawn(self._ask(session), "asking to record")

    async def _ask(self, session: Session) -> None:
        try:
            refusal = await session.refusal_of(Capability.RECORDING)
        except HandrailError:
            return  # the session has ended, and says so itself
        if refusal is None:
            self._recording.start()
        else:
            self._output.warning(f"Nothing is recorded: {refusal.text or 'they said no.'}")

    async def take(self, item: SessionItem) -> None:
        """Something of the session."""
        if not isinstance(item, Message):
            return
        on = self._recording.stage is Stage.ON
        await self._recording.hear(item)
        if not on and self._recording.stage is Stage.ON:
            self._send(ScreenStart(DECODERS))
        if isinstance(item, ScreenUpdate) and self._session is not None:
            acknowledge(self._session, item)

    def lost(self) -> None:
        """The tunnel is lost."""
        self._recording.lost()

    def over(self) -> None:
        """The session has ended."""
        self._recording.over()

    async def finished(self) -> None:
        """Wait until the file is whole."""
        await self._recording.finished()

    def _send(self, message: Message) -> None:
        if self._session is not None:
            self._session.send(message)

    def _meta(self) -> Meta:
        session = self._session
        assert session is not None
        organisation = session.identity.organisation
        return Meta(session.session_id, session.device, session.label, self._keys.name, organisation, time.time())

    def _name_it(self) -> None:
        """In what is kept of the session, so that its receipt names the recording."""
        session, path, settings = self._session, self._recording.path, self._settings
        if session is None or path is None:
            return
        about = Worklog(session.session_id, session.device, session.label)
        try:
            log_recording(settings.worklogs_directory, about, recording_name(path, settings.recordings_directory))
        except HandrailError as error:
            self._output.warning(f"The recording is not named in the session's receipt: {error}")

    def _changed(self) -> None:
        recording = self._recording
        if recording.stage is self._told:
            return
        before, self._told = self._told, recording.stage
        state = recording.state
        if recording.stage is Stage.ON:
            self._name_it()
        if self._output.as_json:
            self._output.json({"event": "recording", **state, "file": str(recording.path or "")})
        elif recording.stage is Stage.ON:
            self._output.text(f"Recording to {recording.path}. The person there sees that.")
        elif recording.stage is Stage.OFF and before is not Stage.OFF:
            words = " ".join(part for part in ("The recording has ended.", state["text"]) if part)
            self._output.text(words)
