"""Services, clock, restart."""

from agent.diagnostics.allowlist import TABLES
from agent.diagnostics.collect import filtered
from agent.diagnostics.probes.systemd_units import parse_units
from tests.kit.recorded import recorded_bytes
from tests.kit.tables import findings, only, table


def test_units_of_a_recording() -> None:
    rows, _ = filtered(TABLES["systemd_units"], parse_units(recorded_bytes("systemctl-systemd252.json")))
    found = findings(table("systemd_units", *rows))
    assert [(finding.fix, finding.fix_parameters) for finding in found] == [
        ("restart-service", {"unit": "cups.service"}),
        ("", {}),
        ("restart-service", {"unit": "user@1000.service"}),
    ]
    assert found[0].text.startswith("CUPS Scheduler (cups.service) has stopped with an error")


def test_a_unit_that_is_well() -> None:
    assert findings(table("systemd_units", {"id": "a.service", "active_state": "active"})) == []


def test_clock() -> None:
    finding = only(
        findings(table("time_synchronisation", {"synchronised": False, "enabled": False, "service": ""})), "time_not_synchronised"
    )
    assert finding.fix == "synchronise-time" and "No time service" in finding.text
    finding = only(
        findings(table("time_synchronisation", {"synchronised": False, "enabled": True, "service": "chrony"})),
        "time_not_synchronised",
    )
    assert "has not reached one yet" in finding.text
    assert findings(table("time_synchronisation", {"synchronised": True})) == []


def test_restart() -> None:
    finding = only(
        findings(table("reboot_required", {"required": True, "reason": "installed packages ask for it"})), "reboot_required"
    )
    assert (finding.severity, finding.fix) == ("notice", "")
    assert findings(table("reboot_required", {"required": False})) == []
