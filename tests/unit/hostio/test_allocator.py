import ctypes
from pathlib import Path

import pytest

from hostio.allocator import give_back, share_arenas


def resident() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096


def test_what_was_freed_below_something_that_lives_goes_back() -> None:
    pieces = [bytes(64 * 1024) for _ in range(800)]
    pinned = [pieces[-1], *pieces[::100]]
    del pieces
    before = resident()
    assert give_back()
    assert before - resident() > 20e6
    assert len(pinned) == 9


def test_threads_share_arenas_where_they_can_be_told_to() -> None:
    assert share_arenas()


def test_another_allocator_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ctypes, "CDLL", lambda _name: object())
    assert not give_back()
    assert not share_arenas()
