"""Bearer tickets."""

import random

import msgspec

from protocol.link_messages import Ticket
from relay.tickets import UploadTickets, make_ticket, ticket_hash


def test_a_ticket_fits_the_wire_and_is_256_bits() -> None:
    ticket = make_ticket(random.Random(1).randbytes)
    assert msgspec.convert(ticket, Ticket) == ticket
    assert len(ticket) == 43
    assert ticket_hash(ticket) != ticket_hash(ticket + "A")
    assert len(ticket_hash("\ud800")) == 32


def test_an_upload_ticket_is_of_one_organisation_until_it_expires() -> None:
    tickets = UploadTickets(random.Random(1).randbytes, seconds=60.0)
    ticket = tickets.issue("org", 0.0)
    assert tickets.organisation(ticket, 59.0) == "org"
    assert tickets.organisation(ticket, 60.0) is None
    assert tickets.organisation("", 1.0) is None
    assert tickets.organisation(ticket[:-1], 1.0) is None


def test_the_table_is_bounded() -> None:
    tickets = UploadTickets(random.Random(1).randbytes, most=2)
    first, second, third = (tickets.issue("org", 0.0) for _ in range(3))
    assert tickets.organisation(first, 1.0) is None
    assert tickets.organisation(second, 1.0) == tickets.organisation(third, 1.0) == "org"
