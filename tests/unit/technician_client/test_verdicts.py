"""Is it the device that was meant; how a session was refused or ended, in words."""

from datetime import UTC, datetime

import pytest

from protocol.certificates import DeviceClaims, Identity, Role, TechnicianClaims, check_chain
from protocol.errors import RefusalReason, TrustError
from protocol.link_messages import TunnelOffer
from protocol.messages.session import Denied
from protocol.session import SessionEnded
from technician_client.verdicts import check_offer, denial, describe_end, device_claims
from tests.kit.organisation import Credentials, Organisation


@pytest.fixture(scope="module")
def organisation() -> Organisation:
    return Organisation()


def identity_of(organisation: Organisation, credentials: Credentials) -> Identity:
    return check_chain(
        credentials.chain, root_der=organisation.root, expected=credentials.role, purpose="session", wall=datetime.now(UTC)
    )


def offer(peer: str, label: str) -> TunnelOffer:
    return TunnelOffer(1, "t" * 32, peer, label, False, 60)


def test_what_relay_and_certificate_agree_on_passes(organisation: Organisation) -> None:
    device = organisation.device("Till 1", "tills")
    identity = identity_of(organisation, device)
    check_offer(offer(device.peer, "Till 1"), identity, asked=device.peer)
    check_offer(offer(device.peer, ""), identity, asked=None)  # a relay may know no label
    assert device_claims(identity) == DeviceClaims(label="Till 1", group="tills")


def test_any_disagreement_stops(organisation: Organisation) -> None:
    device = organisation.device("Till 1")
    identity = identity_of(organisation, device)
    for wrong, asked in (
        (offer(device.peer, "Till 2"), None),
        (offer("another", "Till 1"), None),
        (offer(device.peer, "Till 1"), "another"),
    ):
        with pytest.raises(TrustError, match="the session was stopped"):
            check_offer(wrong, identity, asked=asked)


def test_a_technician_is_not_a_device(organisation: Organisation) -> None:
    person = organisation.technician()
    identity = identity_of(organisation, person)
    assert identity.role is Role.TECHNICIAN
    assert isinstance(identity.claims, TechnicianClaims)
    with pytest.raises(TrustError, match="not as a device"):
        check_offer(offer(person.peer, ""), identity, asked=None)


@pytest.mark.parametrize("reason", list(RefusalReason))
def test_every_refusal_has_words(reason: RefusalReason) -> None:
    error = denial(Denied(reason, "Because."))
    assert error.reason is reason
    assert str(error).endswith("Because.") or "computer" in str(error)
    assert len(str(denial(Denied(reason)))) > 10


@pytest.mark.parametrize(
    ("reason", "words"),
    [
        ("cut", "was cut"),
        ("silence", "too long"),
        ("protocol_error: nonsense", "broke the rules"),
        ("untrusted: it is somebody else", "it is somebody else"),
        ("stopped by the user", "by the device: stopped by the user"),
    ],
)
def test_every_end_has_words(reason: str, words: str) -> None:
    assert words in describe_end(SessionEnded(reason, clean=False, by_peer=True))
    assert "this side" in describe_end(SessionEnded("done", clean=True, by_peer=False))


@pytest.mark.parametrize(
    ("code", "words"),
    [(None, "both networks"), (1001, "stopping"), (1006, "This computer"), (4008, "did not come"), (4000, "device's connection")],
)
def test_a_cut_is_told_by_whose_network_failed(code: int | None, words: str) -> None:
    assert words in describe_end(SessionEnded("cut", clean=False, by_peer=True), code)
