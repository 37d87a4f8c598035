"""Interfaces."""

from pathlib import Path
from types import SimpleNamespace

from agent.diagnostics.probes.interface_details import InterfaceDetails, detail_rows
from tests.kit.recorded import machine


def test_an_interface_without_counters() -> None:
    states = {"wg0": SimpleNamespace(mtu=1420, speed=0, isup=False)}
    assert detail_rows(states, {}) == [{"interface": "wg0", "mtu": 1420, "link_speed": 0, "is_up": False}]


async def test_this_machine(tmp_path: Path) -> None:
    rows = {row["interface"]: row for row in await InterfaceDetails().rows(machine(tmp_path))}
    assert rows["lo"]["is_up"] is True and isinstance(rows["lo"]["ibytes"], int)
