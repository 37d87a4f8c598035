"""Offers, tickets, pairing."""

import random

import pytest

from protocol.errors import RefusalReason, Refused
from protocol.limits import LIMITS
from relay.tunnels import End, TooManyTunnels, TunnelTable
from tests.unit.relay.conftest import ORG, OTHER


def table(**bounds: int) -> TunnelTable:
    return TunnelTable(random.Random(1).randbytes, **bounds)


def refused(tunnels: TunnelTable, ticket: str, now: float) -> RefusalReason:
    with pytest.raises(Refused) as caught:
        tunnels.claim(ticket, now)
    return caught.value.reason


def test_each_ticket_is_one_end_once() -> None:
    tunnels = table()
    offer = tunnels.offer(ORG, "tech", "dev", 0.0)
    claim = tunnels.claim(offer.tickets[End.DEVICE], 1.0)
    assert (claim.tunnel, claim.end, claim.organisation) == (offer.tunnel, End.DEVICE, ORG)
    assert refused(tunnels, offer.tickets[End.DEVICE], 1.0) is RefusalReason.NOT_FOUND
    assert tunnels.claim(offer.tickets[End.TECHNICIAN], 2.0).end is End.TECHNICIAN
    assert End.DEVICE.other is End.TECHNICIAN
    assert End.TECHNICIAN.other is End.DEVICE


def test_an_unpaired_tunnel_ends_after_a_minute_and_a_paired_one_does_not() -> None:
    tunnels = table()
    lone, both = tunnels.offer(ORG, "t", "d", 0.0), tunnels.offer(ORG, "t", "d", 0.0)
    tunnels.claim(lone.tickets[End.DEVICE], 1.0)
    for end in End:
        tunnels.claim(both.tickets[end], 1.0)
    tunnels.paired(both.tunnel)
    assert tunnels.expire(LIMITS.ticket_seconds - 1) == []
    assert refused(tunnels, lone.tickets[End.TECHNICIAN], LIMITS.ticket_seconds) is RefusalReason.NOT_FOUND
    assert tunnels.expire(LIMITS.ticket_seconds) == [lone.tunnel]
    assert len(tunnels) == 1
    tunnels.close(both.tunnel)
    tunnels.close(both.tunnel)
    assert len(tunnels) == 0


def test_closing_voids_the_ticket_that_was_not_used() -> None:
    tunnels = table()
    offer = tunnels.offer(ORG, "t", "d", 0.0)
    tunnels.claim(offer.tickets[End.DEVICE], 1.0)
    tunnels.close(offer.tunnel)
    assert refused(tunnels, offer.tickets[End.TECHNICIAN], 2.0) is RefusalReason.NOT_FOUND


@pytest.mark.parametrize(
    ("bounds", "second", "of"),
    [
        ({"most": 1}, (OTHER, "t2", "d2"), None),
        ({"per_technician": 1}, (ORG, "t", "d2"), End.TECHNICIAN),
        ({"per_device": 1}, (ORG, "t2", "d"), End.DEVICE),
    ],
)
def test_every_bound_refuses_by_name_and_is_free_again_after_a_close(
    bounds: dict[str, int], second: tuple[str, str, str], of: End | None
) -> None:
    tunnels = table(**bounds)
    offer = tunnels.offer(ORG, "t", "d", 0.0)
    with pytest.raises(TooManyTunnels) as caught:
        tunnels.offer(*second, 0.0)
    assert (caught.value.reason, caught.value.of) == (RefusalReason.LIMIT, of)
    tunnels.close(offer.tunnel)
    assert tunnels.offer(*second, 0.0).tunnel > offer.tunnel


def test_bounds_count_the_same_id_of_two_organisations_apart() -> None:
    tunnels = table(per_device=1, per_technician=1)
    tunnels.offer(ORG, "x", "x", 0.0)
    tunnels.offer(OTHER, "x", "x", 0.0)
    assert len(tunnels) == 2


def test_an_offer_does_not_show_its_tickets() -> None:
    offer = table().offer(ORG, "t", "d", 0.0)
    assert offer.tickets[End.DEVICE] not in repr(offer)
