"""The signer's decision: one request document in, one answer document out. Everything it believes is under an HMAC or a
signature.

A first enrolment counts one use of its token; the same request again gets the same answer. A renewal keeps its key: it is
signed by it and certified by a chain that may have expired (devices: up to a year). Technicians are renewed only while they
stand on the signed list.
"""

import base64
import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

import msgspec

from protocol.certificates import (
    DeviceClaims,
    Identity,
    PrivateKey,
    PublicKey,
    Role,
    TechnicianClaims,
    check_chain,
    issue_device_leaf,
    issue_login_leaf,
    issue_technician_leaf,
    read_request,
)
from protocol.documents import (
    NO_TAG,
    EnrolmentAnswer,
    EnrolmentRequest,
    RenewalRequest,
    RevocationList,
    TechniciansList,
    check_request,
    decode_request,
    renewal_bytes,
    request_digest,
    tag_answer,
)
from protocol.errors import HandrailError, RefusalReason, Refused, TrustError, Unavailable
from technician_client.organisation.record import OrganisationRecord
from technician_client.organisation.tokens import Issued, Kind, Records, Token

_LOGGER = logging.getLogger(__name__)
DEVICE_LIFE: Final = timedelta(days=60)
TECHNICIAN_LIFE: Final = timedelta(hours=12)
DEVICE_GRACE: Final = timedelta(days=365)
TECHNICIAN_GRACE: Final = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class Authority:
    """One CA of the organisation with its key."""

    certificate: bytes
    key: PrivateKey


@dataclass(frozen=True, slots=True)
class Lists:
    """The published lists that renewals are judged by."""

    technicians: TechniciansList
    revocation: RevocationList


