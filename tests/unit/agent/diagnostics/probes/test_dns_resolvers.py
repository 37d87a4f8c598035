"""Name servers."""

from pathlib import Path

import pytest

from agent.diagnostics.probe import Unsupported
from agent.diagnostics.probes.dns_resolvers import DnsResolvers, name_servers, parse_resolv_conf
from tests.kit.recorded import machine, recorded


def test_recording() -> None:
    assert parse_resolv_conf(recorded("resolv.conf.txt")) == [
        {"id": 0, "type": "nameserver", "address": "10.0.0.1"},
        {"id": 1, "type": "nameserver", "address": "fe80::1%eth0"},
        {"id": 2, "type": "nameserver", "address": "10.0.0.2"},
        {"id": 3, "type": "nameserver", "address": "10.0.0.3"},
        {"id": 0, "type": "search", "address": "office.example"},
        {"id": 1, "type": "search", "address": "lab.example"},
    ]


def test_only_the_first_three_are_asked() -> None:
    assert name_servers(recorded("resolv.conf.txt")) == ["10.0.0.1", "fe80::1%eth0", "10.0.0.2"]


async def test_missing(tmp_path: Path) -> None:
    with pytest.raises(Unsupported):
        await DnsResolvers().rows(machine(tmp_path))
