import pytest

from agent.screen.chooser import Way, Why
from agent.screen.encode import Made
from agent.screen.pacing import HeldBy, Pacer
from agent.screen.report import REPORT_SECONDS, Reporter
from protocol.messages.screen import ScreenHeld, ScreenWay

SMALL = Made(Way.TILE, Why.SMALL, 2, 300, 0.001)


def test_nothing_sent_nothing_told() -> None:
    assert Reporter().next_deadline(1e6) is None


def test_a_second_is_added_up_and_begins_anew() -> None:
    reporter, pacer = Reporter(), Pacer(60)
    reporter.add([SMALL, Made(Way.COPY, Why.MOVED, 1, 32, 0.002)], 10.0)
    reporter.add([SMALL], 10.5)
    assert reporter.next_deadline(10.5) == pytest.approx(REPORT_SECONDS - 0.5)
    pacer.sent(1, 700, 10.6)
    pacer.count(HeldBy.LINK)
    report = reporter.take(pacer, pacer.held, 11.0)
    assert report.seconds == 1.0
    assert report.ways == [ScreenWay("tile", "small", 4, 600, 2.0), ScreenWay("copy", "moved", 1, 32, 2.0)]
    assert report.held == [ScreenHeld("link", 1)]
    assert (report.in_flight, report.path_ms) == (700, 0.0)
    assert reporter.next_deadline(20.0) is None
    reporter.add([SMALL], 30.0)
    assert reporter.next_deadline(30.0) == REPORT_SECONDS
    pacer.count(HeldBy.LINK)
    pacer.count(HeldBy.VIEWER)
    assert reporter.take(pacer, pacer.held, 31.0).held == [ScreenHeld("link", 1), ScreenHeld("viewer", 1)]
    assert reporter.totals == {(Way.TILE, Why.SMALL): 6, (Way.COPY, Why.MOVED): 1}
