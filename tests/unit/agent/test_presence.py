"""Whether anybody sees that a technician is here, and what follows when nobody does."""

import asyncio
from dataclasses import dataclass, field

import pytest

from agent.consent import ConsentBroker, ConsentQuestion
from agent.presence import UNSEEN, Presence
from tests.kit.waiting import eventually_async, let_pass


class Window:
    """A front end that shows nothing."""

    def asked(self, number: int, question: ConsentQuestion, seconds: float) -> None:
        raise AssertionError(question)

    def closed(self, number: int, text: str) -> None:
        raise AssertionError(text)

    def extended(self, number: int, seconds: float) -> None:
        raise AssertionError(seconds)


@dataclass
class Watched:
    """A session that is watched over, and what was done to it."""

    seconds: float
    broker: ConsentBroker = field(default_factory=ConsentBroker)
    held: list[bool] = field(default_factory=list)
    ended: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.presence = Presence(self.broker, self.seconds, self.held.append, self.ended.append)


async def test_the_last_one_that_goes_holds_the_session_and_ends_it() -> None:
    one, first, second = Watched(0.05), Window(), Window()
    one.broker.attach(first)
    one.broker.attach(second)
    one.presence.begin()
    one.broker.detach(first)
    assert one.held == []
    one.broker.detach(second)
    assert one.held == [True]
    await eventually_async(lambda: one.ended == [UNSEEN], "it ends")


async def test_one_that_comes_back_lets_it_go_on() -> None:
    one, window = Watched(0.05), Window()
    one.broker.attach(window)
    one.presence.begin()
    one.broker.detach(window)
    one.broker.attach(window)
    assert one.held == [True, False]
    await let_pass(0.15)
    assert one.ended == []


async def test_a_session_that_nobody_saw_from_the_start_is_held_too() -> None:
    one = Watched(0.05)
    one.presence.begin()
    assert one.held == [True]
    await eventually_async(lambda: one.ended, "it ends")


async def test_the_first_wait_may_last_longer() -> None:
    one, window = Watched(0.05), Window()
    one.presence.begin(30.0)
    await let_pass(0.15)
    assert (one.held, one.ended) == ([True], [])
    one.broker.attach(window)
    one.broker.detach(window)
    await eventually_async(lambda: one.ended, "the second wait is short")


@pytest.mark.parametrize("attached", [True, False])
async def test_after_the_end_it_does_nothing(attached: bool) -> None:
    one, window = Watched(0.05), Window()
    if attached:
        one.broker.attach(window)
    one.presence.begin()
    one.presence.close()
    one.held.clear()
    one.broker.detach(window)
    one.broker.attach(window)
    await asyncio.sleep(0.15)
    assert (one.held, one.ended) == ([], [])
