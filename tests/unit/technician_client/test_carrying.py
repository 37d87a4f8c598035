"""Folders there and back with the device's own part, over a cut."""

from pathlib import Path

import pytest

from protocol.errors import Refused
from technician_client.carrying import Carried, Carrier, Job, get_jobs, put_jobs
from technician_client.errors import SessionLost
from tests.kit.file_wire import FileWire


async def test_folders_go_there_and_come_back_over_cuts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home, source, back = tmp_path / "home", tmp_path / "papers", tmp_path / "back"
    for folder in (home, source / "in", back):
        folder.mkdir(parents=True)
    for number in range(6):
        (source / "in" / f"{number}").write_bytes(bytes([number]) * 50_000)
    monkeypatch.setenv("HOME", str(home))
    ended: list[Carried] = []

    def note(_job: Job, how: Carried) -> None:
        ended.append(how)

    async def carry(carrier: Carrier) -> int:
        wire = None
        for cuts in range(50):
            wire = FileWire(home, before=wire)
            wire.cut_after = 10 + cuts
            try:
                await carrier.run(wire)
            except SessionLost:
                continue
            else:
                return cuts
            finally:
                await wire.close()
        raise AssertionError("it never ended")

    assert await carry(Carrier(put_jobs([source], b"Inbox", "ask"), note)) > 0
    assert all(how.good for how in ended)
    wire = FileWire(home)
    jobs = await get_jobs(wire, "device", [b"Inbox/papers"], back, "ask")
    with pytest.raises(Refused, match="is not there"):
        await get_jobs(wire, "device", [b"nothing"], back, "ask")
    await wire.close()
    assert await carry(Carrier(jobs, note)) > 0
    for number in range(6):
        assert (back / "papers" / "in" / f"{number}").read_bytes() == bytes([number]) * 50_000


async def test_one_that_fails_does_not_keep_the_others(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "home" / "a").mkdir(parents=True)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    for name in ("a", "b"):
        (tmp_path / name).write_bytes(b"x")
    ended: dict[str, str] = {}

    def note(_job: Job, how: Carried) -> None:
        ended[how.name] = how.outcome

    wire = FileWire(tmp_path / "home")
    await Carrier(put_jobs([tmp_path / "a", tmp_path / "b"], b"", "ask"), note).run(wire)
    await wire.close()
    assert ended == {"a": "failed", "b": "done"}
