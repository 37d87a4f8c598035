"""Files that arrive: whole or not at all, gone on with after a cut, never over or through what others put there."""

import errno
import hashlib
import os
from pathlib import Path

import pytest

from hostio.received_files import PartialFile, digest_of, mode_of, step_into
from protocol.errors import RefusalReason, Refused

KEY = "ab" * 12


def begin(folder: Path, name: bytes = b"file", conflict: str = "ask", **options: object) -> PartialFile:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    return PartialFile(descriptor, name, KEY, conflict, owner=os.geteuid(), **options)  # type: ignore[arg-type]


def test_it_stands_in_its_place_only_when_it_is_whole(tmp_path: Path) -> None:
    file = begin(tmp_path)
    file.write(b"first, ")
    assert [path.name for path in tmp_path.iterdir()] == [f".handrail-{KEY}.part"]
    file.write(b"then")
    assert file.finish(0o640, 1000.0) == b"file"
    file.close()
    (path,) = tmp_path.iterdir()
    assert path.read_bytes() == b"first, then"
    assert (path.stat().st_mode & 0o777, path.stat().st_mtime) == (0o640, 1000.0)


def test_what_is_there_is_gone_on_with(tmp_path: Path) -> None:
    first = begin(tmp_path, hashing=True)
    first.write(b"begun")
    assert first.digest.digest() == hashlib.sha256(b"begun").digest()
    first.close()
    again = begin(tmp_path, most=100)
    assert (again.offset, again.digest.digest()) == (5, hashlib.sha256(b"begun").digest())
    again.write(b" here")
    assert again.digest.digest() == hashlib.sha256(b"begun").digest()  # nobody asked for more
    again.close()


@pytest.mark.parametrize(("most", "offset"), [(None, 5), (5, 5), (4, 0), (0, 0)])
def test_more_than_there_can_be_of_it_is_no_beginning(tmp_path: Path, most: int | None, offset: int) -> None:
    first = begin(tmp_path)
    first.write(b"begun")
    first.close()
    again = begin(tmp_path, most=most)
    assert again.offset == offset
    again.truncate()
    assert (again.offset, again.digest.digest()) == (0, hashlib.sha256().digest())
    again.close()


def test_only_one_receives_it(tmp_path: Path) -> None:
    first = begin(tmp_path)
    with pytest.raises(Refused, match="file is being received already") as busy:
        begin(tmp_path)
    assert busy.value.reason is RefusalReason.BUSY
    first.close()
    begin(tmp_path).close()


def test_what_others_put_in_its_place_is_not_touched(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_bytes(b"secret")
    place = tmp_path / f".handrail-{KEY}.part"
    os.link(secret, place)
    with pytest.raises(Refused, match="not ours"):
        begin(tmp_path, most=0)
    place.unlink()
    place.symlink_to(secret)
    with pytest.raises(OSError, match="symbolic links"):
        begin(tmp_path, most=0)
    place.unlink()
    os.mkfifo(place)
    with pytest.raises(Refused, match="not ours"):
        begin(tmp_path, most=0)
    assert secret.read_bytes() == b"secret"


def test_nothing_stays_open_after_an_error(tmp_path: Path) -> None:
    (tmp_path / f".handrail-{KEY}.part").mkdir()
    before = set(Path("/proc/self/fd").iterdir())
    with pytest.raises(IsADirectoryError):
        begin(tmp_path)
    assert set(Path("/proc/self/fd").iterdir()) <= before


def test_a_name_that_is_taken_is_replaced_or_numbered(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_bytes(b"old")
    one = begin(tmp_path, b"a.txt", "rename")
    assert one.finish(0o600, None) == b"a (2).txt"
    one.close()
    two = begin(tmp_path, b"a.txt", "replace")
    two.write(b"new")
    assert two.finish(0o600, None) == b"a.txt"
    two.close()
    assert (tmp_path / "a.txt").read_bytes() == b"new"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a (2).txt", "a.txt"]


def test_a_disk_without_hard_links_will_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def link(*_arguments: object, **_named: object) -> None:
        raise OSError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(os, "link", link)
    (tmp_path / "taken").write_bytes(b"old")
    file = begin(tmp_path, b"taken", "rename")
    assert file.finish(0o600, None) == b"taken (2)"
    file.close()
    assert (tmp_path / "taken").read_bytes() == b"old"


def test_what_nobody_goes_on_with_is_gone(tmp_path: Path) -> None:
    file = begin(tmp_path)
    file.discard()
    file.close()
    assert list(tmp_path.iterdir()) == []


def test_a_disk_that_is_too_small_is_told(tmp_path: Path) -> None:
    file = begin(tmp_path)
    assert file.missing_room(1000) == ""
    assert "not enough room" in file.missing_room(2**52)
    file.close()


def test_steps_lead_through_no_link(tmp_path: Path) -> None:
    top = os.open(tmp_path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        with pytest.raises(FileNotFoundError):
            step_into(top, b"new", create=False)
        os.close(step_into(top, b"new", create=True))
        os.close(step_into(top, b"new", create=True))
        (tmp_path / "link").symlink_to(tmp_path / "new")
        with pytest.raises(OSError) as refused:
            step_into(top, b"link", create=True)
        assert refused.value.errno in (errno.ENOTDIR, errno.ELOOP)
        assert mode_of(top, b"nothing") is None
        assert mode_of(top, b"link") is not None
    finally:
        os.close(top)


def test_a_digest_is_of_what_there_is(tmp_path: Path) -> None:
    with (tmp_path / "x").open("w+b") as file:
        file.write(b"abcdef")
        file.flush()
        assert digest_of(file.fileno(), 3).digest() == hashlib.sha256(b"abc").digest()
        assert digest_of(file.fileno(), 99).digest() == hashlib.sha256(b"abcdef").digest()
