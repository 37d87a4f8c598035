"""Rows 21, 22, 30, 40, 47: technicians who may do little and try everything, technicians who left, and a relay's owner who talks
to the agent; on a real agent with a real desktop whose processes, files, screen, pointer, clipboard and keys are compared."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

import msgspec
import pytest

from agent.features.chat import ChatFeature
from agent.features.diagnostics import DiagnosticsFeature
from agent.local_messages import ChatHeard
from protocol.capabilities import Capability
from protocol.documents import GroupPolicy, RevocationList
from protocol.errors import HandrailError, RefusalReason, Refused
from protocol.link_messages import (
    AnyLinkMessage,
    Challenge,
    Failed,
    HelpCode,
    LoggedIn,
    LoginRefused,
    MailDeliver,
    Reconnect,
    RepositoryChanged,
    TunnelOffer,
)
from protocol.messages import Sender
from protocol.messages.chat import ChatMessage
from protocol.messages.fixes import FixRun
from protocol.messages.input import PointerButton, PointerMove, TypeText
from protocol.messages.registry import REGISTRY
from protocol.messages.screen import ScreenLayout, ScreenStart
from protocol.messages.session import Refusal
from protocol.session import ConsentNeeded, DeniedByAgent, Opened, SessionEnded
from technician_client.identity import TechnicianIdentity
from technician_client.operations import list_fixes
from technician_client.sessions import Session
from tests.kit.assisted import Assistance, SignedFiles
from tests.kit.conversation import Conversation
from tests.kit.display import VirtualDisplay, virtual_display
from tests.kit.organisation import Organisation
from tests.kit.stage import Stage
from tests.kit.waiting import PATIENCE, eventually_async, let_pass
from tests.kit.witness import Witness
from tests.vectors.examples import LINK_MESSAGES, MESSAGES

pytestmark = [pytest.mark.display]
LATER = 0.15  # seconds: features work in tasks and threads of their own
CHAT, VIEW, CONTROL, DIAGNOSTICS = Capability.CHAT, Capability.VIEW, Capability.CONTROL, Capability.DIAGNOSTICS


class Scene:
    """A stage with a desktop and a witness on it, and technicians of every tier."""

    def __init__(self, directory: Path, without: str, display: VirtualDisplay) -> None:
        self.witness = Witness(display, directory)
        self.stage = Stage(directory / "stage", without, display=display.name, user_home=self.witness.home)
        self.tiers: dict[int, TechnicianIdentity] = {3: self.stage.identity}

    def tier(self, number: int) -> TechnicianIdentity:
        if number not in self.tiers:
            self.tiers[number] = self.stage.join(f"Tier {number}", number)
        return self.tiers[number]

    def look(self) -> object:
        return self.witness.look(self.stage.agent.pid, self.stage.world.agent_home)


@pytest.fixture(scope="module")
def scenes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], Scene]]:
    """`scenes(without)`, each with a display of its own."""
    made: dict[str, Scene] = {}
    displays = []

    def scene(without: str) -> Scene:
        if without not in made:
            display = virtual_display(800, 600)
            displays.append(display)
            made[without] = Scene(tmp_path_factory.mktemp(f"scene-{without or 'whole'}"), without, display.__enter__())
        return made[without]

    yield scene
    for one in made.values():
        one.stage.stop()
    for display in displays:
        display.__exit__(None, None, None)


@pytest.fixture
def scene(scenes: Callable[[str], Scene], without: str) -> Scene:
    return scenes(without)


@asynccontextmanager
async def session(scene: Scene, tier: int, *granted: Capability) -> AsyncIterator[Session]:
    """A session of a technician of this tier, in which these were granted."""
    identity = await asyncio.to_thread(scene.tier, tier)
    async with scene.stage.person(*granted) as person, scene.stage.technician(identity) as client:
        end = time.monotonic() + PATIENCE
        while True:
            try:
                opened = await scene.stage.open(client, *granted)
                break
            except Refused as error:  # the list with the new technician is on its way
                assert error.reason is RefusalReason.NOT_ON_LIST and time.monotonic() < end, error
                await asyncio.sleep(0.2)
        opened.person = person  # type: ignore[attr-defined]
        yield opened


def push(opened: Session, message: object) -> None:
    """Send what the library would not: any message of any side at any time."""
    opened._machine._queue(message)  # type: ignore[arg-type]
    opened._wake.set()


async def settled(opened: Session) -> None:
    """Until the agent has dealt with everything sent so far, or hung up: chat is answered by nobody, but it arrives in order."""
    person = opened.person  # type: ignore[attr-defined]
    before = len(person.of(ChatHeard))
    push(opened, ChatMessage("are you there"))
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end and opened.ended is None and len(person.of(ChatHeard)) == before:
        await asyncio.sleep(0.01)
    if opened.ended is None:
        await let_pass(LATER)


FEATURE_MESSAGES = [
    message
    for message in MESSAGES
    if REGISTRY[type(message).__struct_config__.tag].sender is not Sender.AGENT  # type: ignore[index]
    and REGISTRY[type(message).__struct_config__.tag].capability not in (None, CHAT)  # type: ignore[index]
]
OTHER_MESSAGES = [message for message in MESSAGES if message not in FEATURE_MESSAGES and not isinstance(message, ChatMessage)]


def test_every_message_of_the_registry_takes_part() -> None:
    named = {type(message) for message in [*FEATURE_MESSAGES, *OTHER_MESSAGES]} | {ChatMessage}
    assert named == {rule.kind for rule in REGISTRY.values()}
    assert {type(message) for message in LINK_MESSAGES} == set(AnyLinkMessage.__args__)


# -- row 22 -----------------------------------------------------------------------------------------------------------------


@pytest.mark.attack(22, without=["capability_check"])
@pytest.mark.parametrize("tier", [1, 2, 3])
async def test_what_was_not_granted_changes_nothing(scene: Scene, tier: int, without: str) -> None:
    """Chat was granted. Every message of every other feature is sent, in the order that would do most; nothing happens."""
    async with session(scene, tier, CHAT) as opened:
        before = await asyncio.to_thread(scene.look)
        refusals = opened.subscribe(Refusal, limit=1000)
        first = [ScreenStart([]), PointerMove(321, 123), PointerButton(321, 123, 0, True), TypeText("format c:\n")]
        for message in [*first, *FEATURE_MESSAGES]:
            push(opened, message)
        await settled(opened)
        # An attack that succeeds may take its time on a slow machine; one that does not is over when it was refused.
        end = time.monotonic() + (15 if without else 0)
        while (after := await asyncio.to_thread(scene.look)) == before and time.monotonic() < end:
            await asyncio.sleep(0.1)
        assert after == before
        assert opened.ended is None
        refusals.close()
        assert opened.granted == {CHAT}


@pytest.mark.attack(22)
@pytest.mark.parametrize("tier", [1, 2, 3])
async def test_messages_of_the_other_side_or_of_another_moment_end_the_session(scene: Scene, tier: int) -> None:
    """Welcomes, grants and pictures that only an agent sends; hellos in the middle. Each in a session of its own."""
    before = await asyncio.to_thread(scene.look)
    lived = []
    for message in OTHER_MESSAGES:
        async with session(scene, tier, CHAT) as opened:
            push(opened, message)
            await settled(opened)
            if opened.ended is None:
                lived.append(type(message).__name__)
                assert opened.granted <= {CHAT}
    # Pings are answered, asking is allowed (nobody says yes to it here), giving back or giving up what one has is too.
    assert set(lived) <= {"Ping", "Pong", "CapabilityAsk", "CapabilityReturn", "FileStop", "RecordingStop"}
    await let_pass(LATER)
    assert await asyncio.to_thread(scene.look) == before


@pytest.mark.attack(22, without=["tiers"])
@pytest.mark.parametrize("wanted", [VIEW, CHAT])
async def test_a_low_tier_gets_nothing_while_nobody_is_there(tmp_path: Path, wanted: Capability) -> None:
    """The organisation's policy allows it without asking, to technicians of tier 2."""
    organisation = Organisation()
    person = organisation.technician(tier=1)
    everything = {"front": GroupPolicy(unattended=list(Capability))}
    files = SignedFiles(person, tier=1, groups=everything)
    from agent.features.registry import FEATURES

    async with Assistance(tmp_path, FEATURES, organisation=organisation, technician=person, files=files, wanted=(wanted,)) as one:
        denied = await one.event(DeniedByAgent)
        assert denied.denied.reason in (RefusalReason.TIER_TOO_LOW, RefusalReason.NOBODY_TO_ASK)


