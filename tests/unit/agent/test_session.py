"""One assisted session, from the tunnel's first byte to its receipt."""

import asyncio
import json
from pathlib import Path
from typing import ClassVar

import msgspec
import pytest

from agent.audit import RECEIPT_WRITTEN, Audit
from agent.consent import ConsentBroker
from agent.features.base import Feature, Question
from agent.features.chat import ChatFeature
from agent.local_messages import ChatHeard, SessionOver
from protocol.audit import open_checkpoint
from protocol.capabilities import Capability
from protocol.documents import GroupPolicy, RevocationList
from protocol.errors import RefusalReason, Unavailable
from protocol.limits import Limits
from protocol.messages import Lane, Message
from protocol.messages.chat import ChatMessage
from protocol.messages.diagnostics import DiagnosticsCollect, DiagnosticsDone
from protocol.messages.input import PointerMove, ReleaseAll
from protocol.messages.screen import ScreenStart, ScreenState, ScreenUpdate, Tile
from protocol.messages.session import CapabilityRevoked, Refusal
from protocol.session import DeniedByAgent, GrantsChanged, MessageReceived, Opened
from tests.kit.assisted import Assistance, SignedFiles
from tests.kit.organisation import Organisation
from tests.kit.waiting import eventually_async

CHAT, DIAGNOSTICS, CONTROL, VIEW = Capability.CHAT, Capability.DIAGNOSTICS, Capability.CONTROL, Capability.VIEW
UNATTENDED = {"front": GroupPolicy(unattended=[DIAGNOSTICS])}


class Probe(Feature):
    """Diagnostics that note what they are told and fail on demand."""

    handles: ClassVar = (DiagnosticsCollect,)
    notes: ClassVar[list[str]] = []

    async def handle(self, message: Message) -> None:
        assert isinstance(message, DiagnosticsCollect)
        match message.tables:
            case ["ask"]:
                yes = await self.context.ask_user(Question("Run this?", "It restarts the printer."))
                self.notes.append(f"answer {yes}")
            case ["away"]:
                raise Unavailable("There is no printer here.")
            case ["crash"]:
                raise ZeroDivisionError("a fault")
            case ["spawn"]:
                self.context.spawn(self.crash(), "work")
            case _:
                self.context.audit("collected", {"tables": len(message.tables)})
                self.context.send(DiagnosticsDone(request=message.request, findings=[], duration_ms=1, taken_at=0))

    async def crash(self) -> None:
        raise ZeroDivisionError("a fault in the background")

    def capability_lost(self, capability: Capability) -> None:
        self.notes.append(f"lost {capability}")

    def paused(self, paused: bool) -> None:
        self.notes.append(f"paused {paused}")

    async def close(self) -> None:
        self.notes.append("closed")


class Desktop(Feature):
    """A desktop that notes what reaches it."""

    handles: ClassVar = (PointerMove, ReleaseAll, ScreenStart)
    notes: ClassVar[list[str]] = []

    async def handle(self, message: Message) -> None:
        self.notes.append(type(message).__name__)
        if isinstance(message, ScreenStart):
            tile = Tile(0, 0, 8, 8, "fill", bytes(200_000))
            for number in range(20):
                self.context.send(ScreenUpdate(sequence=number, epoch=1, captured_at=0, operations=[tile]))

    def paused(self, paused: bool) -> None:
        self.notes.append(f"paused {paused}")

    def capability_lost(self, capability: Capability) -> None:
        self.notes.append(f"lost {capability}")


FEATURES: tuple[type[Feature], ...] = (ChatFeature, Probe, Desktop)


@pytest.fixture(autouse=True)
def _no_notes() -> None:
    Probe.notes.clear()
    Desktop.notes.clear()


async def opened(assistance: Assistance, *granted: Capability) -> Opened:
    person = assistance.sit_down()
    await person.allow(*granted)
    return await assistance.event(Opened)


async def refusal(assistance: Assistance) -> Refusal:
    while True:
        message = (await assistance.event(MessageReceived)).message
        if isinstance(message, Refusal):
            return message


