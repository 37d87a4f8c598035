"""Names, servers, open ports."""

import pytest

from protocol.messages.diagnostics import Cell, Row
from tests.kit.tables import findings, only, table


def reach(kind: str, ok: bool, **more: Cell) -> Row:
    return {"test": kind, "host": "relay.example", "port": 443, "ok": ok, "error": "" if ok else "no answer within 1.1 s", **more}


def test_names_only_when_no_server_answers() -> None:
    bad, good = reach("dns", False, address="10.0.0.1"), reach("dns", True, address="10.0.0.2")
    finding = only(findings(table("reachability", bad)), "dns_unreachable")
    assert (finding.severity, finding.fix, finding.evidence["name_servers"]) == ("critical", "flush-dns", "10.0.0.1")
    assert findings(table("reachability", bad, good)) == [] == findings(table("reachability"))


def test_no_connection_and_no_security_are_told_apart() -> None:
    down = findings(table("reachability", reach("tcp", False), reach("tls", False)))
    assert "cannot be reached" in only(down, "tls_unreachable").text
    insecure = findings(
        table("reachability", reach("tcp", True), reach("tls", False, error="its certificate is not trusted: expired"))
    )
    finding = only(insecure, "tls_unreachable")
    assert "no secure connection" in finding.text and finding.evidence["connects"] is True
    assert findings(table("reachability", reach("tcp", True), reach("tls", True, certificate_days=80))) == []


def test_a_certificate_that_ends_soon() -> None:
    found = findings(table("reachability", reach("tcp", True), reach("tls", True, certificate_days=5)))
    assert only(found, "tls_unreachable").severity == "warning"


def port(number: int, address: str = "0.0.0.0", protocol: int = 6, name: str = "postgres") -> Row:
    return {"port": number, "address": address, "protocol": protocol, "name": name, "pid": 4}


def test_exposed() -> None:
    finding = only(
        findings(table("listening_ports", port(5432), port(5432, "::"), port(6379, "10.0.0.5", name="redis"))),
        "listening_exposed",
    )
    assert (finding.severity, finding.evidence["ports"], finding.evidence["programs"]) == (
        "notice",
        "5432, 6379",
        "postgres, redis",
    )
    assert "PostgreSQL on port 5432" in finding.text


@pytest.mark.parametrize("row", [port(5432, "127.0.0.1"), port(5432, "::1"), port(443), port(5432, protocol=17), port(5432, "?")])
def test_not_exposed(row: Row) -> None:
    assert findings(table("listening_ports", row)) == []
