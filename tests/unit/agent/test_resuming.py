"""Sessions that lost their tunnel: who may go on, for how long, and who can end the waiting."""

import asyncio
from datetime import UTC, datetime
from pathlib import Path
from typing import ClassVar

import pytest

from agent.errors import LocalRefused
from agent.features.base import Feature
from agent.features.chat import ChatFeature
from agent.local_messages import SessionOver
from agent.policy import SessionKind
from agent.resuming import GIVEN_UP, HeldSession, WaitingRoom
from agent.status import RelayStatus, StatusBoard
from protocol.capabilities import Capability
from protocol.documents import GroupPolicy, RevocationList
from protocol.errors import RefusalReason
from protocol.limits import Limits
from protocol.messages import Message
from protocol.messages.diagnostics import DiagnosticsCollect
from protocol.messages.session import Paused, Refusal
from protocol.session import DeniedByAgent, MessageReceived, Opened, SessionEnded
from tests.kit.assisted import Assistance, Person
from tests.kit.waiting import eventually_async

CHAT, DIAGNOSTICS = Capability.CHAT, Capability.DIAGNOSTICS


class Probe(Feature):
    """Diagnostics that note what they are told."""

    handles: ClassVar = (DiagnosticsCollect,)
    notes: ClassVar[list[str]] = []

    async def handle(self, message: Message) -> None:
        self.notes.append(type(message).__name__)

    async def close(self) -> None:
        self.notes.append("closed")


FEATURES: tuple[type[Feature], ...] = (ChatFeature, Probe)


@pytest.fixture(autouse=True)
def _no_notes() -> None:
    Probe.notes.clear()


async def opened(one: Assistance, *granted: Capability) -> tuple[Person, str]:
    """A session with consent: who gave it, and the session's id."""
    person = one.sit_down()
    await person.allow(*(granted or (CHAT, DIAGNOSTICS)))
    return person, (await one.event(Opened)).welcome.session_id


def actions(one: Assistance, session: str) -> list[str]:
    return [record.action for record in one.audit.records(session)]


async def test_a_cut_session_goes_on_without_a_question(tmp_path: Path) -> None:
    async with Assistance(tmp_path, FEATURES, resume_seconds=60) as one:
        person, name = await opened(one)
        await one.cut()
        assert (await one.event(SessionEnded)).cut
        assert Probe.notes == ["closed"]  # nothing of it runs while nobody is there
        (waiting,) = one.board.sessions
        assert waiting.session == name
        assert waiting.waiting_until > 0
        assert not [said for said in one.heard if isinstance(said, SessionOver)]
        one.reconnect(name)
        welcome = (await one.event(Opened)).welcome
        assert welcome.resumed
        assert welcome.session_id == name
        assert set(welcome.granted) == {CHAT, DIAGNOSTICS}
        assert 0 < welcome.seconds <= one.settings.session.grant_seconds
        assert not person.questions
        assert len(person.closed_texts) == 1  # the one question of the beginning
        assert one.board.sessions[0].waiting_until == 0
        one.say(DiagnosticsCollect(1))
        await eventually_async(lambda: "DiagnosticsCollect" in Probe.notes, "the probe is asked")
        one.session.end("done")
        await one.ended()
        assert actions(one, name) == ["session asked", "session opened", "connection lost", "session resumed", "session ended"]
        (receipt,) = one.settings.receipts.glob("*.json")
        assert name in receipt.name or name in receipt.read_text()


async def test_a_cut_that_only_the_technician_noticed_makes_the_old_tunnel_give_way(tmp_path: Path) -> None:
    async with Assistance(tmp_path, FEATURES, resume_seconds=60) as one:
        _, name = await opened(one)
        old = one.session
        one.lose()
        assert one.waiting is not None
        one.waiting._live = lambda: [old]
        one.reconnect(name)
        assert (await one.event(Opened)).welcome.resumed
        assert old.machine.state.value == "ended"
        assert len(one.board.sessions) == 1


async def test_another_key_of_the_same_organisation_is_asked_about(tmp_path: Path) -> None:
    async with Assistance(tmp_path, FEATURES, resume_seconds=60) as one:
        person, name = await opened(one)
        await one.cut()
        stranger = one.organisation.technician()
        one.files.add(stranger)
        one.reconnect(name, stranger)
        await person.allow(CHAT)  # a question stood there
        welcome = (await one.event(Opened)).welcome
        assert not welcome.resumed
        assert welcome.session_id != name
        assert one.waiting is not None
        assert [held.id for held in one.waiting.sessions] == [name]  # and the owner may still come


