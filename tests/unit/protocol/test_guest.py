"""Two sides that know the same eight characters, and everybody who does not."""

import secrets

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from protocol.errors import LocalProtocolError, TrustError
from protocol.guest import CONFIRMATION_BYTES, SHARE_BYTES, WRONG_CODE, GuestExchange
from protocol.messages.base import Sender

EXPORTER = bytes(range(32))


def side(
    sender: Sender, secret: str = "ABCDEFGH", technician_leaf: bytes = b"technician", guest_leaf: bytes = b"guest"
) -> GuestExchange:
    return GuestExchange(sender, secret, technician_leaf=technician_leaf, guest_leaf=guest_leaf, random_bytes=secrets.token_bytes)


def meet(technician: GuestExchange, guest: GuestExchange, one: bytes = EXPORTER, other: bytes = EXPORTER) -> None:
    technician.meet(guest.share, one)
    guest.meet(technician.share, other)


def test_who_knows_the_secret_is_believed_by_both() -> None:
    technician, guest = side(Sender.TECHNICIAN), side(Sender.AGENT)
    assert (len(technician.share), len(guest.share)) == (SHARE_BYTES, SHARE_BYTES)
    meet(technician, guest)
    assert len(technician.confirmation) == CONFIRMATION_BYTES
    guest.check(technician.confirmation)
    technician.check(guest.confirmation)


def refused(technician: GuestExchange, guest: GuestExchange) -> None:
    for one, other in ((technician, guest), (guest, technician)):
        with pytest.raises(TrustError, match="void"):
            one.check(other.confirmation)


def test_another_secret_is_refused_by_both() -> None:
    technician, guest = side(Sender.TECHNICIAN, "ABCDEFGH"), side(Sender.AGENT, "ABCDEFGI")
    meet(technician, guest)
    refused(technician, guest)


def test_another_certificate_on_either_side_is_refused() -> None:
    for named in ({"technician_leaf": b"another"}, {"guest_leaf": b"another"}):
        technician, guest = side(Sender.TECHNICIAN), side(Sender.AGENT, **named)
        meet(technician, guest)
        refused(technician, guest)


def test_another_connection_is_refused() -> None:
    technician, guest = side(Sender.TECHNICIAN), side(Sender.AGENT)
    meet(technician, guest, EXPORTER, bytes(32))
    refused(technician, guest)


def test_a_confirmation_cannot_be_reflected() -> None:
    technician, guest = side(Sender.TECHNICIAN), side(Sender.AGENT)
    meet(technician, guest)
    with pytest.raises(TrustError):
        guest.check(guest.confirmation)


def test_nor_can_a_share() -> None:
    guest = side(Sender.AGENT)
    with pytest.raises(TrustError) as caught:
        guest.meet(guest.share, EXPORTER)
    assert str(caught.value) == WRONG_CODE
    guest = side(Sender.AGENT)
    with pytest.raises(TrustError):
        guest.meet(b"A" + guest.share[1:], EXPORTER)


def test_there_is_one_attempt() -> None:
    technician, guest = side(Sender.TECHNICIAN), side(Sender.AGENT)
    with pytest.raises(TrustError):
        guest.meet(bytes(SHARE_BYTES), EXPORTER)
    with pytest.raises(LocalProtocolError):
        guest.meet(technician.share, EXPORTER)
    with pytest.raises(LocalProtocolError):
        _ = guest.confirmation


def test_nothing_is_confirmed_before_the_shares_have_met() -> None:
    with pytest.raises(LocalProtocolError):
        side(Sender.AGENT).check(bytes(CONFIRMATION_BYTES))
    with pytest.raises(LocalProtocolError):
        side(Sender.BOTH)
    with pytest.raises(LocalProtocolError):
        side(Sender.AGENT, "")


@settings(max_examples=60, deadline=None)
@given(st.one_of(st.binary(max_size=40), st.binary(min_size=32, max_size=32).map(lambda data: b"A" + data)))
def test_any_bytes_are_a_share_or_refused(share: bytes) -> None:
    guest = side(Sender.AGENT)
    try:
        guest.meet(share, EXPORTER)
    except TrustError:
        return
    with pytest.raises(TrustError):
        guest.check(bytes(CONFIRMATION_BYTES))
