"""Who may try to come in at all, before anything of theirs is looked at."""

from http import HTTPStatus

from relay.metrics import Metrics, Refusal
from relay.problems import Problem
from relay.ratelimit import SlidingWindow


def admit(key: str, draining: bool, failures: SlidingWindow, metrics: Metrics, now: float) -> None:
    """Turn away whoever comes while the relay stops, and an address from which too many attempts have failed.

    Args:
        key: the client's address as it is counted.

    Raises:
        Problem: 503 or 429, with how long to wait.
    """
    if draining:
        metrics.refuse(Refusal.DRAINING)
        raise Problem(HTTPStatus.SERVICE_UNAVAILABLE, "shutting_down", "The relay is stopping; try again soon.", retry_after=10)
    wait = failures.retry_after(key, now)
    if wait > 0.0:
        metrics.refuse(Refusal.FAILED_LOGINS)
        raise Problem(
            HTTPStatus.TOO_MANY_REQUESTS,
            "limit",
            "Too many failed attempts from this address; wait a minute.",
            retry_after=wait,
        )
