"""A guest's session, both ends in memory: what is proved before anything is said."""

import pytest

from protocol.capabilities import Capability
from protocol.certificates import Identity
from protocol.errors import LocalProtocolError
from protocol.link_messages import Role
from protocol.messages import Message
from protocol.messages.session import GuestProof, GuestProved, GuestShare
from protocol.session import Connected, ConsentNeeded, SessionState
from tests.kit.guests import GuestConversation, Pipe, guest_session, technician_session
from tests.kit.organisation import Organisation

ORGANISATION = Organisation()


def test_a_guest_and_a_technician_who_typed_its_code_meet() -> None:
    talk = GuestConversation(ORGANISATION, text="the printer is on fire").run()
    assert talk.agent.state is talk.technician.state is SessionState.CONSENT
    assert talk.technician.guest_text == "the printer is on fire"
    assert talk.technician.peer is not None
    assert talk.technician.peer.role is Role.GUEST
    talk.open(Capability.VIEW)
    assert talk.technician.granted == {Capability.VIEW}


@pytest.mark.parametrize("step", [1, 7])
def test_a_guests_proof_survives_any_cutting(step: int) -> None:
    talk = GuestConversation(ORGANISATION)
    talk.step = step
    talk.run()
    assert talk.agent.state is SessionState.CONSENT


def test_a_wrong_secret_ends_it_on_both_sides_before_anything_is_said() -> None:
    talk = GuestConversation(ORGANISATION, typed="ABCDEFGI", text="private").run()
    for ended in (talk.agent_ended(), talk.technician_ended()):
        assert ended.reason.startswith("untrusted: ")
        assert "ask for a new one" in ended.reason
        assert not ended.cut
    assert talk.agent_events == [talk.agent_ended()]
    assert talk.technician_events == [talk.technician_ended()]
    assert talk.technician.guest_text == ""


def test_a_side_that_does_not_expect_a_guests_session_has_none() -> None:
    enrolled_technician = GuestConversation(ORGANISATION, typed="").run()
    assert enrolled_technician.technician_ended().reason.startswith("untrusted")
    device, guest = ORGANISATION.device("Guest"), ORGANISATION.guest()
    for who, secret in ((guest, ""), (device, "ABCDEFGH")):
        with pytest.raises(LocalProtocolError, match="secret"):
            guest_session(ORGANISATION, who, secret)


def test_a_proof_has_its_time() -> None:
    talk = GuestConversation(ORGANISATION)
    talk.to_agent = _Drop(talk, after=SessionState.GUEST)
    talk.run().later(16)
    assert talk.agent_ended().reason == "protocol_error: nothing came in time (guest)"


class _Drop:
    """Swallows what the technician says once it has come to a state."""

    def __init__(self, talk: GuestConversation, after: SessionState) -> None:
        self.talk, self.after = talk, after

    def __call__(self, data: bytes) -> bytes:
        return b"" if self.talk.agent.state is self.after else data


@pytest.mark.parametrize("share", [b"A" + bytes(32), b"B" + bytes(32), b"A" + b"\x01" + bytes(31), b"A" + b"\xff" * 32])
def test_a_share_of_no_secret_is_refused(share: bytes) -> None:
    talk = GuestConversation(ORGANISATION)
    talk.technician._receive_share = lambda _: talk.technician._queue(GuestProof(share, bytes(32)))  # type: ignore[method-assign]
    talk.run()
    assert talk.agent_ended().reason.startswith("untrusted: ")


def _say_first(talk: GuestConversation, message: Message) -> None:
    plain = talk.agent._established

    def confused(peer: Identity, now: float) -> None:
        talk.agent._queue(message)
        plain(peer, now)

    talk.agent._established = confused  # type: ignore[method-assign]


def test_a_guest_that_repeats_itself_or_begins_at_the_end_is_refused() -> None:
    for message in (GuestShare(b"B" + bytes(32)), GuestProved(bytes(32))):
        talk = GuestConversation(ORGANISATION)
        _say_first(talk, message)
        talk.run()
        assert talk.technician.state is SessionState.ENDED
        assert not any(isinstance(event, Connected) for event in talk.technician_events)


def test_whoever_passes_both_sides_on_gets_neither() -> None:
    guest, technician = ORGANISATION.guest(), ORGANISATION.technician()
    one, other = technician_session(ORGANISATION, technician), guest_session(ORGANISATION, guest)
    Pipe(ORGANISATION, one, other).run()
    assert one.state is other.state is SessionState.ENDED
    assert not any(isinstance(event, Connected | ConsentNeeded) for event in [*one.events(), *other.events()])
