"""Rows 49 and 50: a second technician on the same device who wants more than the user said, and a relay that would like to call
somebody in or to know who was called."""

import asyncio
from pathlib import Path

import msgspec
import pytest

from agent.consent import ConsentBroker
from agent.front_desk import FrontDesk
from agent.status import RelayStatus, StatusBoard
from protocol.capabilities import Capability
from protocol.link_messages import HelpCode, HelpRequest, LinkMessage
from protocol.messages.chat import ChatMessage
from protocol.messages.colleagues import ControlAsk, HandOver, Invite, InviteCancel, InviteNotes, People
from protocol.messages.input import PointerMove
from protocol.session import CallTold, MessageReceived
from tests.kit.assisted import Assistance
from tests.kit.company import FEATURES, Hands, heard, machine, settled, state
from tests.vectors.examples import LINK_MESSAGES

VIEW, CHAT, CONTROL, COLLEAGUES = Capability.VIEW, Capability.CHAT, Capability.CONTROL, Capability.COLLEAGUES
NOTE = "their password is hunter2"


def told(one: Assistance) -> list[object]:
    """Every message that this technician got."""
    one.events += one.technician.events()
    return [event.message for event in one.events if isinstance(event, MessageReceived)]


@pytest.mark.attack(49, without=["one_control"])
async def test_two_never_have_mouse_and_keyboard_at_once(tmp_path: Path) -> None:
    """The user ticks everything for the second one too, who then asks again and moves anyway."""
    async with machine(tmp_path) as here, here.joined("Ben Ruiz", 2, VIEW, CHAT, CONTROL, COLLEAGUES) as ben:
        assert CONTROL in here.ana.technician.granted
        ben.say(PointerMove(1, 1))
        await settled()
        assert not Hands.moved
        assert CONTROL not in ben.technician.granted


@pytest.mark.attack(49, without=["colleagues_asked", "consent"])
async def test_technicians_do_not_pass_control_on_among_themselves(tmp_path: Path) -> None:
    """Both agree; the user is asked and says nothing."""
    async with machine(tmp_path) as here, here.joined("Ben Ruiz", 2, VIEW, COLLEAGUES) as ben:
        ben.say(ControlAsk(1))
        await settled()
        here.ana.say(HandOver(2, 2))
        await settled()
        ben.say(PointerMove(1, 1))
        await settled()
        assert CONTROL not in ben.technician.granted
        assert not Hands.moved


@pytest.mark.attack(49, without=["colleagues_consent"])
async def test_who_was_not_allowed_to_learns_no_names_no_chat_and_no_notes(tmp_path: Path) -> None:
    async with machine(tmp_path) as here:
        here.ana.say(Invite(1, 2, NOTE))
        await here.person.allow(yes=True)
        await state(here.ana, "called")
        async with here.joined("Ben Ruiz", 2, VIEW) as ben:
            here.ana.say(ChatMessage("he types his password now"))
            await settled()
            assert not [one for one in told(ben) if isinstance(one, People | InviteNotes | ChatMessage)]


@pytest.mark.attack(49)
async def test_a_tier_below_the_one_that_is_called_does_not_read_the_note(tmp_path: Path) -> None:
    """Whatever the technician's certificate says: the lower of it and the signed list counts."""
    async with machine(tmp_path) as here:
        here.ana.say(Invite(1, 2, NOTE))
        await here.person.allow(yes=True)
        await state(here.ana, "called")
        async with here.joined("Di Ruiz", 1, VIEW, COLLEAGUES) as di:
            low = await heard(di, InviteNotes)
            assert not low.enough and low.note == ""


@pytest.mark.attack(49)
async def test_only_who_is_called_by_name_is_told_who_calls(tmp_path: Path) -> None:
    """Whatever hint a technician claims to have, and whoever they are."""
    async with machine(tmp_path) as here:
        ben, cy = (here.organisation.technician(name, tier=3) for name in ("Ben Ruiz", "Cy Ruiz"))
        here.files.add(ben, 3, "Ben Ruiz")
        here.files.add(cy, 3, "Cy Ruiz")
        here.ana.say(Invite(1, 2, NOTE, ben.peer))
        await here.person.allow(yes=True)
        await state(here.ana, "called")
        for call in ("look", "decline"):
            asking = Assistance(tmp_path, FEATURES, technician=cy, wanted=(), beside=here.ana, call=call)
            async with asking:
                await asking.ended()
                assert not [event for event in asking.events if isinstance(event, CallTold)]
        assert here.called == [2], "the call still stands"
        assert not here.person.questions


@pytest.mark.attack(50, without=["call_is_silent"])
async def test_the_relay_reads_a_tier_and_no_names_or_notes(tmp_path: Path) -> None:
    sent: list[LinkMessage] = []
    async with machine(tmp_path) as here:
        desk = desk_of(here.ana, sent)
        here.ana.services.company.calls._call_out = desk.call_technician
        here.ana.say(Invite(1, 2, NOTE))
        await here.person.allow(yes=True)
        await state(here.ana, "called")
        here.ana.say(InviteCancel())
        await state(here.ana, "ended")
        ben = here.organisation.technician("Ben Ruiz", tier=2)
        here.files.add(ben, 2, "Ben Ruiz")
        here.ana.say(Invite(2, 2, NOTE, ben.peer))
        await here.person.allow(yes=True)
        await state(here.ana, "called")
        assert [(one.tier, one.peer) for one in sent if isinstance(one, HelpRequest)] == [(2, ""), (2, ben.peer)]
        carried = b"".join(msgspec.msgpack.encode(one) for one in sent)
        assert NOTE.encode() not in carried and b"Ana" not in carried and b"Ben" not in carried


@pytest.mark.attack(50)
async def test_nothing_that_a_relay_says_calls_anybody(tmp_path: Path) -> None:
    """Everything a relay can say about help, before anybody was called and after."""
    sent: list[LinkMessage] = []
    async with machine(tmp_path) as here:
        desk = desk_of(here.ana, sent)
        for message in LINK_MESSAGES:
            if isinstance(message, HelpCode):
                desk.help_code(message)
        desk.help_ended(1, "come in", used=True)
        desk.relay_back()
        await asyncio.sleep(0)
        assert not [one for one in sent if isinstance(one, HelpRequest)]
        assert not [one for one in told(here.ana) if isinstance(one, People | InviteNotes)]


def desk_of(one: Assistance, sent: list[LinkMessage]) -> FrontDesk:
    """A real desk of that machine whose relay notes what it is told."""
    relay = RelayStatus("http://127.0.0.1:9", "connected", 0.0, "")
    board = StatusBoard(device="d", label="Reception PC", organisation="Example Ltd", certificate_until=0.0, relay=relay)
    broker: ConsentBroker = one.broker
    return FrontDesk(broker, board, sessions=lambda: [one.session], send=sent.append)
