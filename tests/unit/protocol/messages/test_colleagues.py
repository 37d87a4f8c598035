"""What technicians at one device say to each other through its agent."""

import msgspec
import pytest

from protocol.capabilities import Capability
from protocol.errors import UndecodableMessage
from protocol.messages import REGISTRY, Message, Sender, decode_message, encode_message
from protocol.messages.colleagues import MOST_PEOPLE, HandOver, Invite, InviteNotes, People, Person


def test_whatever_a_technician_says_of_others_needs_the_users_consent_to_them() -> None:
    for tag, rule in REGISTRY.items():
        if tag.startswith("colleagues."):
            assert rule.capability is (Capability.COLLEAGUES if rule.sender is Sender.TECHNICIAN else None), tag


@pytest.mark.parametrize(
    "message",
    [
        Invite(1, 0, ""),
        Invite(1, 4, ""),
        Invite(1, 2, "x" * 2001),
        Invite(1, 2, "", "not a peer"),
        Invite(1, 2, "", "x" * 41),
        HandOver(1, -1),
        InviteNotes("x" * 201, 1, "", 0.0),
        People([Person(number, "Ana", 1, []) for number in range(MOST_PEOPLE + 1)]),
        People([], 4),
    ],
)
def test_what_is_out_of_bounds_does_not_decode(message: Message) -> None:
    with pytest.raises(UndecodableMessage):
        decode_message(encode_message(message))


def test_people_are_arrays_in_an_array() -> None:
    data = encode_message(People([Person(1, "Ana Ruiz", 1, [Capability.VIEW], True)], 2))
    assert msgspec.msgpack.decode(data) == ["colleagues.people", [[1, "Ana Ruiz", 1, ["view"], True, 0.0]], 2]
