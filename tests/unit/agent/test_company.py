"""Several technicians at one machine: the agent's own parts, and a technician in memory at each end of each tunnel."""

import time
from pathlib import Path

import pytest

from agent.company import ASK_AGAIN_SECONDS
from agent.policy import SessionKind
from protocol.capabilities import Capability
from protocol.documents import GroupPolicy
from protocol.errors import RefusalReason
from protocol.messages.chat import ChatMessage
from protocol.messages.colleagues import (
    ColleaguesState,
    ControlAsk,
    ControlAsked,
    ControlKeep,
    HandOver,
    Invite,
    People,
)
from protocol.messages.input import PointerMove
from protocol.messages.session import CapabilityRevoked, Refusal
from protocol.session import MessageReceived, Opened
from tests.kit.assisted import Assistance, SignedFiles
from tests.kit.company import FEATURES, WANTED, Hands, heard, machine, people, refused, settled, state
from tests.kit.organisation import Organisation
from tests.kit.waiting import eventually_async

VIEW, CHAT, CONTROL, COLLEAGUES = Capability.VIEW, Capability.CHAT, Capability.CONTROL, Capability.COLLEAGUES


async def test_everybody_who_may_know_is_told_who_is_here(tmp_path: Path) -> None:
    async with machine(tmp_path) as here:
        async with here.joined("Ben Ruiz", 2, VIEW, CHAT, COLLEAGUES) as ben:
            seen = await people(ben, ("Ana Ruiz", True), ("Ben Ruiz", False))
            assert [who.you for who in seen.people] == [False, True]
            assert [who.tier for who in seen.people] == [1, 2]
            seen = await people(here.ana, ("Ana Ruiz", True), ("Ben Ruiz", False))
            assert [who.you for who in seen.people] == [True, False]
            here.ana.session.revoke(CONTROL, "user")
            await people(ben, ("Ana Ruiz", False), ("Ben Ruiz", False))
        await people(here.ana, ("Ana Ruiz", False))


async def test_who_is_alone_is_not_told_so(tmp_path: Path) -> None:
    async with machine(tmp_path) as here:
        await settled()
        assert not [event for event in here.ana.events if isinstance(event, MessageReceived)]


async def test_without_consent_nobody_is_told_of_anybody(tmp_path: Path) -> None:
    async with machine(tmp_path, VIEW, CHAT, CONTROL) as here, here.joined("Ben Ruiz", 2, VIEW, CHAT) as ben:
        here.ana.say(ChatMessage("is the paper in?"))
        await settled()
        said = [event.message for one in (ben, here.ana) for event in one.events if isinstance(event, MessageReceived)]
        assert not [message for message in said if isinstance(message, People | ChatMessage)]


async def test_mouse_and_keyboard_are_one_persons_and_the_rest_is_everybodys(tmp_path: Path) -> None:
    async with machine(tmp_path) as here, here.joined("Ben Ruiz", 2, *WANTED) as ben:
        assert ben.technician.granted == {VIEW, CHAT, COLLEAGUES}
        left_out = await refused(ben, 0)
        assert left_out.capability is CONTROL and "Ana Ruiz" in left_out.text


async def test_two_who_are_asked_about_at_once_do_not_both_get_control(tmp_path: Path) -> None:
    async with (
        machine(tmp_path, VIEW, CHAT, COLLEAGUES) as here,
        here.joined("Ben Ruiz", 2) as ben,
        here.joined("Cy Ruiz", 2) as cy,
    ):
        await eventually_async(lambda: len(here.person.questions) == 2, "two questions")
        for number in list(here.person.questions):
            here.person.broker.answer(number, granted=frozenset(WANTED))
        await ben.event(Opened)
        await cy.event(Opened)
        assert (CONTROL in ben.technician.granted) is not (CONTROL in cy.technician.granted)


