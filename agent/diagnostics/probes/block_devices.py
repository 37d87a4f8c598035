"""`block_devices`: disks and their parts, from `lsblk --json`."""

from typing import Any, ClassVar

import msgspec

from agent.diagnostics.probe import Environment, Probe, ProbeError, failure
from protocol.messages.diagnostics import Row

_COLUMNS = "KNAME,PKNAME,VENDOR,MODEL,SIZE,TYPE,LABEL,FSTYPE,ROTA,RM,RO"


def parse_lsblk(data: bytes) -> list[Row]:
    """`lsblk --json --bytes --output ...`; devices without a size (an empty card reader) and loops are left out.

    Raises:
        ValueError: not what lsblk prints.
    """
    rows: list[Row] = []
    waiting: list[dict[str, Any]] = list(
        reversed(msgspec.json.decode(data, type=dict[str, list[dict[str, Any]]])["blockdevices"])
    )
    while waiting:
        device = waiting.pop()
        waiting += reversed(device.get("children") or [])
        if int(device.get("size") or 0) == 0 or device.get("type") == "loop":
            continue
        rows.append(
            {
                "name": _text(device.get("kname")),
                "parent": _text(device.get("pkname")),
                "vendor": _text(device.get("vendor")),
                "model": _text(device.get("model")),
                "size": int(device["size"]),
                "type": _text(device.get("type")),
                "label": _text(device.get("label")),
                "file_system": _text(device.get("fstype")),
                "rotational": _flag(device.get("rota")),
                "removable": _flag(device.get("rm")),
                "read_only": _flag(device.get("ro")),
            }
        )
    return rows


def _text(value: object) -> str:
    return value.strip() if isinstance(value, str) else ""


def _flag(value: object) -> bool | None:
    """Before util-linux 2.33 flags were the strings "0" and "1"."""
    return value in (True, "1") if value in (True, False, "0", "1") else None


class BlockDevices(Probe):
    """A row per disk and part."""

    table: ClassVar = "block_devices"

    async def rows(self, environment: Environment) -> list[Row]:
        """See `Probe.rows`."""
        result = await environment.run(["lsblk", "--json", "--bytes", "--output", _COLUMNS], seconds=0.9)
        if result.exit_code != 0:
            raise ProbeError(failure("lsblk", result))
        return parse_lsblk(result.stdout)
