"""`kernel_info`: which kernel runs."""

import os
from typing import ClassVar

from agent.diagnostics.probe import Environment, Probe
from protocol.messages.diagnostics import Row


class KernelInfo(Probe):
    """One row. Its arguments are not read: boot parameters can hold secrets."""

    table: ClassVar = "kernel_info"

    async def rows(self, environment: Environment) -> list[Row]:
        """See `Probe.rows`."""
        recorded = (environment.read_text("/proc/sys/kernel/osrelease", 256) or "").strip()
        return [{"version": recorded or os.uname().release}]
