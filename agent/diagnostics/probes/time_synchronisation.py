"""`time_synchronisation`: whether something keeps the clock right. The kernel is asked (adjtimex(2)), then systemd."""

import ctypes
import os
from collections.abc import Iterable
from dataclasses import dataclass
from typing import ClassVar

import psutil

from agent.diagnostics.probe import Environment, Probe, ProbeError, Unsupported
from protocol.messages.diagnostics import Row

_STA_UNSYNC = 0x0040  # include/uapi/linux/timex.h
_SERVICES = {
    # The kernel keeps 15 characters of a program's name.
    "systemd-timesyn": "systemd-timesyncd",
    "chronyd": "chrony",
    "ntpd": "ntpd",
    "openntpd": "openntpd",
    "ptp4l": "linuxptp",
}


class _Timex(ctypes.Structure):
    """struct timex of <sys/timex.h>; what comes after `status` is not read, only given room."""

    _fields_ = (
        ("modes", ctypes.c_uint),
        ("offset", ctypes.c_long),
        ("freq", ctypes.c_long),
        ("maxerror", ctypes.c_long),
        ("esterror", ctypes.c_long),
        ("status", ctypes.c_int),
        ("rest", ctypes.c_byte * 256),
    )


@dataclass(frozen=True, slots=True)
class KernelClock:
    """What the kernel says. `estimated_error` in microseconds."""

    synchronised: bool
    estimated_error: int


def kernel_clock() -> KernelClock:
    """Ask the kernel, changing nothing (`modes` is 0, which any user may).

    Raises:
        Unsupported: there is no such call here.
        ProbeError: the kernel refuses.
    """
    library = ctypes.CDLL(None, use_errno=True)
    adjtimex = getattr(library, "adjtimex", None)
    if adjtimex is None:
        raise Unsupported("This system has no adjtimex.")
    state = _Timex()
    if adjtimex(ctypes.byref(state)) < 0:
        raise ProbeError(f"The kernel does not tell: {os.strerror(ctypes.get_errno())}.")
    return KernelClock(not state.status & _STA_UNSYNC, state.esterror)


def parse_timedatectl(text: str) -> dict[str, str]:
    """`timedatectl show`: one NAME=value a line."""
    return dict(line.split("=", 1) for line in text.splitlines() if "=" in line)


def running_service(names: Iterable[str]) -> str:
    """The time service among the names of running programs, "" when there is none."""
    return next((_SERVICES[name] for name in names if name in _SERVICES), "")


def zone_of(link: str) -> str:
    """The time zone that /etc/localtime points to."""
    return link.partition("zoneinfo/")[2]


def clock_row(clock: KernelClock, service: str, systemd: dict[str, str], zone: str) -> Row:
    """Put together what kernel, systemd and the list of programs say. A service that runs is turned on, whoever started it."""
    enabled = {"yes": True, "no": False}.get(systemd.get("NTP", ""))
    return {
        "synchronised": clock.synchronised,
        "enabled": True if service else (False if enabled is None else enabled),
        "service": service,
        "timezone": systemd.get("Timezone") or zone,
        "estimated_error_ms": round(clock.estimated_error / 1000, 1) if clock.synchronised else None,
    }


class TimeSynchronisation(Probe):
    """One row."""

    table: ClassVar = "time_synchronisation"
    budget: ClassVar = 1.5

    async def rows(self, environment: Environment) -> list[Row]:
        """See `Probe.rows`."""
        clock = kernel_clock()
        systemd: dict[str, str] = {}
        if (environment.root / "run/systemd/system").is_dir():
            try:
                answer = await environment.run(["timedatectl", "show"], seconds=1.0)
                systemd = parse_timedatectl(answer.stdout.decode(errors="replace")) if answer.exit_code == 0 else {}
            except (Unsupported, ProbeError):
                systemd = {}  # the kernel's own answer is enough for the row
        service = await environment.thread(self.table, _running)
        try:
            zone = zone_of(str((environment.root / "etc/localtime").readlink()))
        except OSError:
            zone = (environment.read_text("/etc/timezone", 256) or "").strip()
        return [clock_row(clock, service, systemd, zone)]


def _running() -> str:
    return running_service(process.info["name"] or "" for process in psutil.process_iter(["name"]))
