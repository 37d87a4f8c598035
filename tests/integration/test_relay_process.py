"""`handrail-relay serve` as a process: TLS with its own certificate, real WebSockets, signals, and rubbish on every socket."""

import asyncio
import contextlib
import hashlib
import json
import os
import random
import signal
import ssl
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from aiohttp import ClientSession
from click.testing import CliRunner
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from websockets.exceptions import ConnectionClosed, InvalidStatus

from protocol.limits import LIMITS
from protocol.link_messages import (
    CodeRedeem,
    DeviceAsk,
    DevicesChanged,
    DevicesPage,
    DevicesQuery,
    HelpCode,
    HelpRequest,
    Reconnect,
    RepositoryChanged,
    TunnelOffer,
    UploadAsk,
    UploadTicket,
)
from relay.cli import main as relay_main
from tests.kit.organisation import Organisation
from tests.kit.processes import Process, command, run
from tests.kit.relays import Peer, RelayProcess, relay_process
from tests.kit.waiting import PATIENCE


@pytest.fixture(scope="module")
def process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RelayProcess]:
    """One relay for all tests that leave it as they found it."""
    bounds = "failed_logins_per_minute = 1000\nregistrations_per_minute = 1000"
    # Tests leave tunnels behind whose other end never comes: nobody waits for those at the end.
    with relay_process(tmp_path_factory.mktemp("shared"), settings="drain_seconds = 0.5", bounds=bounds) as made:
        yield made


@pytest.fixture
async def relay(process: RelayProcess) -> AsyncIterator[RelayProcess]:
    """It, and a look afterwards: it lives and made no mistake."""
    yield process
    await process.aclose()
    assert process.process.popen.poll() is None, process.process.output
    assert await process.metric("losses_total", reason="internal_error") == 0, process.process.output
    assert "Traceback" not in process.process.output


@pytest.fixture
async def own(tmp_path: Path) -> AsyncIterator[RelayProcess]:
    """A relay for one test, which may end it."""
    with relay_process(tmp_path, settings="drain_seconds = 0.5") as made:
        yield made
        await made.aclose()


async def registered(relay: RelayProcess) -> Organisation:
    """A new organisation, by a token of its own."""
    made = CliRunner()
    organisation = Organisation()
    arguments = ["token", "--config", str(relay.config_path), "--json"]
    answer = await asyncio.to_thread(made.invoke, relay_main, arguments)
    await relay.register(organisation, json.loads(answer.stdout)["token"])
    return organisation


@pytest.fixture
async def org(relay: RelayProcess) -> Organisation:
    return await registered(relay)


async def pair(relay: RelayProcess, org: Organisation) -> tuple[Peer, Peer, str, str]:
    """Technician, device, and both tickets of a tunnel between them."""
    who = org.device()
    device, technician = await relay.login(who, label="Reception"), await relay.login(org.technician(), label="Ana")
    offer = await technician.request(DeviceAsk(1, who.peer), TunnelOffer)
    return technician, device, offer.ticket, (await device.receive(TunnelOffer)).ticket


async def test_from_code_to_bytes(relay: RelayProcess, org: Organisation) -> None:
    who = org.device()
    device, technician = await relay.login(who, label="Reception", platform="Debian 12"), await relay.login(org.technician())
    [row] = (await technician.request(DevicesQuery(1), DevicesPage)).devices
    assert (row.id, row.label, row.platform, row.online, row.waiting) == (who.peer, "Reception", "Debian 12", True, False)
    code = await device.request(HelpRequest(7, "it is slow"), HelpCode)
    [row] = (await technician.receive(DevicesChanged)).devices
    assert (row.waiting, row.waiting_text) == (True, "it is slow")
    theirs = await technician.request(CodeRedeem(2, code.code), TunnelOffer)
    mine = await device.receive(TunnelOffer)
    assert (mine.request, mine.by_code, theirs.by_code, theirs.peer) == (7, True, True, who.peer)
    one, two = await relay.tunnel(theirs.ticket), await relay.tunnel(mine.ticket)
    data = random.Random(1).randbytes(LIMITS.link_message_bytes)
    for source, target in ((one, two), (two, one)):
        await source.send(data)
        assert await target.recv() == data
    assert (await technician.refused(CodeRedeem(3, code.code))).reason == "not_found"
    assert await relay.metric("tunnels") == 1
    assert await relay.metric("tunnel_bytes_total") >= len(data)
    await one.close()
    await two.wait_closed()
    assert two.close_code == 1000


async def test_the_printed_pin_is_the_key_that_serves(relay: RelayProcess) -> None:
    der = ssl.PEM_cert_to_DER_cert(await asyncio.to_thread(ssl.get_server_certificate, ("127.0.0.1", relay.port)))
    spki = x509.load_der_x509_certificate(der).public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    assert hashlib.sha256(spki).hexdigest() == relay.spki