async def test_a_live_session_does_not_give_way_to_another_key(tmp_path: Path) -> None:
    async with Assistance(tmp_path, FEATURES, resume_seconds=60) as one:
        person, name = await opened(one)
        old = one.session
        assert one.waiting is not None
        one.waiting._live = lambda: [old]
        stranger = one.organisation.technician()
        one.files.add(stranger)
        one.reconnect(name, stranger)
        await person.question()
        assert old.machine.state.value == "open"


@pytest.mark.parametrize("ender", ["user", "technician", "stopped while waiting", "too late", "unknown id"])
async def test_what_has_ended_is_asked_about_anew(tmp_path: Path, ender: str) -> None:
    seconds = 0.05 if ender == "too late" else 60.0
    async with Assistance(tmp_path, FEATURES, resume_seconds=seconds) as one:
        person, name = await opened(one)
        match ender:
            case "user":
                one.session.end("ended by the person at this computer")
                await one.ended()
            case "technician":
                one.technician.end("finished", 0.0)
                one.flush()
                await one.ended()
            case _:
                await one.cut()
        assert one.waiting is not None
        if ender == "stopped while waiting":
            (held,) = one.waiting.sessions
            held.end("ended by the person at this computer")
        if ender == "too late":
            await eventually_async(lambda: not one.waiting.sessions, "the waiting ends")  # type: ignore[union-attr]
        one.reconnect("0000" if ender == "unknown id" else name)
        await person.allow(CHAT)
        assert not (await one.event(Opened)).welcome.resumed


async def test_a_wait_that_ends_is_recorded_and_told_with_a_receipt(tmp_path: Path) -> None:
    async with Assistance(tmp_path, FEATURES, resume_seconds=0.05) as one:
        _, name = await opened(one)
        await one.cut()
        over = await eventually_async(lambda: [said for said in one.heard if isinstance(said, SessionOver)], "it is told")
        assert over[0].session == name
        assert GIVEN_UP in over[0].text
        assert over[0].receipt
        assert one.board.sessions == []
        assert actions(one, name)[-2:] == ["connection lost", "session ended"]


async def test_what_the_person_took_or_held_meanwhile_stays_taken_and_held(tmp_path: Path) -> None:
    async with Assistance(tmp_path, FEATURES, resume_seconds=60) as one:
        _, name = await opened(one)
        await one.cut()
        assert one.waiting is not None
        (held,) = one.waiting.sessions
        with pytest.raises(LocalRefused, match="nobody"):
            held.say("hello?")
        held.revoke(CHAT, "user")
        held.revoke(CHAT, "user")
        held.pause(True)
        assert one.board.sessions[0].granted == ["diagnostics"]
        assert one.board.sessions[0].paused
        one.reconnect(name)
        assert (await one.event(Opened)).welcome.granted == [DIAGNOSTICS]
        assert (await one.event(MessageReceived)).message == Paused(True, "user")
        assert one.session.machine.paused


async def test_a_session_of_which_nothing_is_left_does_not_wait(tmp_path: Path) -> None:
    async with Assistance(tmp_path, FEATURES, resume_seconds=60) as one:
        _, name = await opened(one, CHAT)
        await one.cut()
        assert one.waiting is not None
        one.waiting.sessions[0].revoke(CHAT, "user")
        assert one.waiting.sessions == []
        assert actions(one, name)[-2:] == ["capability revoked", "session ended"]


@pytest.mark.parametrize("change", ["revoked", "off the list", "tier", "stale"])
async def test_policy_decides_anew_when_a_session_comes_back(tmp_path: Path, change: str) -> None:
    async with Assistance(tmp_path, FEATURES, resume_seconds=60) as one:
        person, name = await opened(one)
        await one.cut()
        match change:
            case "revoked":
                one.files.revoked = RevocationList(issued=1.0, fingerprints=[one.person.key.public.fingerprint.hex()])
            case "off the list":
                assert one.files.listed is not None
                one.files.listed = type(one.files.listed)(issued=1.0)
            case "tier":
                one.files.rules = type(one.files.rules)(
                    issued=1.0, name="Example Ltd", groups={"front": GroupPolicy(attended=[DIAGNOSTICS])}
                )
            case _:
                one.files.seconds = None
        one.reconnect(name)
        if change == "tier":
            assert (await one.event(Opened)).welcome.granted == [DIAGNOSTICS]
            refusal = (await one.event(MessageReceived)).message
            assert isinstance(refusal, Refusal)
            assert (refusal.capability, refusal.reason) == (CHAT, RefusalReason.POLICY)
            return
        denied = (await one.event(DeniedByAgent)).denied
        expected = {"revoked": "revoked", "off the list": "not_on_list", "stale": "stale_trust"}
        assert denied.reason.value == expected[change]
        assert one.waiting is not None
        assert one.waiting.sessions == []  # it is over, not waiting for better times
        assert not person.questions


