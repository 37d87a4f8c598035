"""Rows 20, 28, 29, 38: outsiders at a relay's door. A relay process where only its surface matters, one in this process where a
control is taken away."""

import asyncio
import contextlib
import random
import secrets
import socket
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from msgspec.json import encode
from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed

from protocol.link_messages import CodeRedeem, DeviceAsk, Failed, HelpCode, HelpRequest, TunnelOffer, UploadAsk, UploadTicket
from protocol.session import ConsentNeeded
from relay.config import Bounds
from relay.metrics import Refusal
from relay.organisations import create_token
from tests.kit.conversation import Conversation
from tests.kit.organisation import Organisation
from tests.kit.relays import Peer, RelayClient, RunningRelay, relay_process, serving
from tests.kit.waiting import PATIENCE, eventually_async

WIDE = Bounds(failed_logins_per_minute=10_000, registrations_per_minute=10_000)


@asynccontextmanager
async def live(tmp_path: Path, **options: object) -> AsyncIterator[tuple[RunningRelay, Organisation]]:
    """A relay that serves an organisation."""
    organisation = Organisation()
    async with serving(tmp_path, **{"bounds": WIDE, **options}) as relay:  # type: ignore[arg-type]
        await relay.register(organisation)
        yield relay, organisation


async def session(relay: RelayClient, organisation: Organisation) -> tuple[ClientConnection, ClientConnection]:
    """Both ends of a tunnel, with links that stay."""

    who = organisation.device()
    device, technician = await relay.login(who), await relay.login(organisation.technician())
    offer = await technician.request(DeviceAsk(1, who.peer), TunnelOffer)
    return await relay.tunnel(offer.ticket), await relay.tunnel((await device.receive(TunnelOffer)).ticket)


async def undisturbed(one: ClientConnection, two: ClientConnection, rounds: int = 20) -> bool:
    """Whether a session's bytes go to and fro."""
    for _ in range(rounds):
        data = secrets.token_bytes(1024)
        await one.send(data)
        assert await asyncio.wait_for(two.recv(), 60) == data
        await two.send(data)
        assert await asyncio.wait_for(one.recv(), 60) == data
    return True


# -- row 20: codes ---------------------------------------------------------------------------------------------------------


async def standing_code(relay: RunningRelay, organisation: Organisation) -> tuple[Peer, str]:
    device = await relay.login(organisation.device())
    return device, (await device.request(HelpRequest(1, "help"), HelpCode)).code


@pytest.mark.attack(20, without=["code_scope"])
async def test_a_stolen_code_is_worth_nothing_outside_the_organisation(tmp_path: Path) -> None:
    """The thief runs an organisation on the same relay and has heard the code."""
    thief = Organisation("Thieves Ltd")
    async with live(tmp_path) as (relay, organisation):
        await relay.register(thief)
        device, code = await standing_code(relay, organisation)
        outsider = await relay.login(thief.technician())
        answer = await outsider.request(CodeRedeem(2, code), TunnelOffer | Failed)  # type: ignore[type-var]
        assert isinstance(answer, Failed)
        await device.send(HelpRequest(2, "still here"))
        assert await device.receive(HelpCode)
        assert not [message for message in device.inbox if isinstance(message, TunnelOffer)]


@pytest.mark.attack(20, without=["pinned_root"])
async def test_and_should_the_relay_lead_the_thief_there_the_agent_does_not(tmp_path: Path) -> None:

    organisation = Organisation()
    thief = Organisation("Thieves Ltd", wall=organisation.wall)
    talk = Conversation(organisation, technician=thief.technician()).run()
    assert not any(isinstance(event, ConsentNeeded) for event in talk.agent_events)


