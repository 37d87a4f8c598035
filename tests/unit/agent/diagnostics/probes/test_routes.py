"""Routes, by both ways."""

from pathlib import Path

import pytest

from agent.diagnostics.probe import ProbeError, Unsupported
from agent.diagnostics.probes.routes import Routes, parse_ip_routes, parse_proc_route
from tests.kit.recorded import machine, recorded, recorded_bytes


def test_recording_of_ip() -> None:
    rows = parse_ip_routes(recorded_bytes("ip-route4-iproute6.1.json"), "ipv4")
    assert [(row["destination"], row["netmask"], row["gateway"], row["type"]) for row in rows] == [
        ("0.0.0.0", 0, "192.0.2.1", "gateway"),
        ("192.0.2.0", 24, "", "local"),
    ]
    six = parse_ip_routes(recorded_bytes("ip-route6-iproute6.1.json"), "ipv6")
    assert (six[-1]["destination"], six[-1]["gateway"], six[0]["netmask"]) == ("::", "fd00::1", 64)
    assert parse_ip_routes(b"", "ipv6") == []
    assert parse_ip_routes(b'[{"dst":"10.9.9.9","type":"blackhole"}]', "ipv4")[0]["netmask"] == 32


def test_recording_of_proc() -> None:
    rows = parse_proc_route(recorded("proc-net-route.txt"))
    assert [(row["destination"], row["netmask"], row["gateway"], row["interface"]) for row in rows] == [
        ("0.0.0.0", 0, "192.0.2.1", "eth0"),
        ("192.0.2.0", 24, "", "eth0"),
    ]
    assert parse_proc_route("head\nshort line\n") == []


async def test_choice_of_source(tmp_path: Path) -> None:
    with pytest.raises(Unsupported):
        await Routes().rows(machine(tmp_path))
    files = {"/proc/net/route": recorded("proc-net-route.txt")}
    assert len(await Routes().rows(machine(tmp_path, files))) == 2
    tools = {"ip": f"[ \"$2\" = -4 ] || exit 1; cat <<'E'\n{recorded('ip-route4-iproute6.1.json')}\nE"}
    assert len(await Routes().rows(machine(tmp_path, tools=tools))) == 2
    with pytest.raises(ProbeError, match="exit code 3"):
        await Routes().rows(machine(tmp_path, tools={"ip": "exit 3"}))