async def test_bytes_that_were_tampered_with_are_not_a_cut(tmp_path: Path) -> None:
    async with Assistance(tmp_path, FEATURES, resume_seconds=60) as one:
        await opened(one)
        assert one.running is not None
        one.tunnel.inbound.put_nowait(bytes(100))
        await asyncio.wait([one.running])
        assert one.waiting is not None
        assert one.waiting.sessions == []


async def test_each_grant_keeps_the_end_it_had(tmp_path: Path) -> None:
    async with Assistance(tmp_path, FEATURES, resume_seconds=60) as one:
        _, name = await opened(one)
        before = one.session.machine.granted_until
        await one.cut()
        one.reconnect(name)
        await one.event(Opened)
        assert one.session.machine.granted_until == before


async def test_a_session_that_goes_silent_waits_too(tmp_path: Path) -> None:
    limits = Limits(ping_seconds=0.02, silence_seconds=0.08)
    async with Assistance(tmp_path, FEATURES, resume_seconds=60, limits=limits) as one:
        await opened(one)
        one.tunnel.deliver = lambda data: None
        assert one.waiting is not None
        await eventually_async(lambda: one.waiting.sessions, "it waits")  # type: ignore[union-attr]


# -- the room by itself ------------------------------------------------------------------------------------------------


class Wall:
    def __init__(self) -> None:
        self.now = 1_800_000_000.0

    def __call__(self) -> datetime:
        return datetime.fromtimestamp(self.now, UTC)


def room_with(wall: Wall) -> tuple[WaitingRoom, StatusBoard]:
    relay = RelayStatus("", "connected", 0.0, "")
    board = StatusBoard(device="", label="", organisation="", certificate_until=0.0, relay=relay)
    return WaitingRoom(seconds=600, board=board, wall=wall), board


def held_by(one: Assistance, wall: Wall, closed: list[str], *, left: float = 3600.0) -> HeldSession:
    now = asyncio.get_running_loop().time()
    return HeldSession(
        "s1",
        name="Ana",
        organisation="Example Ltd",
        tier=1,
        technician_key=one.person.key.public.fingerprint,
        own_key=b"d" * 32,
        kind=SessionKind.ATTENDED,
        grants={CHAT: now + left},
        opened_at=wall.now,
        granted_until=wall.now + left,
        paused=False,
        after_restart=0.0,
        asked_for="",
        close=closed.append,
    )


async def test_a_computer_that_slept_past_the_wait_does_not_take_a_session_back(tmp_path: Path) -> None:
    async with Assistance(tmp_path, FEATURES) as one:
        await opened(one)
        wall, closed = Wall(), list[str]()
        room, board = room_with(wall)
        room.hold(held_by(one, wall, closed))
        identity = one.session.machine.peer
        assert identity is not None
        assert await room.reclaim("s1", identity, b"e" * 32) is None  # enrolled anew meanwhile: another key of our own
        assert board.sessions
        wall.now += 601
        assert await room.reclaim("s1", identity, b"d" * 32) is None
        assert closed == [GIVEN_UP]
        assert board.sessions == []


async def test_grants_that_ran_out_end_the_wait_at_once(tmp_path: Path) -> None:
    async with Assistance(tmp_path, FEATURES) as one:
        wall, closed = Wall(), list[str]()
        room, board = room_with(wall)
        room.hold(held_by(one, wall, closed, left=-1.0))
        assert closed == [GIVEN_UP]
        assert board.sessions == []


async def test_closing_the_room_ends_everything_in_it(tmp_path: Path) -> None:
    async with Assistance(tmp_path, FEATURES) as one:
        wall, closed = Wall(), list[str]()
        room, _ = room_with(wall)
        room.hold(held_by(one, wall, closed))
        room.close("the agent is stopping")
        assert closed == ["the agent is stopping"]
        assert room.sessions == []
