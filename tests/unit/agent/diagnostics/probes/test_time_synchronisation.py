"""The clock."""

from pathlib import Path

import pytest

from agent.diagnostics.probes.time_synchronisation import (
    KernelClock,
    TimeSynchronisation,
    clock_row,
    kernel_clock,
    parse_timedatectl,
    running_service,
    zone_of,
)
from tests.kit.recorded import machine, recorded


def test_recording() -> None:
    values = parse_timedatectl(recorded("timedatectl-systemd252.txt"))
    assert (values["NTP"], values["NTPSynchronized"], values["Timezone"]) == ("yes", "no", "Europe/Berlin")


@pytest.mark.parametrize(
    ("service", "ntp", "enabled"), [("chrony", "no", True), ("", "yes", True), ("", "no", False), ("", "", False)]
)
def test_what_counts_as_turned_on(service: str, ntp: str, enabled: bool) -> None:
    row = clock_row(KernelClock(False, 16_000_000), service, {"NTP": ntp} if ntp else {}, "Europe/Paris")
    assert (row["enabled"], row["timezone"], row["estimated_error_ms"]) == (enabled, "Europe/Paris", None)


def test_synchronised() -> None:
    row = clock_row(KernelClock(True, 1500), "chrony", {"Timezone": "UTC"}, "")
    assert (row["synchronised"], row["estimated_error_ms"], row["timezone"]) == (True, 1.5, "UTC")


def test_small_things() -> None:
    assert running_service(["init", "systemd-timesyn"]) == "systemd-timesyncd"
    assert running_service(["init"]) == ""
    assert zone_of("/usr/share/zoneinfo/Europe/Berlin") == "Europe/Berlin" and zone_of("elsewhere") == ""


def test_the_kernel_answers_and_nothing_is_changed() -> None:
    assert kernel_clock().estimated_error >= 0
    assert kernel_clock().synchronised == kernel_clock().synchronised


async def test_with_and_without_systemd(tmp_path: Path) -> None:
    environment = machine(tmp_path, {"/etc/timezone": "Asia/Tokyo\n"})
    (row,) = await TimeSynchronisation().rows(environment)
    assert row["timezone"] == "Asia/Tokyo"
    (tmp_path / "run/systemd/system").mkdir(parents=True)
    (row,) = await TimeSynchronisation().rows(environment)
    assert row["timezone"] == "Asia/Tokyo", "without timedatectl the kernel's answer is enough"
    tools = {"timedatectl": f"cat <<'E'\n{recorded('timedatectl-systemd252.txt')}\nE"}
    (row,) = await TimeSynchronisation().rows(machine(tmp_path, tools=tools))
    assert (row["timezone"], row["enabled"]) == ("Europe/Berlin", True)
