"""The busiest programs."""

import os
import subprocess
import sys
from pathlib import Path

from agent.diagnostics.allowlist import TABLES
from agent.diagnostics.probes.processes import (
    BY_CPU,
    BY_MEMORY,
    Processes,
    Reading,
    busiest,
    family,
    read_processes,
    spent_by_pid,
)
from tests.kit.recorded import machine


def reading(pid: int, *, parent: int = 1, resident: int = 1000, user: float = 1.0, name: str = "x") -> Reading:
    return Reading(pid, parent, name, "S", 1000, "ana", 1, 0, resident, 5000, user, 0.5, 100.0)


def test_order_and_shares() -> None:
    readings = {pid: reading(pid, resident=pid) for pid in range(1, 101)}
    later = {pid: readings[pid].spent for pid in readings} | {7: readings[7].spent + 1.0}
    del later[100]
    rows = busiest(readings, later, 2.0, 1000, frozenset({7}))
    assert (rows[0]["pid"], rows[0]["cpu_percent"], rows[0]["agent"]) == (7, 50.0, True)
    assert len(rows) <= BY_CPU + BY_MEMORY and 99 in {row["pid"] for row in rows}
    assert 100 not in {row["pid"] for row in rows}, "it ended meanwhile"


def test_family() -> None:
    readings = {pid: reading(pid, parent=parent) for pid, parent in ((2, 1), (3, 2), (4, 3), (5, 1))}
    assert family(readings, 2) == {2, 3, 4}


def test_this_machine_without_arguments() -> None:
    secret = "--password=hunter2"
    with subprocess.Popen([sys.executable, "-c", "input()", secret], stdin=subprocess.PIPE) as child:
        readings = read_processes()
        spent = spent_by_pid([os.getpid(), child.pid, 2**22 + 1])
        child.communicate(b"\n")
    assert readings[child.pid].parent == os.getpid() and readings[child.pid].name.startswith("python")
    assert secret not in repr(readings)
    assert set(spent) == {os.getpid(), child.pid}


def test_the_allow_list_has_no_column_for_arguments() -> None:
    columns = {column.name for column in TABLES["processes"].columns}
    assert not columns & {"cmdline", "path", "cwd", "root", "environ"}


async def test_probe(tmp_path: Path) -> None:
    rows = {row["pid"]: row for row in await Processes().rows(machine(tmp_path))}
    assert rows and all(isinstance(row["cpu_percent"], float) for row in rows.values())
