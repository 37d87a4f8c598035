"""The technician's own rules that `test_session` does not reach."""

import pytest

from protocol.capabilities import Capability
from protocol.messages import Lane, Message, encode_message
from protocol.messages.input import Key
from protocol.messages.session import Called, ConsentPending, Welcome
from protocol.session import CallTold, MessageReceived, SessionState
from protocol.version import PROTOCOL
from tests.kit.conversation import Conversation
from tests.kit.organisation import Organisation


@pytest.fixture(scope="module")
def organisation() -> Organisation:
    return Organisation()


def test_a_second_welcome_is_a_lie(organisation: Organisation) -> None:
    talk = Conversation(organisation).open(Capability.VIEW)
    talk.agent._frames.send_message(Lane.CONTROL, encode_message(Welcome([Capability.CONTROL], 9, "again")))
    talk.run()
    assert talk.technician_ended().reason.startswith("protocol_error")
    assert talk.technician.granted == {Capability.VIEW}


def with_an_agent_of(talk: Conversation, protocol: int, monkeypatch: pytest.MonkeyPatch) -> Conversation:
    """The same, the agent speaking an earlier (or later) protocol."""
    monkeypatch.setattr("protocol.agent_session.PROTOCOL", protocol)
    return talk.open(Capability.CONTROL)


@pytest.mark.parametrize(("protocol", "mode"), [(1, "text"), (2, "auto"), (PROTOCOL + 5, "auto")])
def test_an_agent_hears_only_what_it_knows(
    organisation: Organisation, protocol: int, mode: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    talk = with_an_agent_of(Conversation(organisation), protocol, monkeypatch)
    assert talk.technician.spoken == min(protocol, PROTOCOL)
    talk.technician.send_message(Key("KeyA", "a", True, "auto"), talk.now)
    talk.run()
    assert MessageReceived(Key("KeyA", "a", True, mode)) in talk.agent_events


def test_it_never_tells_who_it_is_to_a_stranger(organisation: Organisation) -> None:
    """The client certificate goes out last: a device of another organisation learns nothing (threat 11)."""
    other = Organisation("Evil Ltd", wall=organisation.wall)
    talk = Conversation(organisation, device=other.device("Reception PC"))
    sent = b""

    def listen(data: bytes) -> bytes:
        nonlocal sent
        sent += data
        return data

    talk.to_agent = listen
    talk.run()
    assert talk.technician.state is SessionState.ENDED
    assert len(sent) < 2000 + 1300  # a client hello (with its post-quantum share) and an alert, no certificate chain
    assert talk.agent.peer is None


def test_an_agent_that_never_says_goodbye_does_not_hold_the_technician(organisation: Organisation) -> None:
    talk = Conversation(organisation).open(Capability.VIEW)
    talk.to_technician = lambda _: b""
    talk.technician.end("done", talk.now)
    talk.run().later(6)
    assert talk.technician.state is SessionState.ENDED
    assert not talk.technician_ended().clean


CALLED = Called("Ana Ruiz", 1, "the spooler", 5.0, 90.0)


def test_who_asked_who_calls_is_told_and_that_is_the_end(organisation: Organisation) -> None:
    talk = Conversation(organisation, wanted=(), call="look").run()
    assert talk.agent_events[-1].call == "look"  # type: ignore[union-attr]
    talk.agent.tell_call(CALLED, talk.now)
    talk.run()
    assert CallTold(CALLED) in talk.technician_events
    assert talk.technician_ended().clean and talk.technician.state is SessionState.ENDED


@pytest.mark.parametrize("message", [Welcome([Capability.CONTROL], 9, "again"), ConsentPending(600.0)])
def test_an_answer_to_who_calls_opens_nothing(organisation: Organisation, message: Message) -> None:
    talk = Conversation(organisation, wanted=(), call="look").run()
    talk.agent._frames.send_message(Lane.CONTROL, encode_message(message))
    talk.run()
    assert talk.technician_ended().reason.startswith("protocol_error")
    assert talk.technician.granted == frozenset()


def test_nobody_is_told_who_calls_who_did_not_ask(organisation: Organisation) -> None:
    talk = Conversation(organisation, wanted=(Capability.VIEW,)).run()
    talk.agent.tell_call(CALLED, talk.now)
    talk.run()
    assert talk.technician_ended().reason.startswith("protocol_error")
    assert CallTold(CALLED) not in talk.technician_events