@pytest.mark.attack(22, without=["consent"])
async def test_whoever_asks_for_more_gets_what_the_person_says(tmp_path: Path) -> None:
    async with Assistance(tmp_path, (ChatFeature, DiagnosticsFeature), wanted=(CHAT, DIAGNOSTICS)) as one:
        person = one.sit_down()
        await person.allow(CHAT)
        opened = await one.event(Opened)
        assert opened.welcome.granted == [CHAT]


# -- row 47 -----------------------------------------------------------------------------------------------------------------


@pytest.mark.attack(47, without=["question_holds_input"])
async def test_our_own_question_cannot_be_answered_by_injected_input(scene: Scene) -> None:
    """A technician with control asks for more and would press Yes: nothing moves until the person has answered."""
    async with session(scene, 3, VIEW, CONTROL, CHAT) as opened:
        person = opened.person  # type: ignore[attr-defined]
        person.answers = lambda asked: None
        with opened.subscribe(ScreenLayout, limit=1000) as layouts:
            opened.send(ScreenStart([]))
            async with asyncio.timeout(60):
                async for _ in layouts:
                    break
        opened.send(PointerMove(100, 100))
        await eventually_async(lambda: "x:100 y:100" in scene.witness.pointer, "control works")
        questions = len(person.questions)
        asking = asyncio.get_running_loop().create_task(opened.ask(DIAGNOSTICS, "please"))
        await eventually_async(lambda: len(person.questions) > questions, "the question stands")
        before = (scene.witness.pointer, scene.witness.events)
        for message in (
            PointerMove(400, 300),
            PointerButton(400, 300, 0, True),
            PointerButton(400, 300, 0, False),
            TypeText("y\n"),
        ):
            opened.send(message)
        await settled(opened)
        assert (scene.witness.pointer, scene.witness.events) == before
        await person.answer(person.questions[-1])
        assert await asking is False
        opened.send(PointerMove(200, 200))
        await eventually_async(lambda: "x:200 y:200" in scene.witness.pointer, "control works again")


