"""Limits that must agree with one another."""

import pytest

from protocol.frames import largest_message, window_of
from protocol.limits import LIMITS
from protocol.messages import Lane


@pytest.mark.parametrize("lane", [Lane.CONTROL, Lane.SCREEN, Lane.BULK])
def test_the_largest_message_always_fits_into_the_credit_that_is_left(lane: Lane) -> None:
    # A receiver returns credit a quarter of the window at a time, so up to a quarter may be outstanding for ever.
    assert largest_message(lane, LIMITS) <= window_of(lane, LIMITS) * 3 // 4


def test_pictures_are_bounded_by_side_and_in_all() -> None:
    assert LIMITS.shows(4 * 3840, 2160)
    assert LIMITS.shows(1, 16384)
    assert not LIMITS.shows(16385, 1)
    assert not LIMITS.shows(1, 16385)
    assert not LIMITS.shows(16384, 16384)


def test_a_mail_fits_into_a_link_message() -> None:
    assert LIMITS.mailbox_document_bytes < LIMITS.link_message_bytes
    assert LIMITS.silence_seconds > 3 * LIMITS.ping_seconds
