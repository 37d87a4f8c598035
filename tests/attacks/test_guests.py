"""Attacks on guests, devices that are not enrolled: whoever carries their bytes and knows half of the code (row 17), and whoever
guesses the other half (row 18). The strongest attacker of both works with the relay and holds a technician's certificate; that
one technician who knows all of it gets no more than guests grant is row 22."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from agent.features.chat import ChatFeature
from protocol.capabilities import Capability
from protocol.channel import DataReceived, SealedChannel
from protocol.errors import HandrailError, LocalProtocolError, Refused
from protocol.link_messages import TunnelOffer
from protocol.session import AgentSession, Connected, ConsentNeeded, SessionState, TechnicianSession
from technician_client.calling import call
from tests.kit.guest_world import Guest, connect, documents, founded_world, mistyped
from tests.kit.guests import SECRET, AssistedGuest, GuestConversation, Pipe, guest_session, technician_session
from tests.kit.organisation import Organisation
from tests.kit.waiting import eventually_async
from tests.kit.world import World


@pytest.fixture(scope="module")
def organisation() -> Organisation:
    return Organisation()


def carry(machine: AgentSession | TechnicianSession, channel: SealedChannel) -> bytes:
    """Let a machine and somebody's channel talk until both are silent; the plaintext that the machine said."""
    said = b""
    while True:
        moved = 0
        while data := machine.data_to_send():
            moved += len(data)
            try:
                channel.receive_data(data, 1.0)
            except HandrailError:
                channel.close()
        said += b"".join(event.data for event in channel.events() if isinstance(event, DataReceived))
        if data := channel.data_to_send():
            moved += len(data)
            machine.receive_data(data, 1.0)
        if not moved:
            return said


# -- 17: in the middle, knowing the nine digits ---------------------------------------------------------------------------


@pytest.mark.attack(17, without=["guest_binding", "guest_proof"])
def test_nobody_passes_a_proof_on_from_one_connection_to_another(organisation: Organisation) -> None:
    """A certificate of its own on each side, swapped in on the way; every byte that proves something is forwarded as it is."""
    technician = technician_session(organisation, organisation.technician())
    guest = guest_session(organisation, organisation.guest(), text="my password is on the note")
    pipe = Pipe(organisation, technician, guest).run()
    assert not any(isinstance(event, ConsentNeeded) for event in guest.events())
    assert not any(isinstance(event, Connected) for event in technician.events())
    assert b"session.hello" not in pipe.heard
    assert b"my password" not in pipe.heard


@pytest.mark.attack(17, without=["guest_proof"])
def test_a_relay_that_poses_as_the_guest_hears_nothing(organisation: Organisation) -> None:
    technician = technician_session(organisation, organisation.technician())
    fake = guest_session(organisation, organisation.guest(), "ZZZZZZZZ")
    talk = GuestConversation(organisation)
    talk.technician, talk.agent = technician, fake
    talk.run()
    assert not any(isinstance(event, ConsentNeeded) for event in talk.agent_events)
    assert technician.state is SessionState.ENDED


@pytest.mark.attack(17, without=["pinned_root"])
def test_a_technician_of_another_organisation_gets_not_even_a_share(organisation: Organisation) -> None:
    """It knows the whole code; the root that the seed pins is not its own."""
    evil = Organisation(organisation.name, wall=organisation.wall)
    person = evil.technician("Ana Ruiz")
    guest = guest_session(organisation, organisation.guest())
    theirs = SealedChannel.technician(person.key, person.chain, root_der=organisation.root, wall=organisation.wall, guest=True)
    carry(guest, theirs)
    assert guest.peer is None
    assert guest.state is SessionState.ENDED


@pytest.mark.attack(17, without=["guest_mode"])
def test_nine_digits_never_lead_to_a_guest(organisation: Organisation) -> None:
    """The relay answers the code of an enrolled device with a guest of its own making, for which any key will do."""
    person, mine = organisation.technician(), organisation.guest()
    technician = TechnicianSession(
        person.key,
        person.chain,
        organisation.root,
        expected_device=None,
        wanted=[Capability.VIEW],
        reason="",
        wall=lambda: organisation.wall,
    )
    said = carry(technician, SealedChannel.agent(mine.key, mine.chain, root_der=organisation.root, wall=organisation.wall))
    assert b"session.hello" not in said
    assert technician.peer is None


