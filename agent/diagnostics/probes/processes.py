"""`processes`: the busiest programs by processor and by memory. Names, never arguments: those hold passwords and
file names."""

import asyncio
import os
import time
from collections.abc import Iterable
from dataclasses import dataclass
from typing import ClassVar

import psutil

from agent.diagnostics.probe import Cost, Environment, Probe
from protocol.messages.diagnostics import Row

BY_CPU = 20
BY_MEMORY = 20
_STATES = {
    psutil.STATUS_RUNNING: "R",
    psutil.STATUS_SLEEPING: "S",
    psutil.STATUS_DISK_SLEEP: "D",
    psutil.STATUS_STOPPED: "T",
    psutil.STATUS_TRACING_STOP: "T",
    psutil.STATUS_ZOMBIE: "Z",
    psutil.STATUS_DEAD: "Z",
    psutil.STATUS_IDLE: "I",
}


@dataclass(frozen=True, slots=True)
class Reading:
    """One program at one moment. Times in seconds of processor, sizes in bytes."""

    pid: int
    parent: int
    name: str
    state: str
    uid: int
    username: str
    threads: int
    nice: int
    resident: int
    mapped: int
    user: float
    system: float
    started: float

    @property
    def spent(self) -> float:
        """Seconds of processor since it started."""
        return self.user + self.system


def read_processes() -> dict[int, Reading]:
    """Every program that can be looked at. Those that end meanwhile are left out."""
    readings: dict[int, Reading] = {}
    attributes = ["ppid", "name", "status", "uids", "username", "num_threads", "nice", "memory_info", "cpu_times", "create_time"]
    for process in psutil.process_iter(attributes):
        info = process.info
        if info["cpu_times"] is None or info["memory_info"] is None or info["uids"] is None:
            continue
        readings[process.pid] = Reading(
            pid=process.pid,
            parent=info["ppid"] or 0,
            name=info["name"] or "",
            state=_STATES.get(info["status"], "S"),
            uid=info["uids"].real,
            username=info["username"] or "",
            threads=info["num_threads"] or 0,
            nice=info["nice"] or 0,
            resident=info["memory_info"].rss,
            mapped=info["memory_info"].vms,
            user=info["cpu_times"].user,
            system=info["cpu_times"].system,
            started=info["create_time"] or 0.0,
        )
    return readings


def spent_by_pid(pids: Iterable[int]) -> dict[int, float]:
    """Seconds of processor of each program that still runs; a cheap second reading."""
    spent: dict[int, float] = {}
    for pid in pids:
        try:
            times = psutil.Process(pid).cpu_times()
        except psutil.Error:
            continue
        spent[pid] = times.user + times.system
    return spent


def family(readings: dict[int, Reading], root: int) -> frozenset[int]:
    """`root` and everything below it."""
    members = {root}
    grown = True
    while grown:
        more = {reading.pid for reading in readings.values() if reading.parent in members} - members
        members |= more
        grown = bool(more)
    return frozenset(members)


def busiest(
    readings: dict[int, Reading], later: dict[int, float], seconds: float, memory_total: int, own: frozenset[int]
) -> list[Row]:
    """The rows: the first `BY_CPU` by processor over the sample, then the first `BY_MEMORY` by memory that are not among them."""
    share = {
        pid: 100 * max(later[pid] - reading.spent, 0.0) / max(seconds, 0.001) for pid, reading in readings.items() if pid in later
    }
    by_cpu = sorted(share, key=lambda pid: (-share[pid], -readings[pid].resident))[:BY_CPU]
    by_memory = sorted(share, key=lambda pid: -readings[pid].resident)[:BY_MEMORY]
    return [_row(readings[pid], share[pid], memory_total, pid in own) for pid in dict.fromkeys([*by_cpu, *by_memory])]


def _row(reading: Reading, cpu_percent: float, memory_total: int, own: bool) -> Row:
    return {
        "pid": reading.pid,
        "parent": reading.parent,
        "name": reading.name,
        "state": reading.state,
        "uid": reading.uid,
        "threads": reading.threads,
        "nice": reading.nice,
        "resident_size": reading.resident,
        "total_size": reading.mapped,
        "user_time": int(reading.user * 1000),
        "system_time": int(reading.system * 1000),
        "start_time": int(reading.started),
        "username": reading.username,
        "cpu_percent": round(cpu_percent, 1),
        "memory_percent": round(100 * reading.resident / memory_total, 1) if memory_total else None,
        "agent": own,
    }


class Processes(Probe):
    """Up to 40 rows."""

    table: ClassVar = "processes"
    budget: ClassVar = 2.5
    cost: ClassVar = Cost.WAITS  # most of its time is the sample's

    async def rows(self, environment: Environment) -> list[Row]:
        """See `Probe.rows`."""
        readings = await environment.thread(self.table, read_processes)
        started = time.monotonic()
        await asyncio.sleep(environment.sample_seconds)
        later = await environment.thread(self.table, spent_by_pid, list(readings))
        seconds = time.monotonic() - started
        own = family(readings, os.getpid())
        return busiest(readings, later, seconds, psutil.virtual_memory().total, own)
