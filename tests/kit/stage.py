"""A whole Handrail in processes of its own behind a hostile relay, with a technician in this process who may be hostile too, and
a person who answers through the agent's local socket as the terminal does."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, TypeVar

import pytest

from agent.local import LocalClient
from agent.local_messages import AnswerConsent, AskStatus, Attach, ConsentAsked, Said, StatusReply
from agent.status import AgentStatus
from protocol.capabilities import Capability
from technician_client.identity import TechnicianIdentity, unlock
from technician_client.link import RelayClient
from technician_client.sessions import Session
from technician_client.settings import Settings
from tests.kit.hostile_relay import HostileRelay
from tests.kit.processes import Process, command, run
from tests.kit.waiting import eventually, eventually_async
from tests.kit.world import World

S = TypeVar("S", bound=Said)
QUICK = {"HANDRAIL_AGENT_LINK_BACKOFF_FIRST": "0.05", "HANDRAIL_AGENT_LINK_BACKOFF_MOST": "0.2"}


class PersonAtTheDesk:
    """A program of the user's that shows questions; `answers` is what the person says to each, None leaves it open."""

    def __init__(self, client: LocalClient) -> None:
        self.client = client
        self.heard: list[Said] = []
        self.answers: Callable[[ConsentAsked], Sequence[Capability] | None] = lambda asked: None

    @property
    def questions(self) -> list[ConsentAsked]:
        return self.of(ConsentAsked)

    def of(self, kind: type[S]) -> list[S]:
        """What was heard of one kind."""
        return [said for said in self.heard if isinstance(said, kind)]

    async def listen(self) -> None:
        """Hear, and answer as told, until the agent hangs up."""
        while (said := await self.client.events.get()) is not None:
            self.heard.append(said)
            if isinstance(said, ConsentAsked):
                granted = self.answers(said)
                if granted is not None:
                    await self.answer(said, *granted)

    async def answer(self, asked: ConsentAsked, *granted: Capability) -> None:
        """Say yes to these, and to a yes-or-no question when there are any."""
        with contextlib.suppress(Exception):  # it may have closed meanwhile
            await self.client.request(lambda number: AnswerConsent(number, asked.question, list(granted), bool(granted)))

    async def status(self) -> AgentStatus:
        reply = await self.client.request(AskStatus)
        assert isinstance(reply, StatusReply)
        return reply.status


class Stage:
    """One World behind a `HostileRelay`. `without`: a control that every process lacks."""

    def __init__(self, directory: Path, without: str = "", *, display: str = "", user_home: Path | None = None) -> None:
        self.world = World(directory, tapped=True, tap_kind=HostileRelay, without=without)
        try:
            self.bundle = self.world.established()
            self.world.start_signer()
            self.world.enrol(self.bundle)
            self.display = display
            self.user_home = user_home
            self.start_agent()
        except BaseException:  # whatever it was: its processes must not outlive it; raised again
            self.world.stop()
            raise
        self.identity = self.unlock(self.world.home)
        self._sessions: list[Session] = []

    def start_agent(self) -> None:
        """Start the agent, or start it anew: it takes no more than six handshakes a minute that come to nothing, and attacks
        use them up."""
        if "agent" in self.world.processes:
            self.world.processes["agent"].stop()
        before = len(self.relay.wires)
        self.agent: Process = self.world.start_agent(self.display or None, home=self.user_home, extra=QUICK)
        eventually(lambda: self.relay.link_of("device") in self.relay.wires[before:], "the device is linked")

    @property
    def relay(self) -> HostileRelay:
        assert isinstance(self.world.tap, HostileRelay)
        return self.world.tap

    @property
    def device(self) -> str:
        """The peer id of the enrolled device."""
        from agent.enrolment import load_identity

        return load_identity(self.world.agent_home).peer

    def unlock(self, home: Path) -> TechnicianIdentity:
        return unlock(home / "identity", passphrase_file=self.world.passphrase_file)

    def join(self, name: str, tier: int) -> TechnicianIdentity:
        """One technician more, by the commands: invited, joined, put on the signed list."""
        home, world = self.world.directory / f"home-of-{tier}", self.world
        invitation = world.directory / f"tier-{tier}.handrail"
        secret = ("--passphrase-file", str(world.passphrase_file))
        world.handrail("org", "technician", name, "--tier", str(tier), "--out", str(invitation), *secret)
        argv = [command("handrail"), "--home", str(home), "join", str(invitation), *secret]
        run(argv, env=world.environment, seconds=180)
        world.handrail("org", "technician", name, "--yes", *secret)
        return self.unlock(home)

    @asynccontextmanager
    async def technician(self, identity: Any = None) -> AsyncIterator[RelayClient]:
        """A technician's link to the relay."""
        keys = identity or self.identity
        settings = Settings(home=self.world.directory / "in-process", retry_most_seconds=1.0, end_seconds=1.0)
        async with RelayClient(keys, settings) as client:
            try:
                yield client
            finally:
                for session in self._sessions:
                    await session.end()
                self._sessions.clear()

    @asynccontextmanager
    async def person(self, *allowed: Capability) -> AsyncIterator[PersonAtTheDesk]:
        """Somebody sits at the computer and allows these (of what is asked for)."""
        async with LocalClient.connected(self.world.agent_home / "agent.sock") as client:
            person = PersonAtTheDesk(client)
            if allowed:
                person.answers = lambda asked: allowed
            listening = asyncio.get_running_loop().create_task(person.listen())
            await client.request(lambda number: Attach(number, "test"))
            try:
                yield person
            finally:
                listening.cancel()
                await asyncio.wait([listening])

    async def open(self, client: RelayClient, *wanted: Capability, **options: Any) -> Session:
        """A session with the device."""
        async with asyncio.timeout(60):
            session = await Session.open(client, device=self.device, wanted=wanted, reason="the printer", **options)
        self._sessions.append(session)
        return session

    async def linked(self) -> None:
        """Until the device is linked to the relay and the relay lists it as online."""
        await eventually_async(lambda: self.relay.link_of("device"), "the device is linked")

    def stop(self) -> None:
        self.world.stop()


@pytest.fixture(scope="module")
def stages(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], Stage]]:
    """`stages(without)`: one stage for each control that is taken away, kept for the whole module."""
    made: dict[str, Stage] = {}

    def stage(without: str) -> Stage:
        if without not in made:
            made[without] = Stage(tmp_path_factory.mktemp(f"stage-{without or 'whole'}"), without)
        return made[without]

    yield stage
    for one in made.values():
        one.stop()
