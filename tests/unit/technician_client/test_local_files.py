"""This computer's disk, protected from the names a device gives."""

import errno
import hashlib
import os
from collections.abc import Sequence
from pathlib import Path

import pytest

from hostio.private_files import PrivateFileError
from protocol.errors import HandrailError, Refused
from technician_client import local_files
from technician_client.local_files import LocalSink, LocalSource, found_below, open_below


async def arrived(top: Path, parts: tuple[bytes, ...], data: bytes, conflict: str = "ask") -> bytes | None:
    sink = await LocalSink.open(top, parts, of=b"device", conflict=conflict)  # type: ignore[arg-type]  # a conflict
    if sink is None:
        return None
    await sink.write(data)
    path = await sink.finish(0o4755, 1000.0)
    sink.close()
    return path


@pytest.mark.parametrize("part", [b"..", b".", b"", b"a/b", b"a\0", b"x" * 256])
async def test_names_that_lead_out_are_refused(tmp_path: Path, part: bytes) -> None:
    for parts in ((part,), (b"a", part), (part, b"a")):
        with pytest.raises(Refused):
            await LocalSink.open(tmp_path, parts, of=b"device", conflict="replace")


async def test_a_link_here_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "top").mkdir()
    (tmp_path / "top" / "link").symlink_to(tmp_path)
    with pytest.raises(Refused, match="links are not followed"):
        await LocalSink.open(tmp_path / "top", (b"link", b"x"), of=b"device", conflict="replace")
    (tmp_path / "victim").write_bytes(b"mine")
    (tmp_path / "top" / "file").symlink_to(tmp_path / "victim")
    assert await arrived(tmp_path / "top", (b"file",), b"theirs", "replace") == b"file"
    assert (tmp_path / "victim").read_bytes() == b"mine"


async def test_a_file_arrives_whole_and_cannot_be_run(tmp_path: Path) -> None:
    assert await arrived(tmp_path, (b"a", b"file"), b"data") == b"a/file"
    status = (tmp_path / "a" / "file").stat()
    assert (status.st_mode & 0o7777, status.st_mtime) == (0o644, 1000.0)


async def test_nothing_is_written_over_unasked(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"mine")
    with pytest.raises(Refused, match="--replace"):
        await arrived(tmp_path, (b"file",), b"x")
    assert await arrived(tmp_path, (b"file",), b"x", "skip") is None
    assert await arrived(tmp_path, (b"file",), b"x", "rename") == b"file (2)"
    assert (tmp_path / "file").read_bytes() == b"mine"


@pytest.mark.parametrize("number", [errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS])
async def test_a_stick_without_hard_links_takes_files_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int) -> None:
    def refuse(*_arguments: object, **_named: object) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "link", refuse)
    assert await arrived(tmp_path, (b"file",), b"first") == b"file"
    assert await arrived(tmp_path, (b"file",), b"second", "rename") == b"file (2)"
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == {"file": b"first", "file (2)": b"second"}


async def test_a_disk_that_does_not_link_for_another_reason_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_arguments: object, **_named: object) -> None:
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(os, "link", refuse)
    with pytest.raises(PrivateFileError, match="file here: Input/output error"):
        await arrived(tmp_path, (b"file",), b"data")


async def test_one_file_is_not_received_twice_at_once(tmp_path: Path) -> None:
    first = await LocalSink.open(tmp_path, (b"file",), of=b"device", conflict="ask")
    assert first is not None
    with pytest.raises(Refused, match="file is being received already"):
        await LocalSink.open(tmp_path, (b"file",), of=b"device", conflict="ask")
    first.close()
    again = await LocalSink.open(tmp_path, (b"file",), of=b"device", conflict="ask")
    assert again is not None
    again.close()


async def test_a_name_that_cannot_be_looked_at_is_named_and_its_folder_let_go_of(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[int] = []

    def below(top: Path, parts: Sequence[bytes]) -> int:
        opened.append(open_below(top, parts))
        return opened[-1]

    def fail(*_arguments: object, **_named: object) -> int:
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(local_files, "open_below", below)
    with monkeypatch.context() as broken:
        broken.setattr(os, "stat", fail)
        with pytest.raises(PrivateFileError, match="file here: Input/output error"):
            await LocalSink.open(tmp_path, (b"file",), of=b"device", conflict="ask")
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(opened[0])


async def test_what_came_before_is_there_again(tmp_path: Path) -> None:
    first = await LocalSink.open(tmp_path, (b"file",), of=b"device", conflict="ask")
    assert first is not None
    await first.write(b"12345")
    first.close()
    again = await LocalSink.open(tmp_path, (b"file",), of=b"device", conflict="ask")
    assert again is not None
    assert (again.here, again.digest.digest()) == (5, hashlib.sha256(b"12345").digest())
    await again.restart()
    assert again.here == 0
    with pytest.raises(HandrailError, match="not enough room"):
        again.demand_room(2**52)
    again.close()


async def test_a_source_reads_and_begins_anew(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"12345")
    source = LocalSource(tmp_path / "file")
    assert (source.size, await source.read(3), await source.read(10), await source.read(1)) == (5, b"123", b"45", b"")
    await source.restart()
    assert await source.read(1) == b"1"
    source.close()
    with pytest.raises(HandrailError):
        LocalSource(tmp_path / "nothing")


def test_folders_are_walked_without_links(tmp_path: Path) -> None:
    (tmp_path / "top" / "in").mkdir(parents=True)
    (tmp_path / "top" / "in" / "file").touch()
    (tmp_path / "top" / "link").symlink_to("/etc")
    os.mkfifo(tmp_path / "top" / "pipe")
    assert [(found.below, found.folder) for found in found_below(tmp_path / "top")] == [
        (b"", True),
        (b"in", True),
        (b"in/file", False),
    ]
    os.close(open_below(tmp_path, (b"new", b"er")))
    assert (tmp_path / "new" / "er").is_dir()
