"""A private directory, also when the first place is full, and nothing left of it afterwards."""

import stat
from pathlib import Path

import pytest

from agent.fixes.workspace import SHARED_MEMORY, candidates, workspace
from protocol.errors import Unavailable


def test_it_is_private_and_goes_away(tmp_path: Path) -> None:
    with workspace([tmp_path], 100) as directory:
        assert stat.S_IMODE(directory.stat().st_mode) == 0o700
        assert list(directory.iterdir()) == []
        (directory / "deep").mkdir()
        (directory / "deep" / "file").write_text("x")
    assert list(tmp_path.iterdir()) == []


def test_also_after_an_exception(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="boom"), workspace([tmp_path], 100):
        raise ValueError("boom")
    assert list(tmp_path.iterdir()) == []


def test_a_directory_that_was_locked_goes_away_too(tmp_path: Path) -> None:
    with workspace([tmp_path], 100) as directory:
        locked = directory / "locked"
        locked.mkdir()
        (locked / "file").write_text("x")
        locked.chmod(0)
        directory.chmod(0o500)
    assert list(tmp_path.iterdir()) == []


def test_a_link_out_of_it_is_not_followed(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "precious").write_text("x")
    place = tmp_path / "place"
    place.mkdir()
    with workspace([place], 100) as directory:
        (directory / "link").symlink_to(outside)
    assert (outside / "precious").exists()


def test_the_next_place_serves_when_one_is_full_or_missing(tmp_path: Path) -> None:
    with workspace([tmp_path / "missing", Path("/proc"), tmp_path], 100) as directory:
        assert directory.parent == tmp_path


def test_no_room_anywhere_names_the_places(tmp_path: Path, full_disk: Path) -> None:
    with (
        pytest.raises(Unavailable, match=rf"missing: No such file.*{full_disk}: No space left.*Free some space"),
        workspace([tmp_path / "missing", full_disk], 100),
    ):
        raise AssertionError("there was room")
    assert [path.name for path in full_disk.iterdir()] == ["filler"]


def test_memory_comes_before_the_disk(tmp_path: Path) -> None:
    assert candidates({"XDG_RUNTIME_DIR": "/run/user/7"}, temporary=tmp_path) == [Path("/run/user/7"), SHARED_MEMORY, tmp_path]
    assert candidates({"XDG_RUNTIME_DIR": "relative"}, temporary=tmp_path) == [SHARED_MEMORY, tmp_path]
