"""An assisted machine for tests: a device's identity, signed files that a test writes itself, a person who answers, and a
technician at the other end of a tunnel in memory. The agent's own parts are the real ones."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal, TypeVar

from agent.audit import Audit
from agent.company import Company
from agent.consent import ConsentBroker, ConsentQuestion
from agent.features.base import Feature
from agent.local_messages import Said
from agent.restarting import RestartGrants
from agent.resuming import WaitingRoom
from agent.services import Services
from agent.session import AssistedSession
from agent.settings import AgentSettings
from agent.status import RelayStatus, StatusBoard
from protocol.capabilities import Capability
from protocol.certificates import PrivateKey
from protocol.documents import GroupPolicy, OrganisationPolicy, RevocationList, TechnicianEntry, TechniciansList
from protocol.limits import LIMITS, Limits
from protocol.session import Event, SessionEnded, TechnicianSession
from tests.kit.organisation import Credentials, Organisation
from tests.kit.waiting import PATIENCE, eventually_async

E = TypeVar("E")


@dataclass
class Device:
    """An `agent.keys.EnrolledDevice` made of the kit's credentials."""

    organisation_kit: Organisation
    credentials: Credentials
    label: str = "Reception PC"
    group: str = "front"
    relay: str = "http://127.0.0.1:9"
    relay_spki: str = ""
    tuf_root: bytes = b"{}"
    not_before: datetime = datetime(2020, 1, 1, tzinfo=UTC)
    not_after: datetime = datetime(2100, 1, 1, tzinfo=UTC)

    @property
    def key(self) -> PrivateKey:
        return self.credentials.key

    @property
    def chain(self) -> list[bytes]:
        return self.credentials.chain

    @property
    def login_key(self) -> PrivateKey:
        return self.credentials.login_key

    @property
    def login_chain(self) -> list[bytes]:
        return self.credentials.login_chain

    @property
    def root(self) -> bytes:
        return self.organisation_kit.root

    @property
    def peer(self) -> str:
        return self.credentials.peer

    @property
    def organisation(self) -> str:
        return self.organisation_kit.id

    @property
    def organisation_name(self) -> str:
        return self.organisation_kit.name


class SignedFiles:
    """The answers of `agent.trust.TrustStore`, written by the test. `seconds` is the age of the newest state."""

    def __init__(self, *technicians: Credentials, tier: int = 3, groups: dict[str, GroupPolicy] | None = None) -> None:
        self.listed: TechniciansList | None = TechniciansList(issued=0.0)
        self.rules = OrganisationPolicy(issued=0.0, name="Example Ltd", groups=groups or {})
        self.revoked = RevocationList(issued=0.0)
        self.seconds: float | None = 60.0
        self.timestamp_version = 1
        self.policy_version = 1
        self.unreadable = ""
        self.refreshed = 0
        for technician in technicians:
            self.add(technician, tier)

    def add(self, technician: Credentials, tier: int = 3, name: str = "Ana Ruiz") -> None:
        entry = TechnicianEntry(name=name, tier=tier, key=technician.key.public.fingerprint.hex(), peer=technician.peer)
        known = self.listed.technicians if self.listed else []
        self.listed = TechniciansList(issued=0.0, technicians=[*known, entry])

    def technicians(self) -> TechniciansList | None:
        return self.listed

    def policy(self) -> OrganisationPolicy | None:
        return self.rules

    def revocation(self) -> RevocationList | None:
        return self.revoked

    def scripts(self) -> list[Any]:
        return []

    def script(self, identifier: str) -> None:
        return None

    def age(self, wall: datetime | float) -> float | None:
        return self.seconds

    def clock(self, wall: datetime | float) -> float:
        return wall.timestamp() if isinstance(wall, datetime) else wall

    async def refresh(self, wall: datetime | float) -> bool:
        self.refreshed += 1
        return False


