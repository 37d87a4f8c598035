"""The one place where the commands read the wall clock."""

from datetime import UTC, datetime


def now() -> datetime:
    """The wall time, UTC."""
    return datetime.now(UTC)


def day(moment: float | datetime) -> str:
    """A date for people; `moment` in seconds since 1970 or as a datetime."""
    when = moment if isinstance(moment, datetime) else datetime.fromtimestamp(moment, UTC)
    return f"{when:%Y-%m-%d %H:%M}"
