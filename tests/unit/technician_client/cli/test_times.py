"""Times as the commands read and show them."""

from datetime import UTC, datetime

from technician_client.cli.times import day, now


def test_now_is_utc_and_days_are_read_alike() -> None:
    assert now().tzinfo is UTC
    moment = datetime(2026, 11, 1, 12, 30, tzinfo=UTC)
    assert day(moment) == day(moment.timestamp()) == "2026-11-01 12:30"
