"""Addresses, without those of the hardware."""

import socket
from pathlib import Path
from types import SimpleNamespace

from agent.diagnostics.probes.interface_addresses import InterfaceAddresses, address_rows
from tests.kit.recorded import machine


def test_rows() -> None:
    def address(family: int, text: str, mask: str | None = None) -> SimpleNamespace:
        return SimpleNamespace(family=family, address=text, netmask=mask, broadcast=None, ptp=None)

    interfaces = {
        "eth0": [
            address(socket.AF_INET, "10.0.0.7", "255.255.255.0"),
            address(socket.AF_INET6, "fe80::1%eth0", "ffff::"),
            address(socket.AF_PACKET, "02:fc:00:00:00:01"),
        ]
    }
    assert [(row["interface"], row["address"], row["mask"]) for row in address_rows(interfaces)] == [
        ("eth0", "10.0.0.7", "255.255.255.0"),
        ("eth0", "fe80::1", "ffff::"),
    ]


async def test_this_machine(tmp_path: Path) -> None:
    rows = await InterfaceAddresses().rows(machine(tmp_path))
    assert {"127.0.0.1"} <= {row["address"] for row in rows}
