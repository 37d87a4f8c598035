"""Failed services, from a recording: this machine may have no systemd."""

from pathlib import Path

import pytest

from agent.diagnostics.probe import ProbeError, Unsupported
from agent.diagnostics.probes.systemd_units import SystemdUnits, parse_units
from tests.kit.recorded import machine, recorded, recorded_bytes


def test_recording() -> None:
    rows = parse_units(recorded_bytes("systemctl-systemd252.json"))
    assert rows[0] == {
        "id": "cups.service",
        "description": "CUPS Scheduler",
        "load_state": "loaded",
        "active_state": "failed",
        "sub_state": "failed",
    }
    assert len(rows) == 3 and parse_units(b"") == parse_units(b"[]") == []
    with pytest.raises(ValueError, match="Expected"):
        parse_units(b'{"unit": 1}')


async def test_only_where_systemd_runs(tmp_path: Path) -> None:
    tools = {"systemctl": f"cat <<'E'\n{recorded('systemctl-systemd252.json')}\nE"}
    environment = machine(tmp_path, tools=tools)
    with pytest.raises(Unsupported, match="not started by systemd"):
        await SystemdUnits().rows(environment)
    (tmp_path / "run/systemd/system").mkdir(parents=True)
    assert len(await SystemdUnits().rows(environment)) == 3
    with pytest.raises(ProbeError, match="Failed to connect to bus"):
        await SystemdUnits().rows(machine(tmp_path, tools={"systemctl": "echo 'Failed to connect to bus: x' >&2; exit 1"}))
