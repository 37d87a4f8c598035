"""What a session keeps running while its connection is cut: nothing but terminals today.

Features live as long as a tunnel; what they give to the keeper lives as long as the session, is ended with it or with the
capability that it needs, and is ended at the latest when the daemon stops.
"""

import asyncio
from collections import Counter
from collections.abc import Collection, Coroutine
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeVar

from hostio.tasks import Supervisor
from protocol.capabilities import Capability


class Keepsake(Protocol):
    """Something that outlives a tunnel."""

    @property
    def needs(self) -> frozenset[Capability]:
        """The capabilities without which it must not go on."""

    def end(self, why: str) -> None:
        """End it, now and for good; called once or more."""


K = TypeVar("K", bound=Keepsake)


class KeptOfSession:
    """The part of one session, as its features see it."""

    def __init__(self, keeper: "Keeper", session: str) -> None:
        self._keeper = keeper
        self._session = session

    def of(self, kind: type[K]) -> list[K]:
        """What is kept of one kind, oldest first."""
        return [one for one in self._keeper.kept(self._session) if isinstance(one, kind)]

    def add(self, keepsake: Keepsake) -> None:
        """Keep this too."""
        self._keeper.add(self._session, keepsake)

    def remove(self, keepsake: Keepsake) -> None:
        """It has ended by itself, or is not wanted any more."""
        self._keeper.remove(self._session, keepsake)

    def number(self, what: str) -> int:
        """The next number for something of this session: 1, 2, ...; none comes twice, whatever became of the one that had it."""
        return self._keeper.number(self._session, what)

    def spawn(self, coroutine: Coroutine[Any, Any, None], name: str) -> asyncio.Task[None]:
        """Run beside the session, whatever happens to its tunnel, until the daemon stops."""
        return self._keeper.spawn(coroutine, name)


@dataclass(slots=True)
class Keeper:
    """What all sessions keep. One for each daemon; event loop only."""

    _kept: dict[str, list[Keepsake]] = field(default_factory=dict)
    _numbers: dict[str, Counter[str]] = field(default_factory=dict)
    _tasks: Supervisor = field(default_factory=Supervisor)

    def of(self, session: str) -> KeptOfSession:
        """The part of one session."""
        return KeptOfSession(self, session)

    def kept(self, session: str) -> list[Keepsake]:
        """What one session keeps."""
        return list(self._kept.get(session, ()))

    def add(self, session: str, keepsake: Keepsake) -> None:
        """Keep something for a session."""
        self._kept.setdefault(session, []).append(keepsake)

    def remove(self, session: str, keepsake: Keepsake) -> None:
        """Keep it no longer."""
        left = [one for one in self._kept.get(session, ()) if one is not keepsake]
        if left:
            self._kept[session] = left
        else:
            self._kept.pop(session, None)

    def number(self, session: str, what: str) -> int:
        """See `KeptOfSession.number`."""
        counted = self._numbers.setdefault(session, Counter())
        counted[what] += 1
        return counted[what]

    def spawn(self, coroutine: Coroutine[Any, Any, None], name: str) -> asyncio.Task[None]:
        """Run until the daemon stops."""
        return self._tasks.spawn(coroutine, name)

    def retain(self, session: str, granted: Collection[Capability]) -> None:
        """End what is not covered by what is granted now."""
        for one in self.kept(session):
            if not one.needs <= set(granted):
                one.end("it is not granted any more")

    def end(self, session: str, why: str) -> None:
        """The session is over, and so is everything that it kept."""
        for one in self.kept(session):
            one.end(why)
        self._kept.pop(session, None)
        self._numbers.pop(session, None)

    async def aclose(self, seconds: float) -> None:
        """End everything; waits for at most `seconds` until it has."""
        for session in list(self._kept):
            self.end(session, "the agent is stopping")
        running = self._tasks.running
        if running:
            await asyncio.wait(running, timeout=seconds)
        await self._tasks.aclose()