@pytest.mark.attack(17)
def test_a_guests_code_never_leads_to_an_enrolled_device(organisation: Organisation) -> None:
    device = organisation.device()
    technician = technician_session(organisation, organisation.technician())
    said = carry(technician, SealedChannel.agent(device.key, device.chain, root_der=organisation.root, wall=organisation.wall))
    assert said == b""
    assert technician.peer is None


@pytest.mark.attack(17)
def test_no_byte_that_the_relay_carries_tells_the_secret(organisation: Organisation) -> None:
    talk = GuestConversation(organisation, text="the printer").open(Capability.VIEW)
    for told in (SECRET.encode(), b"the printer", b"Ana Ruiz", b"session.guest"):
        assert told not in talk.recorded


# -- 18: guessing the other half ------------------------------------------------------------------------------------------


@pytest.mark.attack(18, without=["guest_proof"])
def test_a_guess_that_is_wrong_opens_nothing(organisation: Organisation) -> None:
    talk = GuestConversation(organisation, typed="ABCDEFGI", text="private").run()
    assert not any(isinstance(event, ConsentNeeded) for event in talk.agent_events)
    assert talk.technician.guest_text == ""
    assert talk.agent.state is SessionState.ENDED


@pytest.mark.attack(18, without=["guest_code_once"])
async def test_after_one_guess_even_the_right_one_is_refused(tmp_path: Path) -> None:
    async with AssistedGuest(tmp_path, (ChatFeature,), typed="ABCDEFGH") as guest:
        person = guest.sit_down()
        await eventually_async(lambda: guest.flush() or guest.technician.state is SessionState.ENDED, "the guess is refused")
        guest.typed = guest.code.secret
        try:
            guest.reconnect("")
        except LocalProtocolError:
            return  # there is no code for a session to be about
        await eventually_async(
            lambda: guest.flush() or person.questions or guest.technician.state is SessionState.ENDED, "an end"
        )
        assert not person.questions


@pytest.mark.attack(18, without=["spent_codes"])
async def test_a_relay_cannot_have_the_same_code_tried_twice(tmp_path: Path) -> None:
    """It keeps the nine digits alive and would send the technician to a fake guest again and again, a guess each time."""

    class Relay:
        async def redeem(self, code: str) -> TunnelOffer:
            return TunnelOffer(1, "t" * 32, "abc", "Guest abc", True, 60)

        async def ask(self, device: str) -> TunnelOffer:
            raise AssertionError(device)

    tried = 0
    for _ in range(3):
        try:
            await call(Relay(), tmp_path / "spent.json", code="482913507-ABCDEFGH", device=None)
        except Refused:
            continue
        tried += 1
    assert tried == 1


# -- both, on real processes ----------------------------------------------------------------------------------------------


@pytest.fixture
def world(tmp_path: Path, without: str) -> Iterator[World]:
    world = founded_world(tmp_path, without=without)
    try:
        yield world
    finally:
        world.stop()


@pytest.mark.attack(18, without=["guest_proof"])
def test_a_technicians_wrong_guess_burns_the_code_of_a_real_guest(world: World) -> None:
    guest = Guest(world)
    code = guest.code()
    wrong = connect(world, mistyped(code), "guess")
    said = guest.terminal.expect(r"Nothing was opened|asks to connect to this computer").group(0)
    assert said == "Nothing was opened"
    assert wrong.wait() == 7
    assert connect(world, code, "late").wait() == 6
    assert guest.terminal.wait() != 0
    assert guest.left_over() == []


@pytest.mark.attack(22, without=["guest_capabilities"])
def test_not_even_who_knows_the_code_runs_fixes_on_a_real_guest(world: World) -> None:
    guest = Guest(world)
    technician = connect(world, guest.code(), "greedy", "--want", "chat", "--want", "fixes")
    asked = guest.terminal.expect(r"(?s)asks to connect.*Your answer \[.*\] ").group(0)
    assert "run fixes" not in asked
    guest.terminal.type("y\n")
    guest.terminal.expect(r"May they chat with you\? \[y/N\] ")
    guest.terminal.type("y\n")
    guest.terminal.expect(r"CONNECTED")
    technician.wait_for(r'"event":"open"')
    assert [document["granted"] for document in documents(technician) if document.get("event") == "open"] == [["chat"]]
