"""A whole assisted session, both ends in memory."""

from datetime import timedelta

import pytest

from protocol.capabilities import Capability
from protocol.certificates import TechnicianClaims
from protocol.errors import LocalProtocolError, RefusalReason
from protocol.messages import REGISTRY, Lane, Sender
from protocol.messages.chat import ChatMessage
from protocol.messages.diagnostics import DiagnosticsCollect
from protocol.messages.forward import ForwardClosed, ForwardCredit, ForwardData, ForwardEnd, ForwardOpen
from protocol.messages.input import PointerMove, TypeText
from protocol.messages.screen import CursorMove, ScreenAck, ScreenUpdate, Tile
from protocol.messages.session import Paused, Refusal
from protocol.session import (
    CapabilityAsked,
    CapabilityExpired,
    Connected,
    ConsentNeeded,
    ConsentWaiting,
    DeniedByAgent,
    EndRequested,
    GrantsChanged,
    MessageReceived,
    MessageRefused,
    Opened,
    SessionState,
)
from tests.kit.conversation import Conversation
from tests.kit.organisation import Organisation


@pytest.fixture(scope="module")
def organisation() -> Organisation:
    return Organisation()


def received(events: list[object]) -> list[object]:
    return [event.message for event in events if isinstance(event, MessageReceived)]


@pytest.mark.parametrize("step", [1, 37, 65536])
def test_a_session_opens_with_the_same_sas_on_both_sides(organisation: Organisation, step: int) -> None:
    talk = Conversation(organisation, step=step).run()
    (asked,) = talk.agent_events
    assert isinstance(asked, ConsentNeeded)
    assert isinstance(asked.identity.claims, TechnicianClaims)
    assert asked.identity.claims.name == "Ana Ruiz"
    assert asked.reason == "the printer is on fire"
    assert asked.wanted == [Capability.VIEW, Capability.CONTROL, Capability.DIAGNOSTICS]
    (connected,) = talk.technician_events
    assert isinstance(connected, Connected)
    assert connected.sas == asked.sas
    talk.agent.consent_pending(180, talk.now)
    talk.run()
    talk.agent.welcome([Capability.VIEW], 600, "s1", talk.now)
    talk.run()
    assert talk.technician_events[1] == ConsentWaiting(180)
    assert isinstance(talk.technician_events[2], Opened)
    assert talk.agent.state is talk.technician.state is SessionState.OPEN
    assert talk.agent.granted == talk.technician.granted == {Capability.VIEW}


def test_nothing_said_can_be_read_in_between(organisation: Organisation) -> None:
    talk = Conversation(organisation).open(Capability.CHAT, Capability.CONTROL)
    talk.technician.send_message(TypeText("correct horse battery staple"), talk.now)
    talk.agent.send_message(ChatMessage("who is there"), talk.now)
    talk.run()
    assert received(talk.agent_events) == [TypeText("correct horse battery staple")]
    assert received(talk.technician_events) == [ChatMessage("who is there")]
    assert b"correct horse" not in talk.recorded
    assert b"who is there" not in talk.recorded
    assert b"printer" not in talk.recorded


def test_what_is_not_granted_is_refused_by_name_and_never_reaches_the_agent(organisation: Organisation) -> None:
    talk = Conversation(organisation).open(Capability.VIEW)
    talk.technician.send_message(TypeText("rm -rf"), talk.now)
    talk.technician.send_message(DiagnosticsCollect(7), talk.now)
    talk.run()
    assert received(talk.agent_events) == []
    refusals = received(talk.technician_events)
    assert [(refusal.refused, refusal.request, refusal.reason) for refusal in refusals if isinstance(refusal, Refusal)] == [
        ("input.type_text", 0, RefusalReason.NOT_GRANTED),
        ("diagnostics.collect", 7, RefusalReason.NOT_GRANTED),
    ]
    assert MessageRefused("input.type_text", RefusalReason.NOT_GRANTED) in talk.agent_events


