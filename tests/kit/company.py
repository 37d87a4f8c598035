"""One machine with several technicians in memory: the agent's own parts, a person who answers, a tunnel for each technician."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, ClassVar, TypeVar

from agent.features.base import Feature
from agent.features.chat import ChatFeature
from agent.features.colleagues import ColleaguesFeature
from protocol.capabilities import Capability
from protocol.messages import Message
from protocol.messages.colleagues import ColleaguesState, People
from protocol.messages.input import PointerMove, ReleaseAll
from protocol.messages.screen import ScreenStart
from protocol.messages.session import Refusal
from protocol.session import MessageReceived, Opened
from tests.kit.assisted import Assistance, Person, SignedFiles
from tests.kit.organisation import Organisation
from tests.kit.waiting import PATIENCE, eventually_async

VIEW, CHAT, CONTROL, COLLEAGUES = Capability.VIEW, Capability.CHAT, Capability.CONTROL, Capability.COLLEAGUES
WANTED = (VIEW, CHAT, CONTROL, COLLEAGUES)
M = TypeVar("M", bound=Message)


class Hands(Feature):
    """Injects nothing, and notes what it was told to do."""

    handles: ClassVar = (PointerMove, ReleaseAll)
    lost: ClassVar[list[str]] = []

    moved: ClassVar[list[Message]] = []

    async def handle(self, message: Message) -> None:
        self.moved.append(message)

    def capability_lost(self, capability: Capability) -> None:
        self.lost.append(capability)


class Eyes(Feature):
    """Somebody watches."""

    handles: ClassVar = (ScreenStart,)

    async def handle(self, message: Message) -> None:
        pass


FEATURES = (ChatFeature, ColleaguesFeature, Hands, Eyes)


async def heard(one: Assistance, kind: type[M], where: Any = lambda _: True, *, seconds: float = PATIENCE) -> M:
    """The next message of a kind; it is taken, and what came before it stays."""

    def find() -> MessageReceived | None:
        one.events += one.technician.events()
        for event in one.events:
            if isinstance(event, MessageReceived) and isinstance(event.message, kind) and where(event.message):
                return event
        return None

    found = await eventually_async(find, f"a {kind.__name__}; so far {one.events}", seconds=seconds, every=0.005)
    one.events.remove(found)  # type: ignore[arg-type]
    assert isinstance(found, MessageReceived) and isinstance(found.message, kind)
    return found.message


async def refused(one: Assistance, request: int) -> Refusal:
    """The refusal of this request; what was left out at the opening is not meant."""
    return await heard(one, Refusal, lambda said: said.request == request)


async def state(one: Assistance, expected: str) -> ColleaguesState:
    """The message that says so."""
    return await heard(one, ColleaguesState, lambda said: said.state == expected)


async def people(one: Assistance, *expected: tuple[str, bool]) -> People:
    """The list with exactly these names, each with whether they have control."""
    return await heard(one, People, lambda said: [(who.name, CONTROL in who.granted) for who in said.people] == list(expected))


async def settled() -> None:
    """Until everything that can happen by itself has."""
    for _ in range(50):
        await asyncio.sleep(0.001)


class Machine:
    """One machine, its person, Ana (tier 1) with control, and whoever joins."""

    def __init__(self, tmp_path: Path) -> None:
        self.path = tmp_path
        self.organisation = Organisation()
        self.called: list[int] = []
        ana = self.organisation.technician("Ana Ruiz", tier=1)
        self.files = SignedFiles(ana, tier=1)
        self.ana = Assistance(
            tmp_path,
            FEATURES,
            organisation=self.organisation,
            technician=ana,
            files=self.files,
            wanted=WANTED,
            called=self.called,
        )
        self.person: Person

    def numbers(self, one: Assistance) -> dict[str, int]:
        """What stands for whom, as this technician knows it."""
        view = one.session._view
        assert view is not None
        told = one.services.company._told[view]
        return {who.name: who.number for who in told.people}

    @asynccontextmanager
    async def joined(
        self,
        name: str,
        tier: int,
        *granted: Capability,
        wanted: tuple[Capability, ...] = WANTED,
        resume_seconds: float | None = None,
    ) -> AsyncIterator[Assistance]:
        credentials = self.organisation.technician(name, tier=tier)
        self.files.add(credentials, tier)
        async with Assistance(
            self.path, FEATURES, technician=credentials, wanted=wanted, beside=self.ana, resume_seconds=resume_seconds
        ) as one:
            if granted:
                await self.person.allow(*granted)
                await one.event(Opened)
            yield one


@asynccontextmanager
async def machine(tmp_path: Path, *granted: Capability) -> AsyncIterator[Machine]:
    one = Machine(tmp_path)
    Hands.lost.clear()
    Hands.moved.clear()
    one.person = one.ana.sit_down()
    async with one.ana:
        await one.person.allow(*(granted or WANTED))
        await one.ana.event(Opened)
        yield one
