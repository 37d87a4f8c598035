"""Updates that apt knows of."""

from pathlib import Path

import pytest

from agent.diagnostics.probe import ProbeError, Unsupported
from agent.diagnostics.probes.package_updates import PackageUpdates, parse_upgradable
from tests.kit.recorded import machine, recorded


def test_recording() -> None:
    rows = parse_upgradable(recorded("apt-2.6.txt"))
    assert len(rows) == 12
    assert [row["name"] for row in rows if row["security"]] == ["apt-transport-https", "apt", "ca-certificates", "libssl3"]
    assert [bool(row["security"]) for row in rows] == sorted((bool(row["security"]) for row in rows), reverse=True)
    assert rows[3] == {
        "name": "libssl3",
        "version": "3.0.14-1~deb12u2",
        "available": "3.0.15-1~deb12u1",
        "source": "stable-security,stable",
        "security": True,
        "arch": "amd64",
    }


async def test_through_the_tool(tmp_path: Path) -> None:
    tools = {"dpkg-query": "exit 0", "apt": f"cat <<'E'\n{recorded('apt-2.6.txt')}\nE"}
    assert len(await PackageUpdates().rows(machine(tmp_path, tools=tools))) == 12
    with pytest.raises(ProbeError, match="E: broken lists"):
        await PackageUpdates().rows(machine(tmp_path, tools={**tools, "apt": "echo 'E: broken lists' >&2; exit 100"}))
    (tmp_path / "tools/apt").unlink()
    with pytest.raises(Unsupported, match="no `apt`"):
        await PackageUpdates().rows(machine(tmp_path))
