"""The composition root: starting and stopping."""

import asyncio
import socket
from pathlib import Path

import msgspec
import pytest

from relay.app import ListenError, Relay
from relay.store.database import StoreError
from relay.tls import TlsError
from tests.kit.relays import make_config, serving


async def start(relay: Relay) -> None:
    """Run until it listens, then stop at once."""
    await relay.run(lambda _port: relay.stop())


async def test_it_starts_stops_and_leaves_the_port(tmp_path: Path) -> None:
    config = make_config(tmp_path)
    for _ in range(2):
        async with asyncio.timeout(60):
            await start(Relay(config))


async def test_a_taken_port_is_a_sentence(tmp_path: Path) -> None:
    config = make_config(tmp_path)
    with socket.socket() as taken:
        taken.bind(config.address)
        taken.listen()
        with pytest.raises(ListenError, match=f"Port {config.address[1]} .* taken"):
            await start(Relay(config))


@pytest.mark.parametrize("listen", ["203.0.113.1:8443", "no.such.name.invalid:8443"])
async def test_an_address_of_another_machine_is_a_sentence(tmp_path: Path, listen: str) -> None:
    with pytest.raises(ListenError, match="not an address of this machine"):
        await start(Relay(make_config(tmp_path, listen=listen)))


async def test_a_database_that_cannot_be_opened_is_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="check the path"):
        await start(Relay(make_config(tmp_path, database="missing/relay.sqlite")))


def test_missing_tls_files_are_a_sentence(tmp_path: Path) -> None:
    config = make_config(tmp_path, tls="files", tls_certificate="none.pem", tls_key="none.pem")
    with pytest.raises(TlsError, match=r"none\.pem"):
        Relay(config)


def test_a_relay_that_does_not_listen_has_no_port(tmp_path: Path) -> None:
    with pytest.raises(ListenError):
        _ = Relay(make_config(tmp_path)).port


async def test_port_zero_takes_a_free_one(tmp_path: Path) -> None:
    config = msgspec.structs.replace(make_config(tmp_path), listen="127.0.0.1:0")
    relay, ports = Relay(config), []

    def ready(port: int) -> None:
        ports.append(port)
        assert relay.port == port
        relay.stop()

    await relay.run(ready)
    assert ports[0] > 0


async def test_a_star_listens_on_both_families(tmp_path: Path) -> None:
    config = make_config(tmp_path)
    port = config.address[1]
    relay, reached = Relay(msgspec.structs.replace(config, listen=f"*:{port}")), []

    def ready(_port: int) -> None:
        for family, host in ((socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")):
            with socket.socket(family) as probe:
                reached.append(probe.connect_ex((host, port)))
        relay.stop()

    await relay.run(ready)
    assert reached == [0, 0]


async def test_every_route_is_there_and_exact(tmp_path: Path) -> None:
    async with serving(tmp_path) as client, client.http() as http:
        for path, status in {
            "/link": 426,
            "/tunnel": 426,
            "/healthz": 200,
            "/readyz": 200,
            "/metrics": 200,
            "/version": 200,
            "/api/v1/organisations": 405,
            "/api/v1/enrolments": 405,
            f"/api/v1/enrolments/{'0' * 24}": 404,
            f"/tuf/{'0' * 16}/metadata/root.json": 404,
            "/": 404,
            "/setup": 404,
            "/setup.aspx/x": 404,
            "/admin": 404,
            "/link/": 404,
            "/LINK": 404,
        }.items():
            async with http.get(path) as answer:
                assert (path, answer.status) == (path, status)
