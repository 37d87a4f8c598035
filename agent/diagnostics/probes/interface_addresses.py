"""`interface_addresses`: which addresses this machine has."""

import socket
from typing import Any, ClassVar

import psutil

from agent.diagnostics.probe import Environment, Probe
from protocol.messages.diagnostics import Row


def address_rows(interfaces: dict[str, list[Any]]) -> list[Row]:
    """psutil's addresses as rows: IPv4 and IPv6 only (hardware addresses name a person's device for ever)."""
    return [
        {
            "interface": name,
            "address": address.address.partition("%")[0],
            "mask": address.netmask or "",
            "broadcast": address.broadcast or "",
            "point_to_point": address.ptp or "",
        }
        for name, addresses in interfaces.items()
        for address in addresses
        if address.family in (socket.AF_INET, socket.AF_INET6)
    ]


class InterfaceAddresses(Probe):
    """A row per address."""

    table: ClassVar = "interface_addresses"

    async def rows(self, environment: Environment) -> list[Row]:
        """See `Probe.rows`."""
        return address_rows(await environment.thread(self.table, psutil.net_if_addrs))
