"""Real directories with hostile names and links in them."""

import hashlib
import os
from pathlib import Path

import pytest

from agent.backends.folders import SharedFolders, WritableFile
from protocol.errors import RefusalReason, Refused, Unavailable
from protocol.transfer import partial_name

KEY = "00ff"


@pytest.fixture
def home(tmp_path: Path) -> Path:
    made = tmp_path / "home"
    (made / "Documents").mkdir(parents=True)
    (made / "Documents" / "letter.txt").write_bytes(b"dear all")
    (tmp_path / "secret").write_bytes(b"not yours")
    (made / "out").symlink_to(tmp_path)
    (made / "Documents" / "secret.txt").symlink_to(tmp_path / "secret")
    return made


def opened(found: object) -> WritableFile:
    assert isinstance(found, WritableFile)
    return found


def received(folders: SharedFolders, parts: tuple[bytes, ...], data: bytes, conflict: str = "ask") -> bytes:
    file = opened(folders.put(parts, len(data), KEY, conflict))  # type: ignore[arg-type]  # a name of a conflict
    file.write(data)
    path = file.finish(0o640, 1000.5)
    file.close()
    return path


def test_names_of_any_bytes_are_listed_and_links_are_named(home: Path) -> None:
    odd = b"odd\xff\n\x1b[2J"
    (home / os.fsdecode(odd)).write_bytes(b"12345")
    os.mkfifo(home / "pipe")
    found, more, free = SharedFolders(home).entries((), b"")
    assert [(entry.name, entry.kind, entry.size) for entry in found] == [
        (b"Documents", "folder", 0),
        (odd, "file", 5),
        (b"out", "link", 0),
        (b"pipe", "other", 0),
    ]
    assert not more
    assert free > 0


def test_long_folders_come_in_parts(home: Path) -> None:
    for number in range(7):
        (home / "Documents" / f"{number}").touch()
    folders = SharedFolders(home)
    first, more, _ = folders.entries((b"Documents",), b"", 5)
    second, last, _ = folders.entries((b"Documents",), first[-1].name, 5)
    assert more
    assert not last
    assert [entry.name for entry in (*first, *second)] == [*(b"%d" % number for number in range(7)), b"letter.txt", b"secret.txt"]


@pytest.mark.parametrize(
    "parts", [(b"out", b"secret"), (b"out",), (b"Documents", b"secret.txt"), (b"Documents", b"letter.txt", b"x")]
)
def test_nothing_is_reached_through_a_link(home: Path, parts: tuple[bytes, ...]) -> None:
    folders = SharedFolders(home)
    for attempt in (
        lambda: folders.read(parts),
        lambda: folders.put((*parts, b"new"), 1, KEY, "replace"),
        lambda: folders.make((*parts, b"new")),
        lambda: folders.entries(parts, b""),
    ):
        with pytest.raises(Refused) as refused:
            attempt()
        assert refused.value.reason is RefusalReason.INVALID
    assert (home.parent / "secret").read_bytes() == b"not yours"
    assert sorted(path.name for path in home.parent.iterdir()) == ["home", "secret"]


def test_a_link_that_is_put_in_the_place_of_a_folder_meanwhile_is_not_followed(home: Path) -> None:
    file = opened(SharedFolders(home).put((b"Documents", b"new.txt"), 3, KEY, "ask"))
    (home / "Documents").rename(home / "Moved")
    (home / "Documents").symlink_to(home.parent)
    file.write(b"abc")
    file.finish(0o600, 0.0)
    file.close()
    assert (home / "Moved" / "new.txt").read_bytes() == b"abc"
    assert not (home.parent / "new.txt").exists()


def test_a_link_in_the_place_of_the_unfinished_file_is_not_followed(home: Path) -> None:
    (home / partial_name(KEY).decode()).symlink_to(home.parent / "secret")
    with pytest.raises(Refused):
        SharedFolders(home).put((b"new.txt",), 3, KEY, "ask")
    (home / partial_name(KEY).decode()).unlink()
    os.link(home.parent / "secret", home / partial_name(KEY).decode())
    with pytest.raises(Refused, match="not ours"):
        SharedFolders(home).put((b"new.txt",), 3, KEY, "ask")
    assert (home.parent / "secret").read_bytes() == b"not yours"


def test_a_pipe_or_a_folder_is_not_read(home: Path) -> None:
    os.mkfifo(home / "pipe")
    for name in (b"pipe", b"Documents"):
        with pytest.raises(Refused, match="plain files"):
            SharedFolders(home).read((name,))
    with pytest.raises(Refused) as refused:
        SharedFolders(home).read((b"nothing",))
    assert refused.value.reason is RefusalReason.NOT_FOUND


def test_the_agents_own_files_are_not_shared(home: Path) -> None:
    private = home / ".local" / "handrail"
    private.mkdir(parents=True)
    (private / "key").write_bytes(b"k")
    folders = SharedFolders(home, private=private)
    with pytest.raises(Refused, match="own files"):
        folders.read((b".local", b"handrail", b"key"))
    with pytest.raises(Refused, match="own files"):
        folders.put((b".local", b"handrail", b"agent.toml"), 1, KEY, "replace")