@pytest.mark.attack(20, without=["code_limits"])
async def test_codes_cannot_be_guessed(tmp_path: Path) -> None:
    async with live(tmp_path) as (relay, organisation):
        _, code = await standing_code(relay, organisation)
        guesser = await relay.login(organisation.technician())
        for number in range(6):
            guess = f"{(int(code) + 1 + number) % 10**9:09d}"
            await guesser.refused(CodeRedeem(number, guess))
        answer = await guesser.refused(CodeRedeem(7, code))  # even the right one, now
        assert answer.reason == "locked"


@pytest.mark.attack(20, without=["code_limits"])
async def test_nor_by_many_technicians_together(tmp_path: Path) -> None:
    async with live(tmp_path) as (relay, organisation):
        _, code = await standing_code(relay, organisation)
        for _ in range(10):
            guesser = await relay.login(organisation.technician())
            for number in range(5):
                await guesser.refused(CodeRedeem(number, f"{(int(code) + 1 + number) % 10**9:09d}"))
        fresh = await relay.login(organisation.technician())
        assert (await fresh.refused(CodeRedeem(9, code))).reason == "locked"


@pytest.mark.attack(20, without=["code_once"])
async def test_a_code_that_was_used_is_worth_nothing(tmp_path: Path) -> None:
    async with live(tmp_path) as (relay, organisation):
        _, code = await standing_code(relay, organisation)
        first, second = await relay.login(organisation.technician()), await relay.login(organisation.technician())
        assert await first.request(CodeRedeem(1, code), TunnelOffer)
        answer = await second.request(CodeRedeem(1, code), TunnelOffer | Failed)  # type: ignore[type-var]
        assert isinstance(answer, Failed)


# -- rows 28 and 29: paths ---------------------------------------------------------------------------------------------------


SETUP = ["setup", "install", "init", "admin", "wizard", "register", "signup", "login", "config", "SetupWizard.aspx", "debug",
         "console", "api", "api/v1", "api/v1/setup", "api/v1/tokens", "api/v1/users", "api/v1/admin", "graphql", "actuator",
         "server-status", ".env", ".git/config", "relay.toml", "tls-key.pem", "swagger.json", "static", "ws"]  # fmt: skip
WRAPPINGS = [
    "/{}",
    "/{}/",
    "//{}",
    "/./{}",
    "/x/../{}",
    "/%2e/{}",
    "/;{}",
    "/{};x=1",
    "/{}%00",
    "/{}%2f",
    "/{}?x=1",
    "/{}/.",
    "/%2F{}",
]
DOORS = ["version", "healthz", "readyz", "metrics", "link", "tunnel", "api/v1/organisations", "api/v1/enrolments"]


async def ask(relay: RelayClient, target: str, *, method: str = "GET", body: bytes = b"", headers: str = "") -> tuple[int, bytes]:
    """One request by hand: no client tidies up its path."""
    reader, writer = await asyncio.open_connection("127.0.0.1", relay.port, ssl=relay.context)
    length = f"Content-Length: {len(body)}\r\n" if body or method not in ("GET", "HEAD") else ""
    head = f"{method} {target} HTTP/1.1\r\nHost: 127.0.0.1:{relay.port}\r\n{headers}{length}Connection: close\r\n\r\n"
    writer.write(head.encode("latin-1") + body)
    try:
        answer = await asyncio.wait_for(reader.read(), 60)
    finally:
        writer.close()
    if not answer:
        return 0, b""
    return int(answer.split(b" ", 2)[1]), answer.partition(b"\r\n\r\n")[2]


@pytest.mark.attack(28)
async def test_a_live_relay_has_no_set_up_page(tmp_path: Path) -> None:
    """Crawled on a process with TLS: whatever it is called and however it is wrapped, it is not there."""
    with relay_process(tmp_path) as relay:
        found = []
        for name in SETUP:
            for wrapping in WRAPPINGS:
                status, _ = await ask(relay, wrapping.format(name))
                if status not in (400, 404, 405):
                    found.append((wrapping.format(name), status))
            for method in ("POST", "PUT", "DELETE", "OPTIONS", "TRACE", "CONNECT", "PATCH"):
                status, _ = await ask(relay, f"/{name}", method=method)
                if status not in (0, 400, 404, 405):
                    found.append((method, name, status))
        assert found == []


