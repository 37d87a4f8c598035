"""Bounds of mouse and keyboard."""

import msgspec
import pytest

from protocol.capabilities import Capability
from protocol.errors import UndecodableMessage
from protocol.messages import REGISTRY, Lane, Sender, decode_message


@pytest.mark.parametrize(
    "raw",
    [
        ["input.pointer_move", 40000, 0],
        ["input.pointer_button", 0, 0, 5, True],
        ["input.pointer_wheel", 0, 0, 0, 12001],
        ["input.key", "K" * 33, "a", True, "text"],
        ["input.key", "KeyA", "a", True, "telepathy"],
        ["input.type_text", "x" * 4001],
    ],
)
def test_what_is_out_of_bounds_does_not_decode(raw: list[object]) -> None:
    with pytest.raises(UndecodableMessage):
        decode_message(msgspec.msgpack.encode(raw))


def test_everything_that_moves_something_needs_control_and_has_the_fastest_lane() -> None:
    for tag, rule in REGISTRY.items():
        if tag.startswith("input.") and rule.sender is not Sender.AGENT:
            assert (rule.capability, rule.lane) == (Capability.CONTROL, Lane.INPUT)