def test_policy_narrows_what_is_shared(home: Path) -> None:
    (home / "Documents" / "work").mkdir()
    (home / "Documents" / "work" / "a").write_bytes(b"a")
    folders = SharedFolders(home, only=["Documents/work"])
    assert [entry.name for entry in folders.entries((), b"")[0]] == [b"Documents"]
    assert [entry.name for entry in folders.entries((b"Documents",), b"")[0]] == [b"work"]
    folders.read((b"Documents", b"work", b"a")).close()
    for attempt in (
        lambda: folders.read((b"Documents", b"letter.txt")),
        lambda: folders.put((b"x",), 1, KEY, "ask"),
        lambda: folders.make((b"Documents", b"x")),
        lambda: folders.entries((b"out",), b""),
    ):
        with pytest.raises(Refused) as refused:
            attempt()
        assert refused.value.reason is RefusalReason.POLICY


def test_a_file_is_moved_into_place_whole(home: Path) -> None:
    folders = SharedFolders(home)
    file = opened(folders.put((b"a", b"b", b"new.txt"), 6, KEY, "ask", parents=True))
    file.write(b"abc")
    assert not (home / "a" / "b" / "new.txt").exists()
    assert folders.entries((b"a", b"b"), b"")[0] == []
    file.write(b"def")
    assert file.digest.digest() == hashlib.sha256(b"abcdef").digest()
    assert file.finish(0o640, 1000.5) == b"a/b/new.txt"
    file.close()
    status = (home / "a" / "b" / "new.txt").stat()
    assert (status.st_mode & 0o777, status.st_mtime, status.st_nlink) == (0o640, 1000.5, 1)


def test_a_taken_name_is_never_written_over_without_being_told_to(home: Path) -> None:
    folders = SharedFolders(home)
    letter = (b"Documents", b"letter.txt")
    assert folders.put(letter, 3, KEY, "ask") == "exists"
    assert folders.put(letter, 3, KEY, "skip") == "skipped"
    assert received(folders, letter, b"two", "rename") == b"Documents/letter (2).txt"
    assert received(folders, letter, b"three", "rename") == b"Documents/letter (3).txt"
    assert (home / "Documents" / "letter.txt").read_bytes() == b"dear all"
    assert received(folders, letter, b"new", "replace") == b"Documents/letter.txt"
    assert (home / "Documents" / "letter.txt").read_bytes() == b"new"
    with pytest.raises(Refused, match="is a folder"):
        folders.put((b"Documents",), 3, KEY, "replace")


def test_a_name_that_is_taken_while_the_file_comes_is_not_written_over(home: Path) -> None:
    file = opened(SharedFolders(home).put((b"new.txt",), 1, KEY, "ask"))
    file.write(b"1")
    (home / "new.txt").write_bytes(b"theirs")
    assert file.finish(0o600, 0.0) == b"new (2).txt"
    file.close()
    assert (home / "new.txt").read_bytes() == b"theirs"


def test_what_came_before_a_cut_is_there_again(home: Path) -> None:
    folders = SharedFolders(home)
    first = opened(folders.put((b"big",), 10, KEY, "ask"))
    first.write(b"12345")
    with pytest.raises(Refused) as busy:
        folders.put((b"big",), 10, KEY, "ask")
    assert busy.value.reason is RefusalReason.BUSY
    first.close()
    again = opened(folders.put((b"big",), 10, KEY, "ask"))
    assert (again.offset, again.digest.digest()) == (5, hashlib.sha256(b"12345").digest())
    again.close()
    fresh = opened(folders.put((b"big",), 10, KEY, "ask", fresh=True))
    assert fresh.offset == 0
    fresh.discard()
    fresh.close()
    assert not (home / partial_name(KEY).decode()).exists()


def test_what_nobody_came_back_to_goes(home: Path) -> None:
    stale = home / partial_name("aa").decode()
    stale.write_bytes(b"x")
    os.utime(stale, (1.0, 1.0))
    fresh = home / partial_name("bb").decode()
    fresh.write_bytes(b"x")
    received(SharedFolders(home), (b"new",), b"1")
    assert not stale.exists()
    assert fresh.exists()


def test_room_is_looked_for_first(home: Path) -> None:
    with pytest.raises(Refused, match="not enough room") as refused:
        SharedFolders(home).put((b"huge",), 2**52, KEY, "ask")
    assert refused.value.reason is RefusalReason.LIMIT


def test_what_may_not_be_opened_says_so(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_arguments: object, **_options: object) -> int:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(os, "open", refuse)
    with pytest.raises(Refused) as refused:
        SharedFolders(home).read((b"Documents", b"letter.txt"))
    assert refused.value.reason is RefusalReason.NEEDS_ROOT


def test_a_file_that_changes_while_it_is_read_is_noticed(home: Path) -> None:
    file = SharedFolders(home).read((b"Documents", b"letter.txt"))
    assert (file.size, file.read(5, 10), file.prefix(4).digest()) == (8, b"all", hashlib.sha256(b"dear").digest())
    assert not file.changed
    (home / "Documents" / "letter.txt").write_bytes(b"x")
    assert file.changed
    with pytest.raises(Unavailable, match="shorter"):
        file.read(5, 10)
    file.close()
