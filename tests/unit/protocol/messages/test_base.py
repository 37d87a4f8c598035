"""Lanes and the base of messages."""

from protocol.messages.base import Lane


def test_urgent_lanes_have_lower_numbers() -> None:
    assert sorted(Lane) == [Lane.INPUT, Lane.CONTROL, Lane.SCREEN, Lane.BULK]