# -- row 40 -----------------------------------------------------------------------------------------------------------------

HOSTILE_VALUES: list[str | int | bool] = [
    "; touch OWNED", "$(touch OWNED)", "`touch OWNED`", "| touch OWNED", "&& touch OWNED", "\n touch OWNED", "--help", "-rf",
    "a\0b", "../../etc/passwd", "'; touch OWNED; '", '"; touch OWNED; "', "a" * 5000, True, 7, "x\r\ny", "", "ok\n",
]  # fmt: skip


@pytest.mark.attack(40, without=["typed_parameters"])
@pytest.mark.parametrize("value", HOSTILE_VALUES, ids=lambda value: repr(value)[:24])
def test_a_value_that_is_no_value_is_refused(tmp_path: Path, value: str | int | bool) -> None:
    from protocol.manifests import bind_parameters
    from protocol.messages.fixes import FixParameter
    from tests.kit.scripts import shell_script

    parameter = FixParameter(name="unit", kind="text", pattern="[a-z]{1,20}")
    script = shell_script(tmp_path, "echo $2", arguments=("{unit}",), parameters=[parameter])
    with pytest.raises(HandrailError):
        bind_parameters(script.manifest, {"unit": value})
    with pytest.raises(HandrailError):
        bind_parameters(script.manifest, {"unit": "fine", "other": value})


COMMANDS = [value for value in HOSTILE_VALUES if isinstance(value, str) and value.isprintable() and "OWNED" in value]


@pytest.mark.attack(40, without=["argument_list"])
@pytest.mark.parametrize("value", COMMANDS)
async def test_even_a_careless_pattern_gives_no_shell(tmp_path: Path, value: str) -> None:
    """The script's author allowed any text. It stays one argument, which nothing reads but the script."""
    import os

    from agent.fixes.run import FixRun as Run
    from agent.fixes.run import Progress
    from protocol.manifests import bind_parameters
    from protocol.messages.fixes import FixParameter
    from tests.kit.scripts import shell_script

    parameter = FixParameter(name="words", kind="text", pattern=".*")
    hostile = value.replace("OWNED", str(tmp_path / "OWNED"))
    script = shell_script(
        tmp_path, 'printf "%s" "$2" > ' + str(tmp_path / "said"), arguments=("{words}",), parameters=[parameter]
    )
    place = tmp_path / "place"
    place.mkdir()
    values = bind_parameters(script.manifest, {"words": hostile})
    progress = Progress(stage=lambda stage: None, output=lambda *_: None)
    await Run(script, values, progress, os.environ, asyncio.Event(), (place,)).run()
    assert not (tmp_path / "OWNED").exists()
    assert (tmp_path / "said").read_text() == hostile


