"""Who waits hears where they stand."""

from pathlib import Path

from protocol.limits import LIMITS
from protocol.link_messages import HelpCancel, HelpCode, HelpPlace, HelpRequest
from tests.kit.organisation import Organisation
from tests.kit.relays import Peer, serving


async def place(peer: Peer) -> tuple[int, int, int]:
    found = await peer.receive(HelpPlace)
    return found.request, found.ahead, found.waiting


async def test_devices_hear_of_those_before_them_and_of_their_going(tmp_path: Path) -> None:
    org, other = Organisation(), Organisation()
    async with serving(tmp_path) as client:
        await client.register(org)
        await client.register(other)
        first, second, third = [await client.login(org.device()) for _ in range(3)]
        stranger = await client.login(other.device())
        await first.request(HelpRequest(1), HelpCode)
        assert await place(first) == (1, 0, 1)
        client.clock.ahead += 1
        await second.request(HelpRequest(7), HelpCode)
        assert await place(second) == (7, 1, 2)
        assert await place(first) == (1, 0, 2)
        await stranger.request(HelpRequest(1), HelpCode)
        assert await place(stranger) == (1, 0, 1)
        await first.send(HelpCancel(1))
        assert await place(second) == (7, 0, 1)
        client.clock.ahead += 1
        await third.request(HelpRequest(1), HelpCode)
        assert await place(third) == (1, 1, 2)
        await second.close()
        assert await place(third) == (1, 0, 1)
        client.clock.ahead += LIMITS.code_seconds
        await first.request(HelpRequest(2), HelpCode)
        assert (await place(first))[:2] == (2, 0)


async def test_what_has_not_changed_is_not_said_again(tmp_path: Path) -> None:
    org = Organisation()
    async with serving(tmp_path) as client:
        await client.register(org)
        device = await client.login(org.device())
        await device.request(HelpRequest(1), HelpCode)
        assert await place(device) == (1, 0, 1)
        for _ in range(5):
            await client.relay.announcer.announce()
        [link] = client.relay.hub.all()
        assert link.queued == 0
        assert device.inbox == []
