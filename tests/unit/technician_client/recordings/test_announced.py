"""Nothing is written before the device has said yes, and nothing after it has said no."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import pytest_asyncio

from hostio.tasks import Supervisor
from protocol.errors import LocalProtocolError, RefusalReason
from protocol.messages import Message
from protocol.messages.recording import RecordingStart, RecordingState, RecordingStop
from protocol.messages.screen import ScreenLayout, ScreenRefresh
from protocol.messages.session import Refusal
from technician_client.recordings.announced import REQUEST, AnnouncedRecording, Stage
from technician_client.recordings.reader import Recording
from technician_client.recordings.recorder import Bounds
from technician_client.recordings.writer import Meta
from tests.kit.recordings import Source
from tests.kit.waiting import eventually_async

KEY = b"k" * 32
META = Meta("s-1", "dev1", "Reception PC", "Ana Ruiz", "Example Ltd", 1795262400.0)


@dataclass
class Desk:
    """A session to be recorded."""

    path: Path
    supervisor: Supervisor = field(default_factory=Supervisor)
    sent: list[Message] = field(default_factory=list)
    changes: int = 0
    open: bool = True
    free: int = 0

    def send(self, message: Message) -> None:
        if not self.open:
            raise LocalProtocolError("the session is not open")
        self.sent.append(message)

    def changed(self) -> None:
        self.changes += 1

    def make(self) -> AnnouncedRecording:
        return AnnouncedRecording(
            self.supervisor,
            send=self.send,
            where=lambda: self.path,
            key=KEY,
            meta=lambda: META,
            bounds=Bounds(10**9, self.free),
            on_change=self.changed,
        )


@pytest_asyncio.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    desk = Desk(tmp_path / "one.hrrec")
    yield desk
    await desk.supervisor.aclose()


async def finished(path: Path) -> str:
    """Why the recording ended."""

    def end() -> str:
        if not path.exists():
            return ""
        with Recording(path, KEY) as recording:
            return recording.end.reason if recording.end else ""

    return await eventually_async(end, "the end of the recording")


async def test_it_is_written_from_the_devices_yes_to_the_technicians_stop(desk: Desk) -> None:
    recording, source = desk.make(), Source()
    recording.start()
    assert desk.sent == [RecordingStart(REQUEST)]
    assert recording.stage is Stage.ANNOUNCING
    for message in source.layout():
        await recording.hear(message)
    assert not desk.path.exists()
    await recording.hear(RecordingState(True, REQUEST))
    assert recording.state["stage"] == "on"
    assert desk.sent[-1] == ScreenRefresh()
    for message in source.layout():
        await recording.hear(message)
    recording.stop()
    assert desk.sent[-1] == RecordingStop()
    assert await finished(desk.path) == "technician"
    with Recording(desk.path, KEY) as kept:
        assert [layout.epoch for layout in kept.layouts()] == [2]
    assert recording.state["stage"] == "off"
    assert recording.state["name"] == "one"


@pytest.mark.parametrize("answer", ["refused", "revoked"])
async def test_the_devices_no_ends_it(desk: Desk, answer: str) -> None:
    recording = desk.make()
    recording.start()
    if answer == "refused":
        await recording.hear(Refusal("recording.start", REQUEST, RefusalReason.POLICY, "Policy forbids it."))
        assert recording.state["text"] == "Policy forbids it."
        assert not desk.path.exists()
    else:
        await recording.hear(RecordingState(True, REQUEST))
        await recording.hear(RecordingState(False, 0, "user"))
        assert await finished(desk.path) == "user"
    assert recording.stage is Stage.OFF


async def test_over_a_reconnection_the_file_goes_on_after_another_yes(desk: Desk) -> None:
    recording, source = desk.make(), Source()
    recording.start()
    await recording.hear(RecordingState(True, REQUEST))
    for message in source.layout():
        await recording.hear(message)
    recording.lost()
    assert recording.state["stage"] == "held"
    await recording.hear(ScreenLayout(50, 10, 10))  # not announced: not written
    recording.opened(granted=True)
    assert desk.sent[-1] == RecordingStart(REQUEST)
    await recording.hear(RecordingState(True, REQUEST))
    for message in source.layout():
        await recording.hear(message)
    recording.over()
    assert await finished(desk.path) == "session_over"
    with Recording(desk.path, KEY) as kept:
        assert [layout.epoch for layout in kept.layouts()] == [1, 2]


async def test_what_was_taken_back_meanwhile_ends_it(desk: Desk) -> None:
    recording = desk.make()
    recording.start()
    await recording.hear(RecordingState(True, REQUEST))
    recording.lost()
    recording.opened(granted=False)
    assert await finished(desk.path) == "user"


async def test_a_file_that_cannot_be_made_is_told_on_both_sides(desk: Desk) -> None:
    desk.free = 10**18
    recording = desk.make()
    recording.start()
    await recording.hear(RecordingState(True, REQUEST))
    assert recording.stage is Stage.OFF
    assert desk.sent[-1] == RecordingStop()
    assert "recording_free_gigabytes" in recording.state["text"]


async def test_only_one_at_a_time_and_only_in_an_open_session(desk: Desk) -> None:
    recording = desk.make()
    recording.start()
    with pytest.raises(LocalProtocolError):
        recording.start()
    recording.lost()
    assert recording.stage is Stage.OFF
    desk.open = False
    with pytest.raises(LocalProtocolError):
        recording.start()
    recording.stop()
    assert recording.stage is Stage.OFF
