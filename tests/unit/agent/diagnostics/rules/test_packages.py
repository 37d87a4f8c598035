"""Installed software."""

from agent.diagnostics.probes.deb_packages import parse_packages
from agent.diagnostics.probes.package_updates import parse_upgradable
from tests.kit.recorded import recorded
from tests.kit.tables import findings, only, table


def test_interrupted_installations_of_a_recording() -> None:
    rows = [row for row in parse_packages(recorded("dpkg-1.21.txt")) if row["size"] is not None]
    finding = only(findings(table("deb_packages", *rows)), "packages_broken")
    assert (finding.evidence["count"], finding.evidence["packages"], finding.fix) == (2, "broken-pkg, half", "repair-packages")
    assert finding.evidence["status"] == "install reinstreq half-installed"
    assert findings(table("deb_packages", *rows[2:])) == []


def test_updates_of_a_recording() -> None:
    rows = parse_upgradable(recorded("apt-2.6.txt"))
    finding = only(findings(table("package_updates", *rows)), "updates_pending")
    assert (finding.severity, finding.evidence["updates"], finding.evidence["security"]) == ("warning", 12, 4)
    assert "4 security updates are missing, 12 updates in all" in finding.text
    plain = [row for row in rows if not row["security"]]
    old = table("package_lists", {"manager": "apt", "age_days": 40.0})
    finding = only(findings(table("package_updates", *plain[:1]), old), "updates_pending")
    assert finding.severity == "notice" and "1 update is available" in finding.text and "40 days old" in finding.text
    assert findings(table("package_updates")) == []
