"""Recordings: deleted by this computer's settings or the policy for their device, and written down before."""

import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from hostio.private_files import PrivateFileError
from hostio.retention import DAY_SECONDS
from technician_client.recordings.container import ContainerWriter
from technician_client.recordings.retention import JOURNAL, RecordingsKeeper
from technician_client.recordings.writer import End, Meta, RecordingWriter
from tests.kit.recordings import Source

KEY = b"k" * 32
NOW = 1_790_000_000.0


def put(directory: Path, name: str, *, days: float, device: str) -> Path:
    meta = Meta("s-1", device, device, "Ana Ruiz", "Example Ltd", NOW - days * DAY_SECONDS)
    writer = RecordingWriter(directory / f"{name}.hrrec", KEY, bytes(32), meta)
    writer.write([(0, message) for message in Source().layout()])
    writer.close(End("technician"))
    os.utime(writer.path, (NOW - days * DAY_SECONDS,) * 2)
    return writer.path


def keeper(
    directory: Path, *, days: int = 0, gigabytes: float = 0.0, policy: Mapping[str, int] | None = None
) -> RecordingsKeeper:
    async def of(devices: Sequence[str]) -> Mapping[str, int]:
        return policy or {}

    return RecordingsKeeper(directory, KEY, days=days, gigabytes=gigabytes, policy_days=of, wall=lambda: NOW)


def left(directory: Path) -> list[str]:
    return sorted(path.stem for path in directory.glob("*.hrrec"))


async def test_each_is_kept_as_long_as_settings_and_the_policy_of_its_device_say(tmp_path: Path) -> None:
    for name, days, device in (("a", 40, "till"), ("b", 20, "till"), ("c", 20, "office"), ("d", 3, "till")):
        put(tmp_path, name, days=days, device=device)
    video = tmp_path / "a.mp4"
    video.write_bytes(b"exported")
    await keeper(tmp_path).once()
    assert left(tmp_path) == ["a", "b", "c", "d"] and not (tmp_path / JOURNAL).exists()
    await keeper(tmp_path, days=30).once()
    assert left(tmp_path) == ["b", "c", "d"] and not video.exists()
    await keeper(tmp_path, days=30, policy={"till": 7}).once()
    assert left(tmp_path) == ["c", "d"]
    lines = [json.loads(line) for line in (tmp_path / JOURNAL).read_text().splitlines()]
    assert [(line["name"], line["because"], line["at"]) for line in lines] == [
        ("a", "older than 30 days", NOW),
        ("b", "older than 7 days", NOW),
    ]


async def test_what_is_being_recorded_stays(tmp_path: Path) -> None:
    writer = ContainerWriter(tmp_path / "now.hrrec", KEY, bytes(32))
    os.utime(writer.path, (NOW - 90 * DAY_SECONDS,) * 2)
    put(tmp_path, "old", days=80, device="till")
    await keeper(tmp_path, days=1, gigabytes=0.001).once()
    assert left(tmp_path) == ["now"]
    writer.close()
    await keeper(tmp_path, days=1).once()
    assert left(tmp_path) == []


async def test_what_cannot_be_written_down_is_not_deleted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put(tmp_path, "old", days=80, device="till")

    def full(path: Path, data: bytes) -> None:
        raise PrivateFileError("The disk is full.")

    monkeypatch.setattr("technician_client.recordings.retention.write_private", full)
    await keeper(tmp_path, days=1).once()
    assert left(tmp_path) == ["old"]