async def test_control_is_handed_over_when_the_person_agrees(tmp_path: Path) -> None:
    async with machine(tmp_path) as here, here.joined("Ben Ruiz", 2, VIEW, CHAT, COLLEAGUES) as ben:
        await people(here.ana, ("Ana Ruiz", True), ("Ben Ruiz", False))
        here.ana.say(HandOver(5, here.numbers(here.ana)["Ben Ruiz"]))
        asked = await here.person.allow(yes=True)
        assert asked.title == "Ben Ruiz takes over mouse and keyboard from Ana Ruiz?"
        assert (asked.name, asked.words, asked.values["heir"]) == ("Ana Ruiz", "hand_over", "Ben Ruiz")
        assert (await heard(here.ana, CapabilityRevoked)).by == "handover"
        told = await state(here.ana, "handed_over")
        assert (told.request, told.text) == (5, "Ben Ruiz")
        assert (await heard(ben, ColleaguesState)).text == "Ana Ruiz"
        await people(ben, ("Ana Ruiz", False), ("Ben Ruiz", True))
        assert here.ana.technician.granted == {VIEW, CHAT, COLLEAGUES}
        assert CONTROL in ben.technician.granted
        await eventually_async(lambda: Hands.lost, "held keys are let go")
        ben.say(PointerMove(1, 1))
        here.ana.say(PointerMove(2, 2))
        assert (await heard(here.ana, Refusal)).reason is RefusalReason.NOT_GRANTED


async def test_a_no_leaves_everything_as_it_was(tmp_path: Path) -> None:
    async with machine(tmp_path) as here, here.joined("Ben Ruiz", 2, VIEW, CHAT, COLLEAGUES) as ben:
        await people(here.ana, ("Ana Ruiz", True), ("Ben Ruiz", False))
        here.ana.say(HandOver(5, here.numbers(here.ana)["Ben Ruiz"]))
        await here.person.allow()
        assert (await refused(here.ana, 5)).reason is RefusalReason.DENIED_BY_USER
        assert CONTROL in here.ana.technician.granted and CONTROL not in ben.technician.granted


async def test_what_ends_while_the_person_thinks_is_not_handed_over(tmp_path: Path) -> None:
    async with machine(tmp_path) as here, here.joined("Ben Ruiz", 2, VIEW, CHAT, COLLEAGUES) as ben:
        await people(here.ana, ("Ana Ruiz", True), ("Ben Ruiz", False))
        here.ana.say(HandOver(5, here.numbers(here.ana)["Ben Ruiz"]))
        await here.person.question()
        here.ana.session.revoke(CONTROL, "user")
        await here.person.allow(yes=True)
        assert (await heard(here.ana, Refusal)).reason is RefusalReason.NOT_GRANTED
        assert CONTROL not in ben.technician.granted


@pytest.mark.parametrize(("number", "reason"), [(99, RefusalReason.NOT_FOUND), (1, RefusalReason.INVALID)])
async def test_it_is_handed_to_somebody_who_is_here(tmp_path: Path, number: int, reason: RefusalReason) -> None:
    async with machine(tmp_path) as here, here.joined("Ben Ruiz", 2, VIEW, COLLEAGUES):
        here.ana.say(HandOver(5, number))
        assert (await heard(here.ana, Refusal)).reason is reason


async def test_policy_decides_who_may_have_it(tmp_path: Path) -> None:
    async with machine(tmp_path) as here, here.joined("Ben Ruiz", 2, VIEW, COLLEAGUES) as ben:
        await people(here.ana, ("Ana Ruiz", True), ("Ben Ruiz", False))
        here.files.revoked = type(here.files.revoked)(issued=0.0, fingerprints=[ben.person.key.public.fingerprint.hex()])
        assert ben.session._gate is not None
        ben.session._gate.look_again()
        here.ana.say(HandOver(5, here.numbers(here.ana)["Ben Ruiz"]))
        assert (await heard(here.ana, Refusal)).reason is RefusalReason.REVOKED
        assert not here.person.questions


async def test_who_watches_asks_who_has_control(tmp_path: Path) -> None:
    async with machine(tmp_path) as here, here.joined("Ben Ruiz", 2, VIEW, COLLEAGUES) as ben:
        ben.say(ControlAsk(7))
        asked = await heard(here.ana, ControlAsked)
        assert asked.name == "Ben Ruiz" and asked.open
        assert (await heard(ben, ColleaguesState)).text == "Ana Ruiz"
        ben.say(ControlAsk(8))
        assert (await refused(ben, 8)).reason is RefusalReason.BUSY
        here.ana.say(HandOver(9, asked.number))
        await here.person.allow(yes=True)
        assert (await state(ben, "handed_over")).request == 7
        assert CONTROL in ben.technician.granted


