"""Attacks of whoever carries the bytes of a session, on both machines face to face: rows 1 to 11, 19, 43."""

import pytest

from protocol.capabilities import Capability
from protocol.messages.input import PointerButton, TypeText
from protocol.session import ConsentNeeded, MessageReceived, SessionState
from tests.kit.conversation import Conversation
from tests.kit.organisation import Organisation


@pytest.fixture(scope="module")
def organisation() -> Organisation:
    return Organisation()


def received(talk: Conversation) -> list[object]:
    return [event.message for event in talk.agent_events if isinstance(event, MessageReceived)]


@pytest.mark.attack(1, without=["sealed_channel"])
def test_nothing_typed_can_be_read_on_the_way(organisation: Organisation) -> None:
    talk = Conversation(organisation).open(Capability.CONTROL)
    talk.technician.send_message(TypeText("correct horse battery staple"), talk.now)
    talk.run()
    assert received(talk) == [TypeText("correct horse battery staple")]
    assert b"correct horse" not in talk.recorded


@pytest.mark.attack(2, without=["sealed_channel"])
def test_a_flipped_bit_never_becomes_another_message(organisation: Organisation) -> None:
    talk = Conversation(organisation).open(Capability.CONTROL)
    talk.technician.send_message(TypeText("transfer 100"), talk.now)
    data = bytearray(talk.technician.data_to_send())
    at = data.find(b"100") if b"100" in data else len(data) // 2
    data[at] ^= 1
    talk.agent.receive_data(bytes(data), talk.now)
    talk.agent_events += talk.agent.events()
    assert received(talk) == []
    assert talk.agent.state is SessionState.ENDED


@pytest.mark.attack(3, without=["sealed_channel"])
def test_a_replayed_click_is_not_clicked_twice(organisation: Organisation) -> None:
    talk = Conversation(organisation).open(Capability.CONTROL)
    talk.technician.send_message(PointerButton(1, 1, 0, True), talk.now)
    data = talk.technician.data_to_send()
    for _ in range(2):
        talk.agent.receive_data(data, talk.now)
        talk.agent_events += talk.agent.events()
    assert len(received(talk)) == 1
    assert talk.agent.state is SessionState.ENDED


@pytest.mark.attack(4, without=["sealed_channel"])
def test_dropped_or_reordered_messages_end_the_session(organisation: Organisation) -> None:
    for order in ((1,), (1, 0)):
        talk = Conversation(organisation).open(Capability.CONTROL)
        sealed = []
        for text in ("rm -rf ", "/tmp/x"):
            talk.technician.send_message(TypeText(text), talk.now)
            sealed.append(talk.technician.data_to_send())
        for index in order:
            talk.agent.receive_data(sealed[index], talk.now)
        talk.agent_events += talk.agent.events()
        assert received(talk) == []
        assert talk.agent.state is SessionState.ENDED


@pytest.mark.attack(5, without=["sealed_channel"])
def test_a_session_cannot_be_spliced_into_another(organisation: Organisation) -> None:
    device, person = organisation.device(), organisation.technician()
    one = Conversation(organisation, device, person).open(Capability.CONTROL)
    other = Conversation(organisation, device, person).open(Capability.CONTROL)
    one.technician.send_message(TypeText("meant for the other"), one.now)
    other.agent.receive_data(one.technician.data_to_send(), other.now)
    other.agent_events += other.agent.events()
    assert received(other) == []
    assert other.agent.state is SessionState.ENDED


@pytest.mark.attack(6)
def test_what_a_side_said_cannot_be_reflected_to_it(organisation: Organisation) -> None:
    talk = Conversation(organisation)
    talk.technician.receive_data(talk.technician.data_to_send(), talk.now)
    assert talk.technician.state is SessionState.ENDED
    talk = Conversation(organisation).open(Capability.CONTROL)
    talk.technician.send_message(TypeText("hello"), talk.now)
    talk.technician.receive_data(talk.technician.data_to_send(), talk.now)
    assert talk.technician.state is SessionState.ENDED


@pytest.mark.attack(7, without=["close_notify"])
def test_a_cut_between_two_messages_is_not_an_end(organisation: Organisation) -> None:
    """Everything that was sent has arrived; that nothing more was to come is for the other side to say, not for the network."""
    talk = Conversation(organisation).open(Capability.VIEW)
    talk.cut()
    assert not talk.technician_ended().clean
    assert not talk.agent_ended().clean


