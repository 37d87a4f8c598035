"""How old the lists are."""

import time
from pathlib import Path

import pytest

from agent.diagnostics.probe import Unsupported
from agent.diagnostics.probes.package_lists import PackageLists, refreshed
from tests.kit.recorded import machine


async def test_age(tmp_path: Path) -> None:
    tools = {"dpkg-query": "exit 0"}
    with pytest.raises(Unsupported, match="never"):
        await PackageLists().rows(machine(tmp_path, tools=tools))
    files = {"/var/lib/apt/lists/deb_InRelease": "x"}
    environment = machine(tmp_path, files, tools, wall=lambda: time.time() + 20 * 86400)
    (row,) = await PackageLists().rows(environment)
    assert (row["manager"], row["age_days"]) == ("apt", 20.0)


def test_the_stamp_counts_too(tmp_path: Path) -> None:
    stamp = tmp_path / "var/lib/apt/periodic/update-success-stamp"
    stamp.parent.mkdir(parents=True)
    stamp.touch()
    assert refreshed(tmp_path) == stamp.stat().st_ctime