def test_a_flood_of_refused_moves_is_answered_once_a_second(organisation: Organisation) -> None:
    talk = Conversation(organisation).open(Capability.VIEW)
    for x in range(500):
        talk.technician.send_message(PointerMove(x, 1), talk.now)
    talk.run()
    assert len(received(talk.technician_events)) == 1


def test_capabilities_are_asked_granted_and_revoked_one_by_one(organisation: Organisation) -> None:
    talk = Conversation(organisation).open(Capability.VIEW)
    talk.technician.ask(Capability.CONTROL, 5, "to click OK", talk.now)
    talk.run()
    assert CapabilityAsked(5, Capability.CONTROL, "to click OK") in talk.agent_events
    talk.agent.grant(Capability.CONTROL, 5, 60, talk.now)
    talk.run()
    assert GrantsChanged(frozenset({Capability.VIEW, Capability.CONTROL})) in talk.technician_events
    talk.technician.send_message(PointerMove(1, 2), talk.now)
    talk.run()
    assert PointerMove(1, 2) in received(talk.agent_events)
    talk.agent.revoke(Capability.CONTROL, "user", talk.now)
    talk.technician.send_message(PointerMove(3, 4), talk.now)
    talk.run()
    assert PointerMove(3, 4) not in received(talk.agent_events)
    assert talk.technician.granted == {Capability.VIEW}
    talk.technician.give_back(Capability.VIEW, talk.now)
    talk.run()
    assert talk.agent.granted == frozenset()


def test_a_grant_ends_by_itself(organisation: Organisation) -> None:
    talk = Conversation(organisation).open(Capability.VIEW, seconds=30)
    talk.later(31)
    assert CapabilityExpired(Capability.VIEW) in talk.agent_events
    assert talk.agent.granted == talk.technician.granted == frozenset()


def test_pause_holds_input_back_and_lets_chat_through(organisation: Organisation) -> None:
    talk = Conversation(organisation).open(Capability.CONTROL, Capability.CHAT, Capability.VIEW)
    talk.agent.pause(True, "user", talk.now)
    talk.technician.send_message(PointerMove(1, 1), talk.now)
    talk.technician.send_message(ChatMessage("hello?"), talk.now)
    talk.technician.send_message(ScreenAck(3), talk.now)
    talk.run()
    assert received(talk.agent_events) == [ScreenAck(3), ChatMessage("hello?")]  # the ack has the faster lane
    assert Paused(True, "user") in received(talk.technician_events)
    talk.agent.pause(False, "user", talk.now)
    talk.technician.send_message(PointerMove(1, 1), talk.now)
    talk.run()
    assert PointerMove(1, 1) in received(talk.agent_events)


def test_a_pause_takes_no_byte_out_of_a_forwarded_connection_and_opens_none(organisation: Organisation) -> None:
    talk = Conversation(organisation).open(Capability.FORWARD)
    talk.agent.pause(True, "user", talk.now)
    for message in (ForwardOpen(2, 80), ForwardData(1, b"kept"), ForwardEnd(1), ForwardCredit(1, 5), ForwardClosed(1)):
        talk.technician.send_message(message, talk.now)
    talk.run()
    assert set(received(talk.agent_events)) == {ForwardData(1, b"kept"), ForwardEnd(1), ForwardCredit(1, 5), ForwardClosed(1)}


def test_input_overtakes_a_picture_in_the_queue(organisation: Organisation) -> None:
    talk = Conversation(organisation).open(Capability.VIEW)
    picture = ScreenUpdate(1, 1, 0, [Tile(0, 0, 1000, 1000, "zstd-bgr", b"p" * 2_000_000)])
    talk.agent.send_message(picture, talk.now)
    first = talk.agent.data_to_send(64 * 1024)
    talk.agent.send_message(CursorMove(5, 6), talk.now)
    talk.technician.receive_data(first + talk.agent.data_to_send(1024), talk.now)
    assert CursorMove(5, 6) in received(talk.technician.events())
    talk.run()
    assert picture in received(talk.technician_events)
    assert talk.agent.pending(Lane.SCREEN) == 0


