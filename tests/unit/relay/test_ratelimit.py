"""Counting what happens too often."""

from relay.ratelimit import SlidingWindow, TokenBucket


def test_the_limit_blocks_until_the_oldest_event_has_aged() -> None:
    window = SlidingWindow(3, 60.0)
    for now in (0.0, 10.0, 20.0):
        assert not window.blocked("a", now)
        window.hit("a", now)
    assert window.retry_after("a", 30.0) == 30.0
    assert window.blocked("a", 59.9)
    assert not window.blocked("a", 60.0)
    assert not window.blocked("b", 30.0)


def test_events_beyond_the_limit_cost_no_memory_and_keys_are_bounded() -> None:
    window = SlidingWindow(2, 60.0, keys=3)
    for now in range(100):
        window.hit("a", float(now))
    assert window.blocked("a", 99.0)
    assert not window.blocked("a", 159.0)
    for key in range(10):
        window.hit(key, 200.0)
    assert len(window) == 3


def test_keys_are_forgotten_once_their_events_have_aged() -> None:
    window = SlidingWindow(1, 60.0)
    window.hit("a", 0.0)
    assert window.blocked_keys(1.0) == ["a"]
    assert window.blocked_keys(61.0) == []
    assert len(window) == 0


def test_a_bucket_slows_down_and_recovers() -> None:
    bucket = TokenBucket(10.0, 2.0, 0.0)
    assert [bucket.take(0.0), bucket.take(0.0)] == [0.0, 0.0]
    assert bucket.take(0.0) == 0.1
    assert bucket.take(0.0) == 0.2
    assert bucket.take(10.0) == 0.0
