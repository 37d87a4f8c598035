"""Codes that were tried are not tried again, whatever the relay says."""

from pathlib import Path

import pytest

from protocol.codes import Code
from protocol.errors import RefusalReason, Refused
from technician_client.spent import SpentCodes

CODE = Code("482913507", "ABCDEFGH")


def test_a_code_is_tried_once(tmp_path: Path) -> None:
    path = tmp_path / "spent.json"
    SpentCodes(path).spend(CODE)
    with pytest.raises(Refused, match="new one") as refused:
        SpentCodes(path).spend(CODE)
    assert refused.value.reason is RefusalReason.EXPIRED
    SpentCodes(path).spend(Code("482913507", "ABCDEFGI"))
    SpentCodes(path).spend(Code("482913508", "ABCDEFGH"))


def test_the_file_is_private_and_holds_no_code(tmp_path: Path) -> None:
    path = tmp_path / "spent.json"
    SpentCodes(path).spend(CODE)
    assert path.stat().st_mode & 0o077 == 0
    assert "ABCDEFGH" not in path.read_text()
    assert "482913507" not in path.read_text()


def test_it_is_forgotten_long_after_it_is_void(tmp_path: Path) -> None:
    path, now = tmp_path / "spent.json", 1000.0
    codes = SpentCodes(path, wall=lambda: now)
    codes.spend(CODE)
    now += 3599.0
    with pytest.raises(Refused):
        codes.spend(CODE)
    now += 2.0
    codes.spend(CODE)


@pytest.mark.parametrize("content", [b"", b"[]", b'{"x": 1}', b"\xff"])
def test_a_damaged_file_is_begun_anew(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "spent.json"
    path.write_bytes(content)
    path.chmod(0o600)
    SpentCodes(path).spend(CODE)
    with pytest.raises(Refused):
        SpentCodes(path).spend(CODE)
