"""Whether a restart is due."""

from pathlib import Path

from agent.diagnostics.probes.reboot_required import RebootRequired, newest_kernel, reboot_row, version_key
from tests.kit.recorded import machine


def test_versions_are_compared_as_numbers() -> None:
    assert version_key("6.1.0-21-amd64") > version_key("6.1.0-9-amd64")
    assert version_key("6.10.1") > version_key("6.9.12")


def test_newest_of_the_same_flavour() -> None:
    installed = ["6.1.0-9-amd64", "6.1.0-21-amd64", "6.1.0-22-cloud"]
    assert newest_kernel("6.1.0-9-amd64", installed) == "6.1.0-21-amd64"
    assert newest_kernel("6.6.0-vm", installed) == "", "a kernel from outside says nothing"


def test_reasons() -> None:
    assert reboot_row("6.1.0-9-amd64", ["6.1.0-9-amd64"], False, [])["required"] is False
    assert "6.1.0-21-amd64 is installed" in str(
        reboot_row("6.1.0-9-amd64", ["6.1.0-9-amd64", "6.1.0-21-amd64"], False, [])["reason"]
    )


async def test_the_packages_mark(tmp_path: Path) -> None:
    (row,) = await RebootRequired().rows(machine(tmp_path))
    assert row["required"] is False
    files = {"/run/reboot-required": "*** System restart required ***\n", "/run/reboot-required.pkgs": "libc6\nlibc6\ndbus\n"}
    (row,) = await RebootRequired().rows(machine(tmp_path, files))
    assert (row["required"], row["packages"]) == (True, "libc6, dbus")
