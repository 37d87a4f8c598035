"""The link to the relay: kept for ever, quiet about it, and clear about what is wrong."""

import asyncio
import contextlib
import logging
import secrets
import time
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta

import pytest
from websockets.asyncio.server import ServerConnection, serve
from websockets.http11 import Request, Response

from agent.link import LinkClient
from agent.settings import LinkSettings
from agent.status import RelayStatus
from agent.transport import Relay
from hostio.errors import RelayUnreachable
from protocol.errors import RefusalReason
from protocol.link import LinkMessageReceived, PeerAuthenticated, RelayLink
from protocol.link_messages import HelpCode, HelpRequest, LinkMessage, Reconnect, Role
from tests.kit.assisted import Device
from tests.kit.organisation import Organisation
from tests.kit.waiting import eventually_async

FAST = LinkSettings(backoff_first=0.01, backoff_most=0.05, connect_seconds=5.0)


class Switch:
    """A relay of a few lines round the real link machine. `manner` decides what it does once a peer is in."""

    def __init__(self, organisation: Organisation) -> None:
        self.organisation = organisation
        self.manner: Callable[[Switch, ServerConnection, RelayLink], None] = lambda *_: None
        self.refuse: RefusalReason | None = None
        self.logins = 0
        self.received: list[LinkMessage] = []
        self.garbage = b""
        self.date = ""
        self.sockets: list[ServerConnection] = []
        self.port = 0

    async def converse(self, socket: ServerConnection) -> None:
        self.sockets.append(socket)
        if self.garbage:
            await socket.send(self.garbage)
        url = f"http://127.0.0.1:{self.port}"
        roots = {self.organisation.id: self.organisation.root}.get
        link = RelayLink(url, roots, secrets.token_bytes, lambda: datetime.now(UTC), time.monotonic())
        await self.flush(socket, link)
        async for data in socket:
            assert isinstance(data, bytes)
            link.receive_data(data, time.monotonic())
            for event in link.events():
                if isinstance(event, PeerAuthenticated):
                    if self.refuse is not None:
                        link.send_refusal(self.refuse, "not today", time.monotonic())
                    else:
                        self.logins += 1
                        link.accept(time.monotonic())
                        self.manner(self, socket, link)
                elif isinstance(event, LinkMessageReceived):
                    self.received.append(event.message)
                    if isinstance(event.message, HelpRequest):
                        link.send(HelpCode(event.message.request, "123456789", 600), time.monotonic())
            await self.flush(socket, link)

    def answering(self, _socket: ServerConnection, _request: Request, response: Response) -> None:
        if self.date:
            del response.headers["Date"]
            response.headers["Date"] = self.date

    async def flush(self, socket: ServerConnection, link: RelayLink) -> None:
        for data in link.data_to_send():
            await socket.send(data)

    @contextlib.asynccontextmanager
    async def serving(self) -> AsyncIterator[None]:
        server = await serve(self.converse, "127.0.0.1", self.port, compression=None, process_response=self.answering)
        self.port = server.sockets[0].getsockname()[1]
        async with server:
            yield


class Listener:
    """Notes what the link says."""

    def __init__(self) -> None:
        self.statuses: list[RelayStatus] = []
        self.messages: list[LinkMessage] = []

    def link_status(self, status: RelayStatus) -> None:
        self.statuses.append(status)

    def link_message(self, message: LinkMessage) -> None:
        self.messages.append(message)

    def has(self, state: str) -> bool:
        return any(status.state == state for status in self.statuses)


