"""`interface_details`: whether interfaces run and what they lose."""

from typing import Any, ClassVar

import psutil

from agent.diagnostics.probe import Environment, Probe
from protocol.messages.diagnostics import Row


def detail_rows(states: dict[str, Any], counters: dict[str, Any]) -> list[Row]:
    """psutil's states and counters as rows, one per interface."""
    rows: list[Row] = []
    for name, state in states.items():
        row: Row = {"interface": name, "mtu": state.mtu, "link_speed": state.speed, "is_up": state.isup}
        if name in counters:
            count = counters[name]
            row |= {
                "ipackets": count.packets_recv,
                "opackets": count.packets_sent,
                "ibytes": count.bytes_recv,
                "obytes": count.bytes_sent,
                "ierrors": count.errin,
                "oerrors": count.errout,
                "idrops": count.dropin,
                "odrops": count.dropout,
            }
        rows.append(row)
    return rows


class InterfaceDetails(Probe):
    """A row per interface."""

    table: ClassVar = "interface_details"

    async def rows(self, environment: Environment) -> list[Row]:
        """See `Probe.rows`."""
        states = await environment.thread(f"{self.table} states", psutil.net_if_stats)
        counters = await environment.thread(f"{self.table} counters", psutil.net_io_counters, pernic=True)
        return detail_rows(states, counters)