async def test_a_person_is_asked_and_gets_what_they_allowed(tmp_path: Path) -> None:
    async with Assistance(tmp_path, FEATURES, wanted=(CHAT, DIAGNOSTICS, CONTROL)) as one:
        person = one.sit_down()
        question = await person.allow(CHAT, DIAGNOSTICS)
        assert (question.name, question.organisation, question.tier) == ("Ana Ruiz", "Example Ltd", 3)
        assert question.reason == "the printer is on fire"
        assert len(question.sas) == 6
        assert [wish.words for wish in question.wishes] == [
            "chat with you",
            "read what state this computer is in",
            "use your mouse and keyboard",
        ]
        welcome = (await one.event(Opened)).welcome
        assert welcome.granted == [CHAT, DIAGNOSTICS]
        assert not welcome.unattended
        assert one.board.sessions[0].granted == ["chat", "diagnostics"]


async def test_an_answer_cannot_grant_what_was_not_asked_for(tmp_path: Path) -> None:
    async with Assistance(tmp_path, FEATURES, wanted=(CHAT,)) as one:
        person = one.sit_down()
        await person.allow(CHAT, CONTROL)
        assert (await one.event(Opened)).welcome.granted == [CHAT]


async def test_no_means_no_and_leaves_a_record(tmp_path: Path) -> None:
    async with Assistance(tmp_path, FEATURES) as one:
        person = one.sit_down()
        await person.allow()
        denied = (await one.event(DeniedByAgent)).denied
        assert denied.reason is RefusalReason.DENIED_BY_USER
        await one.ended()
        actions = [record.action for record in one.audit.records(one.session.id)]
        assert actions == ["session asked", "session refused"]


async def test_nobody_there_and_no_policy_is_a_refusal_with_advice(tmp_path: Path) -> None:
    async with Assistance(tmp_path, FEATURES) as one:
        denied = (await one.event(DeniedByAgent)).denied
        assert denied.reason is RefusalReason.NOBODY_TO_ASK
        assert "handrail-agent ask" in denied.text


async def test_policy_opens_unattended_only_what_it_names(tmp_path: Path) -> None:
    organisation = Organisation()
    person = organisation.technician()
    files = SignedFiles(person, groups=UNATTENDED)
    async with Assistance(tmp_path, FEATURES, organisation=organisation, technician=person, files=files) as one:
        welcome = (await one.event(Opened)).welcome
        assert (welcome.granted, welcome.unattended) == ([DIAGNOSTICS], True)
        left_out = await refusal(one)
        assert (left_out.capability, left_out.reason) == (CHAT, RefusalReason.POLICY)


async def test_a_person_who_is_there_is_asked_even_where_policy_would_allow(tmp_path: Path) -> None:
    organisation = Organisation()
    person = organisation.technician()
    files = SignedFiles(person, groups=UNATTENDED)
    one = Assistance(tmp_path, FEATURES, organisation=organisation, technician=person, files=files)
    user = one.sit_down()
    async with one:
        await user.allow()
        assert (await one.event(DeniedByAgent)).denied.reason is RefusalReason.DENIED_BY_USER


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda files, key: setattr(files, "listed", None), RefusalReason.STALE_TRUST),
        (lambda files, key: setattr(files, "listed", SignedFiles().listed), RefusalReason.NOT_ON_LIST),
        (
            lambda files, key: setattr(files, "revoked", RevocationList(issued=0.0, fingerprints=[key])),
            RefusalReason.REVOKED,
        ),
        (lambda files, key: setattr(files, "seconds", 15 * 86400.0), RefusalReason.STALE_TRUST),
    ],
)
async def test_signed_files_decide_before_anybody_is_asked(tmp_path: Path, change: object, reason: RefusalReason) -> None:
    organisation = Organisation()
    person = organisation.technician()
    files = SignedFiles(person)
    change(files, person.key.public.fingerprint.hex())  # type: ignore[operator]
    one = Assistance(tmp_path, FEATURES, organisation=organisation, technician=person, files=files)
    user = one.sit_down()
    async with one:
        assert (await one.event(DeniedByAgent)).denied.reason is reason
        assert not user.questions


async def test_newer_signed_files_are_fetched_when_the_technician_has_them(tmp_path: Path) -> None:
    one = Assistance(tmp_path, FEATURES)
    one.files.timestamp_version = -1
    one.sit_down()
    async with one:
        await eventually_async(lambda: one.files.refreshed, "a refresh")


async def test_busy_is_said_in_words(tmp_path: Path) -> None:
    async with Assistance(tmp_path, FEATURES, busy="3 sessions are open already.") as one:
        denied = (await one.event(DeniedByAgent)).denied
        assert (denied.reason, denied.text) == (RefusalReason.BUSY, "3 sessions are open already.")


