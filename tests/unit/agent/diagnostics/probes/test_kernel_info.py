"""Which kernel."""

import os
from pathlib import Path

from agent.diagnostics.probes.kernel_info import KernelInfo
from tests.kit.recorded import machine


async def test_release(tmp_path: Path) -> None:
    assert await KernelInfo().rows(machine(tmp_path)) == [{"version": os.uname().release}]
    files = {"/proc/sys/kernel/osrelease": "6.1.0-21-amd64\n"}
    assert await KernelInfo().rows(machine(tmp_path, files)) == [{"version": "6.1.0-21-amd64"}]