def test_the_technician_ends_and_gets_checkpoint_and_receipt(organisation: Organisation) -> None:
    talk = Conversation(organisation).open(Capability.VIEW)
    talk.technician.end("done", talk.now)
    talk.run()
    assert EndRequested("done") in talk.agent_events
    assert talk.agent.granted == frozenset()
    talk.agent.end("done", talk.now, b"checkpoint", b"{}")
    talk.run()
    assert talk.agent_ended().clean
    ended = talk.technician_ended()
    assert (ended.reason, ended.clean, ended.by_peer) == ("done", True, False)
    assert (ended.checkpoint, ended.receipt) == (b"checkpoint", b"{}")


def test_the_user_ends_and_the_picture_in_the_queue_is_not_sent_first(organisation: Organisation) -> None:
    talk = Conversation(organisation).open(Capability.VIEW)
    talk.agent.send_message(ScreenUpdate(1, 1, 0, [Tile(0, 0, 9, 9, "zstd-bgr", b"p" * 1_000_000)]), talk.now)
    talk.agent.end("stopped by the user", talk.now, b"c", b"r")
    talk.run()
    ended = talk.technician_ended()
    assert (ended.reason, ended.clean, ended.by_peer) == ("stopped by the user", True, True)
    assert len(talk.recorded) < 100_000
    assert talk.agent_ended().clean


def test_a_resumed_session_says_so_and_each_grant_keeps_its_own_end(organisation: Organisation) -> None:
    talk = Conversation(organisation, resume="s1", after_restart=900.0).run()
    (asked,) = talk.agent_events
    assert isinstance(asked, ConsentNeeded)
    assert (asked.resume, asked.after_restart) == ("s1", 900.0)
    ends = {Capability.VIEW: talk.now + 600, Capability.CONTROL: talk.now + 5}
    talk.agent.welcome(list(ends), 600, "s1", talk.now, resumed=True, after_restart=900.0, until=ends)
    talk.run()
    (opened,) = [event for event in talk.technician_events if isinstance(event, Opened)]
    assert (opened.welcome.resumed, opened.welcome.after_restart) == (True, 900.0)
    assert talk.agent.granted_until == ends
    talk.later(6)
    assert talk.technician.granted == {Capability.VIEW}


def test_only_the_network_can_end_a_session_so_that_it_can_go_on(organisation: Organisation) -> None:
    assert Conversation(organisation).open(Capability.VIEW).cut().agent_ended().cut
    assert Conversation(organisation).open(Capability.VIEW).cut().technician_ended().cut
    talk = Conversation(organisation).open(Capability.VIEW)
    talk.agent.end("the user pressed stop", talk.now)
    assert not talk.run().technician_ended().cut
    talk = Conversation(organisation).open(Capability.VIEW)
    talk.to_agent = lambda data: bytes(len(data))
    talk.technician.end("finished", talk.now)
    assert not talk.run().agent_ended().cut  # bytes that do not decrypt are no accident of the network


def test_an_agent_that_goes_down_says_for_how_long_the_session_waits(organisation: Organisation) -> None:
    talk = Conversation(organisation).open(Capability.VIEW)
    talk.agent.end("the computer restarts", talk.now, resume_seconds=900.0)
    assert talk.run().technician_ended().resume_seconds == 900.0


def test_denied_sessions_end_on_both_sides(organisation: Organisation) -> None:
    talk = Conversation(organisation).run()
    talk.agent.deny(RefusalReason.DENIED_BY_USER, "No.", talk.now)
    talk.run()
    (denied,) = [event for event in talk.technician_events if isinstance(event, DeniedByAgent)]
    assert denied.denied.reason is RefusalReason.DENIED_BY_USER
    assert talk.technician.state is talk.agent.state is SessionState.ENDED


def test_a_cut_is_not_a_clean_end(organisation: Organisation) -> None:
    talk = Conversation(organisation).open(Capability.VIEW).cut()
    assert not talk.agent_ended().clean
    assert not talk.technician_ended().clean


