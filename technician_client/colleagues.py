"""Which other technicians are there now: the relay says who is logged in, the organisation's signed list says who that is."""

import asyncio
from dataclasses import dataclass

from technician_client.errors import NotSetUp
from technician_client.link import RelayClient


@dataclass(frozen=True, slots=True)
class Colleague:
    """A technician who is logged in: id, and name and highest tier as the organisation has signed them."""

    peer: str
    name: str
    tier: int


async def colleagues_online(client: RelayClient) -> list[Colleague]:
    """The others, by name. Whoever the signed list does not know is left out, whatever the relay says.

    Raises:
        HandrailError: the relay is away, or the signed list cannot be had.
    """
    signed = client.revocations
    if signed is None:
        raise NotSetUp("This identity knows no signed list of technicians: join the organisation with `handrail join`.")
    online = set(await client.colleagues())
    await signed.ready()
    listed = await asyncio.to_thread(signed.technicians)
    found = [Colleague(entry.peer, entry.name, entry.tier) for entry in listed if entry.peer in online]
    return sorted(found, key=lambda one: (one.name.casefold(), one.peer))
