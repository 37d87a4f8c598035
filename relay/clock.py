"""The two clocks, handed to whoever needs them so that tests can turn the hands."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime


@dataclass(frozen=True, slots=True)
class Clock:
    """`now()`: monotonic seconds, for deadlines. `wall()`: seconds since 1970, for what is stored or shown."""

    now: Callable[[], float] = time.monotonic
    wall: Callable[[], float] = time.time

    def wall_datetime(self) -> datetime:
        """The wall time as an aware UTC datetime, for certificates."""
        return datetime.fromtimestamp(self.wall(), UTC)
