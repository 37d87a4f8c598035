"""Rows 1 to 5, 7, 9, 10, 11, 30, 33, 34, 43, 44: whoever owns the relay, between real processes.

Relay, signer and agent run as they do in life; the attacker stands in the relay's place with the relay's own TLS key and really
forwards, edits, replays, swaps and lies. The technician is the real client, as a command or as its library.
"""

import asyncio
import contextlib
import secrets
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import msgspec
import pytest

from agent.enrolment import enrol, load_identity, renew
from agent.local_messages import ChatHeard, SessionOver
from agent.status import TrustStatus
from hostio.enrolment import read_bundle
from protocol.capabilities import Capability
from protocol.documents import TECHNICIANS_PATH, TechnicianEntry, TechniciansList, canonical_json
from protocol.errors import HandrailError, TrustError
from protocol.link_messages import (
    DeviceAsk,
    DeviceRow,
    DevicesChanged,
    DevicesPage,
    LinkMessage,
    RepositoryChanged,
    TunnelOffer,
)
from protocol.messages.chat import ChatMessage
from protocol.messages.diagnostics import DiagnosticsCollect, DiagnosticsTable
from technician_client.organisation.record import OrganisationHome
from technician_client.sessions import Session
from tests.kit.hostile_http import Exchange, Part, answer, not_there
from tests.kit.hostile_relay import HttpPlan, LinkPlan, Plan, Wire
from tests.kit.relay_tap import tls_records
from tests.kit.stage import PersonAtTheDesk, Stage, stages
from tests.kit.tuf_forgery import forge_repository
from tests.kit.waiting import PATIENCE, eventually_async, let_pass

__all__ = ["stages"]

CHAT = Capability.CHAT
Stages = Callable[[str], Stage]
NOTICED_SECONDS = 30.0  # nobody waits so long unless something is wrong


@pytest.fixture
def stage(stages: Stages, without: str) -> Iterator[Stage]:
    one = stages(without)
    one.relay.plan = Plan()
    yield one
    faults, one.relay.faults[:] = list(one.relay.faults), []
    assert faults == []


def chat(person: PersonAtTheDesk) -> list[str]:
    return [said.text for said in person.of(ChatHeard)]


class TunnelPlan(Plan):
    """Bends what the technician says in a tunnel, from the moment at which `armed` is set."""

    def __init__(self, bend: Callable[[Wire, bytes], list[bytes]]) -> None:
        self.bend = bend
        self.armed = False

    def from_peer(self, wire: Wire, message: bytes) -> list[bytes]:
        if self.armed and wire.path == "/tunnel" and wire.role == "technician":
            return self.bend(wire, message)
        return [message]


async def over(person: PersonAtTheDesk, session: Session) -> None:
    """Until both ends have noticed that something is wrong, or it is clear that they do not."""
    end = time.monotonic() + NOTICED_SECONDS
    while time.monotonic() < end and not (person.of(SessionOver) and session.ended is not None):
        await asyncio.sleep(0.02)


# -- a session that is open -------------------------------------------------------------------------------------------------


@pytest.mark.attack(1, without=["sealed_channel"])
async def test_the_relay_sees_nothing_of_a_session(stage: Stage) -> None:
    """Not the chat, not the tables, not who helps whom and why."""
    first = len(stage.relay.wires)
    async with stage.person(CHAT, Capability.DIAGNOSTICS) as person, stage.technician() as client:
        session = await stage.open(client, CHAT, Capability.DIAGNOSTICS)
        session.send(ChatMessage("correct horse battery staple"))
        async with session.request(DiagnosticsCollect(session.next_request(), ["system_info", "os_version"])) as answers:
            told = [answer async for answer in answers]
        await eventually_async(lambda: chat(person), "the chat arrives")
        await session.end()
    assert chat(person) == ["correct horse battery staple"]
    tunnels = [wire for wire in stage.relay.wires[first:] if wire.path == "/tunnel"]
    assert len(tunnels) == 2
    carried = b"".join(wire.record.websocket_payload(way) for wire in tunnels for way in ("sent", "received"))
    rows = [row for table in told if isinstance(table, DiagnosticsTable) for row in table.rows]
    values = {str(value).encode() for row in rows for value in row.values()}
    telling = {value for value in values if len(value) >= 8}  # a shorter one stands in any ciphertext by chance
    assert telling, "no table said anything"
    for secret in (b"correct horse", b"the printer", b"Ana Ruiz", b"system_info", *telling):
        assert secret not in carried
    for wire in tunnels:
        for way in ("sent", "received"):
            assert tls_records(wire.record.websocket_payload(way))


