"""The file: sealed, in order, and whole up to wherever it was cut."""

import resource
import stat
from pathlib import Path

import pytest

from hostio.private_files import PrivateFileError
from protocol.errors import TrustError
from technician_client.recordings.container import HEAD_BYTES, HEADER, ContainerReader, ContainerWriter, Kind

KEY, SALT = b"k" * 32, b"s" * 32


@pytest.fixture
def file(tmp_path: Path) -> Path:
    writer = ContainerWriter(tmp_path / "one.hrrec", KEY, SALT)
    for number, kind in enumerate((Kind.META, Kind.START, Kind.CHUNK, Kind.END)):
        writer.append(kind, number * 10, f"what record {number} holds".encode() * 5)
    writer.close()
    return writer.path


def test_what_was_written_is_read_and_nobody_else_may(file: Path) -> None:
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    with ContainerReader(file, KEY) as reader:
        assert [entry.kind for entry in reader.entries] == [Kind.META, Kind.START, Kind.CHUNK, Kind.END]
        assert reader.read(reader.entries[2]) == b"what record 2 holds" * 5
        assert not reader.cut_short
    assert b"what record" not in file.read_bytes()
    with ContainerReader(file, b"x" * 32) as reader, pytest.raises(TrustError, match="another technician's key"):
        reader.read(reader.entries[0])


def test_any_cut_leaves_the_records_before_it(file: Path) -> None:
    whole = file.read_bytes()
    with ContainerReader(file, KEY) as reader:
        ends = [entry.offset + entry.size for entry in reader.entries]
    for length in range(HEAD_BYTES, len(whole)):
        file.write_bytes(whole[:length])
        with ContainerReader(file, KEY) as reader:
            assert len(reader.entries) == sum(end <= length for end in ends)
            assert reader.cut_short
            for entry in reader.entries:
                reader.read(entry)


def test_a_record_that_was_half_written_on_a_full_disk_leaves_those_before_it_and_the_end(tmp_path: Path) -> None:
    writer = ContainerWriter(tmp_path / "one.hrrec", KEY, SALT)
    writer.append(Kind.META, 0, b"what is recorded")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(
        resource.RLIMIT_FSIZE, (writer.size + 4000, before[1])
    )  # the system takes a part of it, as a full disk does
    try:
        with pytest.raises(PrivateFileError, match="the disk is full"):
            writer.append(Kind.CHUNK, 1, bytes(4000))
        assert writer.path.stat().st_size == writer.size
        writer.append(Kind.END, 2, b"the disk is full: no more was recorded")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    writer.close()
    with ContainerReader(writer.path, KEY) as reader:
        assert [entry.kind for entry in reader.entries] == [Kind.META, Kind.END]
        assert reader.read(reader.entries[1]).startswith(b"the disk is full")
        assert not reader.cut_short


def test_a_bit_that_was_turned_is_noticed(file: Path) -> None:
    whole = file.read_bytes()
    for at in range(len(b"HRREC\x01\r\n"), len(whole), 7):
        file.write_bytes(whole[:at] + bytes([whole[at] ^ 4]) + whole[at + 1 :])
        try:
            with ContainerReader(file, KEY) as reader:
                for entry in reader.entries:
                    reader.read(entry)
                assert reader.cut_short, f"byte {at}"
        except TrustError:
            continue


def test_records_cannot_change_places(file: Path) -> None:
    with ContainerReader(file, KEY) as reader:
        one, two = reader.entries[1], reader.entries[2]
    data = file.read_bytes()
    first = data[one.offset - HEADER.size : one.offset + one.size]
    second = data[two.offset - HEADER.size : two.offset + two.size]
    file.write_bytes(
        data.replace(first + second, second.replace(second[:13], first[:13]) + first.replace(first[:13], second[:13]))
    )
    with ContainerReader(file, KEY) as reader, pytest.raises(TrustError):
        for entry in reader.entries:
            reader.read(entry)


def test_no_file_is_replaced_and_no_other_file_is_taken_for_one(file: Path, tmp_path: Path) -> None:
    with pytest.raises(PrivateFileError, match="never replaces"):
        ContainerWriter(file, KEY, SALT)
    other = tmp_path / "other"
    other.write_text("a letter")
    with pytest.raises(TrustError, match="not a recording"):
        ContainerReader(other, KEY)
    with pytest.raises(PrivateFileError):
        ContainerReader(tmp_path / "none", KEY)
