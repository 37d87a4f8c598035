"""What happens by the clock."""

import asyncio
from pathlib import Path

from protocol.limits import LIMITS
from protocol.link_messages import DeviceAsk, DevicesChanged, DevicesPage, DevicesQuery, HelpCode, HelpRequest, TunnelOffer
from relay.announcer import QUEUE
from relay.metrics import Loss
from tests.kit.organisation import Organisation
from tests.kit.relays import Peer, serving
from tests.kit.waiting import eventually_async


async def changed(peer: Peer) -> dict[str, tuple[bool, bool]]:
    """The next change: id -> (online, waiting)."""
    return {row.id: (row.online, row.waiting) for row in (await peer.receive(DevicesChanged)).devices}


async def test_watchers_hear_of_coming_waiting_and_going(tmp_path: Path) -> None:
    org, other = Organisation(), Organisation()
    async with serving(tmp_path) as client:
        await client.register(org)
        await client.register(other)
        watcher, idle = await client.login(org.technician()), await client.login(org.technician())
        stranger = await client.login(other.technician())
        for technician in (watcher, stranger):
            await technician.request(DevicesQuery(1), DevicesPage)
        who = org.device()
        device = await client.login(who, label="Reception")
        assert await changed(watcher) == {who.peer: (True, False)}
        await device.request(HelpRequest(1, "slow"), HelpCode)
        assert await changed(watcher) == {who.peer: (True, True)}
        await device.close()
        assert await changed(watcher) == {who.peer: (False, True)}
        client.clock.ahead += LIMITS.code_seconds
        assert await changed(watcher) == {who.peer: (False, False)}
        assert client.relay.metrics.lost(Loss.CODE_EXPIRED) == 1
        assert idle.inbox == stranger.inbox == []


async def test_many_changes_are_one_message(tmp_path: Path) -> None:
    org = Organisation()
    async with serving(tmp_path) as client:
        await client.register(org)
        watcher = await client.login(org.technician())
        await watcher.request(DevicesQuery(1), DevicesPage)
        who = org.device()
        device = await client.login(who)
        for number in range(20):
            await device.send(HelpRequest(number))
        await device.request(HelpRequest(99), HelpCode)
        rows = [await changed(watcher)]
        while rows[-1] != {who.peer: (True, True)}:
            rows.append(await changed(watcher))
        assert len(rows) <= 3


async def test_a_technician_who_does_not_read_is_told_later_not_more(tmp_path: Path) -> None:
    org = Organisation()
    async with serving(tmp_path) as client:
        await client.register(org)
        watcher = await client.login(org.technician())
        await watcher.request(DevicesQuery(1), DevicesPage)
        who = org.device()
        await client.login(who)
        await changed(watcher)
        [link] = [link for link in client.relay.hub.all() if link.watching]
        for _ in range(QUEUE):
            link.post(DevicesChanged([]))
        link.changed.add(who.peer)
        await client.relay.announcer.announce()
        assert link.changed == {who.peer}
        await eventually_async(lambda: not link.changed, "the rest is told once the queue is short")


async def test_tunnels_to_which_nobody_came_are_over(tmp_path: Path) -> None:
    org = Organisation()
    async with serving(tmp_path) as client:
        await client.register(org)
        who = org.device()
        await client.login(who)
        technician = await client.login(org.technician())
        offers = [await technician.request(DeviceAsk(n, who.peer), TunnelOffer) for n in range(16)]
        assert len(offers) == 16
        client.clock.ahead += LIMITS.ticket_seconds
        client.relay.announcer.expire()
        assert isinstance(await technician.request(DeviceAsk(99, who.peer), TunnelOffer), TunnelOffer)


async def test_a_database_that_fails_does_not_end_it(tmp_path: Path) -> None:
    org = Organisation()
    async with serving(tmp_path) as client:
        await client.register(org)
        technician = await client.login(org.technician())
        await technician.request(DevicesQuery(1), DevicesPage)
        database = client.relay.database
        await database.close()
        hidden = database.path.rename(tmp_path / "hidden")
        client.relay.hub.mark(org.id, "x")
        await eventually_async(lambda: client.relay.metrics.lost(Loss.INTERNAL_ERROR) > 0, "the fault is counted")
        await database.close()
        database.path.unlink(missing_ok=True)
        hidden.rename(database.path)
        async with asyncio.timeout(60):
            await technician.request(DevicesQuery(2), DevicesPage)
