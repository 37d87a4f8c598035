"""Certificates that stay young, and clocks that are wrong."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest

from agent.renewal import certificate_problem, keep_certified
from protocol.errors import Unavailable
from tests.kit.waiting import eventually_async

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)


@dataclass(frozen=True)
class Leaf:
    not_before: datetime
    not_after: datetime


def leaf(age_days: float, life_days: float = 30.0) -> Leaf:
    start = NOW - timedelta(days=age_days)
    return Leaf(start, start + timedelta(days=life_days))


@pytest.mark.parametrize(("one", "words"), [(leaf(1), ""), (leaf(-1), "Set the clock right"), (leaf(31), "ran out on")])
def test_a_clock_and_a_certificate_that_disagree_are_a_sentence(one: Leaf, words: str) -> None:
    problem = certificate_problem(one, NOW)
    assert (words in problem) if words else problem == ""


class Keeper:
    """Runs `keep_certified` and notes what it does."""

    def __init__(self, one: Leaf, renew: Callable[[Leaf], Leaf]) -> None:
        self.current = one
        self.asked = 0
        self.reports: list[tuple[str, float]] = []
        self.renew = renew

    def ask(self, one: Leaf) -> Leaf:
        self.asked += 1
        return self.renew(one)

    def take(self, one: Leaf) -> None:
        self.current = one

    async def until(self, question: Callable[[], bool], *, revoked: Callable[[Leaf], bool] = lambda _: False) -> None:
        task = asyncio.get_running_loop().create_task(
            keep_certified(
                lambda: self.current,
                self.ask,
                self.take,
                lambda problem, until: self.reports.append((problem, until)),
                lambda: NOW,
                revoked=revoked,
                look_seconds=0.01,
                retry_seconds=0.01,
            )
        )
        await eventually_async(question, "the keeper")
        task.cancel()
        await asyncio.wait([task])


async def test_a_young_certificate_is_left_alone() -> None:
    keeper = Keeper(leaf(19), lambda one: one)
    await keeper.until(lambda: len(keeper.reports) > 2)
    assert keeper.asked == 0
    assert keeper.reports[0] == ("", keeper.current.not_after.timestamp())


async def test_a_young_certificate_of_an_authority_that_was_revoked_is_renewed_at_once() -> None:
    old, new = leaf(1), leaf(0)
    keeper = Keeper(old, lambda one: new)
    await keeper.until(lambda: keeper.current is new and len(keeper.reports) > 2, revoked=lambda one: one is old)
    assert keeper.asked == 1


@pytest.mark.parametrize("age", [21, 45])
async def test_an_old_one_is_renewed_once(age: float) -> None:
    keeper = Keeper(leaf(age), lambda _: leaf(0))
    await keeper.until(lambda: len(keeper.reports) > 2)
    assert keeper.asked == 1
    assert keeper.current == leaf(0)
    assert keeper.reports[-1][0] == ""


async def test_a_signer_that_is_away_is_asked_again_and_said_once(caplog: pytest.LogCaptureFixture) -> None:
    def away(_: Leaf) -> Leaf:
        raise Unavailable("The signer has not answered.")

    keeper = Keeper(leaf(21), away)
    await keeper.until(lambda: keeper.asked > 2)
    assert "could not be renewed: The signer has not answered." in keeper.reports[-1][0]
    assert caplog.text.count("could not be renewed") == 1


async def test_a_certificate_from_the_future_is_a_matter_of_the_clock() -> None:
    keeper = Keeper(leaf(-2), lambda one: one)
    await keeper.until(lambda: len(keeper.reports) > 1)
    assert keeper.asked == 0
    assert "clock" in keeper.reports[-1][0]
