"""Stopping."""

import asyncio
import random
from pathlib import Path

from protocol.link_messages import DeviceAsk, Reconnect, Role, TunnelOffer
from relay.drain import RETURN_FIRST, RETURN_LAST, Drain
from relay.forwarding import Exchange
from relay.links import LinkHub
from relay.metrics import Loss, Metrics
from relay.ratelimit import SlidingWindow
from relay.tunnels import TunnelTable
from tests.kit.organisation import Organisation
from tests.kit.relays import HandClock, serving
from tests.unit.relay.conftest import Make


async def test_each_link_is_told_another_moment_to_return(hub: LinkHub, metrics: Metrics, make: Make) -> None:
    drain = Drain(metrics, random.Random(1).randbytes)
    exchange = Exchange(TunnelTable(random.randbytes), SlidingWindow(1, 1.0), metrics, HandClock(), lambda: drain.draining)
    posted = [make(Role.DEVICE, f"d{number}") for number in range(20)]
    assert not drain.draining

    async def leave() -> None:
        for one in posted:
            hub.remove(one.link)

    async with asyncio.TaskGroup() as group:
        running = group.create_task(drain.run(hub, exchange, 5.0))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert drain.draining
        assert not running.done()
        group.create_task(leave())
    farewells = [await one.next() for one in posted]
    seconds = {message.seconds for message in farewells if isinstance(message, Reconnect)}
    assert len(seconds) == 20
    assert all(RETURN_FIRST <= value <= RETURN_LAST for value in seconds)
    assert metrics.registry.get_sample_value("handrail_relay_draining") == 1


async def test_sessions_may_finish_and_then_everything_is_closed_with_1001(tmp_path: Path) -> None:
    org = Organisation()
    async with serving(tmp_path, drain_seconds=20.0) as client:
        await client.register(org)
        who = org.device()
        device, technician = await client.login(who), await client.login(org.technician())
        offer = await technician.request(DeviceAsk(1, who.peer), TunnelOffer)
        one, two = await client.tunnel(offer.ticket), await client.tunnel((await device.receive(TunnelOffer)).ticket)
        await one.send(b"before")
        assert await two.recv() == b"before"
        client.relay.stop()
        assert isinstance(await device.receive(Reconnect), Reconnect)
        assert await device.closed() == 1001
        assert await technician.closed() == 1001
        async with client.http() as http:
            for path, status in (("/readyz", 503), ("/healthz", 200), ("/link", 503), ("/tunnel", 503)):
                async with http.get(path) as answer:
                    assert (path, answer.status) == (path, status)
        await one.send(b"still")
        assert await two.recv() == b"still"
        client.relay.stop()
        await one.wait_closed()
        await two.wait_closed()
        assert (one.close_code, two.close_code) == (1001, 1001)
        assert client.relay.metrics.lost(Loss.TUNNEL_DRAINED) == 1
