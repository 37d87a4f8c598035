"""The one list of what may leave a machine."""

import re

from agent.diagnostics.allowlist import TABLES
from agent.diagnostics.probes import all_probes

FORBIDDEN = re.compile(r"cmdline|environ|serial|uuid|hardware_address|mac$|password|cwd|machine_id")


def test_every_table_has_its_probe() -> None:
    assert {probe.table for probe in all_probes()} == TABLES.keys()
    assert len(all_probes()) == len(TABLES) >= 16


def test_columns_are_described_once() -> None:
    for table in TABLES.values():
        names = [column.name for column in table.columns]
        assert len(set(names)) == len(names) and table.title and 0 < table.most <= 4000
        assert all(column.text and re.fullmatch("[a-z0-9_]+", column.name) for column in table.columns)


def test_nothing_that_identifies_or_tells_too_much() -> None:
    assert [column.name for table in TABLES.values() for column in table.columns if FORBIDDEN.search(column.name)] == []


def test_osquerys_names_are_not_marked_as_ours() -> None:
    assert {name for name, table in TABLES.items() if not table.own} >= {
        "system_info",
        "os_version",
        "cpu_info",
        "memory_info",
        "mounts",
        "interface_addresses",
        "routes",
        "processes",
        "systemd_units",
        "deb_packages",
        "logged_in_users",
        "listening_ports",
        "startup_items",
    }
    assert [column.name for column in TABLES["cpu_info"].columns if column.own][:1] == ["user_percentage"]
    assert all(column.own for column in TABLES["reachability"].columns)
