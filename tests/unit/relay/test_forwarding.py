"""Tunnels: paired by tickets, forwarded unopened, bounded."""

import asyncio
import random
from dataclasses import dataclass
from pathlib import Path

import pytest
from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed, InvalidStatus

from protocol.limits import LIMITS, Limits
from protocol.link_messages import DeviceAsk, TunnelOffer
from relay.forwarding import UNPAIRED, VANISHED
from relay.metrics import Loss, Refusal
from tests.kit.organisation import Organisation
from tests.kit.relays import Peer, RunningRelay, serving
from tests.kit.waiting import eventually_async


@dataclass
class Ends:
    """A technician and a device that are logged in, and tunnels between them."""

    client: RunningRelay
    technician: Peer
    device: Peer
    device_id: str
    asked: int = 0

    @classmethod
    async def of(cls, client: RunningRelay) -> "Ends":
        org = Organisation()
        await client.register(org)
        who = org.device()
        return cls(client, await client.login(org.technician()), await client.login(who), who.peer)

    async def tickets(self) -> tuple[str, str]:
        self.asked += 1
        offer = await self.technician.request(DeviceAsk(self.asked, self.device_id), TunnelOffer)
        return offer.ticket, (await self.device.receive(TunnelOffer)).ticket

    async def tunnel(self) -> tuple[ClientConnection, ClientConnection]:
        technician, device = await self.tickets()
        return await self.client.tunnel(technician), await self.client.tunnel(device)


async def test_bytes_go_both_ways_unchanged_and_in_order(tmp_path: Path) -> None:
    async with serving(tmp_path) as client:
        one, two = await (await Ends.of(client)).tunnel()
        draw = random.Random(5)
        sent = [draw.randbytes(size) for size in (0, 1, 125, 126, 65_535, 65_536, LIMITS.link_message_bytes)]
        for source, target in ((one, two), (two, one)):
            for data in sent:
                await source.send(data)
            assert [await target.recv() for _ in sent] == sent
        assert client.relay.metrics.registry.get_sample_value("handrail_relay_tunnels") == 1
        await one.close()
        await two.wait_closed()
        assert two.close_code == 1000
        await eventually_async(lambda: len(client.relay.exchange) == 0, "the tunnel is over")
        client.relay.exchange.count()
        counted = client.relay.metrics.registry.get_sample_value("handrail_relay_tunnel_bytes_total")
        assert counted == 2 * sum(map(len, sent))
        assert client.relay.metrics.registry.get_sample_value("handrail_relay_tunnels") == 0
        assert client.relay.metrics.lost(Loss.TUNNEL_BROKEN) == 0


async def test_what_is_sent_before_the_other_end_came_is_kept(tmp_path: Path) -> None:
    async with serving(tmp_path) as client:
        technician, device = await (await Ends.of(client)).tickets()
        one = await client.tunnel(technician)
        for data in (b"early", b"birds"):
            await one.send(data)
        two = await client.tunnel(device)
        assert [await two.recv(), await two.recv()] == [b"early", b"birds"]


async def test_an_end_that_gives_up_waiting_voids_the_other_ticket(tmp_path: Path) -> None:
    async with serving(tmp_path) as client:
        technician, device = await (await Ends.of(client)).tickets()
        one = await client.tunnel(technician)
        await one.close()
        await eventually_async(lambda: len(client.relay.exchange) == 0, "the meeting is over")
        with pytest.raises(InvalidStatus):
            await client.tunnel(device)


@pytest.mark.parametrize("early", [b"", b"hello"])
async def test_a_lone_end_is_let_go_after_its_time(tmp_path: Path, early: bytes) -> None:
    async with serving(tmp_path, limits=Limits(ticket_seconds=0.3)) as client:
        technician, _ = await (await Ends.of(client)).tickets()
        one = await client.tunnel(technician)
        if early:
            await one.send(early)
        await one.wait_closed()
        assert one.close_code == UNPAIRED
        assert client.relay.metrics.lost(Loss.TUNNEL_UNPAIRED) == 1
        assert len(client.relay.exchange) == 0


async def test_a_ticket_works_once_and_guessing_is_slow(tmp_path: Path) -> None:
    async with serving(tmp_path) as client:
        technician, _ = await (await Ends.of(client)).tickets()
        await client.tunnel(technician)
        statuses = []
        for ticket in [technician, "", "x" * 43, "'; drop table", *["g" * 43] * 27]:
            with pytest.raises(InvalidStatus) as caught:
                await client.tunnel(ticket)
            statuses.append(caught.value.response.status_code)
        assert statuses == [401] * 30 + [429]
        assert client.relay.metrics.refused(Refusal.TICKET) == 30
        assert client.relay.metrics.refused(Refusal.FAILED_LOGINS) == 1


async def test_only_websockets_of_no_origin(tmp_path: Path) -> None:
    async with serving(tmp_path) as client, client.http() as http:
        async with http.get("/tunnel") as answer:
            assert answer.status == 426
        technician, _ = await (await Ends.of(client)).tickets()
        async with http.get("/tunnel", headers={"Origin": "https://evil", "Authorization": f"Bearer {technician}"}) as answer:
            assert answer.status == 403


@pytest.mark.parametrize(("what", "reason"), [("text", Refusal.TUNNEL_TEXT), ("large", Refusal.TUNNEL_MESSAGE)])
async def test_only_binary_messages_of_bounded_size_pass(tmp_path: Path, what: str, reason: Refusal) -> None:
    async with serving(tmp_path) as client:
        one, two = await (await Ends.of(client)).tunnel()
        await one.send("text" if what == "text" else b"x" * (LIMITS.link_message_bytes + 1))
        with pytest.raises(ConnectionClosed):
            await two.recv()
        await one.wait_closed()
        assert client.relay.metrics.refused(reason) == 1


async def test_an_end_that_vanishes_is_told_apart_from_one_that_left(tmp_path: Path) -> None:
    async with serving(tmp_path) as client:
        one, two = await (await Ends.of(client)).tunnel()
        one.transport.abort()
        await two.wait_closed()
        assert two.close_code == VANISHED
        assert client.relay.metrics.lost(Loss.TUNNEL_BROKEN) == 1


async def test_a_slow_end_stops_its_partner_and_no_other(tmp_path: Path) -> None:
    """Forward before the next receive: what the relay holds stays bounded while one end does not read."""
    async with serving(tmp_path) as client:
        ends = await Ends.of(client)
        technician, device = await ends.tickets()
        fast = await client.tunnel(technician)
        slow = await client.open(
            "/tunnel", additional_headers={"Authorization": f"Bearer {device}"}, compression=None, max_queue=1
        )
        sent = 0
        chunk = b"x" * 65_536
        with pytest.raises(TimeoutError):
            while sent < 400:
                async with asyncio.timeout(1.0):
                    await fast.send(chunk)
                sent += 1
        assert sent < 400, "25 MB were taken off a partner whose other end reads nothing"
        one, two = await ends.tunnel()
        await one.send(b"undisturbed")
        assert await two.recv() == b"undisturbed"
        for _ in range(sent):
            assert await slow.recv() == chunk


async def test_as_many_tunnels_as_may_be(tmp_path: Path) -> None:
    async with serving(tmp_path) as client:
        ends = await Ends.of(client)
        pairs = [await ends.tunnel() for _ in range(5)]
        for number, (one, two) in enumerate(pairs):
            await one.send(bytes([number]))
            assert await two.recv() == bytes([number])
        assert len(client.relay.exchange) == 5