async def test_a_taken_desktop_leaves_everything_but_control(tmp_path: Path) -> None:
    async with Assistance(tmp_path, FEATURES, wanted=(CONTROL, DIAGNOSTICS), desktop_taken_by="Bo Lind") as one:
        welcome = (await opened(one, CONTROL, DIAGNOSTICS)).welcome
        assert welcome.granted == [DIAGNOSTICS]
        left_out = await refusal(one)
        assert left_out.reason is RefusalReason.BUSY
        assert "Bo Lind" in left_out.text


async def test_features_work_within_what_was_granted(tmp_path: Path) -> None:
    async with Assistance(tmp_path, FEATURES) as one:
        await opened(one, DIAGNOSTICS)
        one.say(DiagnosticsCollect(request=7))
        done = (await one.event(MessageReceived)).message
        while not isinstance(done, DiagnosticsDone):
            done = (await one.event(MessageReceived)).message
        assert done.request == 7
        one.say(ChatMessage("hello"))
        assert (await refusal(one)).capability is CHAT


async def test_chat_reaches_the_person_and_comes_back(tmp_path: Path) -> None:
    async with Assistance(tmp_path, FEATURES) as one:
        await opened(one, CHAT)
        one.say(ChatMessage("hello\x1b[2J"))
        await eventually_async(lambda: any(isinstance(said, ChatHeard) for said in one.heard), "the line")
        heard = next(said for said in one.heard if isinstance(said, ChatHeard))
        assert heard.text == "hello\\x1b[2J"
        one.session.say("good day")
        message = (await one.event(MessageReceived)).message
        while not isinstance(message, ChatMessage):
            message = (await one.event(MessageReceived)).message
        assert message.text == "good day"


async def test_an_error_of_a_feature_becomes_a_refusal(tmp_path: Path) -> None:
    async with Assistance(tmp_path, FEATURES) as one:
        await opened(one, DIAGNOSTICS)
        one.say(DiagnosticsCollect(request=3, tables=["away"]))
        answer = await refusal(one)
        while answer.request != 3:
            answer = await refusal(one)
        assert (answer.reason, answer.text) == (RefusalReason.UNSUPPORTED, "There is no printer here.")


@pytest.mark.parametrize("how", ["crash", "spawn"])
async def test_a_crash_ends_the_feature_and_not_the_session(tmp_path: Path, how: str, caplog: pytest.LogCaptureFixture) -> None:
    async with Assistance(tmp_path, FEATURES) as one:
        await opened(one, DIAGNOSTICS, CHAT)
        one.say(DiagnosticsCollect(request=3, tables=[how]))
        await eventually_async(lambda: "lost diagnostics" in Probe.notes, "the feature lets go")
        one.say(DiagnosticsCollect(request=4))
        answer = await refusal(one)
        assert answer.request == 4
        assert "ZeroDivisionError" in answer.text
        one.say(ChatMessage("still there?"))
        await eventually_async(lambda: any(isinstance(said, ChatHeard) for said in one.heard), "chat goes on")
        one.session.end("done")
        await one.ended()
    assert Probe.notes.count("closed") == 1
    assert "the session goes on without it" in caplog.text


async def test_the_person_can_revoke_pause_and_end(tmp_path: Path) -> None:
    async with Assistance(tmp_path, FEATURES) as one:
        await opened(one, DIAGNOSTICS, CHAT)
        one.session.pause(True)
        await eventually_async(lambda: "paused True" in Probe.notes, "the pause")
        one.say(DiagnosticsCollect(request=5))
        assert (await refusal(one)).reason is RefusalReason.PAUSED
        one.session.pause(False)
        one.session.revoke(CHAT, "user")
        assert (await one.event(GrantsChanged)).granted == frozenset({DIAGNOSTICS})
        one.session.end("ended by the person at this computer")
        ended = await one.ended()
        assert ended.clean
        assert ended.by_peer


