"""`cpu_info`: the processors and how busy they are, over a short sample."""

import asyncio
import os
import struct
from typing import ClassVar

import psutil

from agent.diagnostics.probe import Environment, Probe
from agent.diagnostics.probes.system_info import cpu_brand
from protocol.messages.diagnostics import Row


def parse_pressure(text: str, line: str) -> float | None:
    """`avg60` of the `some` or `full` line of a /proc/pressure file (kernel's psi.rst); None when there is none."""
    for entry in text.splitlines():
        words = entry.split()
        if words[:1] == [line]:
            values = dict(word.split("=", 1) for word in words[1:] if "=" in word)
            return float(values["avg60"]) if "avg60" in values else None
    return None


def parse_cpu_stat(text: str) -> tuple[int, ...]:
    """The counters of all processors together in /proc/stat (proc(5)): user, nice, system, idle, iowait, irq, softirq, steal.

    Raises:
        ValueError: there is no such line.
    """
    for line in text.splitlines():
        if line.startswith("cpu "):
            counters = tuple(int(word) for word in line.split()[1:9])
            if len(counters) == 8:
                return counters
    raise ValueError("/proc/stat has no line for all processors")


def usage(before: tuple[int, ...], after: tuple[int, ...]) -> Row:
    """Percentages between two readings of the counters. Counters that ran backwards (they do, for iowait) count as 0."""
    user, nice, system, idle, iowait, irq, softirq, steal = (max(new - old, 0) for old, new in zip(before, after, strict=True))
    total = max(user + nice + system + idle + iowait + irq + softirq + steal, 1)

    def percent(part: int) -> float:
        return round(100 * part / total, 1)

    return {
        "load_percentage": percent(total - idle - iowait) if total > 1 else 0.0,
        "user_percentage": percent(user + nice),
        "system_percentage": percent(system + irq + softirq),
        "iowait_percentage": percent(iowait),
        "steal_percentage": percent(steal),
    }


def _clock_speeds() -> tuple[int | None, int | None]:
    """Present and highest MHz; None where the machine does not say (virtual machines)."""
    frequencies = psutil.cpu_freq(percpu=True)
    if not frequencies:
        return None, None
    return int(max(one.current for one in frequencies)), int(max(one.max for one in frequencies)) or None


class CpuInfo(Probe):
    """One row for all processors together."""

    table: ClassVar = "cpu_info"
    budget: ClassVar = 2.0

    async def rows(self, environment: Environment) -> list[Row]:
        """See `Probe.rows`."""
        before = parse_cpu_stat(environment.read_text("/proc/stat") or "")
        await asyncio.sleep(environment.sample_seconds)
        after = parse_cpu_stat(environment.read_text("/proc/stat") or "")
        cpuinfo = environment.read_text("/proc/cpuinfo") or ""
        current, fastest = await environment.thread(self.table, _clock_speeds)
        vendor = next((line.partition(":")[2].strip() for line in cpuinfo.splitlines() if line.startswith("vendor_id")), "")
        return [
            {
                "model": cpu_brand(cpuinfo) or os.uname().machine,
                "manufacturer": vendor,
                "number_of_cores": psutil.cpu_count(logical=False),
                "logical_processors": psutil.cpu_count(),
                "address_width": str(8 * struct.calcsize("P")),
                "current_clock_speed": current,
                "max_clock_speed": fastest,
                "sample_seconds": environment.sample_seconds,
                "pressure_avg60": parse_pressure(environment.read_text("/proc/pressure/cpu", 1024) or "", "some"),
                **usage(before, after),
            }
        ]
