"""Long files come first, by a table that names files which are there and that a run's own times are written into."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.order import HEAD, ROOT, known, main

# It sleeps because the time that a test takes, set-up included, is what is measured here.
LONG = """
import pytest, time
@pytest.fixture(scope="module")
def long():
    time.sleep(0.4)
def test_one(long):
    time.sleep(0.4)
"""


def test_the_table_names_files_that_are_there_the_longest_first() -> None:
    table = known()
    assert [name for name in table if not (ROOT / name).is_file()] == []
    assert list(table.values()) == sorted(table.values(), reverse=True)
    assert len(table) > 10


def test_what_a_run_took_is_written_down(tmp_path: Path) -> None:
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "test_long.py").write_text(LONG)
    (tmp_path / "test_short.py").write_text("def test_it():\n    pass\n")
    times, table = tmp_path / "times.xml", tmp_path / "longest.txt"
    argv = [sys.executable, "-m", "pytest", "-q", "-o", "junit_family=xunit1", f"--junitxml={times}", "--rootdir=."]
    subprocess.run(argv, cwd=tmp_path, check=True, capture_output=True)
    assert main(times, table, least=0.8) == 0
    assert table.read_text().startswith(HEAD)
    assert list(known(table)) == ["deep/test_long.py"]
    assert known(table)["deep/test_long.py"] >= 0.8


def test_without_a_run_nothing_is_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(tmp_path / "times.xml", tmp_path / "longest.txt") == 1
    assert "make test first" in capsys.readouterr().err
    assert not (tmp_path / "longest.txt").exists()


def test_long_files_come_first() -> None:
    """As this very suite does it: the longest of all, collected with a short one, is the first."""
    longest, short = next(iter(known())), "tests/unit/test_run.py"
    argv = [sys.executable, "-m", "pytest", "--collect-only", "-q", "-p", "no:cacheprovider", short, longest]
    said = subprocess.run(argv, cwd=ROOT, check=True, capture_output=True, text=True).stdout
    names = [line.partition("::")[0] for line in said.splitlines() if "::" in line]
    assert names[0] == longest and names[-1] == short
