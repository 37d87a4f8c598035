"""Whoever comes is let try, unless the relay stops or their address has failed too often."""

from http import HTTPStatus

import pytest

from relay.admission import admit
from relay.metrics import Metrics, Refusal
from relay.problems import Problem
from relay.ratelimit import SlidingWindow


def test_an_address_may_fail_so_often_and_try_again_later() -> None:
    failures, metrics = SlidingWindow(2, 60.0), Metrics()
    admit("here", False, failures, metrics, 0.0)
    failures.hit("here", 0.0)
    admit("here", False, failures, metrics, 1.0)
    failures.hit("here", 1.0)
    with pytest.raises(Problem, match="wait a minute") as refused:
        admit("here", False, failures, metrics, 20.0)
    assert (refused.value.status, refused.value.retry_after) == (HTTPStatus.TOO_MANY_REQUESTS, 40.0)
    assert metrics.refused(Refusal.FAILED_LOGINS) == 1
    admit("there", False, failures, metrics, 20.0)
    admit("here", False, failures, metrics, 60.0)


def test_nobody_comes_in_while_the_relay_stops() -> None:
    metrics = Metrics()
    with pytest.raises(Problem) as refused:
        admit("here", True, SlidingWindow(2, 60.0), metrics, 0.0)
    assert (refused.value.status, refused.value.retry_after) == (HTTPStatus.SERVICE_UNAVAILABLE, 10)
    assert metrics.refused(Refusal.DRAINING) == 1
