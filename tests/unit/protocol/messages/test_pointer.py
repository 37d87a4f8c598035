"""Pointing: from the technician, at the highest urgency, under a capability of its own, and bounded."""

import msgspec
import pytest

from protocol.capabilities import Capability
from protocol.errors import UndecodableMessage
from protocol.messages import Lane, decode_message, encode_message, pointer
from protocol.messages.base import Sender
from protocol.messages.pointer import MOST_POINTS, PointerState, PointerStroke

KINDS = (pointer.PointerPlace, pointer.PointerAway, pointer.PointerClick, pointer.PointerStroke, pointer.PointerClear)


@pytest.mark.parametrize("kind", KINDS)
def test_the_technician_points_with_the_capability_and_at_once(kind: type[pointer.PointerPlace]) -> None:
    assert (kind.SENDER, kind.LANE, kind.CAPABILITY) == (Sender.TECHNICIAN, Lane.INPUT, Capability.POINTER)


def test_the_state_is_the_agents() -> None:
    assert PointerState.SENDER is Sender.AGENT


@pytest.mark.parametrize(
    "wrong",
    [
        {"points": [(0, 0)] * (MOST_POINTS + 1)},
        {"points": [(0, 40_000)]},
        {"shape": "circle"},
        {"shape": "pen\n"},
        {"colour": 6},
        {"start": 512},
        {"stroke": -1},
    ],
    ids=lambda wrong: str(wrong)[:30],
)
def test_what_is_out_of_bounds_does_not_decode(wrong: dict[str, object]) -> None:
    stroke = PointerStroke(1, "pen", 0, False, 0, [(1, 2)])
    assert decode_message(encode_message(stroke)) == stroke
    with pytest.raises(UndecodableMessage):
        decode_message(encode_message(msgspec.structs.replace(stroke, **wrong)))
