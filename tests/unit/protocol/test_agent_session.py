"""The agent's own rules that `test_session` does not reach."""

import pytest

from protocol.capabilities import Capability
from protocol.errors import RefusalReason
from protocol.messages import Lane, encode_message
from protocol.messages.session import Hello, Reveal
from protocol.session import ConsentNeeded, DeniedByAgent, SessionState
from tests.kit.conversation import Conversation
from tests.kit.organisation import Organisation


@pytest.fixture(scope="module")
def organisation() -> Organisation:
    return Organisation()


def handshake_only(organisation: Organisation) -> Conversation:
    """Certified on both sides, the technician's own hello held back."""
    talk = Conversation(organisation)
    talk.technician._established = lambda peer, now: None  # type: ignore[method-assign]
    talk.technician.state = SessionState.HANDSHAKE
    talk.run()
    talk.technician.state = SessionState.HELLO
    assert talk.agent.state is SessionState.HELLO
    return talk


def test_a_reveal_that_does_not_open_the_commitment_ends_it(organisation: Organisation) -> None:
    talk = handshake_only(organisation)
    talk.technician._frames.send_message(Lane.CONTROL, encode_message(Hello(1, [Capability.VIEW], "", b"c" * 32)))
    talk.technician._frames.send_message(Lane.CONTROL, encode_message(Reveal(b"n" * 32)))
    talk.run()
    assert talk.agent_ended().reason.startswith("untrusted")
    assert not any(isinstance(event, ConsentNeeded) for event in talk.agent_events)


def test_feature_messages_before_the_welcome_end_it(organisation: Organisation) -> None:
    talk = Conversation(organisation).run()
    talk.technician._frames.send_message(Lane.CONTROL, b"\x92\xb3diagnostics.collect\x01")
    talk.run()
    assert talk.agent.state is SessionState.ENDED


def test_an_older_protocol_is_refused_by_name(organisation: Organisation) -> None:
    talk = handshake_only(organisation)
    talk.technician._frames.send_message(Lane.CONTROL, encode_message(Hello(0, [], "", b"c" * 32)))
    talk.run()
    (denied,) = [event for event in talk.technician_events if isinstance(event, DeniedByAgent)]
    assert denied.denied.reason is RefusalReason.VERSION


def test_the_same_capability_asked_twice_is_asked_once(organisation: Organisation) -> None:
    talk = Conversation(organisation, wanted=(Capability.VIEW, Capability.VIEW, Capability.CHAT)).run()
    (asked,) = talk.agent_events
    assert isinstance(asked, ConsentNeeded)
    assert asked.wanted == [Capability.VIEW, Capability.CHAT]


def test_what_a_later_technician_wants_that_is_not_known_here_is_not_asked_for(organisation: Organisation) -> None:
    talk = Conversation(organisation)
    later = (Capability.VIEW, "teleport", "")
    talk.technician._asking = (later, *talk.technician._asking[1:])  # type: ignore[assignment]
    talk.run()
    (asked,) = talk.agent_events
    assert isinstance(asked, ConsentNeeded)
    assert asked.wanted == [Capability.VIEW]


def test_a_question_nobody_answers_does_not_hold_the_session_for_ever(organisation: Organisation) -> None:
    talk = Conversation(organisation).run()
    talk.agent.consent_pending(180, talk.now)
    talk.run().later(300)
    assert talk.agent.state is SessionState.ENDED
    assert talk.technician.state is SessionState.ENDED
