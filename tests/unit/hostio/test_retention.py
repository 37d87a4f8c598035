"""What is kept and what is not: by age, by size, and never what is being written."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from hostio.retention import DAY_SECONDS, drop, hold, in_use, look, outdated, shorter

NOW = 1_000_000_000.0


def file(directory: Path, name: str, *, days: float, size: int = 10) -> Path:
    path = directory / name
    path.write_bytes(bytes(size))
    os.utime(path, (NOW - days * DAY_SECONDS,) * 2)
    return path


def names(directory: Path, *, days: int = 0, megabytes: int = 0) -> list[str]:
    return [one.path.name for one in outdated(look(directory, ".log"), lambda _: days, megabytes, NOW)]


def test_the_shorter_limit_holds_and_none_is_none() -> None:
    assert (shorter(30, 7), shorter(0, 7), shorter(7, 0), shorter(0, 0)) == (7, 7, 7, 0)


def test_what_is_older_goes_and_the_rest_stays(tmp_path: Path) -> None:
    for days in (40, 31, 29, 1):
        file(tmp_path, f"{days}.log", days=days)
    file(tmp_path, "other.txt", days=400)
    assert names(tmp_path) == []
    assert names(tmp_path, days=30) == ["40.log", "31.log"]
    found = outdated(look(tmp_path, ".log"), lambda path: 1 if path.name == "29.log" else 0, 0, NOW)
    assert [(one.path.name, one.why) for one in found] == [("29.log", "older than 1 day")]
    assert [one.path.name for one in drop(found)] == ["29.log"] and not (tmp_path / "29.log").exists()
    assert drop(found) == []
    assert look(tmp_path / "nowhere", ".log") == []


def test_of_too_much_the_oldest_go_first(tmp_path: Path) -> None:
    for days in (4, 3, 2, 1):
        file(tmp_path, f"{days}.log", days=days, size=600_000)
    assert names(tmp_path, megabytes=3) == []
    assert names(tmp_path, megabytes=1) == ["4.log", "3.log", "2.log"]
    assert names(tmp_path, days=3, megabytes=1) == ["4.log", "3.log", "2.log"]


def test_what_is_being_written_stays_whoever_writes_it(tmp_path: Path) -> None:
    mine, theirs = file(tmp_path, "mine.log", days=99), file(tmp_path, "theirs.log", days=98)
    file(tmp_path, "nobodys.log", days=97)
    descriptor = os.open(mine, os.O_WRONLY)
    hold(descriptor)
    code = f"import os, sys; from hostio.retention import hold; hold(os.open({str(theirs)!r}, os.O_WRONLY))"
    child = subprocess.Popen(
        [sys.executable, "-c", f"{code}; print('held', flush=True); sys.stdin.read()"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        cwd=Path.cwd(),
    )
    assert child.stdout is not None and child.stdin is not None
    try:
        assert child.stdout.readline() == b"held\n"
        assert names(tmp_path, days=1) == ["nobodys.log"]
        assert names(tmp_path, megabytes=1) == []
    finally:
        child.stdin.close()
        child.wait(20)
        child.stdout.close()
    assert names(tmp_path, days=1) == ["theirs.log", "nobodys.log"], "the lock of a program that has ended is gone"
    os.close(descriptor)
    assert names(tmp_path, days=1) == ["mine.log", "theirs.log", "nobodys.log"]


def test_only_plain_files_of_our_own_are_looked_at(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kept = file(tmp_path, "kept", days=99)
    (tmp_path / "link.log").symlink_to(kept)
    (tmp_path / "folder.log").mkdir()
    os.mkfifo(tmp_path / "pipe.log")
    assert look(tmp_path, ".log") == []
    assert in_use(tmp_path / "link.log") and in_use(tmp_path / "gone.log") and in_use(tmp_path / "pipe.log")
    assert not in_use(kept)
    monkeypatch.setattr(os, "geteuid", lambda: 12345)
    assert in_use(kept)
