"""The two clocks."""

from datetime import UTC, datetime

from relay.clock import Clock


def test_wall_time_is_utc_with_its_zone() -> None:
    clock = Clock(now=lambda: 5.0, wall=lambda: 1_700_000_000.0)
    assert clock.wall_datetime() == datetime(2023, 11, 14, 22, 13, 20, tzinfo=UTC)
    assert clock.now() == 5.0


def test_the_real_clocks_run() -> None:
    clock = Clock()
    assert clock.now() <= clock.now()
    assert clock.wall() > 1_700_000_000.0
