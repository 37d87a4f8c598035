"""Whether a program that shows things to a person still runs.

A program that is stopped (SIGSTOP) or hangs keeps its connection, but what it should show stands still or is hidden: nobody would
know what happens. Each attached program is asked every few seconds and counts as gone when it does not answer.
"""

from typing import Final

EVERY_SECONDS: Final = 2.0
MOST_SECONDS: Final = 8.0  # a busy computer's desktop answers late; one that is stopped never does
LOST: Final = (
    "This program did not answer for some seconds, so the agent took it for stopped and went on without it. Start it again."
)


class Pulse:
    """One program's: asked, answered, lost. Times are the event loop's, seconds."""

    def __init__(self) -> None:
        self._number = 0
        self._asked_at: float | None = None

    def beat(self, now: float) -> int | None:
        """Time to ask: the number to ask with. None: it has not answered the last time yet."""
        if self._asked_at is not None:
            return None
        self._number = (self._number + 1) % 2**32
        self._asked_at = now
        return self._number

    def heard(self, number: int) -> None:
        """It answered; only the number that was asked last counts."""
        if number == self._number:
            self._asked_at = None

    def lost(self, now: float) -> bool:
        """Whether it has not answered for too long."""
        return self._asked_at is not None and now - self._asked_at > MOST_SECONDS
