"""`system_info`: what computer this is. Serial numbers and machine ids are not read."""

import os
import socket
from typing import ClassVar

import psutil

from agent.diagnostics.probe import Environment, Probe
from protocol.messages.diagnostics import Row

# SMBIOS 3.7, table 17 (chassis types), put together as people would say it.
_CHASSIS = {
    **dict.fromkeys((3, 4, 5, 6, 7, 13, 15, 16, 24, 35, 36), "desktop"),
    **dict.fromkeys((8, 9, 10, 14, 31, 32), "laptop"),
    **dict.fromkeys((11, 30), "tablet"),
    **dict.fromkeys((17, 23, 28, 29), "server"),
}
_FILLERS = ("no asset", "default string", "to be filled", "not specified", "asset tag", "chassis asset")
_NOTHING = frozenset({"none", "n/a", "unknown", "empty", "null"})
_VIRTUAL = ("qemu", "kvm", "vmware", "virtualbox", "innotek", "xen", "bochs", "parallels", "hyper-v")


def cpu_brand(cpuinfo: str) -> str:
    """The processor's name out of /proc/cpuinfo, "" when it has none."""
    for line in cpuinfo.splitlines():
        name, _, value = line.partition(":")
        if name.strip() in ("model name", "Model", "cpu model"):
            return value.strip()
    return ""


def chassis(kind: str, vendor: str, model: str) -> str:
    """What people would call it, from SMBIOS' chassis type and the maker's names; "" when nothing is known."""
    words = f"{vendor} {model}".lower()
    if any(word in words for word in _VIRTUAL) or model == "Virtual Machine":
        return "virtual machine"
    return _CHASSIS.get(int(kind), "") if kind.isdecimal() else ""


def asset_tag(written: str) -> str:
    """The tag that an organisation had its firmware remember (SMBIOS, chassis), "" where there are only a maker's fillers."""
    tag = " ".join(written.split())
    words = tag.lower()
    filler = words in _NOTHING or any(filler in words for filler in _FILLERS) or not any(sign.isalnum() for sign in tag)
    return "" if filler else tag


class SystemInfo(Probe):
    """One row from /proc, /sys/class/dmi and psutil."""

    table: ClassVar = "system_info"

    async def rows(self, environment: Environment) -> list[Row]:
        """See `Probe.rows`."""
        return await environment.thread(self.table, self._rows, environment)

    def _rows(self, environment: Environment) -> list[Row]:
        def dmi(name: str) -> str:
            return (environment.read_text(f"/sys/class/dmi/id/{name}", 256) or "").strip()

        brand = cpu_brand(environment.read_text("/proc/cpuinfo") or "") or os.uname().machine
        vendor, model = dmi("sys_vendor"), dmi("product_name")
        machine_info = environment.read_text("/etc/machine-info", 4096) or ""
        pretty = next((line[16:].strip("\"' ") for line in machine_info.splitlines() if line.startswith("PRETTY_HOSTNAME=")), "")
        hostname = socket.gethostname()
        return [
            {
                "hostname": hostname,
                "computer_name": pretty or hostname,
                "cpu_type": os.uname().machine,
                "cpu_brand": brand,
                "cpu_physical_cores": psutil.cpu_count(logical=False),
                "cpu_logical_cores": psutil.cpu_count() or os.cpu_count(),
                "physical_memory": psutil.virtual_memory().total,
                "hardware_vendor": vendor,
                "hardware_model": model,
                "chassis": chassis(dmi("chassis_type"), vendor, model),
                "asset_tag": asset_tag(dmi("chassis_asset_tag")),
            }
        ]
