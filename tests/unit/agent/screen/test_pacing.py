import pytest

from agent.screen.pacing import (
    BACKLOG_BYTES,
    LEAST_TILE_BYTES,
    LEAST_UPDATES,
    MOST_TILE_BYTES,
    VIEWER_QUEUE,
    HeldBy,
    Pacer,
)


class Link:
    """A link of `rate` bytes a second and `delay` seconds each way, and a viewer that acknowledges at once."""

    def __init__(self, rate: float, delay: float, max_fps: float = 60.0) -> None:
        self.pacer = Pacer(max_fps)
        self.rate, self.delay = rate, delay
        self.now, self.free_at = 0.0, 0.0
        self.arriving: list[tuple[float, int]] = []
        self.sequence = 0
        self.latencies: list[float] = []
        self.stalled_until = 0.0

    def send(self, size: int) -> None:
        self.sequence += 1
        self.pacer.sent(self.sequence, size, self.now)
        self.free_at = max(self.now, self.free_at, self.stalled_until) + size / self.rate
        self.latencies.append(self.free_at + self.delay - self.now)
        self.arriving.append((self.free_at + 2 * self.delay, self.sequence))

    def run(self, seconds: float, size: int, step: float = 0.002) -> int:
        """Try to send all the time; how many updates went."""
        end, sent = self.now + seconds, 0
        while self.now < end:
            while self.arriving and self.arriving[0][0] <= self.now:
                self.pacer.acknowledged(self.arriving.pop(0)[1], 0, self.now)
            reason = self.pacer.hold(self.now)
            if reason is None:
                self.send(size)
                sent += 1
            else:
                self.pacer.count(reason)
            self.now += step
        return sent


def test_the_first_update_goes_at_once() -> None:
    assert Pacer(60).hold(0.0) is None


def test_the_frame_rate_bounds_the_average_but_lets_one_come_early() -> None:
    pacer = Pacer(10)
    pacer.sent(1, 10, 0.0)
    assert pacer.hold(0.001) is None
    pacer.sent(2, 10, 0.001)
    assert pacer.hold(0.05) is HeldBy.FRAME_RATE
    assert pacer.ready_in(0.05) == pytest.approx(0.05)
    assert pacer.hold(0.1001) is None


def test_a_fast_link_is_used_at_the_full_frame_rate() -> None:
    link = Link(rate=100e6, delay=0.001)
    assert link.run(2.0, 20_000) >= 115


def test_a_distant_viewer_gets_the_full_frame_rate_too() -> None:
    link = Link(rate=20e6, delay=0.075)
    link.run(3.0, 20_000)
    assert link.run(2.0, 20_000) >= 110


def test_on_a_slow_link_latency_does_not_grow() -> None:
    link = Link(rate=250_000, delay=0.02)
    link.run(20.0, 20_000)
    assert max(link.latencies[50:]) < 0.6
    assert link.pacer.held[HeldBy.LINK] + link.pacer.held[HeldBy.UNACKNOWLEDGED] > 0
    assert link.pacer.rate == pytest.approx(250_000, rel=0.3)


def test_after_a_stall_it_flows_again_at_once() -> None:
    link = Link(rate=2e6, delay=0.01)
    link.run(2.0, 10_000)
    link.stalled_until = link.now + 5.0
    link.run(5.0, 10_000)
    under_way = link.pacer.unacknowledged
    assert under_way <= 32
    assert link.run(2.0, 10_000) > 60


def test_nobody_acknowledges_nothing_more_is_sent() -> None:
    link = Link(rate=1e9, delay=1000.0)
    assert link.run(5.0, 1000) <= LEAST_UPDATES + 3


def test_what_has_not_left_this_process_holds_back() -> None:
    assert Pacer(60).hold(0.0, BACKLOG_BYTES + 1) is HeldBy.BACKLOG


def test_a_viewer_that_does_not_keep_up_holds_back() -> None:
    pacer = Pacer(60)
    pacer.sent(1, 100, 0.0)
    pacer.sent(2, 100, 0.1)
    pacer.acknowledged(1, VIEWER_QUEUE + 1, 0.2)
    assert pacer.hold(0.3) is HeldBy.VIEWER
    pacer.acknowledged(2, 0, 0.4)
    assert pacer.hold(0.5) is None


def test_unknown_repeated_and_later_acknowledgements() -> None:
    pacer = Pacer(60)
    for sequence in (1, 2, 3):
        pacer.sent(sequence, 100, sequence / 10)
    pacer.acknowledged(2, 0, 0.4)
    assert pacer.unacknowledged == 1
    pacer.acknowledged(2, 0, 0.5)
    pacer.acknowledged(1, 0, 0.5)
    assert pacer.unacknowledged == 1
    pacer.acknowledged(999, 0, 0.6)
    assert pacer.unacknowledged == 0
    assert pacer.path == pytest.approx(0.2)


def test_forgetting_lets_it_flow() -> None:
    pacer = Pacer(60)
    for sequence in range(20):
        pacer.sent(sequence, 10**6, sequence / 10)
    assert pacer.hold(5.0) is not None
    pacer.forget()
    assert pacer.hold(5.0) is None


def test_budgets_follow_the_rate_within_bounds() -> None:
    pacer = Pacer(60)
    assert LEAST_TILE_BYTES <= pacer.tile_bytes() <= MOST_TILE_BYTES
    link = Link(rate=100_000, delay=0.01)
    link.run(10.0, 20_000)
    assert link.pacer.tile_bytes() == LEAST_TILE_BYTES
    assert link.pacer.bitrate() < 1_200_000
