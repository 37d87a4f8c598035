"""Time since start."""

from pathlib import Path

from agent.diagnostics.probes.uptime import Uptime, split_seconds
from tests.kit.recorded import machine


def test_split() -> None:
    assert split_seconds(90_061) == {"days": 1, "hours": 1, "minutes": 1, "seconds": 1, "total_seconds": 90_061}
    assert split_seconds(-5)["total_seconds"] == 0


async def test_recorded_and_real(tmp_path: Path) -> None:
    (row,) = await Uptime().rows(machine(tmp_path, {"/proc/uptime": "3600.50 7000.00\n"}))
    assert row["hours"] == 1
    (tmp_path / "proc/uptime").unlink()
    (row,) = await Uptime().rows(machine(tmp_path))
    assert int(row["total_seconds"] or 0) > 0
