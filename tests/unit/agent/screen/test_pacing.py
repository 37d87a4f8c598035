import random
from collections import deque
from dataclasses import dataclass, field, replace
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.screen.pacing import (
    BACKLOG_BYTES,
    ECHO_SECONDS,
    ECHO_WINDOW,
    FILM_EARLY,
    FIRST_BYTES,
    LEAST_TILE_BYTES,
    LEAST_UPDATES,
    LOSSY_FILM_SECONDS,
    MOST_TILE_BYTES,
    MOST_UPDATES,
    PATH_WINDOW,
    URGENT_BYTES,
    URGENT_UPDATES,
    VIEWER_QUEUE,
    HeldBy,
    Pacer,
)
from tests.kit.shaped_link import MIDDLING, SLOW, OneWay, Ordered, Shape

STEP = 0.001


@dataclass
class Conversation:
    """An agent that always has something to say, a link, and a viewer that takes `painting` seconds for each update."""

    shape: Shape
    seed: int = 1
    max_fps: float = 60.0
    painting: float = 0.0
    tells_painting: bool = True
    now: float = 0.0
    sequence: int = 0
    ages: list[tuple[float, float]] = field(default_factory=list)
    """(when it was painted, seconds since it was grabbed)"""
    acknowledgements: deque[tuple[float, int, float, float]] = field(default_factory=deque)
    """(when it comes back, of which update, when that had arrived, when it was painted)"""
    arrivals: list[float] = field(default_factory=list)
    painted_at: float = 0.0

    def __post_init__(self) -> None:
        self.pacer = Pacer(self.max_fps)
        self.use(self.shape)

    def use(self, shape: Shape) -> None:
        """From now on the link is another one."""
        self.shape = shape
        self.there, self.back = OneWay(shape, self.seed), OneWay(shape, self.seed + 1)
        self.line, self.way_back = Ordered(self.there), Ordered(self.back)

    def send(self, size: int, *, urgent: bool = False) -> float:
        """One update; when it is painted."""
        self.sequence += 1
        self.pacer.sent(self.sequence, size, self.now, urgent=urgent)
        arrived = self.line.send(size, self.now)
        self.painted_at = max(arrived, self.painted_at) + self.painting
        self.ages.append((self.painted_at, self.painted_at - self.now))
        self.arrivals.append(arrived)
        self.acknowledgements.append((self.way_back.send(60, self.painted_at), self.sequence, arrived, self.painted_at))
        return self.painted_at

    def hear(self) -> None:
        while self.acknowledgements and self.acknowledgements[0][0] <= self.now:
            _, sequence, arrived, painted = self.acknowledgements.popleft()
            queue = sum(at <= painted for at in self.arrivals[sequence:])
            self.pacer.acknowledged(sequence, queue, self.now, painted - arrived if self.tells_painting else 0.0)

    def run(self, seconds: float, size: int | None = None, fps: float | None = None) -> int:
        """Try to send all the time (or `fps` times a second), updates of `size` or of what the pacer allows; how many went."""
        end, sent, due = self.now + seconds, 0, self.now
        while self.now < end:
            self.hear()
            if self.now >= due:
                reason = self.pacer.hold(self.now)
                if reason is None:
                    self.send(size if size is not None else self.pacer.tile_bytes())
                    sent += 1
                    due = due if fps is None else max(self.now, due + 1 / fps)
                else:
                    self.pacer.count(reason)
            self.now += STEP
        return sent

    def oldest(self, since: float) -> float:
        """95th percentile of how old updates were when painted, of those painted after `since`."""
        ages = sorted(age for at, age in self.ages if at >= since)
        return ages[int(len(ages) * 0.95)]


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
    talk = Conversation(Shape(rate=100e6, delay=0.001))
    talk.run(0.5, 20_000)
    assert talk.run(2.0, 20_000) >= 115
    assert talk.oldest(0.5) < 0.01


def test_a_distant_viewer_gets_the_full_frame_rate_too() -> None:
    talk = Conversation(Shape(rate=20e6, delay=0.075))
    talk.run(3.0, 20_000)
    assert talk.run(2.0, 20_000) >= 110


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize(("shape", "queue"), [(SLOW, 0.33), (MIDDLING, 0.09), (replace(SLOW, loss=0.0), 0.11)])
def test_whatever_is_sent_latency_stays_near_the_path_and_the_link_is_used(shape: Shape, queue: float, seed: int) -> None:
    talk = Conversation(shape, seed)
    talk.run(5.0)
    sent = talk.run(25.0)
    assert talk.oldest(5.0) <= shape.delay + queue
    assert talk.pacer.rate == pytest.approx(shape.rate, rel=0.5)
    assert sent * talk.pacer.tile_bytes() > 0.5 * 25 * shape.rate


