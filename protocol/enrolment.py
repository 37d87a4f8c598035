"""Becoming and staying a peer of an organisation: making requests, and judging what the signer (or a relay that lies) answers.

Pure: keys, time and randomness come in. `agent.enrolment` and `technician_client.joining` carry the bytes.
"""

import base64
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

import msgspec

from protocol.certificates import Identity, PrivateKey, Role, check_chain, make_request
from protocol.documents import (
    NO_TAG,
    Bundle,
    EnrolmentAnswer,
    EnrolmentRequest,
    RenewalRequest,
    check_answer,
    decode_answer,
    encode_request,
    renewal_bytes,
    request_digest,
    tag_request,
)
from protocol.errors import RefusalReason, Refused, TrustError
from protocol.printable import printable

CLOCK_TOLERANCE: Final = timedelta(minutes=10)


@dataclass(frozen=True, slots=True)
class Enrolled:
    """What a good answer gives. Chains are [leaf, CA], DER."""

    identity: Identity
    chain: list[bytes]
    login_chain: list[bytes]


def check_bundle(bundle: Bundle, *, kind: str, wall: datetime) -> None:
    """Whether this bundle can be used here and now.

    Raises:
        TrustError: made for another kind of peer, or expired; the text says what to do.
    """
    if bundle.kind != kind:
        other = "a technician: run `handrail join`" if bundle.kind == "technician" else "devices: run `handrail-agent enrol`"
        raise TrustError(f"This bundle is for {other} with it.")
    expires = datetime.fromtimestamp(bundle.expires, UTC)
    if wall > expires:
        raise TrustError(
            f"This bundle expired on {_date(expires)}, and this computer's clock says {_date(wall)}. If the clock is "
            "wrong, set it; else ask your administrator for a new bundle."
        )


def check_clock(peer_date: datetime | None, wall: datetime, who: str) -> None:
    """Compare clocks before certificates are judged by this one.

    Raises:
        TrustError: more than ten minutes apart.
    """
    if peer_date is not None and abs(peer_date - wall) > CLOCK_TOLERANCE:
        raise TrustError(
            f"This computer's clock says {_date(wall)}, {who} says {_date(peer_date)}. Certificates cannot be judged by a wrong "
            "clock: set it (on Linux: timedatectl set-ntp true) and try again."
        )


def make_enrolment(
    bundle: Bundle,
    session_key: PrivateKey,
    login_key: PrivateKey,
    *,
    label: str,
    platform: str,
    random_bytes: Callable[[int], bytes],
) -> bytes:
    """The request document of a first enrolment (also of one that repeats it with a new bundle)."""
    request = EnrolmentRequest(
        kind=bundle.kind,
        organisation=bundle.org,
        token_id=bundle.token_id,
        session_request=make_request(session_key),
        login_request=make_request(login_key),
        label=label[:100],
        platform=platform[:100],
        nonce=random_bytes(32),
        tag=NO_TAG,
    )
    return encode_request(tag_request(request, bundle.secret))


def make_renewal(
    role: Role,
    organisation: str,
    chain: Sequence[bytes],
    session_key: PrivateKey,
    login_key: PrivateKey,
    *,
    label: str,
    platform: str,
    random_bytes: Callable[[int], bytes],
) -> bytes:
    """The request document of a renewal: the session key stays, the login key may be a new one."""
    request = RenewalRequest(
        role=role,
        organisation=organisation,
        chain=list(chain),
        session_request=make_request(session_key),
        login_request=make_request(login_key),
        label=label[:100],
        platform=platform[:100],
        nonce=random_bytes(32),
        signature=b"",
    )
    signed = msgspec.structs.replace(request, signature=session_key.sign(renewal_bytes(request)))
    return encode_request(signed)


def judge_answer(
    data: bytes,
    *,
    request: bytes,
    secret: bytes | None,
    root_der: bytes,
    role: Role,
    session_key: PrivateKey,
    login_key: PrivateKey,
    wall: datetime,
) -> Enrolled:
    """Believe an answer, or not.

    Args:
        data: the answer as it came through the relay.
        request: the request document that was sent.
        secret: the bundle's; None for renewals, whose answers carry no tag.

    Raises:
        Refused: the signer said no; `.reason` and the text say why.
        TrustError: the answer is not the signer's, or gives certificates that do not hold.
        RemoteProtocolError: not an answer at all.
    """
    answer = decode_answer(data)
    if answer.request != request_digest(request):
        raise TrustError("The answer belongs to another request. The relay mixes things up, or tries to.")
    tagged = secret is not None and answer.tag != NO_TAG
    if secret is not None and tagged:
        check_answer(answer, secret)
    if answer.reason or not answer.chain:
        raise Refused(_refusal_text(answer, verified=tagged), reason=_reason(answer.reason))
    if secret is not None and not tagged:
        raise TrustError("The answer to the enrolment carries no proof that the organisation's signer made it.")
    if answer.issued > (wall + CLOCK_TOLERANCE).timestamp():
        check_clock(datetime.fromtimestamp(answer.issued, UTC), wall, "the organisation's signer")
    identity = check_chain(answer.chain, root_der=root_der, expected=role, purpose="session", wall=wall)
    login = check_chain(answer.login_chain, root_der=root_der, expected=role, purpose="login", wall=wall)
    if identity.fingerprint != session_key.public.fingerprint or login.fingerprint != login_key.public.fingerprint:
        raise TrustError("The certificates in the answer are for other keys than this computer's. Nothing was kept.")
    if login.peer != identity.peer:
        raise TrustError("The two certificates in the answer name different peers. Nothing was kept.")
    return Enrolled(identity, answer.chain, answer.login_chain)


def renewal_due(not_before: datetime, not_after: datetime, wall: datetime) -> bool:
    """Whether two thirds of a certificate's life are over."""
    return wall >= not_before + (not_after - not_before) * 2 / 3


def key_words(fingerprint: bytes) -> str:
    """A key's fingerprint for two people to compare: eight groups of four characters of base32 (160 bits)."""
    text = base64.b32encode(fingerprint[:20]).decode().lower()
    return " ".join(text[start : start + 4] for start in range(0, 32, 4))


def _refusal_text(answer: EnrolmentAnswer, *, verified: bool) -> str:
    text = printable(answer.text) or "The signer refused without saying why."
    return text if verified else f"{text} (as the relay passes on; this is not signed)"


def _reason(value: str) -> RefusalReason:
    try:
        return RefusalReason(value)
    except ValueError:
        return RefusalReason.INVALID


def _date(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M} UTC"
