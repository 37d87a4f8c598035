"""`deb_packages`: what is installed, from `dpkg-query`."""

from typing import ClassVar

from agent.diagnostics.probe import Cost, Environment, Probe, ProbeError, Unsupported, failure
from protocol.messages.diagnostics import Row

_FORMAT = "${Package}\\t${Version}\\t${Installed-Size}\\t${Architecture}\\t${Status}\\n"
WHOLE = frozenset(("installed", "triggers-pending", "triggers-awaited"))
_ABSENT = frozenset(("not-installed", "config-files"))


def is_broken(status: str) -> bool:
    """Whether a dpkg status (dpkg-query(1): wanted, error flag, state) says that an installation was begun and not finished."""
    words = status.split()
    return len(words) == 3 and words[2] not in _ABSENT and (words[1] != "ok" or words[2] not in WHOLE)


def parse_packages(text: str) -> list[Row]:
    """`dpkg-query --show` in `_FORMAT`; broken packages first, so that no budget hides them."""
    rows: list[Row] = []
    for line in text.splitlines():
        fields = line.split("\t")
        if len(fields) != 5 or fields[4].split()[-1:] == [] or fields[4].split()[-1] in _ABSENT:
            continue
        name, version, size, arch, status = fields
        rows.append(
            {
                "name": name,
                "version": version,
                "size": int(size) if size.isdecimal() else None,
                "arch": arch,
                "status": status,
            }
        )
    rows.sort(key=lambda row: not is_broken(str(row["status"])))
    return rows


def require_dpkg(environment: Environment) -> None:
    """Raises:
    Unsupported: packages are kept by something else; the text says by what.
    """
    if environment.tool("dpkg-query") is not None:
        return
    for tool, name in (("rpm", "rpm"), ("pacman", "pacman"), ("apk", "apk")):
        if environment.tool(tool) is not None:
            raise Unsupported(f"This machine keeps its packages with {name}; only dpkg's are read.")
    raise Unsupported("This machine has no `dpkg-query`.")


class DebPackages(Probe):
    """A row per installed package."""

    table: ClassVar = "deb_packages"
    budget: ClassVar = 1.5
    cost: ClassVar = Cost.COMPUTES

    async def rows(self, environment: Environment) -> list[Row]:
        """See `Probe.rows`."""
        require_dpkg(environment)
        result = await environment.run(["dpkg-query", "--show", f"--showformat={_FORMAT}"], seconds=1.4)
        if result.exit_code != 0:
            raise ProbeError(failure("dpkg-query", result))
        return parse_packages(result.stdout.decode(errors="replace"))
