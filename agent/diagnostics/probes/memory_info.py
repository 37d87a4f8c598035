"""`memory_info`: memory, swap, and how fast pages move between them."""

import asyncio
import time
from typing import ClassVar

from agent.diagnostics.probe import Environment, Probe, Unsupported
from agent.diagnostics.probes.cpu_info import parse_pressure
from protocol.messages.diagnostics import Row

_COLUMNS = {
    "MemTotal": "memory_total",
    "MemFree": "memory_free",
    "MemAvailable": "memory_available",
    "Buffers": "buffers",
    "Cached": "cached",
    "SwapCached": "swap_cached",
    "Active": "active",
    "Inactive": "inactive",
    "SwapTotal": "swap_total",
    "SwapFree": "swap_free",
}


def parse_meminfo(text: str) -> Row:
    """/proc/meminfo (proc(5)), values in bytes."""
    row: Row = {}
    for line in text.splitlines():
        name, _, value = line.partition(":")
        words = value.split()
        if name in _COLUMNS and words and words[0].isdecimal():
            row[_COLUMNS[name]] = int(words[0]) * (1024 if words[1:] == ["kB"] else 1)
    return row


def parse_swaps(vmstat: str) -> tuple[int, int]:
    """Pages swapped in and out since the start, out of /proc/vmstat."""
    values = dict(line.split(None, 1) for line in vmstat.splitlines() if " " in line)
    return int(values.get("pswpin", 0)), int(values.get("pswpout", 0))


class MemoryInfo(Probe):
    """One row."""

    table: ClassVar = "memory_info"
    budget: ClassVar = 2.0

    async def rows(self, environment: Environment) -> list[Row]:
        """See `Probe.rows`."""
        text = environment.read_text("/proc/meminfo")
        if text is None:
            raise Unsupported("This machine has no /proc/meminfo.")
        started = time.monotonic()
        read_before, written_before = parse_swaps(environment.read_text("/proc/vmstat") or "")
        await asyncio.sleep(environment.sample_seconds)
        read_after, written_after = parse_swaps(environment.read_text("/proc/vmstat") or "")
        seconds = max(time.monotonic() - started, 0.001)
        return [
            {
                **parse_meminfo(text),
                "swap_in_rate": round((read_after - read_before) / seconds, 1),
                "swap_out_rate": round((written_after - written_before) / seconds, 1),
                "pressure_avg60": parse_pressure(environment.read_text("/proc/pressure/memory", 1024) or "", "full"),
            }
        ]
