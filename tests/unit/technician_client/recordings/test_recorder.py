"""A recorder takes what comes, within bounds, and always ends with a word."""

import asyncio
from pathlib import Path

import pytest

from hostio.private_files import PrivateFileError
from technician_client.recordings import recorder as module
from technician_client.recordings.reader import Recording
from technician_client.recordings.recorder import Bounds, Recorder, Stopped
from technician_client.recordings.writer import Meta
from tests.kit.recordings import Source

KEY = b"k" * 32
META = Meta("s-1", "dev1", "Reception PC", "Ana Ruiz", "Example Ltd", 1795262400.0)
WIDE = Bounds(10**9, 0)


def make(path: Path, bounds: Bounds = WIDE) -> tuple[Recorder, list[str]]:
    asked: list[str] = []
    return Recorder(path, KEY, META, bounds, ask_anew=lambda: asked.append("anew")), asked


@pytest.mark.parametrize("reason", [Stopped.TECHNICIAN, Stopped.USER])
async def test_everything_offered_before_the_end_is_in_the_file(tmp_path: Path, reason: Stopped) -> None:
    recorder, _ = make(tmp_path / "one.hrrec")
    running = asyncio.get_running_loop().create_task(recorder.run())
    source = Source()
    for message in [*source.layout(), source.tile()]:
        recorder.offer(message)
    recorder.stop(reason)
    recorder.stop(Stopped.FAILED)
    end = await running
    assert end.reason == reason
    recorder.offer(source.tile())  # too late
    with Recording(tmp_path / "one.hrrec", KEY) as recording:
        assert recording.end == end
        assert len(recording.messages(next(recording.chunks_from(0)))) == 4


async def test_a_cancelled_session_still_ends_its_file(tmp_path: Path) -> None:
    recorder, _ = make(tmp_path / "one.hrrec")
    running = asyncio.get_running_loop().create_task(recorder.run())
    await asyncio.sleep(0)
    for message in Source().layout():
        recorder.offer(message)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    with Recording(tmp_path / "one.hrrec", KEY) as recording:
        assert recording.end is not None
        assert recording.end.reason == "session_over"
        assert len(list(recording.layouts())) == 1


async def test_it_stops_by_name_at_its_size(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "FLUSH_SECONDS", 0.01)
    recorder, _ = make(tmp_path / "one.hrrec", Bounds(20_000, 0))
    for message in Source().layout():
        recorder.offer(message)
    end = await recorder.run()
    assert end.reason == Stopped.TOO_LARGE
    assert "recording_gigabytes" in end.text


async def test_it_does_not_begin_without_room(tmp_path: Path) -> None:
    with pytest.raises(PrivateFileError, match="recording_free_gigabytes"):
        make(tmp_path / "one.hrrec", Bounds(10**9, 10**18))
    assert list(tmp_path.iterdir()) == []


async def test_it_stops_by_name_when_the_disk_fills(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "FLUSH_SECONDS", 0.01)
    recorder, _ = make(tmp_path / "one.hrrec", Bounds(10**9, 1))
    monkeypatch.setattr(module, "_free", lambda _directory: 0)
    assert (await recorder.run()).reason == Stopped.DISK_FULL


async def test_a_disk_that_is_behind_holds_the_session_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_WAITING", 1000)
    recorder, _ = make(tmp_path / "one.hrrec")
    await recorder.room()
    for message in Source().layout():
        recorder.offer(message)
    waiting = asyncio.get_running_loop().create_task(recorder.room())
    await asyncio.sleep(0)
    assert not waiting.done()
    running = asyncio.get_running_loop().create_task(recorder.run())
    await waiting
    recorder.stop(Stopped.TECHNICIAN)
    await running