def test_silence_ends_a_session_and_pings_keep_one(organisation: Organisation) -> None:
    talk = Conversation(organisation).open(Capability.VIEW, seconds=100_000)
    talk.later(600)
    assert talk.agent.state is SessionState.OPEN
    assert talk.agent.round_trip is not None
    assert talk.agent.round_trip_last is not None
    talk.to_agent = lambda _: b""
    talk.later(60)
    assert talk.agent_ended().reason == "silence"


def test_a_certificate_that_expires_in_a_session_ends_it(organisation: Organisation) -> None:
    talk = Conversation(organisation, technician=organisation.technician(hours=1)).open(Capability.VIEW, seconds=100_000)
    talk.set_wall(organisation.wall + timedelta(hours=2))
    talk.later(400)
    assert talk.agent_ended().reason.startswith("untrusted")


def test_another_device_than_the_one_meant_is_noticed(organisation: Organisation) -> None:
    talk = Conversation(organisation, expected_device="0000000000000000").run()
    assert "instead of" in talk.technician_ended().reason
    assert talk.agent_events == [] or talk.agent.state is SessionState.ENDED


def test_a_label_that_is_not_the_certified_one_is_noticed(organisation: Organisation) -> None:
    talk = Conversation(organisation, device=organisation.device("Reception PC"), label="Managing director").run()
    assert "another label" in talk.technician_ended().reason


def test_a_stranger_of_another_organisation_gets_nowhere(organisation: Organisation) -> None:
    other = Organisation("Evil Ltd", wall=organisation.wall)
    talk = Conversation(organisation, technician=other.technician()).run()
    assert talk.agent.state is SessionState.ENDED
    assert not any(isinstance(event, ConsentNeeded) for event in talk.agent_events)


@pytest.mark.parametrize("tag", sorted(tag for tag, rule in REGISTRY.items() if rule.sender is Sender.AGENT))
def test_what_is_the_agents_to_say_ends_the_session_when_a_technician_says_it(organisation: Organisation, tag: str) -> None:
    talk = Conversation(organisation).open(Capability.VIEW)
    raw = b"\x92" + bytes([0xA0 | len(tag)]) + tag.encode() + b"\x01" if len(tag) < 32 else b""
    talk.technician._frames.send_message(Lane.CONTROL, raw)
    talk.run()
    assert talk.agent.state is SessionState.ENDED
    assert talk.agent_ended().reason.startswith("protocol_error")


def test_local_mistakes_are_told_at_once(organisation: Organisation) -> None:
    talk = Conversation(organisation).run()
    with pytest.raises(LocalProtocolError):
        talk.technician.send_message(PointerMove(1, 1), talk.now)
    talk.open(Capability.VIEW)
    with pytest.raises(LocalProtocolError):
        talk.agent.send_message(PointerMove(1, 1), talk.now)
    with pytest.raises(LocalProtocolError):
        talk.agent.welcome([], 1, "x", talk.now)


def test_every_flipped_byte_of_the_opening_is_noticed(organisation: Organisation) -> None:
    total = len(Conversation(organisation, technician=organisation.technician()).run().recorded)
    for place in range(0, total, 97):
        talk = Conversation(organisation)
        seen = 0

        def flip(data: bytes, position: int = place) -> bytes:
            nonlocal seen
            at = position - seen
            seen += len(data)
            return data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :] if 0 <= at < len(data) else data

        talk.to_agent = talk.to_technician = flip
        talk.run()
        if seen <= place:
            continue
        both = talk.agent.state is SessionState.CONSENT and talk.technician.state is SessionState.CONSENT
        # Bytes that TLS itself ignores (the legacy record version) may change; what was said may not.
        if both:
            asked = next(event for event in talk.agent_events if isinstance(event, ConsentNeeded))
            connected = next(event for event in talk.technician_events if isinstance(event, Connected))
            assert asked.sas == connected.sas
