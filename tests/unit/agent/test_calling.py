"""Calling in a colleague: the agent's own parts, and a technician in memory at each end of each tunnel."""

from pathlib import Path

from agent.company import Company
from protocol.capabilities import Capability
from protocol.errors import RefusalReason
from protocol.messages.colleagues import Invite, InviteCancel, InviteNotes, People
from protocol.messages.session import Refusal
from protocol.session import MessageReceived
from tests.kit.company import WANTED, heard, machine, people, settled, state

VIEW, CONTROL, COLLEAGUES = Capability.VIEW, Capability.CONTROL, Capability.COLLEAGUES


async def test_somebody_is_called_with_a_note_that_only_they_get(tmp_path: Path) -> None:
    async with machine(tmp_path) as here:
        here.ana.say(Invite(3, 2, "the spooler\x1b[2J crashes"))
        asked = await here.person.allow(yes=True)
        assert asked.title == "Ana Ruiz asks a specialist (tier 2) to join. Let them be called?"
        assert "crashes" in asked.details[0] and "\x1b" not in asked.details[0]
        called = await state(here.ana, "called")
        assert called.request == 3 and called.seconds > 60
        assert here.called == [2]
        assert (await heard(here.ana, People)).called == 2
        async with here.joined("Di Ruiz", 1, VIEW, COLLEAGUES) as di:
            low = await heard(di, InviteNotes)
            assert (low.enough, low.note, low.name) == (False, "", "Ana Ruiz")
            assert here.called == [2]
        async with here.joined("Ben Ruiz", 2, VIEW, COLLEAGUES) as ben:
            notes = await heard(ben, InviteNotes)
            assert (notes.name, notes.tier, notes.enough) == ("Ana Ruiz", 1, True)
            assert notes.note.startswith("the spooler") and notes.note.endswith("crashes")
            assert (await state(here.ana, "came")).text == "Ben Ruiz"
            assert here.called == [2, 0]


async def test_the_notes_wait_for_the_persons_consent(tmp_path: Path) -> None:
    async with machine(tmp_path) as here:
        here.ana.say(Invite(3, 2, "the spooler crashes"))
        await here.person.allow(yes=True)
        async with here.joined("Ben Ruiz", 2, VIEW) as ben:
            await settled()
            said = [event.message for event in ben.events if isinstance(event, MessageReceived)]
            assert not [message for message in said if isinstance(message, InviteNotes | People)]
            assert here.called == [2]


async def test_notes_go_on_when_whoever_called_has_left(tmp_path: Path) -> None:
    async with machine(tmp_path) as here:
        here.ana.say(Invite(3, 2, "please finish this"))
        await here.person.allow(yes=True)
        await state(here.ana, "called")
        here.ana.session.end("off")
        await here.ana.ended()
        async with here.joined("Ben Ruiz", 2, *WANTED) as ben:
            assert (await heard(ben, InviteNotes)).note == "please finish this"
            assert CONTROL in ben.technician.granted


async def test_a_named_colleague_alone_gets_the_notes(tmp_path: Path) -> None:
    async with machine(tmp_path) as here:
        ben = here.organisation.technician("Ben Ruiz", tier=2)
        here.ana.say(Invite(3, 2, "for Ben", ben.peer))
        await here.person.allow(yes=True)
        await state(here.ana, "called")
        async with here.joined("Cy Ruiz", 3, VIEW, COLLEAGUES) as cy:
            await people(cy, ("Ana Ruiz", True), ("Cy Ruiz", False))
            await settled()
            assert not [e for e in cy.events if isinstance(e, MessageReceived) and isinstance(e.message, InviteNotes)]


async def test_a_call_is_made_once_and_taken_back_by_who_made_it(tmp_path: Path) -> None:
    async with machine(tmp_path) as here:
        here.ana.say(Invite(3, 2, ""))
        await here.person.allow(yes=True)
        await state(here.ana, "called")
        here.ana.say(Invite(4, 3, ""))
        assert (await heard(here.ana, Refusal)).reason is RefusalReason.BUSY
        async with here.joined("Di Ruiz", 1, VIEW, COLLEAGUES) as di:
            di.say(InviteCancel())
            assert (await heard(di, Refusal, lambda said: said.capability is COLLEAGUES)).reason is RefusalReason.NOT_GRANTED
        here.ana.say(InviteCancel())
        assert (await state(here.ana, "ended")).text == "It was taken back."
        assert here.called == [2, 0]


async def test_the_person_reads_who_is_meant_by_the_name_on_the_signed_list(tmp_path: Path) -> None:
    async with machine(tmp_path) as here:
        ben = here.organisation.technician("Ben Ruiz", tier=2)
        here.files.add(ben, 2, "Ben\u202e Ruiz")
        here.ana.say(Invite(3, 2, "see the log", ben.peer))
        asked = await here.person.allow(yes=True)
        assert asked.title == "Ana Ruiz asks Ben\\u202e Ruiz (tier 2) to join. Let them be called?"
        assert (asked.words, asked.values["colleague"]) == ("call_named", "Ben\\u202e Ruiz")
        await state(here.ana, "called")
        here.ana.say(InviteCancel())
        await state(here.ana, "ended")
        here.ana.say(Invite(4, 2, "see the log", "nobodyknown"))
        assert (await here.person.allow(yes=True)).title == "Ana Ruiz asks a specialist (tier 2) to join. Let them be called?"


async def test_a_no_calls_nobody(tmp_path: Path) -> None:
    async with machine(tmp_path) as here:
        here.ana.say(Invite(3, 2, "x"))
        await here.person.allow()
        assert (await heard(here.ana, Refusal)).reason is RefusalReason.DENIED_BY_USER
        assert here.called == []


async def test_nobody_is_called_for_ever(tmp_path: Path) -> None:
    async with machine(tmp_path) as here:
        here.ana.services.company.calls._call_seconds = 0.05
        here.ana.say(Invite(3, 2, "x"))
        await here.person.allow(yes=True)
        ended = await state(here.ana, "ended")
        assert "Nobody came" in ended.text
        assert here.called == [2, 0]


async def test_an_agent_that_cannot_call_says_so(tmp_path: Path) -> None:
    async with machine(tmp_path) as here:
        here.ana.services.company.calls._call_out = None
        here.ana.say(Invite(3, 2, "x"))
        assert (await heard(here.ana, Refusal)).reason is RefusalReason.UNSUPPORTED


async def test_a_call_that_was_never_made_ends_quietly() -> None:
    company = Company()
    company.calls.ended("whatever")
    assert company.calls.wanted == 0
