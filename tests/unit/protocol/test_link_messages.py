"""Bounds of the link's messages, at their edges."""

import msgspec
import pytest

from protocol.link_messages import AnyLinkMessage, DevicesQuery, HelpCode, LinkMessage, MailSend, Reconnect, TunnelOffer
from tests.vectors.examples import LINK_MESSAGES, TICKET


def decode(message: LinkMessage) -> LinkMessage:
    decoded: LinkMessage = msgspec.msgpack.decode(msgspec.msgpack.encode(message), type=AnyLinkMessage)
    return decoded


def test_every_type_has_a_tag_of_its_own_and_an_example() -> None:
    tags = [kind.__struct_config__.tag for kind in AnyLinkMessage.__args__]
    assert len(set(tags)) == len(tags)
    assert {type(message) for message in LINK_MESSAGES} == set(AnyLinkMessage.__args__)


@pytest.mark.parametrize(
    "message",
    [
        DevicesQuery(0, "x" * 100, "x" * 200, 500),
        DevicesQuery(2**32 - 1, limit=1),
        MailSend(1, "signer", "enrolment.answer", bytes(128 * 1024)),
        MailSend(1, "x" * 40, "k" * 40, b""),
        TunnelOffer(1, "t" * 20, "d", "", False, 0.0),
        TunnelOffer(1, "t" * 64, "d" * 40, "l" * 100, True, 1e7),
    ],
)
def test_what_is_just_allowed_is_allowed(message: LinkMessage) -> None:
    assert decode(message) == message


@pytest.mark.parametrize(
    "message",
    [
        DevicesQuery(0, "x" * 101),
        DevicesQuery(0, limit=0),
        DevicesQuery(0, limit=501),
        DevicesQuery(2**32),
        MailSend(1, "signer", "enrolment", bytes(128 * 1024 + 1)),
        MailSend(1, "Signer", "enrolment", b""),
        MailSend(1, "signer", "Enrolment", b""),
        TunnelOffer(1, "t" * 19, "d", "", False, 1.0),
        TunnelOffer(1, "t" * 65, "d", "", False, 1.0),
        TunnelOffer(1, TICKET + "\n", "d", "", False, 1.0),
        TunnelOffer(1, TICKET, "d-1", "", False, 1.0),
        HelpCode(1, "1234567890", 1.0),
        HelpCode(1, "12345678\u0664", 1.0),
        Reconnect(1e7 + 1),
        Reconnect(float("inf")),
    ],
)
def test_what_is_just_not_allowed_is_not(message: LinkMessage) -> None:
    with pytest.raises(msgspec.ValidationError):
        decode(message)