async def test_registration_answers_what_peers_need(relay: RelayProcess) -> None:
    org = Organisation()
    assert await relay.register(org) == {"organisation": org.id, "relay_spki": relay.spki, "origin": relay.url}
    with pytest.raises(AssertionError, match="used"):
        await relay.register(Organisation())
    await relay.login((await registered(relay)).device())


async def test_the_mirror_over_tls(relay: RelayProcess, org: Organisation) -> None:
    signer, device = await relay.login(org.signer()), await relay.login(org.device())
    ticket = (await signer.request(UploadAsk(1), UploadTicket)).ticket
    url = f"/tuf/{org.id}/metadata/timestamp.json"
    async with relay.http() as http:
        async with http.put(url, data=b"{}", headers={"Authorization": f"Bearer {ticket}"}) as answer:
            assert answer.status == 204
        await device.receive(RepositoryChanged)
        async with http.get(url) as answer:
            assert await answer.read() == b"{}"


async def test_plain_http_garbage_and_half_handshakes_leave_a_session_undisturbed(relay: RelayProcess, org: Organisation) -> None:
    """Every kind of rubbish at once, on every layer, while bytes go through a tunnel."""
    _, _, technician, device = await pair(relay, org)
    one, two = await relay.tunnel(technician), await relay.tunnel(device)
    draw = random.Random(3)
    context = relay.context
    rubbish = [b"GET / HTTP/1.1\r\n\r\n", draw.randbytes(5000), b"\x16\x03\x01\xff\xff" + draw.randbytes(300), b""]

    async def throw(data: bytes, tls: ssl.SSLContext | None) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", relay.port, ssl=tls)
        writer.write(data)
        if data:
            try:
                async with asyncio.timeout(3):
                    await reader.read()
            except (TimeoutError, OSError):
                pass
        writer.transport.abort()

    async with asyncio.TaskGroup() as group:
        for data in rubbish * 10:
            group.create_task(throw(data, None))
            group.create_task(throw(data + b"\r\n\r\n", context))
        for number in range(200):
            await one.send(b"%d" % number)
            assert await two.recv() == b"%d" % number


@pytest.mark.parametrize("data", [b"", b"\xff\x00" * 600, b"\xc1", b"\x81\xa4type\xa4none", "text", b"\x81" * 250_000])
async def test_garbage_on_link_and_tunnel(relay: RelayProcess, org: Organisation, data: bytes | str) -> None:
    unknown = await relay.open("/link", compression=None)
    known = (await relay.login(org.device())).socket
    _, _, ticket, _ = await pair(relay, org)
    tunnel = await relay.tunnel(ticket)
    for victim in (unknown, known):
        with pytest.raises(ConnectionClosed):
            while True:
                await victim.send(data)
                await victim.recv()
    await tunnel.send(data)
    await tunnel.close()
    assert isinstance(await (await relay.login(org.device())).request(HelpRequest(1), HelpCode), HelpCode)


async def test_a_frame_that_claims_to_be_enormous_is_refused_before_it_is_read(relay: RelayProcess) -> None:
    link = await relay.open("/link", compression=None)
    await link.recv()
    link.transport.write(b"\x82\xff" + (2**62).to_bytes(8) + b"mask" + b"x" * 100)
    await link.wait_closed()


async def test_web_pages_are_kept_out(relay: RelayProcess) -> None:
    before = await relay.refused("origin")
    for path in ("/link", "/tunnel"):
        with pytest.raises(InvalidStatus) as caught:
            await relay.open(path, origin="https://evil.example")
        assert caught.value.response.status_code == 403
    assert await relay.refused("origin") == before + 2


async def test_too_many_failures_block_the_address_but_not_who_is_in(own: RelayProcess) -> None:
    org = await registered(own)
    inside = await own.login(org.device())
    statuses = []
    for _ in range(31):
        with pytest.raises(InvalidStatus) as caught:
            await own.tunnel("A" * 43)
        statuses.append(caught.value.response.status_code)
    assert statuses == [401] * 30 + [429]
    assert await own.refused("ticket") == 30
    assert isinstance(await inside.request(HelpRequest(1), HelpCode), HelpCode)


async def test_connections_beyond_the_bound_are_refused_by_name_while_a_session_runs(tmp_path: Path) -> None:
    bounds = "connections = 12\nconnections_per_address = 12"
    with relay_process(tmp_path, bounds=bounds) as relay:
        org = Organisation()
        await relay.register(org)
        _, _, technician, device = await pair(relay, org)
        one, two = await relay.tunnel(technician), await relay.tunnel(device)
        flood = []
        for _ in range(40):
            with contextlib.suppress(ConnectionError):  # turned away before its handshake
                flood.append(await asyncio.open_connection("127.0.0.1", relay.port, ssl=relay.context))
            await one.send(b"still here")
            assert await two.recv() == b"still here"
        assert 0 < len(flood) < 12
        for _, writer in flood:
            writer.transport.abort()
        # Connections of the flood go away one by one; then /metrics can be read again.
        deadline = time.monotonic() + PATIENCE
        while True:
            try:
                assert await relay.refused("connections") > 0
                break
            except OSError:
                assert time.monotonic() < deadline
                await asyncio.sleep(0.05)
        await relay.aclose()


