"""A relay may ask to be left alone: it is, for so long at most, by each peer a little differently, and never for less."""

from datetime import UTC, datetime

import pytest

from protocol.patience import LONGEST_PATIENCE, STEADY_SECONDS, Redialling, asked_by_header, patience

WALL = datetime(2026, 11, 22, 12, 0, tzinfo=UTC).timestamp()


@pytest.mark.parametrize(
    ("seconds", "granted"),
    [(0.0, 0.0), (7.5, 7.5), (1e300, LONGEST_PATIENCE), (float("inf"), LONGEST_PATIENCE), (-5.0, 0.0), (float("nan"), 0.0)],
)
def test_no_wish_is_granted_beyond_its_bounds(seconds: float, granted: float) -> None:
    assert patience(seconds) == granted


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("0", 0.0),
        (" 60 ", 60.0),
        ("999999999", LONGEST_PATIENCE),
        ("Sun, 22 Nov 2026 12:01:30 GMT", 90.0),
        ("Sun, 22 Nov 2026 11:00:00 GMT", 0.0),
        ("Sun, 22 Nov 2099 12:00:00 GMT", LONGEST_PATIENCE),
        ("", None),
        ("soon", None),
        ("-5", None),
        ("1e9", None),
        ("٣", None),
        ("9" * 10, None),
        ("Sun, 22 Nov 2026 12:01:30", None),
        ("Sun, 99 Nov 2026 12:01:30 GMT", None),
        ("Sun, 22 Nov 99999999999999999999 12:01:30 GMT", None),
        ("Sun, 22 Nov 2026 12:01:30 +9999999999999999999", None),
        ("x" * 100_000, None),
    ],
)
def test_the_header_is_read_as_seconds_or_as_a_date(value: str, seconds: float | None) -> None:
    assert asked_by_header(value, WALL) == seconds


class Chance:
    """Chance that says what it was asked, and always draws the same part of it."""

    def __init__(self, part: float = 1.0) -> None:
        self.part = part
        self.bounds: list[float] = []

    def __call__(self, low: float, high: float) -> float:
        assert low == 0.0
        self.bounds.append(high)
        return high * self.part


def test_waits_double_up_to_a_bound_and_begin_anew_once_a_connection_held() -> None:
    chance = Chance()
    times = Redialling(1.0, 60.0, chance)
    for attempt in range(8):
        times.dials(100.0 * attempt)
        times.again(100.0 * attempt + 1.0)
    assert chance.bounds == [2.0, 4.0, 8.0, 16.0, 32.0, 60.0, 60.0, 60.0]
    times.dials(1000.0)
    assert times.again(1001.0 + STEADY_SECONDS) == 1.0
    times.dials(2000.0)
    assert times.again(2001.0, refused=True) == 60.0


def test_a_relay_that_asks_is_left_alone_so_long_and_a_little_more() -> None:
    for part, waited in ((0.0, 45.0), (1.0, 47.0)):
        times = Redialling(1.0, 60.0, Chance(part))
        times.dials(10.0)
        times.asked(45.0, 20.0)
        assert times.again(20.0) == waited
    times.dials(100.0)
    assert times.again(101.0) == 4.0, "the wish was for that time"


def test_it_is_never_left_alone_for_longer_than_the_bound_whatever_and_however_often_it_asks() -> None:
    times = Redialling(1.0, 60.0, Chance(0.0))
    times.dials(0.0)
    for _ in range(100):
        times.asked(1e12, 5.0)
    assert times.again(5.0) == LONGEST_PATIENCE


@pytest.mark.parametrize("seconds", [0.0, -1e9, float("nan")])
def test_asking_for_nothing_makes_nobody_come_sooner(seconds: float) -> None:
    chance = Chance()
    times = Redialling(1.0, 60.0, chance)
    for attempt in range(6):
        times.dials(100.0 * attempt)
        times.asked(seconds, 100.0 * attempt)
        times.again(100.0 * attempt)
    assert chance.bounds[-1] == 60.0