async def test_the_end_carries_a_checkpoint_that_the_chain_bears_out_and_a_receipt(tmp_path: Path) -> None:
    async with Assistance(tmp_path, FEATURES) as one:
        await opened(one, DIAGNOSTICS)
        one.say(DiagnosticsCollect(request=7, tables=["x"]))
        await eventually_async(lambda: len(one.audit.records(one.session.id)) == 3, "the feature's record")
        one.technician.end("all is well", 0.0)
        one.flush()
        ended = await one.ended()
        checkpoint = open_checkpoint(ended.checkpoint, one.device.key.public)
        *_, (last, digest), (after, _) = one.audit.rows()
        assert (checkpoint.sequence, checkpoint.hash) == (last.sequence, digest)
        assert (after.action, after.detail["session"]) == (RECEIPT_WRITTEN, one.session.id)
        assert checkpoint.device == one.device.peer
        receipt = json.loads(ended.receipt)
        assert [record["action"] for record in receipt["records"]] == [
            "session asked",
            "session opened",
            "collected",
            "session ended",
        ]
        over = next(said for said in one.heard if isinstance(said, SessionOver))
        text = Path(over.receipt).read_text()
        assert "Ana Ruiz (tier 3" in text
        assert "all is well" in text
        assert msgspec.json.decode(Path(over.receipt).with_suffix(".json").read_bytes()) == receipt
        assert one.board.sessions == []


async def test_a_cut_session_is_recorded_too(tmp_path: Path) -> None:
    async with Assistance(tmp_path, FEATURES) as one:
        await opened(one, DIAGNOSTICS)
        one.tunnel.inbound.put_nowait(None)
        assert one.running is not None
        await asyncio.wait([one.running], timeout=10)
        assert one.audit.records(one.session.id)[-1].detail == {"reason": "cut"}
        assert list((tmp_path / "receipts").glob("*.txt"))


async def test_without_an_audit_record_nothing_opens(tmp_path: Path) -> None:
    audit = Audit(tmp_path / "audit.sqlite")
    audit.record("filler", {}, at=0.0)
    pages = audit._database.execute("PRAGMA page_count").fetchone()[0]
    audit._database.execute(f"PRAGMA max_page_count = {pages}")
    try:
        while True:
            audit.record("filler", {"text": "x" * 500}, at=0.0)
    except Unavailable:
        pass
    one = Assistance(tmp_path, FEATURES, audit=audit)
    user = one.sit_down()
    async with one:
        denied = (await one.event(DeniedByAgent)).denied
        assert denied.reason is RefusalReason.LIMIT
        assert "Free some disk space" in denied.text
        assert not user.questions
        assert "Free some disk space" in one.board.snapshot().audit


async def test_asking_for_more_asks_the_person(tmp_path: Path) -> None:
    async with Assistance(tmp_path, FEATURES, wanted=(DIAGNOSTICS, CHAT)) as one:
        person = one.sit_down()
        await person.allow(DIAGNOSTICS)
        await one.event(Opened)
        one.technician.ask(CHAT, 9, "to talk", 0.0)
        one.flush()
        question = await person.allow(CHAT)
        assert (question.kind, question.reason) == ("capability", "to talk")
        assert (await one.event(GrantsChanged)).granted == frozenset({DIAGNOSTICS, CHAT})
        one.technician.ask(Capability.TERMINAL, 10, "", 0.0)
        one.flush()
        answer = await refusal(one)
        assert (answer.request, answer.reason) == (10, RefusalReason.UNSUPPORTED)


async def test_while_a_question_is_open_nothing_is_injected(tmp_path: Path) -> None:
    async with Assistance(tmp_path, FEATURES, wanted=(DIAGNOSTICS, CONTROL)) as one:
        person = one.sit_down()
        await person.allow(DIAGNOSTICS, CONTROL)
        await one.event(Opened)
        one.say(PointerMove(1, 1))
        await eventually_async(lambda: "PointerMove" in Desktop.notes, "input gets through")
        one.say(DiagnosticsCollect(request=5, tables=["ask"]))
        number, question = await person.question()
        assert (question.kind, question.title) == ("confirm", "Run this?")
        await eventually_async(lambda: "paused True" in Desktop.notes, "held keys are let go")
        Desktop.notes.clear()
        one.say(PointerMove(2, 2))
        assert (await refusal(one)).reason is RefusalReason.PAUSED
        assert Desktop.notes == []
        assert one.broker.answer(number, yes=True)
        await eventually_async(lambda: "answer True" in Probe.notes, "the answer")
        await eventually_async(lambda: "paused False" in Desktop.notes, "input may go on")
        one.say(PointerMove(3, 3))
        await eventually_async(lambda: "PointerMove" in Desktop.notes, "input gets through again")
    assert "paused True" not in Probe.notes