@pytest.mark.attack(2, without=["sealed_channel"])
async def test_a_bit_flipped_on_the_way_arrives_nowhere(stage: Stage) -> None:
    def flip(wire: Wire, message: bytes) -> list[bytes]:
        data = bytearray(message)
        at = data.find(b"100")
        data[at if at >= 0 else len(data) // 2] ^= 1
        return [bytes(data)]

    stage.relay.plan = plan = TunnelPlan(flip)
    async with stage.person(CHAT) as person, stage.technician() as client:
        session = await stage.open(client, CHAT)
        plan.armed = True
        session.send(ChatMessage("transfer 100 euros"))
        await over(person, session)
        assert chat(person) == []
        assert person.of(SessionOver)


@pytest.mark.attack(3, without=["sealed_channel"])
async def test_what_is_replayed_happens_once(stage: Stage) -> None:
    stage.relay.plan = plan = TunnelPlan(lambda wire, message: [message, message])
    async with stage.person(CHAT) as person, stage.technician() as client:
        session = await stage.open(client, CHAT)
        plan.armed = True
        session.send(ChatMessage("once"))
        await over(person, session)
        assert chat(person) in ([], ["once"])
        assert person.of(SessionOver)


@pytest.mark.attack(4, without=["sealed_channel"])
@pytest.mark.parametrize("how", ["drop", "reorder"])
async def test_nothing_arrives_in_another_order_or_with_a_gap(stage: Stage, how: str) -> None:
    said = ["rm -rf", "./old", "/"]

    def bend(wire: Wire, message: bytes) -> list[bytes]:
        wire.kept.append(message)
        if len(wire.kept) < 3:
            return []
        kept, wire.kept = wire.kept, []
        return [kept[0], *kept[2:]] if how == "drop" else [kept[0], kept[2], kept[1]]

    stage.relay.plan = plan = TunnelPlan(bend)
    async with stage.person(CHAT) as person, stage.technician() as client:
        session = await stage.open(client, CHAT)
        await eventually_async(lambda: session.round_trip, "the first pings are answered")
        plan.armed = True
        for text in said:
            if session.ended is not None:
                break
            session.send(ChatMessage(text))
            await asyncio.sleep(0.1)  # so that each is a message of its own
        await over(person, session)
        heard = chat(person)
        assert heard == said[: len(heard)]
        assert len(heard) < len(said)


@pytest.mark.attack(5, without=["sealed_channel"])
async def test_what_is_said_in_one_session_is_not_heard_in_another(stage: Stage) -> None:
    """The same technician, the same device, at the same time: the relay carries the words of one session into the other too."""
    words: list[bytes] = []

    def splice(wire: Wire, message: bytes) -> list[bytes]:
        if wire is tunnels()[0]:
            words.append(message)
            return [message]
        stolen, words[:] = list(words), []
        return [*stolen, message]

    def tunnels() -> list[Wire]:
        return [wire for wire in stage.relay.wires[first:] if wire.path == "/tunnel" and wire.role == "technician"]

    first = len(stage.relay.wires)
    stage.relay.plan = plan = TunnelPlan(splice)
    async with stage.person(CHAT) as person, stage.technician() as client:
        one, other = await stage.open(client, CHAT), await stage.open(client, CHAT)
        assert len(tunnels()) == 2
        plan.armed = True
        one.send(ChatMessage("for the first alone"))
        await eventually_async(lambda: chat(person) == ["for the first alone"], "it is heard where it was said")
        with contextlib.suppress(HandrailError):  # its own pings may have carried them there already
            other.send(ChatMessage("and mine"))
        end = time.monotonic() + NOTICED_SECONDS
        while time.monotonic() < end and other.ended is None:
            await asyncio.sleep(0.02)
        heard = [said.text for said in person.of(ChatHeard) if said.session == other.session_id]
        assert "for the first alone" not in heard
        assert other.ended is not None
        assert one.ended is None


@pytest.mark.attack(7, without=["close_notify"])
async def test_a_session_that_the_relay_cut_was_not_ended_by_anybody(stage: Stage) -> None:
    """Neither side takes the cut for the other's goodbye; nothing half-sent counts."""
    async with stage.person(CHAT) as person, stage.technician() as client:
        session = await stage.open(client, CHAT)
        for wire in stage.relay.wires:
            if wire.path == "/tunnel" and wire.open:
                stage.relay._loop.call_soon_threadsafe(wire.cut)
        ended = await asyncio.wait_for(session.wait_ended(), 60)
        assert not ended.clean
        assert person.heard


# -- opening a session --------------------------------------------------------------------------------------------------------


async def attempt(stage: Stage, *, wanted: tuple[Capability, ...] = (CHAT,), device: str = "") -> str:
    """Try to open a session; "open", or the error's name."""
    async with stage.technician() as client:
        try:
            async with asyncio.timeout(60):
                session = await Session.open(client, device=device or stage.device, wanted=wanted, reason="help")
        except HandrailError as error:
            return type(error).__name__
        except TimeoutError:
            return "nothing"
        await session.end()
        return "open"


@pytest.mark.attack(43, without=["certified_label"])
async def test_a_swapped_label_stops_the_session(stage: Stage) -> None:
    """The relay shows the till as the managing director's laptop."""

    def swap(wire: Wire, message: LinkMessage) -> LinkMessage | None:
        match message:
            case TunnelOffer() if wire.role == "technician":
                return msgspec.structs.replace(message, label="Managing director")
            case DevicesPage(devices=devices):
                rows = [msgspec.structs.replace(row, label="Managing director") for row in devices]
                return msgspec.structs.replace(message, devices=rows)
        return message

    stage.relay.plan = LinkPlan(swap)
    async with stage.person(CHAT) as person:
        assert await attempt(stage) == "TrustError"
        assert person.questions == []


@pytest.mark.attack(10, without=["expected_device"])
async def test_a_tunnel_to_another_device_is_noticed(stage: Stage) -> None:
    """Another computer was meant; the relay leads to this one and says that it is the other."""
    meant = "a2b3c4d5e6f7a2b3"

    def reroute(wire: Wire, message: LinkMessage) -> LinkMessage | None:
        match message:
            case DeviceAsk() if wire.role == "technician":
                return msgspec.structs.replace(message, device=stage.device)
            case TunnelOffer() if wire.role == "technician":
                return msgspec.structs.replace(message, peer=meant)
        return message

    stage.relay.plan = LinkPlan(reroute)
    async with stage.person(CHAT) as person:
        assert await attempt(stage, device=meant) == "TrustError"
        assert person.questions == []


@pytest.mark.attack(44)
async def test_forged_rows_help_requests_and_offers_open_nothing(stage: Stage) -> None:
    """The relay tells a technician of people who wait for help, in their names, with markup; nothing acts on it."""
    forged = DeviceRow("a2b3c4d5e6f7a2b3", "Boss\x1b[2J<b>", "Linux", True, time.time(), True, "help me\x1b]0;x\x07", time.time())
    async with stage.person(CHAT) as person, stage.technician() as client:
        link = stage.relay.link_of("technician")
        assert link is not None
        before = len([wire for wire in stage.relay.wires if wire.path == "/tunnel"])
        stage.relay.say_link(link, DevicesChanged([forged]))
        stage.relay.say_link(link, TunnelOffer(99, "A" * 32, "a2b3c4d5e6f7a2b3", "Boss", True, 60))
        stage.relay.say_link(link, TunnelOffer(0, "B" * 32, stage.device, "Reception PC", False, 60))
        rows = await client.devices()
        assert [row.id for row in rows] == [stage.device]
        await let_pass(0.3)
        assert len([wire for wire in stage.relay.wires if wire.path == "/tunnel"]) == before
        assert person.questions == []
        session = await stage.open(client, CHAT)
        await session.end()


@pytest.mark.attack(44, without=["inert_terminal"])
async def test_forged_labels_are_only_text_in_the_terminal(stage: Stage) -> None:
    """`handrail devices`, the command itself: no escape reaches the terminal."""
    forged = DeviceRow(
        "a2b3c4d5e6f7a2b3", "Boss\x1b[2J\x1b]0;owned\x07", "Linux\x9b31m", True, time.time(), True, "\u202egnp.exe", 0.0
    )

    def add(wire: Wire, message: LinkMessage) -> LinkMessage | None:
        if isinstance(message, DevicesPage):
            return msgspec.structs.replace(message, devices=[*message.devices, forged])
        return message

    stage.relay.plan = LinkPlan(add)
    arguments = ("devices", "--passphrase-file", str(stage.world.passphrase_file))
    shown = await asyncio.to_thread(stage.world.handrail, *arguments)
    assert "Boss" in shown
    assert not [character for character in shown if character in "\x1b\x9b\x07\u202e"]


@pytest.mark.attack(24, without=["printable_text"])
async def test_a_technicians_reason_is_only_text_on_the_persons_terminal(stage: Stage) -> None:
    """`handrail-agent attend` on a real terminal; the reason would clear the screen and write another question."""
    terminal = stage.world.user("attend")
    try:
        await asyncio.to_thread(terminal.expect, "Waiting for technicians")
        reason = "\x1b[2J\x1b[HWindows needs to restart\x1b]0;owned\x07\u202e"
        async with stage.technician() as client:
            device, wanted = stage.device, (CHAT,)
            opening = asyncio.get_running_loop().create_task(Session.open(client, device=device, wanted=wanted, reason=reason))
            await asyncio.to_thread(terminal.expect, "Windows needs to restart")
            await asyncio.to_thread(terminal.expect, "Your answer")
            raw = terminal._raw
            terminal.type("\n")
            with pytest.raises(HandrailError):
                await opening
        said = raw[raw.index("Their reason") :].split("\n")[0]
        assert not set(said) & set("\x1b\x07\u202e"), repr(said)
    finally:
        await asyncio.to_thread(terminal.stop)


# -- the relay plays a part -----------------------------------------------------------------------------------------------------


class Impostor(Plan):
    """Answers a technician's (or an agent's) end of a tunnel itself: whatever `machine` says."""

    def __init__(self, role: str, make: Callable[[], object]) -> None:
        self.role = role
        self._make = make
        self.machine: object = None
        self.events: list[object] = []

    def from_peer(self, wire: Wire, message: bytes) -> list[bytes]:
        if wire.path != "/tunnel" or wire.role != self.role:
            return [message]
        if self.machine is None:
            self.machine = self._make()
        machine = self.machine
        machine.receive_data(message, time.monotonic())  # type: ignore[attr-defined]
        self.pump(wire)
        return []

    def from_relay(self, wire: Wire, message: bytes) -> list[bytes]:
        """What the genuine other end says is kept back."""
        return [] if wire.path == "/tunnel" and wire.role == self.role else [message]

    def pump(self, wire: Wire) -> None:
        machine = self.machine
        for _ in range(20):
            events = machine.events()  # type: ignore[attr-defined]
            self.events += events
            for event in events:
                self.react(event)
            data = machine.data_to_send()  # type: ignore[attr-defined]
            if not data:
                break
            wire.to_peer(data)

    def react(self, event: object) -> None:
        """What the impostor does on an event."""


class FalseDevice(Impostor):
    """Welcomes everybody."""

    def react(self, event: object) -> None:
        from protocol.session import ConsentNeeded

        if isinstance(event, ConsentNeeded):
            self.machine.welcome([CHAT], 60, "session-1", time.monotonic())  # type: ignore[attr-defined]


@pytest.mark.attack(9, without=["pinned_root"])
@pytest.mark.attack(11, without=["pinned_root"])
async def test_a_false_device_of_another_organisation_learns_nothing(stage: Stage) -> None:
    """The relay plays the device, certified by an organisation of its own with the same name and label."""
    from protocol.session import AgentSession
    from tests.kit.organisation import Organisation

    evil = Organisation(stage.world.organisation)
    fake = evil.device("Reception PC", peer=stage.device)
    stage.relay.plan = plan = FalseDevice(
        "technician",
        lambda: AgentSession(fake.key, fake.chain, evil.root, label="Reception PC", wall=lambda: datetime.now(UTC)),
    )
    result = await attempt(stage)
    assert plan.machine is not None, "the attack did not take place"
    assert result == "TrustError"
    assert plan.machine.peer is None  # type: ignore[attr-defined]


@pytest.mark.attack(33, without=["sealed_channel"])
async def test_a_false_device_that_speaks_plainly_is_not_spoken_to(stage: Stage) -> None:
    """The relay knows the device's certificate, which is public, and would like to go on without encryption."""
    from unittest import mock

    import protocol.agent_session
    from tests.kit.null import NullChannel

    known = load_identity(stage.world.agent_home)

    def plain() -> object:
        with mock.patch.object(protocol.agent_session, "SealedChannel", NullChannel):
            return protocol.agent_session.AgentSession(
                known.key, known.chain, known.root, label=known.label, wall=lambda: datetime.now(UTC)
            )

    plan = FalseDevice("technician", plain)
    stage.relay.plan = plan
    result = await attempt(stage)
    assert plan.machine is not None, "the attack did not take place"
    assert result != "open"


@pytest.mark.attack(33)
async def test_an_agent_does_not_speak_plainly_either(stage: Stage) -> None:
    """The relay says hello to the agent in a technician's name, without encryption."""
    from protocol.frames import KIND_LAST, serialize_frame
    from protocol.messages.base import Lane
    from protocol.messages.registry import encode_message
    from protocol.messages.session import Hello

    hello = serialize_frame(KIND_LAST, Lane.CONTROL, encode_message(Hello(1, [CHAT], "help", bytes(32))))

    class Plain(Plan):
        """Instead of the technician's first message."""

        sent = 0

        def from_peer(self, wire: Wire, message: bytes) -> list[bytes]:
            if wire.path == "/tunnel" and wire.role == "technician":
                Plain.sent += 1
                return [hello]
            return [message]

    stage.relay.plan = Plain()
    async with stage.person(CHAT) as person:
        assert await attempt(stage) != "open"
        assert Plain.sent
        assert person.questions == []


@pytest.mark.attack(9, without=["pinned_root"])
@pytest.mark.attack(34, without=["pinned_root"])
async def test_a_relays_own_technician_is_not_even_asked_about(stage: Stage) -> None:
    """Whoever took the relay over has its database and keys and makes an organisation of the same name, a technician of the same
    name and tier 3, and sits at the other end of the tunnel that the agent is called to."""
    from protocol.session import TechnicianSession
    from tests.kit.organisation import Organisation

    evil = Organisation(stage.world.organisation)
    person_of_theirs = evil.technician("Ana Ruiz", 3)
    machine = TechnicianSession(
        person_of_theirs.key,
        person_of_theirs.chain,
        evil.root,
        expected_device=None,
        wanted=[CHAT],
        reason="It is me",
        wall=lambda: datetime.now(UTC),
    )

    class FalseTechnician(Impostor):
        """Speaks first."""

        def from_peer(self, wire: Wire, message: bytes) -> list[bytes]:
            if wire.path == "/tunnel" and wire.role == "technician":
                return []  # the honest one is kept waiting
            return super().from_peer(wire, message)

    plan = FalseTechnician("device", lambda: machine)
    stage.relay.plan = plan
    first = len(stage.relay.wires)
    async with stage.person(CHAT) as person:
        trying = asyncio.get_running_loop().create_task(attempt(stage))

        def device_end() -> Wire | None:
            ends = [w for w in stage.relay.wires[first:] if w.path == "/tunnel" and w.role == "device"]
            return ends[0] if ends else None

        wire = await eventually_async(device_end, "the agent comes to the tunnel")
        assert wire is not None
        plan.machine = machine
        stage.relay._loop.call_soon_threadsafe(plan.pump, wire)
        await eventually_async(lambda: wire.record.received, "the attack takes place")
        end = time.monotonic() + NOTICED_SECONDS
        while time.monotonic() < end and not person.questions and not person.of(SessionOver):
            await asyncio.sleep(0.02)
        assert person.questions == []
        assert not [said.text for said in person.of(SessionOver) if "Ana Ruiz" in said.text], "the agent believed the name"
        assert wire.record.received, "the attack did not take place"
        trying.cancel()
        await asyncio.wait([trying])


# -- the relay's HTTP side (each kind of answer by itself: test_hostile_mirror.py) ----------------------------------------------


@pytest.mark.attack(12, without=["repository_signatures"])
async def test_an_agent_that_is_called_to_forged_files_stays_with_its_own(stage: Stage, tmp_path: Path) -> None:
    """The relay says that there is news, and serves a list with a technician of its own, signed by itself."""
    repository = OrganisationHome(stage.world.home / "organisation").repository
    entry = TechnicianEntry(name="Mallory", tier=3, key="ab" * 32, peer="mallory")
    listed = canonical_json(TechniciansList(issued=time.time(), technicians=[entry] * 7))
    forged = forge_repository(repository, tmp_path / "forged", "policy", {TECHNICIANS_PATH: listed})

    def serve(exchange: Exchange) -> list[Part] | None:
        path = forged / exchange.file
        if not exchange.file or exchange.method != "GET":
            return None
        return [answer(path.read_bytes())] if path.is_file() else not_there()

    await asyncio.to_thread(stage.start_agent)  # the attacks before this one used up its handshakes of this minute
    async with stage.person(CHAT) as person:

        async def looks(since: float) -> TrustStatus:
            """What it thinks of its files after the next look."""
            async with asyncio.timeout(60):
                while True:
                    link = stage.relay.link_of("device")
                    if link is not None:
                        stage.relay.say_link(link, RepositoryChanged())
                    await asyncio.sleep(0.2)  # it looks a moment later; asked again, because a look may have been under way
                    now = (await person.status()).trust
                    if now.technicians != since or bool(now.problem) != (stage.relay.plan is honest):
                        return now

        honest = stage.relay.plan
        before = await looks(0)
        assert (before.technicians, before.problem) == (1, "")
        stage.relay.plan = HttpPlan(serve)
        told = await looks(before.technicians)
        assert told.technicians == before.technicians
        assert "do not verify" in told.problem
        stage.relay.plan = honest
        assert (await looks(before.technicians)).problem == ""
        assert await attempt(stage) == "open"


@pytest.mark.attack(15)
async def test_an_answer_of_the_signer_that_the_relay_exchanged_makes_no_device(stage: Stage, tmp_path: Path) -> None:
    """A second computer enrols and later renews, at the real signer; the relay hands it what it handed out before."""
    now = partial(datetime.now, UTC)
    named = {"platform": "linux", "wall": now, "random_bytes": secrets.token_bytes, "wait_seconds": PATIENCE}
    first = await asyncio.to_thread(enrol, read_bundle(stage.bundle), tmp_path / "first", label="till 1", **named)
    kept = stage.relay.exchanges[-1]
    assert kept.method == "GET" and b'"answered"' in kept.content

    def exchanged(exchange: Exchange) -> list[Part] | None:
        return [answer(kept.content)] if exchange.path.startswith("/api/v1/enrolments/") else None

    stage.relay.plan = HttpPlan(exchanged)
    second = partial(enrol, read_bundle(stage.bundle), tmp_path / "second", label="till 2", **named)
    with pytest.raises(TrustError, match="another request"):
        await asyncio.to_thread(second)
    with pytest.raises(TrustError, match="another request"):
        await asyncio.to_thread(renew, first, tmp_path / "first", **named)
    assert load_identity(tmp_path / "first").chain == first.chain
    stage.relay.plan = Plan()
    assert (await asyncio.to_thread(second)).peer != first.peer
    assert (await asyncio.to_thread(renew, first, tmp_path / "first", **named)).peer == first.peer


@pytest.mark.attack(34)
async def test_after_all_that_an_honest_session_opens(stage: Stage) -> None:
    """The relay is honest again, the computer was turned off and on; nothing has stuck."""
    await asyncio.to_thread(stage.start_agent)
    async with stage.person(CHAT):
        assert await attempt(stage) == "open", stage.world.output()