@pytest.mark.attack(28, without=["registration_token"])
async def test_nobody_registers_an_organisation_without_a_fresh_token(tmp_path: Path) -> None:
    async with live(tmp_path) as (relay, _):
        used = await create_token(relay.relay.database, secrets.token_bytes, time.time())
        await relay.relay.organisations.register(used, Organisation().root, "First")
        before = set(relay.relay.organisations._roots)
        evil = Organisation("Evil")
        async with relay.http() as http:
            for token in (used, "x", "admin", secrets.token_urlsafe(24)):
                async with http.post("/api/v1/organisations", data=encode({"token": token, "root": evil.root})) as answer:
                    assert answer.status in (401, 429)
        assert set(relay.relay.organisations._roots) == before


@pytest.mark.attack(29, without=["exact_routes"])
async def test_doors_open_only_where_they_are(tmp_path: Path) -> None:
    async with live(tmp_path) as (relay, _):
        opened = []
        for door in DOORS:
            for wrapping in WRAPPINGS[1:]:
                target = wrapping.format(door)
                if wrapping == "/{}?x=1":
                    continue  # a query changes no path
                status, _ = await ask(relay, target)
                if status not in (400, 404):
                    opened.append((target, status))
            status, _ = await ask(relay, "/" + door.replace("e", "%65", 1) if "e" in door else f"/{door}%20")
            if status not in (400, 404):
                opened.append((door, status))
            status, _ = await ask(relay, f"/{door.upper()}")
            if status not in (400, 404):
                opened.append((door.upper(), status))
        assert opened == []


@pytest.mark.attack(29, without=["exact_routes"])
async def test_the_mirror_hands_out_its_rows_and_no_files(tmp_path: Path) -> None:
    """Signed files are rows of a table; whatever stands in a path, it is compared, never opened."""
    other = Organisation("Neighbours")
    async with live(tmp_path) as (relay, organisation):
        await relay.register(other)
        signer = await relay.login(other.signer())
        ticket = (await signer.request(UploadAsk(1), UploadTicket)).ticket
        async with relay.http() as http:
            url = f"/tuf/{other.id}/metadata/1.root.json"
            async with http.put(url, data=b'{"neighbours":1}', headers={"Authorization": f"Bearer {ticket}"}) as answer:
                assert answer.status == 204
        base = f"/tuf/{organisation.id}"
        up = ["..", "%2e%2e", "%2E%2E", ".%2e", "..;", "%252e%252e", "..%2f", "..%5c", "....//"]
        neighbour = f"{other.id}/metadata/1.root.json"
        tails = ("etc/passwd", neighbour, f"tuf/{neighbour}", "relay.toml")
        climbs = ["/".join([dots] * depth) for dots in up for depth in (1, 2, 3, 6)]
        hostile = [f"{base}/metadata/{climb}/{tail}" for climb in climbs for tail in tails]
        hostile += [f"{base}//{neighbour}", f"{base}/metadata/%2fetc%2fpasswd", "/tuf//etc/passwd", f"{base}/targets/%00"]
        hostile += [f"/tuf/{organisation.id}%2f..%2f{neighbour}", f"{base}/targets/a%0d%0ab"]
        for target in hostile:
            status, body = await ask(relay, target)
            assert status in (400, 404), target
            assert b"neighbours" not in body
            assert b"root:" not in body


@pytest.mark.attack(29)
async def test_nothing_is_stored_under_a_hostile_path(tmp_path: Path) -> None:
    async with live(tmp_path) as (relay, organisation):
        signer = await relay.login(organisation.signer())
        ticket = (await signer.request(UploadAsk(1), UploadTicket)).ticket
        head = f"Authorization: Bearer {ticket}\r\n"
        before = sorted(path for path in tmp_path.rglob("*"))
        for tail in (
            "../../x",
            "%2e%2e/x",
            "targets/../../x",
            "targets/%2fx",
            "targets/a/../../../x",
            "metadata/..%2fx",
            "targets//x",
        ):
            status, _ = await ask(relay, f"/tuf/{organisation.id}/{tail}", method="PUT", body=b"x", headers=head)
            assert status in (400, 404, 405), tail
        assert sorted(path for path in tmp_path.rglob("*")) == before


