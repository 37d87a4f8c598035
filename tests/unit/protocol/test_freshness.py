"""The clock's floor, the signed time of a timestamp, and when nothing needs to be fetched."""

import pytest

from protocol.errors import TrustError
from protocol.freshness import ISSUED_FIELD, STEP_SECONDS, UNCHANGED_SECONDS, issued_at, judged_at, next_floor, unchanged

DAY = STEP_SECONDS


def test_the_clock_floor_rises_by_signed_times_and_a_day_at_most() -> None:
    assert next_floor(0.0, 0.0, 1000.0, 2000.0) == 1000.0
    assert next_floor(0.0, 0.0, 9e9, 2000.0) == 2000.0
    assert next_floor(1000.0, 1000.0, 1500.0, 0.0) == 1500.0
    assert next_floor(1000.0, 1000.0, 9e9, 0.0) == 1000.0 + DAY


def test_it_falls_by_newer_signed_times_to_a_day_below_the_highest_and_no_further() -> None:
    assert next_floor(9 * DAY, 9 * DAY, 8.5 * DAY, 0.0) == 8.5 * DAY
    assert next_floor(9 * DAY, 9 * DAY, 2 * DAY, 0.0) == 8 * DAY
    assert next_floor(8 * DAY, 9 * DAY, 0.0, 0.0) == 8 * DAY
    assert next_floor(8 * DAY, 9 * DAY, 9.5 * DAY, 0.0) == 9 * DAY


def test_newly_fetched_files_are_judged_by_the_clock_and_not_long_before_the_floor() -> None:
    assert judged_at(10 * DAY, 9 * DAY) == 10 * DAY
    assert judged_at(9 * DAY, 9.9 * DAY) == 9 * DAY
    assert judged_at(0.0, 9 * DAY) == 8 * DAY


def test_a_timestamp_says_when_it_was_made() -> None:
    assert issued_at({ISSUED_FIELD: 7, "other": "x"}) == 7.0
    for fields in ({}, {ISSUED_FIELD: "7"}, {ISSUED_FIELD: True}):
        with pytest.raises(TrustError, match="does not say when"):
            issued_at(fields)


def test_only_the_same_bytes_say_for_a_while_that_nothing_changed() -> None:
    assert unchanged(b"a", b"a", 100.0, 200.0, 1e9)
    assert not unchanged(None, b"a", 100.0, 200.0, 1e9)
    assert not unchanged(b"a", b"b", 100.0, 200.0, 1e9)
    assert not unchanged(b"a", b"a", 100.0, 100.0 + UNCHANGED_SECONDS, 1e9)
    assert not unchanged(b"a", b"a", 100.0, 50.0, 1e9)  # the clock went back
    assert not unchanged(b"a", b"a", 100.0, 200.0, 150.0)  # it has run out meanwhile
