"""Counts how the picture went, for the person who looks at the link's quality: which way, why, how many bytes, how long.

At most one report a second, and none while nothing is sent.
"""

from collections.abc import Iterable, Mapping

from agent.screen.chooser import Way, Why
from agent.screen.encode import Made
from agent.screen.pacing import HeldBy, Pacer
from protocol.messages.screen import ScreenHeld, ScreenReport, ScreenWay

REPORT_SECONDS = 1.0


class Reporter:
    """What has happened since the last report. `now` is monotonic seconds."""

    def __init__(self) -> None:
        self._ways: dict[tuple[Way, Why], tuple[int, int, float]] = {}
        self._held: dict[HeldBy, int] = {}
        self._reported_at: float | None = None
        self.totals: dict[tuple[Way, Why], int] = {}
        """Operations of each kind since the stream began."""

    def add(self, made: Iterable[Made], now: float) -> None:
        """An update went out."""
        if self._reported_at is None:
            self._reported_at = now
        for one in made:
            key = one.way, one.why
            count, size, seconds = self._ways.get(key, (0, 0, 0.0))
            self._ways[key] = count + one.count, size + one.size, seconds + one.seconds
            self.totals[key] = self.totals.get(key, 0) + one.count

    def next_deadline(self, now: float) -> float | None:
        """Seconds until a report is due, None when there is nothing to tell."""
        return max(0.0, (self._reported_at or 0.0) + REPORT_SECONDS - now) if self._ways else None

    def take(self, pacer: Pacer, held: Mapping[HeldBy, int], now: float) -> ScreenReport:
        """The report; begins anew. `held` is the pacer's count since the stream began."""
        ways = [
            ScreenWay(way.value, why.value, count, size, round(seconds * 1000, 2))
            for (way, why), (count, size, seconds) in self._ways.items()
        ]
        new = [ScreenHeld(reason.value, count - self._held.get(reason, 0)) for reason, count in held.items()]
        passed = now - (self._reported_at or now)
        self._ways, self._held, self._reported_at = {}, dict(held), None
        path = pacer.path
        return ScreenReport(
            round(passed, 3),
            ways,
            [one for one in new if one.count],
            round(pacer.rate),
            0.0 if path is None else round(path * 1000, 1),
            pacer.in_flight,
        )
