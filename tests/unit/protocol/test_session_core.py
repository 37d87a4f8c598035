"""What both ends share: deadlines, pings, unknown messages, hostile lanes."""

import msgspec
import pytest

from protocol.capabilities import Capability
from protocol.limits import LIMITS
from protocol.messages import Lane, encode_message
from protocol.messages.session import Ping
from protocol.session import SessionState, UnknownReceived
from tests.kit.conversation import Conversation
from tests.kit.organisation import Organisation


@pytest.fixture(scope="module")
def organisation() -> Organisation:
    return Organisation()


def test_a_peer_that_never_speaks_is_given_up(organisation: Organisation) -> None:
    talk = Conversation(organisation)
    talk.agent.receive_data(b"", talk.now)
    deadline = talk.agent.next_deadline()
    if deadline is None:  # the channel counts from the first byte
        talk.agent.receive_data(talk.technician.data_to_send()[:10], talk.now)
        deadline = talk.agent.next_deadline()
    assert deadline is not None
    assert deadline <= talk.now + LIMITS.handshake_seconds
    talk.agent.handle_deadline(deadline + 0.1)
    assert talk.agent.state is SessionState.ENDED
    assert talk.agent.next_deadline() is None


def test_unknown_messages_are_noticed_and_ignored(organisation: Organisation) -> None:
    talk = Conversation(organisation).open(Capability.VIEW)
    talk.technician._frames.send_message(Lane.BULK, msgspec.msgpack.encode(["holography.start", 1]))
    talk.run()
    assert UnknownReceived("holography.start") in talk.agent_events
    assert talk.agent.state is SessionState.OPEN


@pytest.mark.parametrize("payload", [b"\xff", b"\x91\xa1", b"not msgpack at all", msgspec.msgpack.encode(["input.type_text", 5])])
def test_what_does_not_decode_ends_the_session(organisation: Organisation, payload: bytes) -> None:
    talk = Conversation(organisation).open(Capability.CONTROL)
    talk.technician._frames.send_message(Lane.INPUT, payload)
    talk.run()
    assert talk.agent_ended().reason.startswith("protocol_error")


def test_a_message_on_the_wrong_lane_ends_the_session(organisation: Organisation) -> None:
    talk = Conversation(organisation).open(Capability.CONTROL)
    talk.technician._frames.send_message(Lane.BULK, encode_message(Ping(1)))
    talk.run()
    assert "lane bulk" in talk.agent_ended().reason


def test_pings_nobody_reads_the_answers_of_are_bounded(organisation: Organisation) -> None:
    talk = Conversation(organisation).open(Capability.VIEW)
    for _ in range(200_000):
        talk.technician._frames.send_message(Lane.INPUT, encode_message(Ping(2**40)))
        if talk.technician._frames.pending(Lane.INPUT) > 60_000:
            talk.agent.receive_data(talk.technician.data_to_send(1 << 20), talk.now)
            if talk.agent.state is SessionState.ENDED:
                break
    assert talk.agent.state is SessionState.ENDED


def test_garbage_instead_of_a_handshake_ends_it_without_raising(organisation: Organisation) -> None:
    for garbage in (b"GET / HTTP/1.1\r\n\r\n", bytes(5000), b"\x16\x03\x01\xff\xff" + bytes(70000)):
        talk = Conversation(organisation)
        talk.agent.receive_data(garbage, talk.now)
        talk.agent.receive_eof(talk.now)
        assert talk.agent.state is SessionState.ENDED


def test_an_end_before_the_handshake_is_no_error(organisation: Organisation) -> None:
    talk = Conversation(organisation)
    talk.technician.end("changed my mind", talk.now)
    assert talk.technician.state is SessionState.ENDED
    assert talk.technician.data_to_send() is not None
