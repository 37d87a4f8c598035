"""`systemd_units`: services that have failed, from `systemctl --output=json`."""

from typing import ClassVar

import msgspec

from agent.diagnostics.probe import Environment, Probe, ProbeError, Unsupported, failure
from protocol.messages.diagnostics import Row


class _Unit(msgspec.Struct):
    unit: str
    load: str = ""
    active: str = ""
    sub: str = ""
    description: str = ""


_DECODER = msgspec.json.Decoder(list[_Unit])


def parse_units(data: bytes) -> list[Row]:
    """`systemctl list-units --output=json`.

    Raises:
        ValueError: not what systemctl prints.
    """
    return [
        {
            "id": unit.unit,
            "description": unit.description,
            "load_state": unit.load,
            "active_state": unit.active,
            "sub_state": unit.sub,
        }
        for unit in _DECODER.decode(data or b"[]")
    ]


def require_systemd(environment: Environment) -> None:
    """sd_booted(3): the directory that only a running systemd makes.

    Raises:
        Unsupported: this machine was started by something else.
    """
    if not (environment.root / "run/systemd/system").is_dir():
        raise Unsupported("This machine was not started by systemd.")


class SystemdUnits(Probe):
    """A row per failed unit."""

    table: ClassVar = "systemd_units"
    budget: ClassVar = 1.5

    async def rows(self, environment: Environment) -> list[Row]:
        """See `Probe.rows`."""
        require_systemd(environment)
        argv = ["systemctl", "list-units", "--all", "--state=failed", "--output=json", "--no-pager"]
        result = await environment.run(argv, seconds=1.4)
        if result.exit_code != 0:
            raise ProbeError(failure("systemctl", result))
        return parse_units(result.stdout)