class Issuer:
    """Answers enrolments and renewals."""

    def __init__(
        self,
        record: OrganisationRecord,
        authorities: dict[Role, Authority],
        records: Records,
        lists: Callable[[], Lists],
        random_bytes: Callable[[int], bytes],
    ) -> None:
        self._record = record
        self._authorities = authorities
        self._records = records
        self._lists = lists
        self._random_bytes = random_bytes

    def answer(self, document: bytes, wall: datetime) -> bytes:
        """Answer one request document.

        Raises:
            RemoteProtocolError: the bytes are no request; there is nobody to answer.
            Unavailable: the records cannot be used now: keep the document and try again.
        """
        request = decode_request(document)
        digest = request_digest(document)
        known = self._records.answer(digest)
        if known is not None:
            return known
        if isinstance(request, EnrolmentRequest):
            return self._enrol(request, digest, wall)
        try:
            return msgspec.msgpack.encode(self._renew(request, digest, wall))
        except (Refused, TrustError) as error:
            _LOGGER.warning("renewal refused: %s", error)
            return msgspec.msgpack.encode(_refusal(digest, wall, error))

    # -- enrolment

    def _enrol(self, request: EnrolmentRequest, digest: bytes, wall: datetime) -> bytes:
        token = self._records.token(request.token_id)
        if token is None:
            error = Refused("The signer does not know this bundle. Ask for a new one.", reason=RefusalReason.NOT_FOUND)
            return msgspec.msgpack.encode(_refusal(digest, wall, error))
        try:
            check_request(request, token.secret)
        except TrustError as error:
            _LOGGER.warning("enrolment with token %s refused: %s", token.token_id, error)
            return msgspec.msgpack.encode(_refusal(digest, wall, error))
        try:
            _check_token(token, request, self._record.organisation, wall)
            answer, issued = self._issue(token, request, digest, wall)
        except Unavailable:  # the records cannot be used now: no word about this request
            raise
        except HandrailError as error:
            _LOGGER.warning("enrolment with token %s refused: %s", token.token_id, error)
            return msgspec.msgpack.encode(tag_answer(_refusal(digest, wall, error), token.secret))
        encoded = msgspec.msgpack.encode(tag_answer(answer, token.secret))
        if not self._records.use_token(token.token_id, digest, encoded, issued, wall.timestamp()):
            return msgspec.msgpack.encode(tag_answer(_refusal(digest, wall, _used_up(token)), token.secret))
        _LOGGER.info("enrolled %s %s (%s) with token %s", issued.kind, issued.peer, issued.label, token.token_id)
        return encoded

    def _issue(self, token: Token, request: EnrolmentRequest, digest: bytes, wall: datetime) -> tuple[EnrolmentAnswer, Issued]:
        session, login = read_request(request.session_request), read_request(request.login_request)
        if session == login:
            raise TrustError("The session key and the login key must be different keys.")
        self._check_not_revoked(session)
        role = Role.DEVICE if token.kind == "device" else Role.TECHNICIAN
        claims: DeviceClaims | TechnicianClaims
        if role is Role.DEVICE:
            claims = DeviceClaims(_clean(request.label) or "unnamed device", token.group)
        else:
            claims = TechnicianClaims(token.name, token.tier)
        return self._certify(role, session, login, claims, digest, wall)

    # -- renewal

    def _renew(self, request: RenewalRequest, digest: bytes, wall: datetime) -> EnrolmentAnswer:
        if request.organisation != self._record.organisation or request.role not in self._authorities:
            raise TrustError("This certificate belongs to another organisation.")
        grace = DEVICE_GRACE if request.role is Role.DEVICE else TECHNICIAN_GRACE
        identity = check_chain(
            request.chain, root_der=self._record.root, expected=request.role, purpose="session", wall=wall, grace=grace
        )
        session, login = read_request(request.session_request), read_request(request.login_request)
        if session.fingerprint != identity.fingerprint:
            raise TrustError("A renewal keeps its key. To change it, enrol again with a new bundle.")
        session.verify(request.signature, renewal_bytes(request))
        if session == login:
            raise TrustError("The session key and the login key must be different keys.")
        self._check_not_revoked(session)
        if self._lists().revocation.refuses(identity.fingerprint, wall.timestamp()):
            raise Refused("This key was revoked by the organisation.", reason=RefusalReason.REVOKED)
        if (
            request.role is Role.DEVICE
            and identity.issuer.hex() in self._lists().revocation.fingerprints
            and self._records.issued_key(identity.fingerprint.hex()) is None
        ):
            # A thief of the old device CA certified it; what this signer enrolled stands in its own records.
            raise Refused("The authority that certified this key was revoked.", reason=RefusalReason.REVOKED)
        claims = self._renewed_claims(identity, request)
        answer, issued = self._certify(request.role, session, login, claims, digest, wall)
        self._records.add_issued(issued)
        _LOGGER.info("renewed %s %s", issued.kind, issued.peer)
        return answer

    def _renewed_claims(self, identity: Identity, request: RenewalRequest) -> DeviceClaims | TechnicianClaims:
        if isinstance(identity.claims, TechnicianClaims):
            entry = self._lists().technicians.find(identity.fingerprint)
            if entry is None:
                raise Refused(
                    "This key is not on the organisation's list of technicians. An administrator adds it with "
                    "`handrail org technician`.",
                    reason=RefusalReason.NOT_ON_LIST,
                )
            return TechnicianClaims(entry.name, entry.tier, identity.claims.groups)
        if not isinstance(identity.claims, DeviceClaims):
            raise TrustError("The certificate does not say for whom it was made.")
        return DeviceClaims(_clean(request.label) or identity.claims.label, identity.claims.group)

    # -- both

    def _check_not_revoked(self, key: PublicKey) -> None:
        known = self._records.issued_key(key.fingerprint.hex())
        if (known is not None and known.revoked) or key.fingerprint.hex() in self._lists().revocation.fingerprints:
            raise Refused("This key was revoked by the organisation.", reason=RefusalReason.REVOKED)

    def _certify(
        self,
        role: Role,
        session: PublicKey,
        login: PublicKey,
        claims: DeviceClaims | TechnicianClaims,
        digest: bytes,
        wall: datetime,
    ) -> tuple[EnrolmentAnswer, Issued]:
        authority = self._authorities[role]
        peer = peer_id(session)
        if isinstance(claims, DeviceClaims):
            life = DEVICE_LIFE
            leaf = issue_device_leaf(
                peer,
                session,
                claims,
                ca_der=authority.certificate,
                ca_key=authority.key,
                lifetime=life,
                wall=wall,
                random_bytes=self._random_bytes,
            )
        else:
            life = TECHNICIAN_LIFE
            leaf = issue_technician_leaf(
                peer,
                session,
                claims,
                ca_der=authority.certificate,
                ca_key=authority.key,
                lifetime=life,
                wall=wall,
                random_bytes=self._random_bytes,
            )
        login_leaf = issue_login_leaf(
            role, peer, login, ca_der=authority.certificate, ca_key=authority.key, wall=wall, random_bytes=self._random_bytes
        )
        now = wall.timestamp()
        answer = EnrolmentAnswer(digest, [leaf, authority.certificate], [login_leaf, authority.certificate], now, "", "", NO_TAG)
        label, group, tier = (
            (claims.label, claims.group, 0) if isinstance(claims, DeviceClaims) else (claims.name, "", claims.tier)
        )
        kind: Kind = "device" if role is Role.DEVICE else "technician"
        fingerprint = session.fingerprint.hex()
        return answer, Issued(peer, kind, label, group, tier, fingerprint, now, now, now + life.total_seconds(), False)


def peer_id(key: PublicKey) -> str:
    """The opaque name of whoever holds this session key: the same key keeps its name through every enrolment."""
    return base64.b32encode(key.fingerprint[:10]).decode().lower()


def _check_token(token: Token, request: EnrolmentRequest, organisation: str, wall: datetime) -> None:
    if request.organisation != organisation or request.kind != token.kind:
        raise TrustError("This bundle was made for another organisation or for another kind of peer.")
    if token.withdrawn:
        raise Refused("This bundle was withdrawn. Ask your administrator for a new one.", reason=RefusalReason.REVOKED)
    if wall.timestamp() > token.expires:
        raise Refused("This bundle has expired. Ask your administrator for a new one.", reason=RefusalReason.EXPIRED)
    if token.used >= token.uses:
        raise _used_up(token)


def _used_up(token: Token) -> Refused:
    times = "once" if token.uses == 1 else f"{token.uses} times"
    return Refused(
        f"This bundle could be used {times} and is used up. Ask your administrator for a new one.", reason=RefusalReason.LIMIT
    )


def _refusal(digest: bytes, wall: datetime, error: HandrailError) -> EnrolmentAnswer:
    reason = error.reason if isinstance(error, Refused) else RefusalReason.UNTRUSTED
    return EnrolmentAnswer(digest, [], [], wall.timestamp(), reason.value, str(error)[:500], NO_TAG)


def _clean(label: str) -> str:
    """A device's own name for itself, fit for a certificate."""
    return "".join(character for character in label if character.isprintable()).strip()[:100].strip()
