"""The recordings of this computer."""

from pathlib import Path

import pytest

from hostio.private_files import PrivateFileError
from protocol.certificates import PrivateKey
from technician_client.recordings import store
from technician_client.recordings.names import new_path
from technician_client.recordings.store import Kept, Shelf, kept, look, recordings_key, remove
from technician_client.recordings.writer import SECOND, End, Meta, RecordingWriter
from tests.kit.recordings import Source

WALL = 1795262400.0


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    return tmp_path / "recordings"


def record(directory: Path, key: bytes, label: str, wall: float) -> Path:
    writer = RecordingWriter(
        new_path(directory, label, wall), key, b"s" * 32, Meta("s-1", "dev1", label, "Ana Ruiz", "Example Ltd", wall)
    )
    source = Source()
    writer.write([(0, message) for message in source.layout()] + [(3 * SECOND, source.tile())])
    writer.close(End("technician"))
    return writer.path


def test_they_are_listed_newest_first_until_they_are_removed(directory: Path) -> None:
    key = recordings_key(PrivateKey.generate())
    one, two = (record(directory, key, label, WALL + day * 86400) for day, label in enumerate(("Büro 3/../x", "Till")))
    listed = kept(directory, key)
    told = [(row.path, row.seconds, row.end, row.fault) for row in listed]
    assert told == [(two, 3.0, "technician", ""), (one, 3.0, "technician", "")]
    remove(one)
    assert [row.path for row in kept(directory, key)] == [two]
    with pytest.raises(PrivateFileError):
        remove(one)


def test_a_list_opens_only_what_has_changed(directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    one, two = (record(directory, b"k" * 32, label, WALL) for label in ("a", "b"))
    opened: list[Path] = []

    def noted(path: Path, key: bytes) -> Kept:
        opened.append(path)
        return look(path, key)

    monkeypatch.setattr(store, "look", noted)
    shelf = Shelf(directory, b"k" * 32)
    assert [row.path for row in shelf.listed()] == [two, one] == opened
    opened.clear()
    assert [row.seconds for row in shelf.listed()] == [3.0, 3.0]
    assert opened == []
    with one.open("ab") as file:
        file.write(b"more")
    remove(two)
    three = record(directory, b"k" * 32, "c", WALL)
    assert [row.path for row in shelf.listed()] == [three, one] == opened


def test_what_does_not_open_is_listed_with_the_reason(directory: Path) -> None:
    record(directory, recordings_key(PrivateKey.generate()), "Till", WALL)
    (row,) = kept(directory, recordings_key(PrivateKey.generate()))
    assert "another technician's key" in row.fault
    assert row.meta is None
