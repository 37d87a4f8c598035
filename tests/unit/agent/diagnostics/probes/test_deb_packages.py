"""Installed packages."""

from pathlib import Path

import pytest

from agent.diagnostics.probe import ProbeError, Unsupported
from agent.diagnostics.probes.deb_packages import DebPackages, is_broken, parse_packages
from tests.kit.recorded import machine, recorded


def test_recording() -> None:
    rows = parse_packages(recorded("dpkg-1.21.txt"))
    assert [row["name"] for row in rows][:3] == ["broken-pkg", "half", "adduser"]
    by_name = {row["name"]: row for row in rows}
    assert "old-kernel" not in by_name and by_name["held-pkg"]["size"] is None
    assert by_name["adduser"] == {
        "name": "adduser",
        "version": "3.134",
        "size": 686,
        "arch": "all",
        "status": "install ok installed",
    }


@pytest.mark.parametrize(
    ("status", "broken"),
    [
        ("install ok installed", False),
        ("hold ok installed", False),
        ("install ok triggers-pending", False),
        ("install ok unpacked", True),
        ("install reinstreq installed", True),
        ("deinstall ok config-files", False),
        ("purge ok not-installed", False),
        ("", False),
    ],
)
def test_broken(status: str, broken: bool) -> None:
    assert is_broken(status) is broken


async def test_through_the_tool(tmp_path: Path) -> None:
    tools = {"dpkg-query": f"cat <<'E'\n{recorded('dpkg-1.21.txt')}\nE"}
    assert len(await DebPackages().rows(machine(tmp_path, tools=tools))) == 12
    with pytest.raises(ProbeError, match="exit code 2"):
        await DebPackages().rows(machine(tmp_path, tools={"dpkg-query": "exit 2"}))


@pytest.mark.parametrize(("tools", "words"), [({"rpm": "exit 0"}, "with rpm"), ({}, "no `dpkg-query`")])
async def test_other_package_managers(tmp_path: Path, tools: dict[str, str], words: str) -> None:
    with pytest.raises(Unsupported, match=words):
        await DebPackages().rows(machine(tmp_path, tools=tools))
