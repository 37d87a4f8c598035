"""The second run: only of what failed, only when that is little, and never a way past a test that is broken."""

from pathlib import Path

import pytest

from tests.run import MOST, main

CHANCE = """
from pathlib import Path
def test_that_fails_once():
    mark = Path(__file__).with_name("mark")
    first = not mark.exists()
    mark.touch()
    assert not first
def test_that_passes():
    with Path(__file__).with_name("passes").open("a") as log:
        log.write("x")
"""


def run(folder: Path, text: str) -> int:
    (folder / "test_it.py").write_text(text)
    return main(["-q", "test_it.py"], folder / "cache", folder)


def test_what_passes_alone_passes_and_is_named_and_nothing_else_runs_twice(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert run(tmp_path, CHANCE) == 0
    assert "These passed alone" in capfd.readouterr().out
    assert (tmp_path / "passes").read_text() == "x"


def test_what_is_broken_fails(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert run(tmp_path, "def test_it():\n    assert False\n") == 1
    out = capfd.readouterr().out
    assert "Now alone" in out
    assert "These passed alone" not in out


def test_many_failures_are_no_chance(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    many = f"import pytest\n@pytest.mark.parametrize('n', range({MOST + 1}))\ndef test_it(n):\n    assert False\n"
    assert run(tmp_path, many) == 1
    assert "Now alone" not in capfd.readouterr().out


def test_a_suite_that_cannot_be_read_is_not_run_again(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert run(tmp_path, "def broken(:\n") not in (0, 1)
    assert "Now alone" not in capfd.readouterr().out
