"""This computer's own terminal: bytes in, bytes out."""

import os
from pathlib import Path

from technician_client.cli import keyboard


async def test_a_file_and_a_pipe_are_read_to_their_ends(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"x" * 10_000)
    descriptor = os.open(tmp_path / "file", os.O_RDONLY)
    pieces = [piece async for piece in keyboard.typed(descriptor)]
    os.close(descriptor)
    assert b"".join(pieces) == b"x" * 10_000
    reader, writer = os.pipe()
    os.write(writer, b"typed")
    os.close(writer)
    assert [piece async for piece in keyboard.typed(reader)] == [b"typed"]
    os.close(reader)


def test_everything_is_written_and_a_reader_who_left_is_noticed() -> None:
    reader, writer = os.pipe()
    assert keyboard.write_all(writer, b"abc")
    assert os.read(reader, 10) == b"abc"
    os.close(reader)
    assert not keyboard.write_all(writer, b"abc")
    os.close(writer)


def test_a_size_is_always_one_that_the_wire_carries() -> None:
    columns, rows = keyboard.size()
    assert 2 <= columns <= 1000
    assert 1 <= rows <= 1000