@pytest.mark.attack(27, without=["relay_origin"])
async def test_a_web_page_cannot_use_the_relay(tmp_path: Path) -> None:
    """Browsers say where a request comes from; the relay serves no browser at all."""
    async with live(tmp_path) as (relay, _):
        for origin in ("https://evil.example", f"http://127.0.0.1:{relay.port}", "null"):
            for path in ("/version", "/healthz", "/link"):
                assert (await ask(relay, path, headers=f"Origin: {origin}\r\n"))[0] == 403


# -- row 38: crowds ----------------------------------------------------------------------------------------------------------


@pytest.mark.attack(38, without=["header_deadline"])
async def test_half_a_header_is_not_waited_for(tmp_path: Path) -> None:
    """A hundred clients that send a letter now and then; a session beside them."""
    async with live(tmp_path, header_seconds=4.0) as (relay, organisation):
        one, two = await session(relay, organisation)
        with Crowd(relay.port) as crowd:
            await crowd.grow(100, b"GET /link HTTP/1.1\r\nHost: x\r\nX-Slow: ")
            assert await undisturbed(one, two)
            await eventually_async(lambda: crowd.closed() == 100, "the relay hangs up")
            assert await undisturbed(one, two)
            assert relay.relay.metrics.refused(Refusal.HEADER_DEADLINE) == 100