@contextlib.asynccontextmanager
async def linked(
    switch: Switch,
    *,
    wall: Callable[[], datetime] = lambda: datetime.now(UTC),
    uniform: Callable[[float, float], float] | None = None,
    guest: bool = False,
) -> AsyncIterator[tuple[LinkClient, Listener]]:
    device = Device(switch.organisation, switch.organisation.guest() if guest else switch.organisation.device())
    listener = Listener()
    relay = Relay.parse(f"http://127.0.0.1:{switch.port}", "")
    client = LinkClient(
        relay,
        device,
        FAST,
        listener,
        platform="Linux",
        role=Role.GUEST if guest else Role.DEVICE,
        wall=wall,
        uniform=uniform or (lambda low, high: high),
    )
    task = asyncio.get_running_loop().create_task(client.run())
    try:
        yield client, listener
    finally:
        task.cancel()
        await asyncio.wait([task])


@pytest.fixture
async def switch() -> AsyncIterator[Switch]:
    one = Switch(Organisation())
    async with one.serving():
        yield one


async def test_it_logs_in_and_carries_messages(switch: Switch) -> None:
    async with linked(switch) as (client, listener):
        with pytest.raises(RelayUnreachable):
            client.send(HelpRequest(1))
        await eventually_async(lambda: listener.has("connected"), "the login")
        client.send(HelpRequest(1, "help"))
        await eventually_async(lambda: listener.messages, "the answer")
        assert listener.messages == [HelpCode(1, "123456789", 600.0)]
        assert switch.received == [HelpRequest(1, "help")]


