"""Judgements about a session, in words: is this the device that was meant, why was it not opened, how did it end."""

from typing import Final

from protocol.certificates import DeviceClaims, Identity
from protocol.errors import RefusalReason, Refused, TrustError
from protocol.link_messages import TunnelOffer
from protocol.messages.session import Denied
from protocol.session import SessionEnded

# The agent's own text for these says nothing more.
_SAID_ALREADY = (RefusalReason.DENIED_BY_USER, RefusalReason.NO_ANSWER)

# What the relay's close codes of a tunnel mean (RFC 6455 section 7.4: 1006 is "closed without a word").
TUNNEL_UNPAIRED: Final = 4008
TUNNEL_VANISHED: Final = 4000
_CUTS: Final[dict[int | None, str]] = {
    1001: "The relay is stopping and cut the connection. Try again in a moment.",
    1006: "This computer's connection to the relay was cut. Check the network here and try again.",
    TUNNEL_UNPAIRED: "The device was called but did not come to the tunnel in time. Try again.",
    TUNNEL_VANISHED: "The device's connection to the relay was cut: its network is away, or it was turned off. Try again.",
}


def device_claims(identity: Identity) -> DeviceClaims:
    """What a device's certificate says about it.

    Raises:
        TrustError: it is not a device's certificate.
    """
    if not isinstance(identity.claims, DeviceClaims):
        raise TrustError("the other end is certified, but not as a device: the session was stopped")
    return identity.claims


def check_offer(offer: TunnelOffer, identity: Identity, *, asked: str | None) -> None:
    """Compare what the relay said with what the certificate says. Nothing of ours has been sent to the device before.

    Raises:
        TrustError: another device than the one asked for, or the relay's id or label differs from the certificate's.
    """
    claims = device_claims(identity)
    if asked is not None and identity.peer != asked:
        raise TrustError(f"the relay led to device {identity.peer} instead of {asked}: the session was stopped")
    if offer.peer != identity.peer:
        raise TrustError(f"the relay spoke of device {offer.peer} but led to {identity.peer}: the session was stopped")
    if offer.label and offer.label != claims.label:
        raise TrustError(
            f"the relay calls this device {offer.label!r}, its certificate says {claims.label!r}: the session was stopped. "
            "Tell your administrator."
        )


def denial(denied: Denied) -> Refused:
    """The error for a session that was not opened."""
    words = {
        "denied_by_user": "The person at the computer said no.",
        "no_answer": "Nobody at the computer answered.",
        "nobody_to_ask": "Nobody is at the computer, and its policy does not allow access without asking.",
        "tier_too_low": "Your tier does not allow this.",
        "not_on_list": "You are not on the organisation's list of technicians.",
        "stale_trust": "The device's trust data is too old for this; it must reach its relay first.",
    }.get(denied.reason.value, f"The device said no ({denied.reason.value}).")
    said = "" if denied.reason in _SAID_ALREADY else denied.text
    return Refused(f"{words} {said}".strip(), reason=denied.reason)


def describe_end(ended: SessionEnded, close_code: int | None = None) -> str:
    """One sentence on how a session ended.

    Args:
        close_code: with which the tunnel's WebSocket was closed, where that is known: it tells which network failed.
    """
    who = "the device" if ended.by_peer else "this side"
    if ended.reason == "cut":
        return _CUTS.get(close_code, "The connection to the device was cut. Check both networks and try again.")
    if ended.reason == "silence":
        return "Nothing came from the device for too long: its network is away. Try again."
    if ended.reason.startswith("protocol_error: "):
        return f"The device broke the rules of the protocol ({ended.reason.removeprefix('protocol_error: ')}). Update both sides."
    if ended.reason.startswith("untrusted: "):
        return ended.reason.removeprefix("untrusted: ")
    return f"The session was ended by {who}: {ended.reason}."
