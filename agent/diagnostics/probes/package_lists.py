"""`package_lists`: how old the knowledge about updates is."""

from pathlib import Path
from typing import ClassVar

from agent.diagnostics.probe import Environment, Probe, Unsupported
from agent.diagnostics.probes.deb_packages import require_dpkg
from protocol.messages.diagnostics import Row

_STAMP = "/var/lib/apt/periodic/update-success-stamp"
_LISTS = "/var/lib/apt/lists"


def refreshed(root: Path) -> float | None:
    """When apt last looked for updates, in seconds since 1970: the newest of its stamp and of the signed lists as they were
    received. None when it never did."""
    candidates = [root / _STAMP.lstrip("/")]
    lists = root / _LISTS.lstrip("/")
    # apt keeps a list's own time of publication as its modification time; the time of the last change is when it arrived.
    candidates += [*lists.glob("*_InRelease"), *lists.glob("*_Release")] if lists.is_dir() else []
    times: list[float] = []
    for path in candidates:
        try:
            times.append(path.stat().st_ctime)
        except OSError:
            continue
    return max(times, default=None)


class PackageLists(Probe):
    """One row."""

    table: ClassVar = "package_lists"

    async def rows(self, environment: Environment) -> list[Row]:
        """See `Probe.rows`."""
        require_dpkg(environment)
        newest = await environment.thread(self.table, refreshed, environment.root)
        if newest is None:
            raise Unsupported("apt has never fetched its lists on this machine.")
        age = max(environment.wall() - newest, 0.0) / 86400
        return [{"manager": "apt", "refreshed": int(newest), "age_days": round(age, 1)}]