async def test_who_has_control_may_keep_it_and_is_not_pestered(tmp_path: Path) -> None:
    async with machine(tmp_path) as here, here.joined("Ben Ruiz", 2, VIEW, COLLEAGUES) as ben:
        ben.say(ControlAsk(7))
        here.ana.say(ControlKeep((await heard(here.ana, ControlAsked)).number))
        assert (await refused(ben, 7)).reason is RefusalReason.BUSY
        ben.say(ControlAsk(8))
        assert "has just said no" in (await refused(ben, 8)).text
        assert ASK_AGAIN_SECONDS > 5
        assert CONTROL in here.ana.technician.granted


async def test_a_wish_ends_with_either_of_the_two(tmp_path: Path) -> None:
    async with machine(tmp_path) as here:
        async with here.joined("Ben Ruiz", 2, VIEW, COLLEAGUES) as ben:
            ben.say(ControlAsk(7))
            assert (await heard(here.ana, ControlAsked)).open
        assert not (await heard(here.ana, ControlAsked)).open
        async with here.joined("Cy Ruiz", 2, VIEW, COLLEAGUES) as cy:
            cy.say(ControlAsk(1))
            await heard(here.ana, ControlAsked)
            here.ana.session.revoke(CONTROL, "user")
            assert (await refused(cy, 1)).reason is RefusalReason.NOT_FOUND
            cy.say(ControlAsk(2))
            assert "ask the user" in (await refused(cy, 2)).text


async def test_chat_is_among_all_and_says_whose_words_they_are(tmp_path: Path) -> None:
    async with machine(tmp_path) as here, here.joined("Ben Ruiz", 2, VIEW, CHAT, COLLEAGUES) as ben:
        here.ana.say(ChatMessage("is the paper in?", 5.0, "the boss"))
        said = await heard(ben, ChatMessage)
        assert (said.text, said.sent_at, said.name) == ("is the paper in?", 5.0, "Ana Ruiz")
        ben.session.say("it is")
        assert (await heard(ben, ChatMessage)).name == ""


async def test_without_a_person_policy_alone_decides(tmp_path: Path) -> None:
    """Two unattended sessions: nobody is asked, because the organisation allows it and there is nobody."""
    organisation = Organisation()
    ana, ben = organisation.technician("Ana Ruiz", tier=3), organisation.technician("Ben Ruiz", tier=3)
    files = SignedFiles(ana, ben, groups={"front": GroupPolicy(unattended=list(WANTED))})
    called: list[int] = []
    async with Assistance(
        tmp_path, FEATURES, organisation=organisation, technician=ana, files=files, wanted=WANTED, called=called
    ) as one:
        await one.event(Opened)
        assert one.session._kind is SessionKind.UNATTENDED
        async with Assistance(tmp_path, FEATURES, technician=ben, wanted=WANTED, beside=one) as other:
            await other.event(Opened)
            told = await heard(one, People)
            one.say(HandOver(1, told.people[1].number))
            assert (await heard(other, ColleaguesState)).state == "handed_over"
            one.say(Invite(2, 3))
            await state(one, "called")
            assert called == [3]


async def test_whoever_lost_the_connection_is_shown_as_away_until_they_are_back_or_do_not_come(tmp_path: Path) -> None:
    async with machine(tmp_path) as here, here.joined("Ben Ruiz", 2, VIEW, COLLEAGUES, resume_seconds=60.0) as ben:
        before = await people(here.ana, ("Ana Ruiz", True), ("Ben Ruiz", False))
        begun, session = time.time(), ben.session.id
        await ben.cut()
        away = await people(here.ana, ("Ana Ruiz", True), ("Ben Ruiz", False))
        assert [one.number for one in away.people] == [one.number for one in before.people]
        assert begun <= away.people[1].lost_at <= time.time()
        assert set(away.people[1].granted) == {VIEW, COLLEAGUES}  # what they would have again
        here.ana.say(HandOver(1, away.people[1].number))
        no = await refused(here.ana, 1)
        assert (no.reason, no.text) == (RefusalReason.OFFLINE, "Ben Ruiz has lost the connection. Wait until they are back.")
        ben.reconnect(session)
        back = await people(here.ana, ("Ana Ruiz", True), ("Ben Ruiz", False))
        assert (back.people[1].number, back.people[1].lost_at) == (before.people[1].number, 0.0)
        await ben.cut()
        assert (await people(here.ana, ("Ana Ruiz", True), ("Ben Ruiz", False))).people[1].lost_at > 0
        assert ben.waiting is not None
        ben.waiting.close("the person here ended it")
        await people(here.ana, ("Ana Ruiz", True))
