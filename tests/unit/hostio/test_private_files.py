"""Private files: modes, whole replacement, refusals that say what to do."""

import stat
from pathlib import Path

import pytest

from hostio.private_files import (
    PrivateFileError,
    make_private_directory,
    read_passphrase,
    read_private,
    write_private,
)


def test_files_and_directories_are_for_their_owner_only(tmp_path: Path) -> None:
    path = tmp_path / "a" / "b" / "key.pem"
    write_private(path, b"secret")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == stat.S_IMODE(path.parent.parent.stat().st_mode) == 0o700
    assert read_private(path, 100) == b"secret"
    assert [entry.name for entry in path.parent.iterdir()] == ["key.pem"]
    assert make_private_directory(path.parent) == path.parent


def test_a_readable_secret_is_refused_with_the_command_that_mends_it(tmp_path: Path) -> None:
    path = tmp_path / "key.pem"
    write_private(path, b"secret")
    path.chmod(0o644)
    with pytest.raises(PrivateFileError, match="chmod 600"):
        read_private(path, 100)
    assert read_private(path, 100, secret=False) == b"secret"


def test_sizes_are_bounded_and_missing_files_are_told_apart(tmp_path: Path) -> None:
    write_private(tmp_path / "x", b"12345")
    with pytest.raises(PrivateFileError, match="larger"):
        read_private(tmp_path / "x", 4)
    with pytest.raises(FileNotFoundError):
        read_private(tmp_path / "y", 4)
    with pytest.raises(PrivateFileError):
        write_private(tmp_path / "x" / "under-a-file", b"")


def test_a_passphrase_is_the_first_line(tmp_path: Path) -> None:
    write_private(tmp_path / "pass", b"correct horse\nsecond line\n")
    assert read_passphrase(tmp_path / "pass") == b"correct horse"
    write_private(tmp_path / "pass", b"\n")
    with pytest.raises(PrivateFileError, match="empty"):
        read_passphrase(tmp_path / "pass")
    with pytest.raises(PrivateFileError, match="no passphrase file"):
        read_passphrase(tmp_path / "none")
