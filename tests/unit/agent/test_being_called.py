"""Who is called by name asks who calls and declines, on the agent's own parts: nothing is opened and nobody is asked."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Literal

from agent.local_messages import SessionOver
from protocol.errors import RefusalReason
from protocol.messages.colleagues import Invite, InviteCancel, InviteNotes
from protocol.messages.session import Called
from protocol.session import CallTold, DeniedByAgent, Opened
from tests.kit.assisted import Assistance
from tests.kit.company import COLLEAGUES, FEATURES, VIEW, Machine, heard, machine, refused, state
from tests.kit.organisation import Credentials

NOTE = "the spooler crashes"


@asynccontextmanager
async def asking(
    here: Machine, who: Credentials, call: Literal["look", "decline"], reason: str = ""
) -> AsyncIterator[Assistance]:
    """A tunnel in which this technician asks who calls, or declines."""
    async with Assistance(here.path, FEATURES, technician=who, wanted=(), beside=here.ana, call=call, reason=reason) as one:
        yield one


async def called(here: Machine, name: str = "Ben Ruiz") -> Credentials:
    """Ana has this colleague called by name."""
    ben = here.organisation.technician(name, tier=2)
    here.files.add(ben, 2, name)
    here.ana.say(Invite(3, 2, NOTE, ben.peer))
    await here.person.allow(yes=True)
    await state(here.ana, "called")
    return ben


async def denied(one: Assistance) -> RefusalReason:
    reason = (await one.event(DeniedByAgent)).denied.reason
    await one.ended()
    return reason


async def test_who_is_called_is_told_who_calls_and_what_for(tmp_path: Path) -> None:
    async with machine(tmp_path) as here:
        ben = await called(here)
        for _ in range(2):
            async with asking(here, ben, "look") as one:
                said = (await one.event(CallTold)).called
                assert (said.name, said.tier, said.note) == ("Ana Ruiz", 1, NOTE)
                assert 0 < said.seconds <= 180
                assert (await one.ended()).clean
                assert not [event for event in one.events if isinstance(event, Opened)]
                assert not [what for what in one.heard if isinstance(what, SessionOver)]  # the person need not hear of it
                assert [record.action for record in here.ana.audit.records(one.session.id)] == ["call shown"]
        assert not here.person.questions
        assert (await state(here.ana, "told")).text == "Ben Ruiz"


async def test_a_no_reaches_who_called_with_its_reason(tmp_path: Path) -> None:
    async with machine(tmp_path) as here:
        for reason, words in (("in a\x1b[2J meeting ", "Ben Ruiz declined: in a\\x1b[2J meeting"), ("", "Ben Ruiz declined.")):
            ben = await called(here)
            async with asking(here, ben, "decline", reason) as one:
                assert (await one.ended()).reason == "declined"
            assert (await state(here.ana, "declined")).text == words
            assert here.called[-2:] == [2, 0]
            async with asking(here, ben, "look") as one:
                assert await denied(one) is RefusalReason.NOT_FOUND
        assert not here.person.questions


async def test_nobody_else_is_told_anything(tmp_path: Path) -> None:
    async with machine(tmp_path) as here:
        cy = here.organisation.technician("Cy Ruiz", tier=3)
        here.files.add(cy, 3, "Cy Ruiz")
        async with asking(here, cy, "look") as one:
            assert await denied(one) is RefusalReason.NOT_FOUND  # nobody is called
        ben = await called(here)
        for call in ("look", "decline"):
            async with asking(here, cy, call) as one:
                assert await denied(one) is RefusalReason.NOT_FOUND
                assert not [event for event in one.events if isinstance(event, CallTold)]
        here.ana.say(InviteCancel())
        await state(here.ana, "ended")
        async with asking(here, ben, "look") as one:
            assert await denied(one) is RefusalReason.NOT_FOUND
        here.ana.say(Invite(4, 2, NOTE))  # whoever has the tier: nobody is meant
        await here.person.allow(yes=True)
        await state(here.ana, "called")
        async with asking(here, ben, "look") as one:
            assert await denied(one) is RefusalReason.NOT_FOUND


async def test_who_is_not_on_the_list_any_more_is_told_nothing(tmp_path: Path) -> None:
    async with machine(tmp_path) as here:
        ben = await called(here)
        fingerprint = ben.key.public.fingerprint.hex()
        here.files.revoked = type(here.files.revoked)(issued=0.0, fingerprints=[fingerprint])
        async with asking(here, ben, "look") as one:
            assert await denied(one) is RefusalReason.REVOKED


async def test_what_cannot_be_written_down_is_not_told(tmp_path: Path) -> None:
    async with machine(tmp_path) as here:
        ben = await called(here)
        here.ana.audit.close()
        async with asking(here, ben, "decline") as one:
            assert await denied(one) is RefusalReason.LIMIT
        assert here.called == [2]


async def test_who_comes_is_waited_for_and_has_the_note(tmp_path: Path) -> None:
    async with machine(tmp_path) as here:
        ben = await called(here)
        async with Assistance(here.path, FEATURES, technician=ben, wanted=(VIEW, COLLEAGUES), beside=here.ana) as one:
            assert (await state(here.ana, "joining")).seconds > 180
            await here.person.allow(VIEW, COLLEAGUES)
            await one.event(Opened)
            assert (await heard(one, InviteNotes)).note == NOTE
        assert (await state(here.ana, "came")).text == "Ben Ruiz"


async def test_who_is_not_let_in_is_called_no_longer(tmp_path: Path) -> None:
    async with machine(tmp_path) as here:
        ben = await called(here)
        async with Assistance(here.path, FEATURES, technician=ben, wanted=(VIEW, COLLEAGUES), beside=here.ana) as one:
            await here.person.allow()
            assert await denied(one) is RefusalReason.DENIED_BY_USER
        assert (await state(here.ana, "ended")).text == "Ben Ruiz wanted to come, and was not let in."


async def test_no_answer_is_an_answer_after_a_time(tmp_path: Path) -> None:
    async with machine(tmp_path) as here:
        here.ana.services.company.calls._named_seconds = 0.05
        await called(here)
        assert (await state(here.ana, "no_answer")).text.startswith("Ben Ruiz did not answer.")
        here.ana.services.company.calls._named_seconds = 0.5
        ben = await called(here)
        async with asking(here, ben, "look") as one:
            assert isinstance((await one.event(CallTold)).called, Called)
        assert (await state(here.ana, "no_answer")).text.startswith("Ben Ruiz was shown the call and did not answer.")


async def test_who_is_here_already_is_not_called(tmp_path: Path) -> None:
    async with machine(tmp_path) as here, here.joined("Ben Ruiz", 2, VIEW, COLLEAGUES) as ben:
        here.ana.say(Invite(7, 2, NOTE, ben.person.peer))
        assert (await refused(here.ana, 7)).text == "Ben Ruiz is here already."
        assert here.called == [] and not here.person.questions