@pytest.mark.attack(40)
async def test_the_agent_refuses_hostile_values_before_anybody_is_asked(scene: Scene) -> None:
    """The same through a session, to an approved script on the real agent."""
    async with session(scene, 3, Capability.FIXES, CHAT, DIAGNOSTICS) as opened:
        digests = {entry.id: entry.digest for entry in await list_fixes(opened)}
        before = await asyncio.to_thread(scene.look)
        person = opened.person  # type: ignore[attr-defined]
        questions, refused_for = len(person.questions), set[object]()
        hostile = [("restart-service", "unit"), ("free-disk-space", "days"), ("../../etc", "x"), ("end-process", "pid")]
        for identifier, name in hostile:
            for value in ("; touch OWNED", "--help", "-1", "$(id)", True, "x\0"):
                order = FixRun(opened.next_request(), identifier, {name: value}, "", digests.get(identifier, "3f" * 32))
                async with opened.request(order, seconds=60) as answers:
                    async for answer in answers:
                        assert getattr(answer, "outcome", "refused") == "refused", answer
                        refused_for.add(getattr(answer, "reason", None))
        assert RefusalReason.INVALID in refused_for and RefusalReason.CHANGED not in refused_for
        assert len(person.questions) == questions
        await settled(opened)
        assert await asyncio.to_thread(scene.look) == before


# -- row 21 -----------------------------------------------------------------------------------------------------------------


async def denied(tmp_path: Path, organisation: Organisation, files: SignedFiles, person: object) -> RefusalReason:
    """Why the agent does not open a session, somebody being there who would say yes."""
    async with Assistance(
        tmp_path,
        (ChatFeature,),
        organisation=organisation,
        technician=person,
        files=files,
        wanted=(CHAT,),  # type: ignore[arg-type]
    ) as one:
        one.broker.attach(one.sit_down())
        said = await one.event(DeniedByAgent)
        return said.denied.reason


@pytest.mark.attack(21, without=["technicians_list"])
async def test_who_was_taken_off_the_list_is_out(tmp_path: Path) -> None:
    organisation = Organisation()
    assert await denied(tmp_path, organisation, SignedFiles(), organisation.technician()) is RefusalReason.NOT_ON_LIST


@pytest.mark.attack(21, without=["revocation"])
@pytest.mark.parametrize("how", ["key", "not_before"])
async def test_who_was_revoked_is_out(tmp_path: Path, how: str) -> None:
    organisation = Organisation()
    person = organisation.technician()
    files = SignedFiles(person)
    if how == "key":
        files.revoked = RevocationList(issued=0.0, fingerprints=[person.key.public.fingerprint.hex()])
    else:
        files.revoked = RevocationList(issued=0.0, not_before=(organisation.wall + timedelta(minutes=30)).timestamp())
    assert await denied(tmp_path, organisation, files, person) is RefusalReason.REVOKED


@pytest.mark.attack(21, without=["certificate_dates"])
def test_an_old_certificate_is_out() -> None:
    organisation = Organisation()
    person = organisation.technician(hours=1)
    organisation.wall += timedelta(hours=1, minutes=20)
    talk = Conversation(organisation, technician=person).run()
    assert not any(isinstance(event, ConsentNeeded) for event in talk.agent_events)


@pytest.mark.attack(21, without=["revocation"])
async def test_a_session_that_is_open_ends_when_its_technician_is_dismissed(tmp_path: Path) -> None:
    async with Assistance(tmp_path, (ChatFeature,), wanted=(CHAT,)) as one:
        await one.sit_down().allow(CHAT)
        await one.event(Opened)
        one.files.revoked = RevocationList(issued=0.0, fingerprints=[one.person.key.public.fingerprint.hex()])
        one.session.recheck()
        one.say(ChatMessage("still here")) if one.technician.state.value == "open" else None
        assert "revoked" in (await one.event(SessionEnded)).reason


