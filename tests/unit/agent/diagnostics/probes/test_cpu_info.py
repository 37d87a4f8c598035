"""Processors."""

from pathlib import Path

import pytest

from agent.diagnostics.probes.cpu_info import CpuInfo, parse_cpu_stat, parse_pressure, usage
from tests.kit.recorded import machine, recorded


def test_pressure_of_a_recording() -> None:
    text = recorded("pressure-memory.txt")
    assert (parse_pressure(text, "some"), parse_pressure(text, "full"), parse_pressure("", "some")) == (18.6, 12.25, None)


def test_stat_of_a_recording() -> None:
    assert parse_cpu_stat(recorded("stat.txt")) == (52655, 49, 12659, 540767, 1229, 0, 393, 23)
    with pytest.raises(ValueError, match="no line"):
        parse_cpu_stat("cpu0 1 2 3")


def test_usage_between_two_readings() -> None:
    row = usage((0,) * 8, (30, 10, 5, 40, 10, 0, 5, 0))
    assert row == {
        "load_percentage": 50.0,
        "user_percentage": 40.0,
        "system_percentage": 10.0,
        "iowait_percentage": 10.0,
        "steal_percentage": 0.0,
    }


def test_counters_that_stand_still_or_run_backwards() -> None:
    assert usage((5,) * 8, (5,) * 8)["load_percentage"] == 0.0
    assert usage((0, 0, 0, 0, 90, 0, 0, 0), (50, 0, 0, 50, 10, 0, 0, 0))["load_percentage"] == 50.0


async def test_one_row(tmp_path: Path) -> None:
    files = {
        "/proc/stat": recorded("stat.txt"),
        "/proc/cpuinfo": recorded("cpuinfo.txt"),
        "/proc/pressure/cpu": recorded("pressure-memory.txt"),
    }
    (row,) = await CpuInfo().rows(machine(tmp_path, files))
    assert (row["manufacturer"], row["pressure_avg60"], row["load_percentage"]) == ("AuthenticAMD", 18.6, 0.0)
    assert int(row["logical_processors"] or 0) >= 1
