"""`reboot_required`: whether a restart is due, by the packages' own mark or by a newer kernel that does not run yet."""

import os
import re
from pathlib import Path
from typing import ClassVar

from agent.diagnostics.probe import Environment, Probe
from protocol.messages.diagnostics import Row

_MARKS = ("/run/reboot-required", "/var/run/reboot-required")
_NUMBERS = re.compile(r"(\d+)")


def version_key(version: str) -> tuple[tuple[int, int | str], ...]:
    """Orders kernel releases: runs of digits as numbers, the rest as text."""
    return tuple((1, int(part)) if part.isdecimal() else (0, part) for part in _NUMBERS.split(version) if part)


def flavour(release: str) -> str:
    """`6.1.0-18-amd64` -> `amd64`: kernels of another flavour are no update of this one."""
    return release.rpartition("-")[2]


def newest_kernel(running: str, installed: list[str]) -> str:
    """The newest installed kernel of the running one's flavour, "" when the running one is not among the installed (a container,
    or a machine that starts its kernel from outside)."""
    if running not in installed:
        return ""
    return max((release for release in installed if flavour(release) == flavour(running)), key=version_key)


def reboot_row(running: str, installed: list[str], marked: bool, packages: list[str]) -> Row:
    """The row from what was found."""
    newest = newest_kernel(running, installed)
    reason = ""
    if newest and newest != running:
        reason = f"kernel {newest} is installed, {running} still runs"
    elif marked:
        reason = "installed packages ask for it"
    return {
        "required": bool(reason),
        "reason": reason,
        "packages": ", ".join(list(dict.fromkeys(packages))[:10]),
        "running_kernel": running,
        "newest_kernel": newest or running,
    }


class RebootRequired(Probe):
    """One row."""

    table: ClassVar = "reboot_required"

    async def rows(self, environment: Environment) -> list[Row]:
        """See `Probe.rows`."""
        return await environment.thread(self.table, self._rows, environment)

    def _rows(self, environment: Environment) -> list[Row]:
        root: Path = environment.root
        running = (environment.read_text("/proc/sys/kernel/osrelease", 256) or os.uname().release).strip()
        installed = [path.name.removeprefix("vmlinuz-") for path in (root / "boot").glob("vmlinuz-*")]
        marked = any((root / mark.lstrip("/")).exists() for mark in _MARKS)
        packages = next((text.split() for mark in _MARKS if (text := environment.read_text(f"{mark}.pkgs", 65536))), [])
        return [reboot_row(running, installed, marked, packages)]
