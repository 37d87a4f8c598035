"""`uptime`: time since the machine started."""

from typing import ClassVar

import psutil

from agent.diagnostics.probe import Environment, Probe
from protocol.messages.diagnostics import Row


def split_seconds(total: int) -> Row:
    """Seconds as osquery's columns."""
    minutes, seconds = divmod(max(total, 0), 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    return {"days": days, "hours": hours, "minutes": minutes, "seconds": seconds, "total_seconds": max(total, 0)}


class Uptime(Probe):
    """One row. The kernel's own count where there is one: it is right also when the clock was set since."""

    table: ClassVar = "uptime"

    async def rows(self, environment: Environment) -> list[Row]:
        """See `Probe.rows`."""
        recorded = (environment.read_text("/proc/uptime", 64) or "").split()
        total = float(recorded[0]) if recorded else environment.wall() - psutil.boot_time()
        return [split_seconds(int(total))]
