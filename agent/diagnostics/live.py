"""Readings of the machine at one moment, and what two of them a while apart say. Names of programs, never arguments."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import psutil

from agent.diagnostics.probe import Environment, ProbeError, failure
from agent.diagnostics.probes.processes import Reading
from agent.diagnostics.probes.systemd_units import parse_units, require_systemd
from protocol.messages.live import (
    CORES,
    PROCESS_ROWS,
    SERVICE_ROWS,
    LiveProcesses,
    LiveSample,
    LiveServices,
    ProcessRow,
    ServiceRow,
)
from protocol.printable import printable

# Disks made of other disks would count twice; these are not the machine's traffic.
_VIRTUAL_DISKS = ("loop", "ram", "dm-", "md", "zram")
_LOOPBACK = ("lo",)
_NAME_CHARS = 200


@dataclass(frozen=True, slots=True)
class Counters:
    """What the system counts. `busy` and `whole` are seconds of each processor; the rest is bytes."""

    at: float
    busy: tuple[float, ...]
    whole: tuple[float, ...]
    memory_used: int
    memory_total: int
    swap_used: int
    swap_total: int
    disk_read: int
    disk_write: int
    received: int
    sent: int
    load: float


def read_counters(at: float) -> Counters:
    """The counters now; `at` is the monotonic time of the reading. Takes a few milliseconds, and may wait for the kernel."""
    cores = psutil.cpu_times(percpu=True)[:CORES]
    # Linux counts a guest's time in the host's too.
    whole = tuple(sum(core) - getattr(core, "guest", 0.0) - getattr(core, "guest_nice", 0.0) for core in cores)
    idle = tuple(core.idle + getattr(core, "iowait", 0.0) for core in cores)
    memory, swap = psutil.virtual_memory(), psutil.swap_memory()
    disks = [
        counted for name, counted in (psutil.disk_io_counters(perdisk=True) or {}).items() if not name.startswith(_VIRTUAL_DISKS)
    ]
    networks = [counted for name, counted in (psutil.net_io_counters(pernic=True) or {}).items() if name not in _LOOPBACK]
    return Counters(
        at=at,
        busy=tuple(max(all_of - rest, 0.0) for all_of, rest in zip(whole, idle, strict=True)),
        whole=whole,
        memory_used=memory.total - memory.available,
        memory_total=memory.total,
        swap_used=swap.used,
        swap_total=swap.total,
        disk_read=sum(disk.read_bytes for disk in disks),
        disk_write=sum(disk.write_bytes for disk in disks),
        received=sum(network.bytes_recv for network in networks),
        sent=sum(network.bytes_sent for network in networks),
        load=psutil.getloadavg()[0],
    )


def sample(before: Counters, now: Counters, *, request: int, taken_at: float, skipped: int) -> LiveSample:
    """What happened between two readings. A counter that went back (a device was taken out) counts as nought."""
    seconds = max(now.at - before.at, 1e-3)

    def rate(later: int, earlier: int) -> float:
        return round(max(later - earlier, 0) / seconds, 1)

    same = len(now.whole) == len(before.whole)  # processors can be switched on and off
    busy = [max(later - earlier, 0.0) for later, earlier in zip(now.busy, before.busy, strict=True)] if same else [0.0]
    whole = [max(later - earlier, 0.0) for later, earlier in zip(now.whole, before.whole, strict=True)] if same else [0.0]
    return LiveSample(
        request=request,
        taken_at=taken_at,
        cpu=_percent(sum(busy), sum(whole)),
        cores=[_percent(one, all_of) for one, all_of in zip(busy, whole, strict=True)],
        memory_used=now.memory_used,
        memory_total=now.memory_total,
        swap_used=now.swap_used,
        swap_total=now.swap_total,
        disk_read=rate(now.disk_read, before.disk_read),
        disk_write=rate(now.disk_write, before.disk_write),
        received=rate(now.received, before.received),
        sent=rate(now.sent, before.sent),
        load=round(now.load, 2),
        skipped=skipped,
    )


def busiest(
    readings: Mapping[int, Reading],
    before: Mapping[int, Reading],
    seconds: float,
    own: frozenset[int],
    *,
    request: int,
    order: Literal["cpu", "memory"],
    text: str,
) -> LiveProcesses:
    """The first programs in an order, of those that match. A number that now belongs to another program starts at nought."""
    wanted = text.strip().casefold()
    matching = [one for one in readings.values() if wanted in one.name.casefold() or wanted in one.username.casefold()]

    def share(one: Reading) -> float:
        earlier = before.get(one.pid)
        if earlier is None or earlier.started != one.started:
            return 0.0
        return round(100 * max(one.spent - earlier.spent, 0.0) / max(seconds, 1e-3), 1)

    shares = {one.pid: share(one) for one in matching}
    if order == "cpu":
        matching.sort(key=lambda one: (-shares[one.pid], -one.resident, one.pid))
    else:
        matching.sort(key=lambda one: (-one.resident, one.pid))
    rows = [
        ProcessRow(
            pid=one.pid,
            name=printable(one.name)[:_NAME_CHARS],
            user=printable(one.username)[:_NAME_CHARS],
            cpu=shares[one.pid],
            memory=one.resident,
            state=one.state[:2],
            threads=one.threads,
            started_at=one.started,
            own=one.pid in own,
        )
        for one in matching[:PROCESS_ROWS]
    ]
    return LiveProcesses(request=request, running=len(readings), total=len(matching), rows=rows)


_ORDER = {"failed": 0, "activating": 1, "deactivating": 1, "reloading": 1, "active": 2}


def services_in(units: Sequence[Mapping[str, object]], *, request: int, text: str) -> LiveServices:
    """Services out of what systemctl listed: those that failed first, then what changes, then what runs."""
    wanted = text.strip().casefold()
    rows = [
        ServiceRow(
            id=printable(str(unit["id"]))[:_NAME_CHARS],
            description=printable(str(unit["description"]))[:_NAME_CHARS],
            active=printable(str(unit["active_state"]))[:40],
            sub=printable(str(unit["sub_state"]))[:40],
        )
        for unit in units
        if unit["load_state"] == "loaded" and wanted in f"{unit['id']}\n{unit['description']}".casefold()
    ]
    rows.sort(key=lambda row: (_ORDER.get(row.active, 3), row.id))
    return LiveServices(request=request, status="ok", total=len(rows), rows=rows[:SERVICE_ROWS])


async def read_services(environment: Environment, *, request: int, text: str) -> LiveServices:
    """The services now.

    Raises:
        Unsupported, ProbeError: there are none to see; the text says why.
    """
    require_systemd(environment)
    argv = ["systemctl", "list-units", "--all", "--type=service", "--output=json", "--no-pager"]
    result = await environment.run(argv, seconds=4.0)
    if result.exit_code != 0:
        raise ProbeError(failure("systemctl", result))
    try:
        units = parse_units(result.stdout)
    except ValueError as error:
        raise ProbeError(f"`systemctl` answered what cannot be read: {error}") from error
    return services_in(units, request=request, text=text)


def _percent(part: float, whole: float) -> float:
    return round(min(100 * part / whole, 100.0), 1) if whole > 0 else 0.0
