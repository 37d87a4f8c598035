"""`handrail recordings`."""

from pathlib import Path
from typing import Any

import av
import pytest

from technician_client.recordings.names import new_path
from technician_client.recordings.store import recordings_key
from technician_client.recordings.writer import End, Meta, RecordingWriter
from tests.kit.commands import handrail
from tests.kit.organisation import Organisation
from tests.kit.recordings import HEIGHT, WIDTH, Source
from tests.kit.switchboard import Keys, keys_of


@pytest.fixture
def keys() -> Keys:
    organisation = Organisation()
    return keys_of(organisation, organisation.technician(), "https://relay.example")


@pytest.fixture
def name(tmp_path: Path, keys: Keys) -> str:
    meta = Meta("s-1", "dev1", "Till\x1b[2J", "Ana Ruiz", "Example", 1795262400.0)
    writer = RecordingWriter(new_path(tmp_path / "recordings", "Till", 1795262400.0), recordings_key(keys.key), b"s" * 32, meta)
    writer.write(list(Source().busy(3)))
    writer.close(End("technician"))
    return writer.path.stem


async def test_they_are_listed_and_told_about(tmp_path: Path, keys: Keys, name: str) -> None:
    ran = await handrail(tmp_path, keys, "recordings", "list", "--json")
    (row,) = ran.json["recordings"]
    assert (row["name"], row["device"], row["started_at"], row["end"]) == (name, "dev1", "2026-11-21T12:00:00Z", "technician")
    words = (await handrail(tmp_path, keys, "recordings", "list")).out
    assert name in words
    assert "0:00:02" in words
    assert "\x1b" not in words
    told = (await handrail(tmp_path, keys, "recordings", "info", name, "--json")).json
    assert told["sizes"] == [f"{WIDTH}x{HEIGHT}"]
    assert (told["not_painted"], told["changes"] > 30) == (0, True)
    assert "sizes: " in (await handrail(tmp_path, keys, "recordings", "info", name)).out


async def test_one_is_exported_to_where_it_is_wanted(tmp_path: Path, keys: Keys, name: str) -> None:
    file = tmp_path / "ticket.mp4"
    ran = await handrail(tmp_path, keys, "recordings", "export", name, "-o", str(file), "--json")
    assert ran.code == 0, ran.err
    with av.open(str(file)) as container:
        assert sum(1 for _ in container.decode(video=0)) == ran.json["frames"]
    again = await handrail(tmp_path, keys, "recordings", "export", name, "-o", str(file))
    assert again.code == 1
    assert "there already" in again.err


async def test_one_is_removed_once(tmp_path: Path, keys: Keys, name: str) -> None:
    assert (await handrail(tmp_path, keys, "recordings", "remove", name, "--json")).json == {"removed": [name]}
    again: Any = await handrail(tmp_path, keys, "recordings", "remove", name, "--json")
    assert again.code == 6
    assert again.json["error"]["kind"] == "NotFound"


async def test_another_technicians_key_opens_nothing(tmp_path: Path, name: str) -> None:
    organisation = Organisation()
    other = keys_of(organisation, organisation.technician(), "https://relay.example")
    (row,) = (await handrail(tmp_path, other, "recordings", "list", "--json")).json["recordings"]
    assert "another technician's key" in row["fault"]
    assert (await handrail(tmp_path, other, "recordings", "export", name)).code == 7