@pytest.mark.attack(7)
def test_a_cut_session_is_never_taken_for_a_clean_end(organisation: Organisation) -> None:
    talk = Conversation(organisation).open(Capability.VIEW)
    talk.agent.end("done", talk.now, b"checkpoint", b"receipt")
    talk.technician.receive_data(talk.agent.data_to_send()[:-1], talk.now)
    talk.technician.receive_eof(talk.now)
    talk.technician_events += talk.technician.events()
    assert not talk.technician_ended().clean
    assert talk.technician_ended().receipt == b""


@pytest.mark.attack(8)
@pytest.mark.parametrize(
    "greeting",
    [b"\x16\x03\x01\x00\x05\x01\x00\x00\x01\x00", b'{"type":"hello"}', b"\x00" * 64, b"HANDRAIL PLAINTEXT PLEASE\r\n"],
)
def test_nothing_but_tls_is_spoken(organisation: Organisation, greeting: bytes) -> None:
    talk = Conversation(organisation)
    talk.agent.receive_data(greeting, talk.now)
    talk.agent.receive_eof(talk.now)
    talk.agent_events += talk.agent.events()
    assert talk.agent.state is SessionState.ENDED
    assert not any(isinstance(event, ConsentNeeded | MessageReceived) for event in talk.agent_events)


@pytest.mark.attack(9, without=["pinned_root"])
def test_another_organisation_in_the_middle_gets_neither_side(organisation: Organisation) -> None:
    evil = Organisation("Example Ltd", wall=organisation.wall)
    towards_agent = Conversation(organisation, technician=evil.technician("Ana Ruiz")).run()
    towards_technician = Conversation(organisation, device=evil.device("Reception PC")).run()
    assert not any(isinstance(event, ConsentNeeded) for event in towards_agent.agent_events)
    assert towards_agent.agent.state is SessionState.ENDED
    assert towards_technician.technician.state is SessionState.ENDED
    assert towards_technician.agent.peer is None


@pytest.mark.attack(11, without=["pinned_root"])
def test_a_relay_that_poses_as_a_device_learns_nobodys_name(organisation: Organisation) -> None:
    """The technician is the TLS client: its certificate goes out after the device's was believed, and then sealed."""
    evil = Organisation("Example Ltd", wall=organisation.wall)
    talk = Conversation(organisation, device=evil.device("Reception PC")).run()
    assert talk.agent.peer is None
    assert talk.technician.state is SessionState.ENDED
    assert talk.person.chain[0] not in talk.recorded


@pytest.mark.attack(11, without=["sealed_channel"])
def test_nobody_on_the_way_learns_who_helps_whom(organisation: Organisation) -> None:
    talk = Conversation(organisation).open(Capability.VIEW)
    for secret in (b"Ana Ruiz", b"Reception PC", b"the printer is on fire", talk.person.peer.encode(), talk.device.peer.encode()):
        assert secret not in talk.recorded


@pytest.mark.attack(10, without=["expected_device"])
def test_another_device_than_the_one_asked_for_is_refused(organisation: Organisation) -> None:
    meant = organisation.device("Reception PC")
    talk = Conversation(organisation, device=organisation.device("Reception PC"), expected_device=meant.peer).run()
    assert talk.technician.state is SessionState.ENDED
    assert not any(isinstance(event, ConsentNeeded) for event in talk.agent_events)


@pytest.mark.attack(43, without=["certified_label"])
def test_a_device_under_another_label_is_refused(organisation: Organisation) -> None:
    talk = Conversation(organisation, device=organisation.device("Till 3"), label="Managing director").run()
    assert talk.technician.state is SessionState.ENDED


@pytest.mark.attack(19, without=["commitment"])
def test_a_nonce_chosen_after_the_agents_is_refused(organisation: Organisation) -> None:
    """Whoever could choose its nonce last could try a million for the SAS it wants."""
    talk = Conversation(organisation)
    plain = talk.technician._receive_hello

    def grind(hello: object) -> None:
        talk.technician._nonce = bytes(32)
        plain(hello)  # type: ignore[arg-type]

    talk.technician._receive_hello = grind  # type: ignore[method-assign]
    talk.run()
    assert not any(isinstance(event, ConsentNeeded) for event in talk.agent_events)
    assert talk.agent.state is SessionState.ENDED


@pytest.mark.attack(22, without=["capability_check"])
def test_what_is_not_granted_does_not_reach_a_feature(organisation: Organisation) -> None:
    talk = Conversation(organisation, technician=organisation.technician(tier=1)).open(Capability.VIEW)
    talk.technician.send_message(TypeText("format c:"), talk.now)
    talk.run()
    assert received(talk) == []
