"""Which distribution."""

from pathlib import Path

import pytest

from agent.diagnostics.probe import Unsupported
from agent.diagnostics.probes.os_version import OsVersion, numbers, parse_os_release
from tests.kit.recorded import machine, recorded


def test_recordings() -> None:
    debian = parse_os_release(recorded("os-release-debian12.txt"))
    assert (debian["ID"], debian["VERSION_CODENAME"], debian["NAME"]) == ("debian", "bookworm", "Debian GNU/Linux")
    ubuntu = parse_os_release(recorded("os-release-ubuntu2204.txt"))
    assert ubuntu["ID_LIKE"] == "debian" and "BROKEN" not in ubuntu


@pytest.mark.parametrize(
    ("version", "parts"),
    [("12", (12, 0, 0)), ("22.04.3", (22, 4, 3)), ("15-SP5", (15, 0, 0)), ("", (0, 0, 0)), ("٣.1", (1, 0, 0))],
)
def test_numbers(version: str, parts: tuple[int, int, int]) -> None:
    assert numbers(version) == parts


async def test_the_exact_version_of_debian(tmp_path: Path) -> None:
    files = {"/etc/os-release": recorded("os-release-debian12.txt"), "/etc/debian_version": "12.11\n"}
    (row,) = await OsVersion().rows(machine(tmp_path, files))
    assert (row["platform"], row["major"], row["minor"], row["codename"]) == ("debian", 12, 11, "bookworm")


async def test_none_at_all(tmp_path: Path) -> None:
    with pytest.raises(Unsupported, match="os-release"):
        await OsVersion().rows(machine(tmp_path))
