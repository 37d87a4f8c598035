"""Recordings by the names of their files."""

import subprocess
import sys
from pathlib import Path

import pytest

from technician_client.errors import NotFound
from technician_client.recordings.names import SUFFIX, find, named, new_path

WALL = 1795262400.0


def test_a_recording_is_named_by_time_and_device_and_found_by_its_name(tmp_path: Path) -> None:
    directory = tmp_path / "recordings"
    one = new_path(directory, "Büro 3/../x", WALL)
    assert one.name == f"20261121-120000-B-ro-3-x{SUFFIX}"
    assert directory.stat().st_mode & 0o077 == 0
    one.touch()
    assert find(directory, one.stem) == find(directory, str(one)) == named(directory, one.stem) == one
    for name in ("nothing", "../recordings/" + one.stem, ""):
        with pytest.raises(NotFound):
            named(directory, name)
    with pytest.raises(NotFound, match="handrail recordings list"):
        find(directory, "nothing")


def test_a_second_recording_of_the_same_second_has_a_name_of_its_own(tmp_path: Path) -> None:
    first = new_path(tmp_path, "Till", WALL)
    first.touch()
    assert new_path(tmp_path, "Till", WALL).stem == first.stem + "-2"


@pytest.mark.parametrize("module", ["technician_client.recordings.names", "technician_client.cli.names"])
def test_what_only_knows_names_loads_no_player(module: str) -> None:
    code = (
        f"import sys, {module}; print(*(name for name in ('av', 'numpy', 'zstandard', 'aiohttp', 'tuf') if name in sys.modules))"
    )
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert told.stdout.split() == []
