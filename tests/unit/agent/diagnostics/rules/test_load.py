"""Load."""

import pytest

from protocol.messages.diagnostics import Cell, Row
from tests.kit.tables import findings, only, table

GIB = 1024**3


def process(pid: int = 77, **more: Cell) -> Row:
    return {
        "pid": pid,
        "parent": 1,
        "name": "cruncher",
        "resident_size": 5 * GIB,
        "user_time": 90_000,
        "system_time": 1000,
        "username": "ana",
        "cpu_percent": 99.0,
        "agent": False,
        **more,
    }


def test_memory() -> None:
    idle = process(cpu_percent=0.0)
    low: Row = {"memory_total": 16 * GIB, "memory_available": GIB}
    finding = only(findings(table("memory_info", low), table("processes", idle)), "memory_low")
    assert finding.severity == "warning" and "cruncher uses the most, 5.0 GiB" in finding.text
    very: Row = {"memory_total": 16 * GIB, "memory_available": GIB // 4}
    assert only(findings(table("memory_info", very)), "memory_low").severity == "critical"
    assert findings(table("memory_info", {"memory_total": 16 * GIB, "memory_available": 4 * GIB})) == []


@pytest.mark.parametrize(
    ("row", "severity"),
    [
        ({"swap_in_rate": 900.0, "swap_out_rate": 700.0}, "warning"),
        ({"pressure_avg60": 12.0}, "warning"),
        ({"pressure_avg60": 40.0}, "critical"),
        ({"swap_in_rate": 900.0, "swap_out_rate": 0.0}, None),
        ({"pressure_avg60": 2.0}, None),
    ],
)
def test_swapping(row: Row, severity: str | None) -> None:
    found = findings(table("memory_info", row))
    assert [(finding.id, finding.severity) for finding in found] == ([("swap_thrashing", severity)] if severity else [])


def test_saturation_needs_both_now_and_the_last_minute() -> None:
    cpu = table("cpu_info", {"load_percentage": 99.0, "logical_processors": 2})
    finding = only(findings(cpu, table("load_average", {"period": "1m", "average": 6.5})), "cpu_saturated")
    assert "6.5 programs want to run on 2" in finding.text
    programs = table("processes", process(agent=True, name="probe"), process(name="game", cpu_percent=40.0))
    finding = only(findings(cpu, table("load_average", {"period": "1m", "average": 6.5}), programs), "cpu_saturated")
    assert finding.evidence["busiest"] == "game", "our own probes are not to blame"
    assert findings(cpu, table("load_average", {"period": "1m", "average": 1.0})) == []
    assert findings(table("cpu_info", {"load_percentage": 40.0, "logical_processors": 2})) == []


def test_runaway() -> None:
    finding = only(findings(table("processes", process())), "runaway_process")
    assert (finding.fix, finding.fix_parameters) == ("end-process", {"pid": 77, "name": "cruncher"})
    assert finding.evidence["cpu_seconds"] == 91.0


@pytest.mark.parametrize(
    "row",
    [
        process(agent=True),
        process(cpu_percent=50.0),
        process(user_time=2000),
        process(parent=2),
        process(pid=1),
    ],
)
def test_what_does_not_run_away(row: Row) -> None:
    assert findings(table("processes", row)) == []


def test_the_worst_first() -> None:
    found = findings(table("processes", process(5, cpu_percent=95.0), process(6, cpu_percent=180.0)))
    assert [finding.fix_parameters["pid"] for finding in found] == [6, 5]
