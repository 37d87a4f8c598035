"""What two readings say, on readings that are made up and on this machine."""

from dataclasses import replace
from pathlib import Path

import pytest

from agent.diagnostics.live import Counters, busiest, read_counters, read_services, sample, services_in
from agent.diagnostics.probe import ProbeError, Unsupported
from agent.diagnostics.probes.processes import Reading
from protocol.messages.live import PROCESS_ROWS, ProcessRow
from tests.kit.recorded import machine, recorded

FIRST = Counters(10.0, (5.0, 1.0), (100.0, 100.0), 4, 8, 1, 2, 1000, 2000, 3000, 4000, 0.5)


def reading(
    pid: int, name: str = "cat", *, spent: float = 0.0, resident: int = 0, user: str = "ana", started: float = 1.0
) -> Reading:
    return Reading(pid, 1, name, "S", 1000, user, 1, 0, resident, 0, spent, 0.0, started)


def test_rates_are_by_the_second_and_shares_by_processor() -> None:
    later = replace(
        FIRST,
        at=12.0,
        busy=(7.0, 1.0),
        whole=(102.0, 102.0),
        disk_read=3000,
        disk_write=2000,
        received=3500,
        sent=3900,
        load=1.25,
    )
    said = sample(FIRST, later, request=7, taken_at=99.0, skipped=2)
    assert (said.request, said.taken_at, said.skipped, said.load) == (7, 99.0, 2, 1.25)
    assert (said.cpu, said.cores) == (50.0, [100.0, 0.0])
    assert (said.disk_read, said.disk_write, said.received) == (1000.0, 0.0, 250.0)
    assert said.sent == 0.0, "a counter that went back"
    assert (said.memory_used, said.memory_total, said.swap_used, said.swap_total) == (4, 8, 1, 2)


def test_a_processor_that_was_switched_off_is_no_error() -> None:
    said = sample(FIRST, replace(FIRST, at=11.0, busy=(5.0,), whole=(101.0,)), request=1, taken_at=0.0, skipped=0)
    assert said.cpu == 0.0


def test_counters_of_this_machine_only_grow() -> None:
    before = read_counters(1.0)
    now = read_counters(2.0)
    assert before.memory_total == now.memory_total > now.memory_used > 0
    assert len(now.whole) == len(now.busy) > 0
    assert all(0 <= one <= all_of for one, all_of in zip(now.busy, now.whole, strict=True))
    assert all(0 <= share <= 100 for share in sample(before, now, request=1, taken_at=0.0, skipped=0).cores)


def test_the_busiest_come_first() -> None:
    before = {1: reading(1, spent=1.0), 2: reading(2, spent=1.0), 3: reading(3, spent=9.0)}
    now = {
        1: reading(1, spent=1.5),
        2: reading(2, spent=3.0, resident=5),
        3: reading(3, "new", spent=9.9, resident=9, started=2.0),
    }
    said = busiest(now, before, 2.0, frozenset({2}), request=7, order="cpu", text="")
    assert [(row.pid, row.cpu, row.own) for row in said.rows] == [(2, 100.0, True), (1, 25.0, False), (3, 0.0, False)]
    assert (said.request, said.running, said.total) == (7, 3, 3)
    by_memory = busiest(now, before, 2.0, frozenset(), request=7, order="memory", text="")
    assert [row.pid for row in by_memory.rows] == [3, 2, 1]


def test_a_search_looks_at_names_and_users() -> None:
    now = {1: reading(1, "Firefox"), 2: reading(2, "cat", user="firefly"), 3: reading(3)}
    assert [row.pid for row in busiest(now, {}, 1.0, frozenset(), request=1, order="cpu", text=" FIREF").rows] == [1, 2]
    assert busiest(now, {}, 1.0, frozenset(), request=1, order="cpu", text="nothing").total == 0


def test_lists_are_bounded_and_names_are_inert() -> None:
    now = {pid: reading(pid, "\x1b[2J" + "x" * 400) for pid in range(1, PROCESS_ROWS + 50)}
    said = busiest(now, {}, 1.0, frozenset(), request=1, order="cpu", text="")
    assert (len(said.rows), said.total) == (PROCESS_ROWS, PROCESS_ROWS + 49)
    assert isinstance(said.rows[0], ProcessRow) and "\x1b" not in said.rows[0].name and len(said.rows[0].name) <= 200


def test_services_that_failed_come_first() -> None:
    units = [
        {"id": f"{name}.service", "description": name.upper(), "load_state": load, "active_state": active, "sub_state": "s"}
        for name, load, active in [
            ("cron", "loaded", "active"),
            ("gone", "not-found", "inactive"),
            ("rest", "loaded", "inactive"),
            ("cups", "loaded", "failed"),
        ]
    ]
    said = services_in(units, request=3, text="")
    assert [row.id for row in said.rows] == ["cups.service", "cron.service", "rest.service"]
    assert [row.id for row in services_in(units, request=3, text="CUP").rows] == ["cups.service"]


async def test_services_are_read_from_systemd(tmp_path: Path) -> None:
    tools = {"systemctl": f"cat <<'E'\n{recorded('systemctl-systemd252.json')}\nE"}
    with pytest.raises(Unsupported, match="not started by systemd"):
        await read_services(machine(tmp_path, tools=tools), request=1, text="")
    (tmp_path / "run/systemd/system").mkdir(parents=True)
    said = await read_services(machine(tmp_path, tools=tools), request=1, text="")
    assert said.status == "ok" and "cups.service" in {row.id for row in said.rows}
    for script, complaint in (("echo 'no bus' >&2; exit 1", "no bus"), ("echo '{'", "cannot be read")):
        with pytest.raises(ProbeError, match=complaint):
            await read_services(machine(tmp_path, tools={"systemctl": script}), request=1, text="")
