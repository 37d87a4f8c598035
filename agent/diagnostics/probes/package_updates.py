"""`package_updates`: updates that apt knows of, from its own lists; nothing is downloaded."""

import re
from typing import ClassVar

from agent.diagnostics.probe import Cost, Environment, Probe, ProbeError, Unsupported, failure
from agent.diagnostics.probes.deb_packages import require_dpkg
from protocol.messages.diagnostics import Row

# apt/oldstable-security 2.6.2 amd64 [upgradable from: 2.6.1]
_LINE = re.compile(r"(?P<name>[^/\s]+)/(?P<source>\S+) (?P<available>\S+) (?P<arch>\S+) \[upgradable from: (?P<version>\S+)\]")


def parse_upgradable(text: str) -> list[Row]:
    """`apt list --upgradable` in the C locale; security updates first. Lines of another form are passed over."""
    rows: list[Row] = []
    for line in text.splitlines():
        match = _LINE.fullmatch(line.strip())
        if match is None:
            continue
        suites = match["source"]
        rows.append(
            {
                "name": match["name"],
                "version": match["version"],
                "available": match["available"],
                "source": suites,
                "security": "security" in suites,
                "arch": match["arch"],
            }
        )
    rows.sort(key=lambda row: not row["security"])
    return rows


class PackageUpdates(Probe):
    """A row per package with an update. Slow where apt keeps no cache: it then reads all its lists."""

    table: ClassVar = "package_updates"
    budget: ClassVar = 2.5
    cost: ClassVar = Cost.COMPUTES

    async def rows(self, environment: Environment) -> list[Row]:
        """See `Probe.rows`."""
        require_dpkg(environment)
        if environment.tool("apt") is None:
            raise Unsupported("This machine has no `apt`.")
        result = await environment.run(["apt", "list", "--upgradable"], seconds=2.4)
        if result.exit_code != 0:
            raise ProbeError(failure("apt", result))
        return parse_upgradable(result.stdout.decode(errors="replace"))
