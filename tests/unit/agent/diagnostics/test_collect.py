"""Side by side, within budgets, and nothing but what the allow-list names."""

import asyncio
import time
from pathlib import Path
from typing import ClassVar

import pytest

from agent.diagnostics import collect
from agent.diagnostics.allowlist import TABLES
from agent.diagnostics.collect import Collector, TableResult, filtered
from agent.diagnostics.probe import Cost, Environment, Probe, ProbeError, Unsupported
from agent.diagnostics.probes import all_probes
from protocol.messages.diagnostics import Row
from tests.kit.recorded import machine
from tests.kit.unhurried import let_probes_take_their_time
from tests.kit.waiting import eventually_async


def probe(name: str, outcome: list[Row] | Exception | float, *, seconds: float = 0.2, cost: Cost = Cost.WAITS) -> Probe:
    """A probe that returns rows, raises, or takes so many seconds."""

    class Made(Probe):
        table: ClassVar[str] = name
        budget: ClassVar[float] = seconds

        async def rows(self, environment: Environment) -> list[Row]:
            if isinstance(outcome, Exception):
                raise outcome
            if isinstance(outcome, float):
                await asyncio.sleep(outcome)
                return [{}]
            return outcome

    Made.cost = cost
    return Made()


async def gather(
    probes: list[Probe], tmp_path: Path, tables: list[str] | None = None, seconds: float = 2.0
) -> dict[str, TableResult]:
    results = await Collector(probes).collect(machine(tmp_path), tables or [], seconds=seconds)
    return {result.name: result for result in results}


async def test_the_three_outcomes(tmp_path: Path) -> None:
    results = await gather(
        [
            probe("uptime", [{"days": 1}]),
            probe("routes", Unsupported("no such thing here")),
            probe("mounts", ProbeError("it \x1b[31mbroke")),
            probe("processes", ValueError("odd output")),
            probe("system_info", PermissionError(13, "Permission denied")),
            probe("os_version", KeyError("ID")),
        ],
        tmp_path,
    )
    assert {name: (result.status, result.reason) for name, result in results.items()} == {
        "uptime": ("ok", ""),
        "routes": ("unsupported", "no such thing here"),
        "mounts": ("failed", "it \\x1b[31mbroke"),
        "processes": ("failed", "ValueError: odd output"),
        "system_info": ("failed", "[Errno 13] Permission denied"),
        "os_version": ("failed", "KeyError: 'ID'"),
    }
    assert results["uptime"].rows == ({"days": 1},) and results["uptime"].budget_ms == 200


async def test_a_probes_own_budget(tmp_path: Path) -> None:
    results = await gather([probe("uptime", 5.0, seconds=0.1), probe("routes", [])], tmp_path)
    assert results["uptime"].status == "failed" and results["uptime"].reason == "No answer within its budget of 0.1 s."
    assert 90 <= results["uptime"].duration_ms < 4900 and results["routes"].status == "ok"


async def test_the_snapshots_budget_is_kept_whatever_probes_do(tmp_path: Path) -> None:
    names = list(TABLES)[:8]
    started = time.monotonic()
    results = await gather([probe(name, 60.0, seconds=60, cost=Cost.COMPUTES) for name in names], tmp_path, seconds=0.3)
    assert time.monotonic() - started < 50  # one probe alone takes longer
    assert {result.status for result in results.values()} == {"failed"} and set(results) == set(names)
    assert sum("before its turn came" in result.reason for result in results.values()) == 6


async def test_two_that_compute_at_once(tmp_path: Path) -> None:
    running = most = 0

    class Busy(Probe):
        cost: ClassVar[Cost] = Cost.COMPUTES

        async def rows(self, environment: Environment) -> list[Row]:
            nonlocal running, most
            running += 1
            most = max(most, running)
            await asyncio.sleep(0.01)
            running -= 1
            return []

    probes: list[Probe] = []
    for name in list(TABLES)[:6]:
        made = Busy()
        made.table = name  # type: ignore[misc]  # a class variable everywhere else
        probes.append(made)
    await gather(probes, tmp_path)
    assert most == collect.COMPUTING


async def test_results_come_as_they_are_ready(tmp_path: Path) -> None:
    collector = Collector([probe("uptime", 0.15, seconds=1), probe("routes", [])])
    order: list[str] = []
    await collector.collect(machine(tmp_path), on_result=lambda result: order.append(result.name))
    assert order == ["routes", "uptime"]


async def test_names_asked_for(tmp_path: Path) -> None:
    results = await gather([probe("uptime", []), probe("routes", [])], tmp_path, ["uptime", "uptime", "mounts", "nonsense\n"])
    assert {name: result.status for name, result in results.items()} == {
        "uptime": "ok",
        "mounts": "unsupported",
        "nonsense\\x0a": "unsupported",
    }


async def test_cancelling_stops_every_probe(tmp_path: Path) -> None:
    collector = Collector([probe("uptime", 30.0, seconds=60), probe("routes", [])])
    ready: list[str] = []
    loop = asyncio.get_running_loop()
    task = loop.create_task(collector.collect(machine(tmp_path), on_result=lambda result: ready.append(result.name), seconds=60))
    await eventually_async(lambda: ready == ["routes"], "the quick one")
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert [other.get_name() for other in asyncio.all_tasks() if other.get_name().startswith("probe")] == []


def test_a_probe_without_an_allow_list() -> None:
    with pytest.raises(ValueError, match="secrets"):
        Collector([probe("secrets", [])])


def test_only_allow_listed_cells_of_the_right_kind() -> None:
    rows: list[Row] = [
        {"pid": 1, "name": "a\x1b", "cmdline": "--password=x", "cpu_percent": 3, "agent": True},
        {"pid": True, "name": 5, "cpu_percent": float("nan"), "agent": 1, "threads": 2**70},
    ]
    kept, left_out = filtered(TABLES["processes"], rows)
    assert kept[0] == {"pid": 1, "name": "a\\x1b", "cpu_percent": 3.0, "agent": True}
    assert kept[1] == {"pid": None, "name": None, "threads": None, "cpu_percent": None, "agent": None}
    assert left_out == 0


def test_budgets_of_rows_cells_and_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    kept, left_out = filtered(TABLES["load_average"], [{"period": "x"}] * 5)
    assert (len(kept), left_out) == (3, 2)
    kept, _ = filtered(TABLES["journal_errors"], [{"message": "x" * 10_000}])
    assert len(str(kept[0]["message"])) == collect.CELL_CHARACTERS
    monkeypatch.setattr(collect, "TABLE_BYTES", 1000)
    kept, left_out = filtered(TABLES["journal_errors"], [{"message": "x" * 300}] * 10)
    assert (len(kept), left_out) == (3, 7)


async def test_a_snapshot_of_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    let_probes_take_their_time(monkeypatch)
    results = await Collector(all_probes()).collect(Environment(wall=time.time))
    assert len(results) == len(TABLES) and sum(result.status == "ok" for result in results) >= 16
    # On a busy machine a tool may run out of its own time, and says so; a probe may not fail in any other way.
    broken = [result for result in results if result.status == "failed" and " within " not in result.reason]
    assert broken == []
