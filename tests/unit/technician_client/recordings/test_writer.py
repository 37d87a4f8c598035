"""What stands in a recording and when it asks the device to begin anew."""

import threading
from pathlib import Path

import pytest

from protocol.messages import encode_message
from technician_client.recordings import writer as module
from technician_client.recordings.container import ContainerReader, Kind
from technician_client.recordings.reader import Recording
from technician_client.recordings.writer import SECOND, End, Meta, RecordingWriter
from tests.kit.recordings import Source

KEY = b"k" * 32
META = Meta("s-1", "dev1", "Reception PC", "Ana Ruiz", "Example Ltd", 1795262400.0)


def test_messages_stand_there_as_they_came(tmp_path: Path) -> None:
    source, writer = Source(), RecordingWriter(tmp_path / "one.hrrec", KEY, b"s" * 32, META)
    messages = [*source.layout(), source.tile(), source.picture_of_film()]
    writer.write([(number, message) for number, message in enumerate(messages)])
    writer.close(End("technician"))
    with Recording(writer.path, KEY) as recording:
        (start,) = recording.chunks_from(0)
        assert start.kind is Kind.START
        assert recording.messages(start) == [(number, encode_message(message)) for number, message in enumerate(messages)]


def test_a_long_film_is_asked_to_begin_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "STREAM_COST", 5 * module.LEAST_PICTURE_COST)
    source, writer = Source(), RecordingWriter(tmp_path / "one.hrrec", KEY, b"s" * 32, META)
    writer.write([(0, message) for message in source.layout()])
    asked = []
    for step in range(1, 8):
        writer.write([(step * SECOND // 30, source.picture_of_film())])
        asked.append(writer.wants_anew)
    assert asked == [False] * 5 + [True] * 2
    writer.write([(SECOND, message) for message in source.layout()])
    assert not writer.wants_anew
    writer.close(End("technician"))


def test_a_still_picture_needs_no_further_key_points(tmp_path: Path) -> None:
    source, writer = Source(), RecordingWriter(tmp_path / "one.hrrec", KEY, b"s" * 32, META)
    writer.write([(0, message) for message in source.layout()])
    writer.write([(20 * SECOND, source.tile())])
    size = writer.size
    for minute in range(1, 30):
        writer.write([(minute * 60 * SECOND, source.layout()[2])])  # the pointer's shape, nothing painted
    assert writer.size - size < 30 * 400
    writer.close(End("technician"))
    with ContainerReader(writer.path, KEY) as reader:
        assert [entry.kind for entry in reader.entries].count(Kind.KEY) == 1


def test_two_threads_wait_for_each_other(tmp_path: Path) -> None:
    source, writer = Source(), RecordingWriter(tmp_path / "one.hrrec", KEY, b"s" * 32, META)
    writer.write([(0, message) for message in source.layout()])
    tiles = [source.tile() for _ in range(40)]
    threads = [threading.Thread(target=lambda: [writer.write([(1, tile)]) for tile in tiles]) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    writer.close(End("technician"))
    with ContainerReader(writer.path, KEY) as reader:
        assert len([reader.read(entry) for entry in reader.entries]) == 2 + 1 + 120