@dataclass
class Person:
    """A front end that notes every question; the test answers through the broker."""

    broker: ConsentBroker
    questions: dict[int, ConsentQuestion] = field(default_factory=dict)
    closed_texts: list[str] = field(default_factory=list)
    extensions: int = 0

    def asked(self, number: int, question: ConsentQuestion, seconds: float) -> None:
        self.questions[number] = question

    def closed(self, number: int, text: str) -> None:
        self.questions.pop(number, None)
        self.closed_texts.append(text)

    def extended(self, number: int, seconds: float) -> None:
        self.extensions += 1

    async def question(self) -> tuple[int, ConsentQuestion]:
        """The question on the screen, once there is one."""
        await eventually_async(lambda: self.questions, "a question")
        return next(iter(self.questions.items()))

    async def allow(self, *capabilities: Capability, yes: bool = False) -> ConsentQuestion:
        number, question = await self.question()
        assert self.broker.answer(number, granted=frozenset(capabilities), yes=yes)
        await eventually_async(lambda: number not in self.questions, "the question closes")
        return question


class MemoryTunnel:
    """A tunnel of `agent.transport.Tunnel`'s shape whose other end is a technician's machine. `hold` stops it taking bytes."""

    def __init__(self) -> None:
        self.inbound: asyncio.Queue[bytes | None] = asyncio.Queue()
        self.deliver: Callable[[bytes], None] = lambda data: None
        self.flowing = asyncio.Event()
        self.flowing.set()
        self.closed = False

    async def receive(self) -> bytes | None:
        return await self.inbound.get()

    async def send(self, data: bytes) -> bool:
        if self.closed:
            return False
        self.deliver(data)
        await self.flowing.wait()
        return True

    async def close(self) -> None:
        if not self.closed:
            self.closed = True
            self.inbound.put_nowait(None)