async def test_a_lost_link_is_dialled_again_and_said_in_two_lines(switch: Switch, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    async with linked(switch) as (_, listener):
        await eventually_async(lambda: listener.has("connected"), "the login")
        switch.sockets[0].transport.abort()
        await eventually_async(lambda: switch.logins == 2, "the second login")
        await eventually_async(lambda: listener.statuses[-1].state == "connected", "the link is back")
    lines = [record.getMessage() for record in caplog.records if record.name == "agent.link"]
    assert [line.split(" ")[0] for line in lines] == ["Connected", "The", "The"]
    assert "was lost" in lines[1]
    assert lines[2].endswith("is back.")
    away = next(status for status in listener.statuses if status.state == "away")
    assert away.retry_at is not None


async def test_a_relay_that_is_away_is_one_line_however_often_it_is_tried(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    one = Switch(Organisation())
    async with one.serving():
        pass
    async with linked(one) as (_, listener):
        await eventually_async(lambda: len([s for s in listener.statuses if s.state == "away"]) > 4, "a few attempts")
        assert len([record for record in caplog.records if record.name == "agent.link"]) == 1
        async with one.serving():
            await eventually_async(lambda: listener.has("connected"), "the login")
            one.sockets[0].transport.abort()
    assert [r.getMessage() for r in caplog.records if r.name == "agent.link"][1].endswith("is back.")


async def test_waits_grow_to_a_bound_with_jitter() -> None:
    one = Switch(Organisation())
    async with one.serving():
        pass
    bounds: list[float] = []

    def uniform(low: float, high: float) -> float:
        bounds.append(high)
        assert low == 0.0
        return 0.0

    async with linked(one, uniform=uniform):
        await eventually_async(lambda: len(bounds) > 5, "a few attempts")
    assert bounds[:4] == [0.02, 0.04, 0.05, 0.05]


async def test_a_refusal_names_its_reason_and_is_tried_again_later(switch: Switch) -> None:
    switch.refuse = RefusalReason.REVOKED
    async with linked(switch) as (_, listener):
        await eventually_async(lambda: listener.has("refused"), "the refusal")
        text = next(status.text for status in listener.statuses if status.state == "refused")
        assert "does not let this device in (revoked): not today" in text
        switch.refuse = None
        await eventually_async(lambda: listener.has("connected"), "a later login")


async def test_a_computer_whose_identity_is_in_use_elsewhere_says_so_and_does_not_fight(switch: Switch) -> None:
    """A disk was copied: two computers log in as one, and each time the relay ends the older link."""
    delays: list[float] = []

    def uniform(low: float, high: float) -> float:
        delays.append(high)
        return 0.0 if len(delays) < 3 else high

    closing: list[asyncio.Task[None]] = []

    def replace(_: Switch, socket: ServerConnection, __: RelayLink) -> None:
        closing.append(asyncio.get_running_loop().create_task(socket.close(4001, "the same peer logged in again")))

    switch.manner = replace
    async with linked(switch, uniform=uniform) as (_, listener):
        await eventually_async(lambda: len(delays) >= 2, "it tries again")
    await asyncio.wait(closing)
    assert delays[:2] == [FAST.backoff_most] * 2, "as seldom as it ever does"
    said = next(status.text for status in listener.statuses if status.state == "refused")
    assert "another program has logged in as this computer" in said
    assert "enrol --new-keys" in said


async def test_reconnect_is_honoured(switch: Switch) -> None:
    def go(_: Switch, socket: ServerConnection, link: RelayLink) -> None:
        if switch.logins == 1:
            link.send(Reconnect(0.2), time.monotonic())

    switch.manner = go
    started = time.monotonic()
    async with linked(switch) as (_, listener):
        await eventually_async(lambda: switch.logins == 2, "the second login")
        assert time.monotonic() - started >= 0.2
        assert any("come back later" in status.text for status in listener.statuses)


async def test_a_relay_that_is_full_is_left_alone_as_long_as_it_asks() -> None:
    asked: list[float] = []

    async def full(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        asked.append(time.monotonic())
        writer.write(b"HTTP/1.1 503 Service Unavailable\r\nRetry-After: 1\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
        await writer.drain()
        writer.close()

    one = Switch(Organisation())
    relay = await asyncio.start_server(full, "127.0.0.1", 0)
    one.port = relay.sockets[0].getsockname()[1]
    async with relay, linked(one) as (_, listener):
        await eventually_async(lambda: len(asked) == 2, "it comes again")
    assert asked[1] - asked[0] >= 1.0, "twenty times as long as it waits by itself"
    away = next(status for status in listener.statuses if status.state == "away")
    assert away.retry_at is not None and away.retry_at - away.since >= 1.0
    assert "full" in away.text


async def test_garbage_from_the_relay_is_said_and_left(switch: Switch) -> None:
    switch.garbage = b"\xc1garbage"
    async with linked(switch) as (_, listener):
        await eventually_async(lambda: listener.has("away"), "it hangs up")
        assert "broke the rules" in next(status.text for status in listener.statuses if status.state == "away")
        switch.garbage = b""
        await eventually_async(lambda: listener.has("connected"), "a later login")


async def test_a_clock_that_is_a_day_off_is_noticed(switch: Switch) -> None:
    async with linked(switch, wall=lambda: datetime.now(UTC) - timedelta(days=1)) as (_, listener):
        await eventually_async(lambda: listener.has("connected"), "the login")
        assert "24.0 hours behind" in listener.statuses[-1].hint


@pytest.mark.parametrize(
    "date", ["soon", "Sun, 22 Nov 99999999999999999999 12:00:00 GMT", "Sun, 22 Nov 2026 12:00:00 +9999999999999999999"]
)
async def test_a_date_that_is_none_is_no_hint(switch: Switch, date: str) -> None:
    switch.date = date
    async with linked(switch) as (_, listener):
        await eventually_async(lambda: listener.has("connected"), "the login")
        assert listener.statuses[-1].hint == ""


async def test_new_keys_log_in_anew(switch: Switch) -> None:
    async with linked(switch) as (client, listener):
        await eventually_async(lambda: listener.has("connected"), "the login")
        client.keys = Device(switch.organisation, switch.organisation.device())
        client.redial()
        await eventually_async(lambda: switch.logins == 2, "the second login")


async def test_a_guest_logs_in_as_one(switch: Switch) -> None:
    roles: list[Role] = []
    switch.manner = lambda _switch, _socket, link: roles.append(link._identity.role) if link._identity else None
    async with linked(switch, guest=True):
        await eventually_async(lambda: roles == [Role.GUEST], "the guest is in")