async def test_input_overtakes_a_picture_that_waits(tmp_path: Path) -> None:
    async with Assistance(tmp_path, FEATURES, wanted=(VIEW, CHAT)) as one:
        person = one.sit_down()
        await person.allow(VIEW, CHAT)
        await one.event(Opened)
        one.tunnel.flowing.clear()
        one.say(ScreenStart(decoders=[]))
        await eventually_async(lambda: one.session.machine.pending(Lane.SCREEN) > 3_000_000, "the picture waits in its lane")
        before = one.session.machine.pending(Lane.SCREEN)
        assert one.session._view is not None
        one.session._view.send(ScreenState("running"))
        one.tunnel.flowing.set()
        kinds = []
        while ScreenState not in kinds:
            kinds.append(type((await one.event(MessageReceived)).message))
        assert kinds.count(ScreenUpdate) <= 2
        assert before <= 20 * 200_100


async def test_a_revoked_technician_loses_the_session(tmp_path: Path) -> None:
    async with Assistance(tmp_path, FEATURES) as one:
        await opened(one, DIAGNOSTICS)
        one.files.revoked = RevocationList(issued=0.0, fingerprints=[one.person.key.public.fingerprint.hex()])
        one.session.recheck()
        ended = await one.ended()
        assert "revoked" in ended.reason


async def test_every_re_check_fetches_newer_files_so_that_a_relay_cannot_keep_a_revocation_back(tmp_path: Path) -> None:
    async with Assistance(tmp_path, FEATURES, limits=Limits(recheck_seconds=0.05)) as one:
        await opened(one, DIAGNOSTICS)

        async def fetch(wall: object) -> bool:
            one.files.revoked = RevocationList(issued=0.0, fingerprints=[one.person.key.public.fingerprint.hex()])
            return True

        one.files.refresh = fetch  # type: ignore[method-assign]
        assert "revoked" in (await one.ended()).reason


async def test_a_fetch_that_takes_for_ever_does_not_stop_the_re_check(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("agent.session.REFRESH_SECONDS", 0.05)
    async with Assistance(tmp_path, FEATURES, limits=Limits(recheck_seconds=0.05)) as one:
        await opened(one, DIAGNOSTICS)

        async def fetch(wall: object) -> bool:
            await asyncio.sleep(60)
            return False

        one.files.refresh = fetch  # type: ignore[method-assign]
        assert one.files.listed is not None
        one.files.listed = msgspec.structs.replace(one.files.listed, technicians=[])
        assert "signed list" in (await one.ended()).reason


async def test_policy_that_narrows_takes_capabilities_from_a_running_session(tmp_path: Path) -> None:
    async with Assistance(tmp_path, FEATURES, limits=Limits(recheck_seconds=0.05)) as one:
        await opened(one, DIAGNOSTICS, CHAT)
        rules = GroupPolicy(attended=[DIAGNOSTICS])
        one.files.rules = msgspec.structs.replace(one.files.rules, groups={"front": rules})
        assert (await one.event(GrantsChanged)).granted == frozenset({DIAGNOSTICS})
        message = (await one.event(MessageReceived)).message
        while not isinstance(message, CapabilityRevoked):
            message = (await one.event(MessageReceived)).message
        assert message.by == "policy"


async def test_a_technician_who_leaves_takes_the_question_away(tmp_path: Path) -> None:
    async with Assistance(tmp_path, FEATURES) as one:
        person = one.sit_down()
        await person.question()
        one.tunnel.inbound.put_nowait(None)
        await eventually_async(lambda: not person.questions, "the question is gone")
        assert person.closed_texts == ["It is no longer needed."]
        assert one.running is not None
        await asyncio.wait([one.running], timeout=10)
        assert any(isinstance(said, SessionOver) and said.session == "" for said in one.heard)


async def test_garbage_on_the_tunnel_ends_it_quietly(tmp_path: Path) -> None:
    async with Assistance(tmp_path, FEATURES) as one:
        one.tunnel.inbound.put_nowait(b"GET / HTTP/1.1\r\n\r\n")
        assert one.running is not None
        await asyncio.wait([one.running], timeout=10)
        assert not one.session.verified


async def test_two_sessions_share_one_broker(tmp_path: Path) -> None:
    broker = ConsentBroker()
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    async with (
        Assistance(tmp_path / "a", FEATURES, broker=broker) as one,
        Assistance(tmp_path / "b", FEATURES, broker=broker) as two,
    ):
        person = one.sit_down()
        await person.allow(CHAT)
        await person.allow(CHAT)
        await one.event(Opened)
        await two.event(Opened)
