"""What outlives a tunnel ends with its session, with its permission, or with the daemon."""

import asyncio
from dataclasses import dataclass, field

from agent.keeping import Keeper
from protocol.capabilities import Capability


@dataclass
class Thing:
    needs: frozenset[Capability]
    said: list[str] = field(default_factory=list)

    def end(self, why: str) -> None:
        self.said.append(why)


def test_each_session_sees_its_own_alone() -> None:
    keeper, thing = Keeper(), Thing(frozenset())
    keeper.of("a").add(thing)
    assert keeper.of("a").of(Thing) == [thing]
    assert not keeper.of("b").of(Thing)
    keeper.of("a").remove(thing)
    assert not keeper.kept("a")


def test_what_is_not_granted_any_more_ends_and_the_rest_stays() -> None:
    keeper = Keeper()
    user, root = Thing(frozenset({Capability.TERMINAL})), Thing(frozenset({Capability.TERMINAL, Capability.TERMINAL_ROOT}))
    for thing in (user, root):
        keeper.add("a", thing)
    keeper.retain("a", [Capability.TERMINAL])
    assert not user.said
    assert root.said
    keeper.end("a", "over")
    assert user.said == ["over"]
    assert not keeper.kept("a")


def test_a_number_is_given_once_in_a_session() -> None:
    keeper = Keeper()
    assert [keeper.of("a").number("terminal") for _ in range(2)] == [1, 2]
    assert keeper.of("a").number("other") == 1
    assert keeper.of("b").number("terminal") == 1
    assert keeper.of("a").number("terminal") == 3
    keeper.end("a", "over")
    assert keeper.of("a").number("terminal") == 1


async def test_closing_ends_everything_and_waits_for_it() -> None:
    keeper, thing, done = Keeper(), Thing(frozenset()), asyncio.Event()
    keeper.add("a", thing)

    async def work() -> None:
        while not thing.said:
            await asyncio.sleep(0)
        done.set()

    _ = keeper.of("a").spawn(work(), "work")
    await keeper.aclose(5)
    assert done.is_set()
