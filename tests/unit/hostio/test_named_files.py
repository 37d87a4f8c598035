from pathlib import Path

import pytest

from hostio.errors import UnreadableFile
from hostio.named_files import read_named


def test_a_file_is_read_up_to_one_byte_too_many(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"0123456789")
    assert read_named(path, 10, "") == b"0123456789"
    assert read_named(path, 4, "") == b"01234"


def test_what_cannot_be_read_is_told_with_advice(tmp_path: Path) -> None:
    for path in (tmp_path / "none", tmp_path):
        with pytest.raises(UnreadableFile, match=r"cannot be read \(.*\)\. Give another\.$"):
            read_named(path, 10, "Give another.")