@pytest.mark.attack(21)
async def test_the_administrators_command_reaches_a_real_agent(scene: Scene) -> None:
    """`handrail org revoke --technician`; the agent hears of it through the relay and refuses from then on."""
    stage = scene.stage
    leaver = await asyncio.to_thread(scene.tier, 2)
    arguments = ("org", "revoke", "--technician", "Tier 2", "--passphrase-file", str(stage.world.passphrase_file))
    await asyncio.to_thread(stage.world.handrail, *arguments)
    async with stage.person(CHAT), stage.technician(leaver) as client:
        end = time.monotonic() + PATIENCE
        reason = ""
        while reason not in ("revoked", "not_on_list"):
            assert time.monotonic() < end, f"the leaver still gets in: {reason}"
            try:
                opened = await stage.open(client, CHAT)
                await opened.end()
            except Refused as error:
                reason = error.reason.value
            await asyncio.sleep(0.2)


# -- row 30 -----------------------------------------------------------------------------------------------------------------


def broken(data: bytes) -> list[bytes]:
    """A message with other insides: cut, swollen, of other types, with a second of everything."""
    fields = msgspec.msgpack.decode(data)
    variants = [data[:-1], data + b"\xc0", data[: len(data) // 2]]
    for name in fields:
        for value in (None, 2**63, "x" * 70_000):
            if name != "type":
                variants.append(msgspec.msgpack.encode({**fields, name: value}))
    variants.append(msgspec.msgpack.encode({**fields, "type": "unheard.of"}))
    variants.append(msgspec.msgpack.encode({"type": fields["type"]}))
    return variants


def more_valid_ones() -> list[object]:
    """Beside one example of each type: those that would do something if the relay's word counted."""
    return [
        TunnelOffer(0, "A" * 32, "a2b3c4d5", "Ana Ruiz", False, 60),
        TunnelOffer(1, "B" * 32, "a2b3c4d5", "<script>", True, 1e6),
        HelpCode(1, "123456789", 600),
        MailDeliver("m1", "signer", "enrolment.answer", b"\x93\xc0\xc0\xc0"),
        MailDeliver("m2", "signer", "policy.update", b'{"unattended":["control"]}'),
        MailDeliver("m3", "signer", "run", b"#!/bin/sh\ntouch OWNED"),
        Failed(0, RefusalReason.POLICY, "rm -rf /"),
        LoggedIn("somebody", "0" * 16, 1e6),
        LoginRefused(RefusalReason.REVOKED, "go away"),
        Reconnect(0.0),
        Challenge(bytes(32), "https://evil.example", 1),
    ]


@pytest.mark.attack(30)
async def test_the_relays_owner_says_everything_there_is_and_nothing_happens(scene: Scene) -> None:
    """Every type of the link's registry, valid and broken in every field. Compared before and after: processes, files, screen,
    pointer, clipboard, keys. Then a session as ever."""
    stage = scene.stage
    relay = stage.relay
    link = relay.link_of("device")
    assert link is not None
    before, earlier = await asyncio.to_thread(scene.look), None
    for _ in range(10):  # what is genuinely new shall be here before
        if before == earlier:
            break
        relay.say_link(link, RepositoryChanged())
        await asyncio.sleep(1.5)
        before, earlier = await asyncio.to_thread(scene.look), before
    assert before == earlier, "what is here still changes by itself: nothing could be told from it"
    logged = len(stage.agent.output)
    encode = msgspec.msgpack.encode
    sent = 0

    async def say(payload: bytes) -> None:
        nonlocal sent
        await eventually_async(lambda: relay.link_of("device"), "the device is linked", every=0.005)
        link = relay.link_of("device")
        if link is not None:
            relay.say(link, payload)
            sent += 1

    async with stage.person() as person:
        for message in [*LINK_MESSAGES, *more_valid_ones()]:
            await say(encode(message))
            await asyncio.sleep(0.02)
        for payload in (b"", b"\xc1", b"\x1b[2J", encode([[[[]]]]), b"x" * 300_000):
            await say(payload)
        for message in LINK_MESSAGES:
            for payload in broken(encode(message)):
                await say(payload)
        assert person.questions == []
    assert sent > 300
    assert stage.agent.popen.poll() is None, stage.agent.output
    assert "Traceback" not in stage.agent.output[logged:]
    await let_pass(1.0)
    assert await asyncio.to_thread(scene.look) == before
    await asyncio.to_thread(stage.start_agent)  # the offers that led nowhere used up its handshakes of this minute
    async with session(scene, 3, CHAT) as opened:
        await settled(opened)
        assert opened.granted == {CHAT}