class Crowd:
    """Many TCP connections of one attacker, without a buffer or a task for each."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.sockets: list[socket.socket] = []

    async def grow(self, count: int, *words: bytes) -> None:
        for number in range(count):
            one = socket.socket()
            self.sockets.append(one)
            one.setblocking(False)
            one.connect_ex(("127.0.0.1", self.port))
            if number % 50 == 49:
                await asyncio.sleep(0.01)
        await asyncio.sleep(0.1)
        for number, one in enumerate(self.sockets[-count:]):
            with contextlib.suppress(OSError):
                one.send(words[number % len(words)])

    def closed(self) -> int:
        """How many the relay has hung up on."""
        count = 0
        for one in self.sockets:
            try:
                count += not one.recv(4096)
            except BlockingIOError:
                continue
            except OSError:
                count += 1
        return count

    def __enter__(self) -> "Crowd":
        return self

    def __exit__(self, *_: object) -> None:
        for one in self.sockets:
            one.close()


@pytest.mark.attack(38, without=["connection_caps"])
async def test_a_crowd_is_refused_by_name_and_the_session_runs_on(tmp_path: Path) -> None:
    bounds = Bounds(connections=200, failed_logins_per_minute=10_000)
    async with live(tmp_path, bounds=bounds) as (relay, organisation):
        one, two = await session(relay, organisation)
        with Crowd(relay.port) as crowd:
            await crowd.grow(600, b"GET / HTTP/1.1\r\n")
            assert await undisturbed(one, two)
            await eventually_async(lambda: relay.relay.metrics.refused(Refusal.CONNECTIONS) >= 300, "they are refused by name")
        assert await undisturbed(one, two)


@pytest.mark.attack(38, without=["handshake_caps"])
async def test_handshakes_that_are_never_finished_are_counted_bounded_and_given_up(tmp_path: Path) -> None:
    """Half of a TLS hello and then silence, again and again; others finish it and then send half a header, a letter at a time."""
    bounds = Bounds(connections_per_address=60, failed_logins_per_minute=10_000)
    async with live(tmp_path, bounds=bounds, tls=True, handshake_seconds=10.0, header_seconds=10.0) as (relay, organisation):
        one, two = await session(relay, organisation)
        metrics = relay.relay.metrics
        async with contextlib.AsyncExitStack() as stack:
            for _ in range(20):
                opening = asyncio.open_connection("127.0.0.1", relay.port, ssl=relay.context)
                _, writer = await asyncio.wait_for(opening, 60)
                stack.callback(writer.close)
                writer.write(b"GET /link HTTP/1.1\r\nHost: x\r\nX-Slow: ")
            crowd = stack.enter_context(Crowd(relay.port))
            await crowd.grow(200, b"\x16\x03\x01\x02\x00\x01", b"\x16")
            await eventually_async(lambda: metrics.refused(Refusal.CONNECTIONS_PER_ADDRESS) >= 160, "they are refused by name")
            assert metrics.registry.get_sample_value("handrail_relay_connections") == 60
            assert (metrics.registry.get_sample_value("handrail_relay_handshakes") or 0) >= 30
            assert await undisturbed(one, two)
            await eventually_async(lambda: crowd.closed() == 200, "the relay hangs up on every one")
            await eventually_async(lambda: metrics.refused(Refusal.HANDSHAKE_DEADLINE) >= 30, "counted by name")
            await eventually_async(lambda: metrics.refused(Refusal.HEADER_DEADLINE) == 20, "slow headers too")
            assert metrics.registry.get_sample_value("handrail_relay_handshakes") == 0
        assert await undisturbed(one, two)
        async with relay.http() as http, http.get("/healthz") as answer:
            assert answer.status == 200


@pytest.mark.attack(38)
async def test_thousands_of_connections_fragments_and_rubbish_beside_a_session(tmp_path: Path) -> None:
    """A relay process with TLS: 5000 connections at once, half handshakes, half headers, WebSockets in shreds. It says what it
    refused, and the session beside them runs on."""
    draw = random.Random(38)
    head = (
        b"GET /link HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
        b"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
    )
    with relay_process(tmp_path, bounds="connections_per_address = 40\nfailed_logins_per_minute = 100000") as relay:
        organisation = Organisation()
        await relay.register(organisation)
        one, two = await session(relay, organisation)
        async with contextlib.AsyncExitStack() as stack:
            crowd = stack.enter_context(Crowd(relay.port))
            await crowd.grow(5000, b"\x16\x03\x01\x02\x00\x01", b"GET / HTTP/1.1\r\n", draw.randbytes(50), b"\x16")

            async def shreds(number: int) -> None:
                with contextlib.suppress(OSError, TimeoutError):
                    opening = asyncio.open_connection("127.0.0.1", relay.port, ssl=relay.context)
                    _, writer = await asyncio.wait_for(opening, 60)
                    stack.callback(writer.close)
                    # Fragments of one byte, never the last; or half a header.
                    writer.write(head + 50 * b"\x02\x81\0\0\0\0x" if number < 20 else head[:-2])

            await asyncio.gather(*(shreds(number) for number in range(100)))
            assert await undisturbed(one, two)
        assert await undisturbed(one, two)
        end = time.monotonic() + PATIENCE  # until the relay has noticed that there is room to ask it
        while not await relay.refused("connections_per_address"):
            assert time.monotonic() < end, "nothing was refused"
            await asyncio.sleep(0.05)
        assert "Traceback" not in relay.process.output
        assert relay.process.popen.poll() is None
        await relay.aclose()


@pytest.mark.attack(38)
async def test_a_fragmented_message_is_bounded(tmp_path: Path) -> None:
    """Fragments without end on a tunnel: cut off at the limit, the neighbours' session runs on."""
    async with live(tmp_path) as (relay, organisation):
        one, two = await session(relay, organisation)
        three, _ = await session(relay, organisation)

        async def endless() -> AsyncIterator[bytes]:
            for _ in range(64):
                yield bytes(16 * 1024)

        with pytest.raises(ConnectionClosed):
            await three.send(endless())
            await asyncio.wait_for(three.recv(), 60)
        assert await undisturbed(one, two)
