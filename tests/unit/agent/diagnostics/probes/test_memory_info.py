"""Memory and swap."""

from pathlib import Path

import pytest

from agent.diagnostics.probe import Unsupported
from agent.diagnostics.probes.memory_info import MemoryInfo, parse_meminfo, parse_swaps
from tests.kit.recorded import machine, recorded


def test_recording_in_bytes() -> None:
    row = parse_meminfo(recorded("meminfo.txt"))
    assert row["memory_total"] == 24684092 * 1024 and row["swap_free"] == 1024**3
    assert set(row) == {
        "memory_total",
        "memory_free",
        "memory_available",
        "buffers",
        "cached",
        "swap_cached",
        "active",
        "inactive",
        "swap_total",
        "swap_free",
    }


def test_swaps() -> None:
    assert parse_swaps("nr_free_pages 1\npswpin 17\npswpout 4\n") == (17, 4)
    assert parse_swaps("") == (0, 0)


async def test_one_row(tmp_path: Path) -> None:
    files = {"/proc/meminfo": recorded("meminfo.txt"), "/proc/pressure/memory": recorded("pressure-memory.txt")}
    (row,) = await MemoryInfo().rows(machine(tmp_path, files))
    assert (row["pressure_avg60"], row["swap_in_rate"]) == (12.25, 0.0)


async def test_missing(tmp_path: Path) -> None:
    with pytest.raises(Unsupported):
        await MemoryInfo().rows(machine(tmp_path))