def test_the_path_is_found_again_behind_a_queue_of_our_own() -> None:
    talk = Conversation(MIDDLING)
    talk.run(60.0)
    assert talk.pacer.path is not None
    assert talk.pacer.path < MIDDLING.round_trip + 0.05
    assert talk.oldest(40.0) < MIDDLING.delay + 0.09


def test_when_the_link_becomes_slower_latency_comes_back_within_a_second() -> None:
    talk = Conversation(MIDDLING)
    talk.run(5.0)
    slower = talk.now
    talk.use(replace(SLOW, loss=0.0, delay=MIDDLING.delay))
    talk.run(4.0)
    late = [age for at, age in talk.ages if slower <= at]
    assert max(late) < 0.6
    assert talk.oldest(slower + 1.5) < MIDDLING.delay + 0.15


def test_when_the_link_becomes_faster_a_film_at_its_own_pace_finds_out() -> None:
    talk = Conversation(replace(SLOW, loss=0.0))
    talk.run(5.0)
    assert talk.pacer.bitrate(talk.now) < 2_000_000
    talk.use(replace(MIDDLING, delay=SLOW.delay))
    for _ in range(20):
        talk.run(0.5, talk.pacer.bitrate(talk.now) // 8 // 30, fps=30)
    assert talk.pacer.bitrate(talk.now) > 4_000_000


@pytest.mark.parametrize("shape", [SLOW, MIDDLING])
def test_after_an_outage_the_picture_is_current_within_two_seconds(shape: Shape) -> None:
    talk = Conversation(shape)
    talk.run(5.0)
    over = talk.now + 3.0
    for way in (talk.there, talk.back):
        way.cut(talk.now, over)
    talk.run(3.0)
    assert talk.pacer.in_flight < 2 * shape.rate * (shape.round_trip + 0.1)
    talk.run(5.0)
    after = [(at, age) for at, age in talk.ages if at - age >= over]
    assert after[0][0] < over + 1.0
    assert talk.oldest(over + 1.0) < shape.delay + 0.4
    assert talk.pacer.rate > 0.4 * shape.rate


@pytest.mark.parametrize("shape", [SLOW, MIDDLING])
def test_the_echo_of_a_key_press_goes_past_a_film_that_fills_the_link(shape: Shape) -> None:
    talk = Conversation(replace(shape, loss=0.0))
    talk.run(5.0)
    generator, echoes = random.Random(5), []
    for _ in range(100):
        talk.run(0.1 + generator.random() / 5, talk.pacer.bitrate(talk.now) // 8 // 30, fps=30)
        assert talk.pacer.hold(talk.now) is None or talk.pacer.spare() >= 300
        echoes.append(talk.send(300, urgent=talk.pacer.hold(talk.now) is not None) - talk.now)
    assert sorted(echoes)[95] < shape.delay + 0.05


def test_what_is_urgent_is_bounded_too() -> None:
    pacer = Pacer(60)
    for sequence in range(1, MOST_UPDATES):
        if not pacer.spare():
            break
        pacer.sent(sequence, min(1000, pacer.spare()), 0.0, urgent=True)
    assert pacer.in_flight == URGENT_BYTES
    assert pacer.spare(BACKLOG_BYTES + 1) == 0
    pacer.acknowledged(1, 0, 0.1)
    assert pacer.spare() == 1000
    pacer.forget()
    assert pacer.spare() == URGENT_BYTES


def test_nobody_acknowledges_nothing_more_is_sent() -> None:
    talk = Conversation(Shape(rate=1e9, delay=1000.0))
    assert talk.run(5.0, 1000) <= LEAST_UPDATES + 3
    silent = Conversation(Shape(rate=1e9, delay=1000.0))
    assert silent.run(5.0, 60_000) * 60_000 <= FIRST_BYTES + 60_000


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


@pytest.mark.parametrize("tells", [True, False])
def test_a_slow_viewer_is_paced_and_its_slowness_is_not_taken_for_the_link_s(tells: bool) -> None:
    talk = Conversation(Shape(rate=50e6, delay=0.002), painting=0.08, tells_painting=tells)
    talk.run(2.0, 20_000)
    sent = talk.run(10.0, 20_000)
    assert 100 <= sent <= 130  # 12.5 a second is all it can paint
    assert talk.oldest(2.0) < 0.5
    if tells:
        assert talk.pacer.rate > 1e6


def test_a_viewer_that_joins_late_gets_the_newest_at_once() -> None:
    talk = Conversation(SLOW)
    talk.run(5.0)
    talk.pacer.forget()
    talk.acknowledgements.clear()
    assert talk.pacer.hold(talk.now + 0.1) is None
    begun = talk.now
    talk.run(3.0)
    assert talk.oldest(begun + 1.0) < SLOW.delay + 0.4


def test_repeated_acknowledgements_and_those_of_nothing() -> None:
    pacer = Pacer(60)
    for sequence in (1, 2, 3):
        pacer.sent(sequence, 100, sequence / 10)
    pacer.acknowledged(2, 0, 0.4)
    assert pacer.unacknowledged == 1
    pacer.acknowledged(2, 0, 0.5)
    pacer.acknowledged(1, 0, 0.5)
    pacer.acknowledged(999, 0, 0.5)
    assert pacer.unacknowledged == 1
    pacer.acknowledged(3, 0, 0.6)
    assert pacer.unacknowledged == 0
    pacer.acknowledged(3, 0, 0.7)
    assert pacer.path == pytest.approx(0.2)


@given(
    st.lists(
        st.one_of(
            st.tuples(st.just("send"), st.integers(0, 2_000_000)),
            st.tuples(st.just("urgent"), st.integers(0, 10_000)),
            st.tuples(st.just("ack"), st.integers(-5, 60), st.integers(-(2**40), 2**40), st.floats()),
            st.tuples(st.just("wait"), st.floats(0, 20)),
            st.tuples(st.just("forget")),
        ),
        max_size=60,
    )
)
def test_whatever_a_viewer_claims_what_is_under_way_is_known_and_bounded(events: list[tuple[object, ...]]) -> None:
    pacer, now, sequence, under_way = Pacer(60), 0.0, 0, {}
    for event in events:
        match event:
            case ("send", int(size)) if pacer.hold(now) is None:
                sequence += 1
                under_way[sequence] = min(size, pacer.tile_bytes())
                pacer.sent(sequence, under_way[sequence], now)
            case ("urgent", int(size)) if pacer.spare():
                sequence += 1
                under_way[sequence] = min(size, pacer.spare())
                pacer.sent(sequence, under_way[sequence], now, urgent=True)
            case ("ack", int(number), int(queue), float(painting)):
                pacer.acknowledged(number, queue, now, painting)
                if number <= sequence:
                    under_way = {key: size for key, size in under_way.items() if key > number}
            case ("wait", float(seconds)):
                now += seconds
            case _:
                pacer.forget()
                under_way.clear()
        assert pacer.in_flight == sum(under_way.values())
        assert pacer.unacknowledged == len(under_way) <= MOST_UPDATES + URGENT_UPDATES
        assert LEAST_TILE_BYTES <= pacer.tile_bytes() <= MOST_TILE_BYTES
        assert pacer.rate > 0
        assert not pacer.hold(now + 1e6) or under_way  # nothing waits for ever for what nobody owes


def test_budgets_follow_the_rate_within_bounds() -> None:
    pacer = Pacer(60)
    assert LEAST_TILE_BYTES <= pacer.tile_bytes() <= MOST_TILE_BYTES
    talk = Conversation(Shape(rate=60_000, delay=0.01))
    talk.run(10.0)
    assert talk.pacer.tile_bytes() == LEAST_TILE_BYTES
    assert talk.pacer.bitrate(talk.now) < 600_000


@given(st.lists(st.tuples(st.floats(0.001, 4.0), st.floats(0.001, 0.9)), min_size=1, max_size=60))
def test_the_path_is_the_shortest_time_of_late(updates: list[tuple[float, float]]) -> None:
    pacer, now, seen = Pacer(60.0), 0.0, []
    for sequence, (pause, delay) in enumerate(updates, 1):
        now += pause
        pacer.sent(sequence, 100, now)
        now += delay
        pacer.acknowledged(sequence, 0, now)
        seen.append((now, delay))
        assert pacer.path == pytest.approx(min(took for at, took in seen if at >= now - PATH_WINDOW))


def test_a_path_is_far_when_it_makes_itself_felt() -> None:
    """Only then does what is small go before a film's picture."""
    for delay, far in ((0.002, False), (0.04, True)):
        pacer = Pacer(60)
        assert not pacer.far
        pacer.sent(1, 500, 1.0)
        pacer.acknowledged(1, 0, 1.0 + delay)
        assert pacer.far is far


def test_a_film_gives_way_while_somebody_types_on_a_far_link() -> None:
    def bitrates(delay: float) -> tuple[int, int, int]:
        pacer = Pacer(60)
        pacer.sent(1, 20_000, 7.0)
        pacer.acknowledged(1, 0, 7.0 + delay)
        before = pacer.bitrate(8.0)
        pacer.keyed(8.0)
        return before, pacer.bitrate(8.1), pacer.bitrate(9.5)

    before, typing, after = bitrates(0.1)
    assert typing * 2 == pytest.approx(before, rel=0.01)
    assert after == before
    assert len(set(bitrates(0.005))) == 1, "on a short path a film's packets are in nobody's way"


def behind(shape: Shape, seconds: float = 30.0) -> Conversation:
    """A film of a third of the link, for long enough to know the link."""
    talk = Conversation(shape)
    talk.run(3.0)
    talk.run(seconds, int(shape.rate * 0.35 / 30), fps=30)
    return talk


@pytest.mark.parametrize(
    ("shape", "lossy"),
    [
        (SLOW, True),
        (replace(SLOW, loss=0.0), False),
        (replace(MIDDLING, loss=0.01), False),  # 40 ms more are nothing that one who types would feel
        (MIDDLING, False),
    ],
)
def test_a_link_that_loses_packets_is_known_by_what_stands_still(shape: Shape, lossy: bool) -> None:
    talk = behind(shape)
    assert talk.pacer.lossy(talk.now) is lossy
    assert not talk.pacer.lossy(talk.now + 60.0), "what was long ago is forgotten"


def test_a_film_waits_for_the_echo_of_a_key_and_no_longer() -> None:
    talk = behind(replace(SLOW, loss=0.0))
    now, pacer = talk.now, talk.pacer
    assert pacer.film_wait(now) == 0.0
    pacer.keyed(now)
    assert pacer.film_wait(now) == pytest.approx(ECHO_SECONDS)
    assert pacer.film_wait(now + ECHO_SECONDS) == 0.0, "a key that shows nothing"
    pacer.sent(10_000, 300, now + 0.004, urgent=True)
    assert pacer.film_wait(now + 0.005) == 0.0
    pacer.sent(10_001, 6000, now + 0.005, film=True)
    assert pacer.film_wait(now + 0.006) == 0.0, "nothing is lost here"


def test_where_packets_are_lost_a_film_sends_few_while_somebody_types() -> None:
    talk = behind(SLOW)
    now, pacer = talk.now, talk.pacer
    for number in range(30):  # at its own pace until somebody types
        pacer.sent(10_000 + number, 2000, now, film=True)
        assert pacer.film_wait(now) == 0.0, "nobody types"
    pacer.keyed(now)
    pacer.sent(10_030, 300, now, urgent=True)
    assert pacer.film_wait(now) == pytest.approx(LOSSY_FILM_SECONDS), "what it sent before is no debt"
    assert pacer.film_wait(now + LOSSY_FILM_SECONDS) == 0.0
    pacer.sent(10_031, 2000, now + LOSSY_FILM_SECONDS, film=True)
    pacer.sent(10_032, 300, now + LOSSY_FILM_SECONDS)
    assert pacer.film_wait(now + LOSSY_FILM_SECONDS) == pytest.approx(LOSSY_FILM_SECONDS), "what is no film is no picture of it"
    assert pacer.film_wait(now + 2.0) == 0.0


@pytest.mark.parametrize("pace", [12, 15, 24, 30, 50, 60])
def test_a_film_of_any_pace_has_as_many_pictures_as_there_may_be(pace: int) -> None:
    talk = behind(SLOW)
    start, pacer, sent = talk.now, talk.pacer, list[float]()
    for picture in range(pace * 2):
        now = start + picture / pace
        pacer.keyed(now - ECHO_SECONDS)
        if pacer.film_wait(now) <= 1e-9:
            pacer.sent(10_000 + picture, 2000, now, film=True)
            sent.append(now)
    assert 2 / LOSSY_FILM_SECONDS - 3 <= len(sent) <= 2 / LOSSY_FILM_SECONDS + 1
    gaps = [later - earlier for earlier, later in pairwise(sent)]
    assert min(gaps) >= FILM_EARLY - 1e-9


def test_on_a_short_path_a_film_waits_for_nobody() -> None:
    talk = behind(Shape(rate=50e6, delay=0.002), 1.0)
    talk.pacer.keyed(talk.now)
    assert talk.pacer.film_wait(talk.now) == 0.0


def test_where_packets_are_lost_only_what_follows_a_key_goes_by_itself() -> None:
    for shape, later in ((SLOW, False), (replace(SLOW, loss=0.0), True)):
        talk = behind(shape)
        now, pacer = talk.now, talk.pacer
        assert pacer.echoes(now), "nobody types"
        pacer.keyed(now)
        assert pacer.echoes(now + ECHO_WINDOW / 2)
        assert pacer.echoes(now + ECHO_WINDOW + 0.01) is later
        assert pacer.echoes(now + 2.0)