async def test_sigterm_sends_links_away_lets_sessions_finish_and_exits_0(tmp_path: Path) -> None:
    with relay_process(tmp_path, settings="drain_seconds = 600.0") as relay:
        org = Organisation()
        await relay.register(org)
        technician, device, first, second = await pair(relay, org)
        one, two = await relay.tunnel(first), await relay.tunnel(second)
        await one.send(b"running")
        assert await two.recv() == b"running"
        os.kill(relay.process.pid, signal.SIGTERM)
        for peer in (technician, device):
            assert 1.0 <= (await peer.receive(Reconnect)).seconds <= 15.0
            assert await peer.closed() == 1001
        async with relay.http() as http:
            await eventually_status(http, "/readyz", 503)
            await eventually_status(http, "/healthz", 200)
        with pytest.raises(InvalidStatus) as caught:
            await relay.open("/link")
        assert caught.value.response.status_code == 503
        await one.send(b"last words")
        assert await two.recv() == b"last words"
        await one.close()
        assert await asyncio.to_thread(relay.process.wait) == 0, "it waited on, though nothing was left to wait for"
        await relay.aclose()


async def eventually_status(http: ClientSession, path: str, status: int) -> None:
    async with asyncio.timeout(60):
        while True:
            async with http.get(path) as answer:
                if answer.status == status:
                    return
            await asyncio.sleep(0.05)


async def test_sessions_that_go_on_are_cut_after_the_drain_time(own: RelayProcess) -> None:
    org = await registered(own)
    _, _, first, second = await pair(own, org)
    one, two = await own.tunnel(first), await own.tunnel(second)
    os.kill(own.process.pid, signal.SIGTERM)
    await one.wait_closed()
    await two.wait_closed()
    assert (one.close_code, two.close_code) == (1001, 1001)
    assert await asyncio.to_thread(own.process.wait) == 0


async def test_ctrl_c_stops_it_too(own: RelayProcess) -> None:
    os.kill(own.process.pid, signal.SIGINT)
    assert await asyncio.to_thread(own.process.wait) == 0


async def test_everything_that_must_last_lasts(tmp_path: Path) -> None:
    org = Organisation()
    who = org.device()
    with relay_process(tmp_path) as relay:
        await relay.register(org)
        await (await relay.login(who, label="Kept")).close()
        await relay.aclose()
        assert await asyncio.to_thread(relay.process.stop) == 0
        again = Process(relay.process.argv, tmp_path / "again.log")
        try:
            await asyncio.to_thread(again.wait_for, r"listening on port \d+")
            technician = await relay.login(org.technician())
            [row] = (await technician.request(DevicesQuery(1), DevicesPage)).devices
            assert (row.id, row.label, row.online) == (who.peer, "Kept", False)
            await relay.aclose()
        finally:
            again.stop()


async def test_killed_without_warning_it_starts_again(tmp_path: Path) -> None:
    org = Organisation()
    with relay_process(tmp_path) as relay:
        await relay.register(org)
        await relay.login(org.device())
        relay.process.kill()
        again = Process(relay.process.argv, tmp_path / "again.log")
        try:
            await asyncio.to_thread(again.wait_for, r"listening on port \d+")
            await relay.login(org.device())
            await relay.aclose()
        finally:
            again.stop()


def test_a_taken_port_ends_with_a_sentence(tmp_path: Path) -> None:
    with relay_process(tmp_path) as relay:
        result = run([command("handrail-relay"), "serve", "--config", str(relay.config_path)], check=False)
        assert result.returncode == 1
        assert f"Port {relay.port} of 127.0.0.1 is taken" in result.stderr
        assert "Traceback" not in result.stderr


@pytest.mark.parametrize("loop", ["asyncio", "uvloop"])
async def test_both_event_loops_serve(tmp_path: Path, loop: str) -> None:
    with relay_process(tmp_path, settings=f'event_loop = "{loop}"') as relay:
        org = Organisation()
        await relay.register(org)
        _, _, first, second = await pair(relay, org)
        one, two = await relay.tunnel(first), await relay.tunnel(second)
        await one.send(b"x" * 200_000)
        assert await two.recv() == b"x" * 200_000
        await relay.aclose()
        assert await asyncio.to_thread(relay.process.stop) == 0
        assert "Traceback" not in relay.process.output
