"""`handrail connect --record` in a terminal: announced, watched, written, played."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import numpy as np
import pytest

from hostio.private_files import PrivateFileError
from protocol.capabilities import Capability
from protocol.messages import Message
from protocol.messages.recording import RecordingStart, RecordingState
from protocol.messages.screen import ScreenAck, ScreenStart
from technician_client.cli.recording import demand_recording_file
from technician_client.recordings.reader import Player, Recording
from technician_client.recordings.store import recordings_key
from technician_client.worklog import read_worklog
from tests.kit.commands import handrail
from tests.kit.organisation import Organisation
from tests.kit.recordings import Source
from tests.kit.switchboard import Keys, SimulatedDevice, Switchboard, keys_of, running
from tests.kit.waiting import eventually_async


class Filming(Source):
    """A device that shows its screen once the recording was announced."""

    def answers(self, message: Message) -> Sequence[Message]:
        match message:
            case RecordingStart(request=request):
                return [RecordingState(True, request)]
            case ScreenStart():
                return [*self.layout(), *(self.tile() for _ in range(5))]
            case _:
                return []


@pytest.fixture
async def device() -> AsyncIterator[SimulatedDevice]:
    yield SimulatedDevice(Organisation(), label="Till 1", group="tills")


@pytest.fixture
async def board(device: SimulatedDevice) -> AsyncIterator[Switchboard]:
    async with running(Switchboard(device.organisation, device)) as board:
        yield board


@pytest.fixture
def keys(board: Switchboard) -> Keys:
    return keys_of(board.organisation, board.organisation.technician(), board.url)


async def test_what_was_shown_is_in_the_file(keys: Keys, device: SimulatedDevice, tmp_path: Path) -> None:
    source = Filming()
    device.answers = source.answers
    file = tmp_path / "ticket.hrrec"

    async def person() -> None:
        await eventually_async(lambda: len([one for one in device.received if isinstance(one, ScreenAck)]) == 6, "the pictures")
        assert device.session is not None
        device.session.end("stopped by the user", 0.0)
        await device.flush()

    ran, _ = await asyncio.gather(
        handrail(tmp_path, keys, "connect", "till", "--no-browser", "--want", "chat", "--record", str(file)), person()
    )
    assert ran.code == 0, ran.err
    assert f"Recording to {file}" in ran.out
    (kept,) = (tmp_path / "worklogs").iterdir()
    log = read_worklog(kept.parent, kept.stem)
    assert log is not None and (log.label, log.recordings) == ("Till 1", [str(file)])
    assert {Capability.CHAT, Capability.VIEW, Capability.RECORDING} == set(device.consents[0].wanted)
    kinds = [type(message) for message in device.received]
    assert kinds.index(RecordingStart) < kinds.index(ScreenStart)
    with Recording(file, recordings_key(keys.key)) as recording:
        assert (recording.meta.label, recording.meta.device) == ("Till 1", device.peer)
        assert recording.end is not None
        assert recording.end.reason == "session_over"
        player = Player(recording)
        player.seek(recording.seconds + 1)
        assert np.array_equal(player.picture.pixels, source.viewer.pixels)


def test_a_recording_replaces_nothing(tmp_path: Path) -> None:
    assert demand_recording_file(tmp_path / "one") == tmp_path / "one.hrrec"
    (tmp_path / "one.hrrec").write_text("mine")
    with pytest.raises(PrivateFileError, match="never replaces"):
        demand_recording_file(tmp_path / "one")
    with pytest.raises(PrivateFileError, match="no directory"):
        demand_recording_file(tmp_path / "no" / "one")