class Assistance:
    """One session: the real `AssistedSession` in a task, a `TechnicianSession` fed by hand."""

    def __init__(
        self,
        tmp_path: Path,
        features: tuple[type[Feature], ...],
        *,
        organisation: Organisation | None = None,
        technician: Credentials | None = None,
        files: SignedFiles | None = None,
        wanted: tuple[Capability, ...] = (Capability.CHAT, Capability.DIAGNOSTICS),
        by_code: bool = False,
        limits: Limits = LIMITS,
        broker: ConsentBroker | None = None,
        audit: Audit | None = None,
        busy: str = "",
        desktop_taken_by: str = "",
        resume_seconds: float | None = None,
        after_restart: float = 0.0,
        boot: str = "",
        beside: "Assistance | None" = None,
        called: list[int] | None = None,
        call: Literal["", "look", "decline"] = "",
        reason: str = "the printer is on fire",
    ) -> None:
        """Args: beside: another session with the same machine. called: the tiers of the technicians who were called at the relay
        (0: nobody is wanted any more)."""
        self.here: list[Assistance] = [*beside.here, self] if beside else [self]
        for one in self.here[:-1]:
            one.here = self.here
        organisation = beside.organisation if beside else organisation
        files, broker, audit = (beside.files, beside.broker, beside.audit) if beside else (files, broker, audit)
        self._closes_audit = beside is None
        self.organisation = organisation or Organisation()
        self.person = technician or self.organisation.technician()
        self.device = beside.device if beside else Device(self.organisation, self.organisation.device())
        self.files = files or SignedFiles(self.person)
        self.broker = broker or ConsentBroker()
        self.audit = audit or Audit(tmp_path / "audit.sqlite")
        self.settings = AgentSettings(home=tmp_path)
        self.heard: list[Said] = []
        self.events: list[Event] = []
        relay = RelayStatus("http://127.0.0.1:9", "connected", 0.0, "")
        self.board = StatusBoard(
            device=self.device.peer, label="Reception PC", organisation="Example Ltd", certificate_until=0.0, relay=relay
        )
        self.waiting = (
            None
            if resume_seconds is None
            else WaitingRoom(
                seconds=resume_seconds,
                board=self.board,
                wall=lambda: datetime.now(UTC),
                live=lambda: [self.session],
                changed=lambda: self.services.company.changed(),
            )
        )
        self.services = Services(
            keys=self.device,
            settings=self.settings,
            trust=self.files,  # type: ignore[arg-type]
            audit=self.audit,
            broker=self.broker,
            board=self.board,
            features=features,
            announce=self.heard.append,
            refresh_trust=lambda: self.files_refreshed(),
            busy=lambda _session: busy,
            desktop_taken_by=lambda session: desktop_taken_by or self._taken_by(session),
            wall=lambda: datetime.now(UTC),
            limits=limits,
            waiting=self.waiting,
            restarts=RestartGrants(self.settings.restart, boot=boot, wall=time.time),
            company=beside.services.company
            if beside
            else Company(
                call=None if called is None else lambda tier, _peer: called.append(tier),
                uncall=lambda: (called or []).append(0),
                waiting=lambda: [held for one in self.here if one.waiting is not None for held in one.waiting.sessions],
            ),
        )
        self._wanted, self._call, self._reason = wanted, call, reason
        self._past: list[asyncio.Task[None]] = []
        self.running: asyncio.Task[None] | None = None
        self._meet(self.person, by_code=by_code, after_restart=after_restart)

    def _meet(self, person: Credentials, *, by_code: bool = False, resume: str = "", after_restart: float = 0.0) -> None:
        """Both ends of a new tunnel."""
        self.tunnel = MemoryTunnel()
        self.tunnel.deliver = self._to_technician
        self.session = AssistedSession(self.services, self.tunnel, by_code=by_code)  # type: ignore[arg-type]
        self.technician = TechnicianSession(
            person.key,
            person.chain,
            self.organisation.root,
            expected_device=self.device.peer,
            wanted=list(self._wanted),
            reason=self._reason,
            call=self._call,
            wall=lambda: datetime.now(UTC),
            limits=self.services.limits,
            resume=resume,
            after_restart=after_restart,
        )

    def _taken_by(self, session: AssistedSession) -> str:
        return next((one.session.name for one in self.here if one.session is not session and one.session.has_desktop), "")

    async def files_refreshed(self) -> None:
        await self.files.refresh(0.0)

    async def __aenter__(self) -> "Assistance":
        self._start()
        return self

    def _start(self) -> None:
        self.running = asyncio.get_running_loop().create_task(self.session.run())
        self._past.append(self.running)
        self.flush()

    async def cut(self) -> None:
        """The network breaks for both, and both notice."""
        assert self.running is not None
        self.tunnel.inbound.put_nowait(None)
        await asyncio.wait([self.running])
        self.lose()

    def lose(self) -> None:
        """The network breaks, and only the technician notices."""
        self.technician.receive_eof(time.monotonic())
        self.events += self.technician.events()
        self.tunnel.deliver = lambda data: None

    def reconnect(self, resume: str, person: Credentials | None = None) -> None:
        """The technician (or somebody else) comes by a new tunnel and names the session to resume."""
        self._meet(person or self.person, resume=resume)
        self._start()

    async def __aexit__(self, *_: object) -> None:
        if self.waiting is not None:
            self.waiting.close("the test is over")
        for task in self._past:
            task.cancel()
        await asyncio.wait(self._past)
        if self._closes_audit:
            self.audit.close()

    def sit_down(self) -> Person:
        """Somebody is at the machine."""
        person = Person(self.broker)
        self.broker.attach(person)
        return person

    def _to_technician(self, data: bytes) -> None:
        self.technician.receive_data(data, time.monotonic())
        self.flush()

    def flush(self) -> None:
        """Carry what the technician has to say."""
        while data := self.technician.data_to_send():
            self.tunnel.inbound.put_nowait(data)
        self.events += self.technician.events()

    def say(self, message: Any) -> None:
        """The technician sends a message."""
        self.technician.send_message(message, time.monotonic())
        self.flush()

    async def event(self, kind: type[E], *, seconds: float = PATIENCE) -> E:
        """The next event of this kind at the technician's end; it is taken from the list."""

        def find() -> Event | None:
            self.events += self.technician.events()
            return next((event for event in self.events if isinstance(event, kind)), None)

        found = await eventually_async(find, f"{kind.__name__}; so far {self.events}", seconds=seconds, every=0.005)
        self.events.remove(found)  # type: ignore[arg-type]
        assert isinstance(found, kind)
        return found

    async def ended(self) -> SessionEnded:
        """How it ended for the technician; the agent's side is over too."""
        ended = await self.event(SessionEnded)
        assert self.running is not None
        await asyncio.wait_for(asyncio.shield(self.running), PATIENCE)
        return ended
