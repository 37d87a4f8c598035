"""One hash of everything, and a file only where it is asked for."""

import hashlib
from pathlib import Path

import pytest

from agent import transcripts
from agent.transcripts import Transcript
from protocol.errors import Unavailable


def test_without_a_file_there_is_the_hash_alone(tmp_path: Path) -> None:
    one = Transcript(None)
    one.feed(b"ab")
    one.feed(b"c")
    one.close()
    assert (one.digest, one.size, one.name) == (hashlib.sha256(b"abc").hexdigest(), 3, "")
    assert not list(tmp_path.iterdir())


def test_a_file_is_private_bounded_and_says_when_it_is_short(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transcripts, "MOST_BYTES", 5)
    one = Transcript(tmp_path / "t" / "a.log")
    one.feed(b"1234")
    one.feed(b"5678")
    one.feed(b"9")
    one.close()
    assert (tmp_path / "t" / "a.log").read_bytes() == b"12345"
    assert (tmp_path / "t").stat().st_mode & 0o777 == 0o700
    assert one.fault == "cut short after 5 bytes"
    assert one.digest == hashlib.sha256(b"123456789").hexdigest()


def test_a_file_that_is_there_already_is_not_touched(tmp_path: Path) -> None:
    (tmp_path / "a.log").write_text("older")
    with pytest.raises(Unavailable, match="Free some space"):
        Transcript(tmp_path / "a.log")
    assert (tmp_path / "a.log").read_text() == "older"


def test_of_what_never_began_nothing_is_left(tmp_path: Path) -> None:
    Transcript(tmp_path / "a.log").discard()
    Transcript(None).discard()
    assert not list(tmp_path.iterdir())
