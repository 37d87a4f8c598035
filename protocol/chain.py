"""Judging the other side's certificates: one function, `check_chain`, that both ends and the relay use.

Two validators must agree before anybody is believed: OpenSSL inside the handshake (`protocol.channel`), and this module, which
builds the path with `cryptography.x509.verification` (RFC 5280, name constraints included) and then checks what neither of them
knows: exactly one SAN, of type DNS, in the subtree of the expected role; an issuing CA of that role; usages, key, life, claims.
"""

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from typing import Final, Literal, TypeVar

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509 import verification
from cryptography.x509.oid import NameOID

from protocol.certificate_profile import (
    BACKDATE,
    CA_USAGES,
    GUEST_GROUP,
    GUEST_LIFE,
    GUEST_USAGES,
    LOGIN_USAGES,
    LONGEST_LIFE,
    OID_CLAIMS,
    SESSION_USAGES,
    Claims,
    DeviceClaims,
    TechnicianClaims,
    decode_claims,
    in_utc,
    load_certificate,
    organisation_id,
    parse_san,
    subtree_of,
)
from protocol.errors import TrustError
from protocol.keys import PublicKey
from protocol.link_messages import Role

Purpose = Literal["session", "login"]
ExtensionT = TypeVar("ExtensionT", bound=x509.ExtensionType)

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_NAMES: Final = {Role.DEVICE: "device", Role.TECHNICIAN: "technician", Role.SIGNER: "signer", Role.GUEST: "guest"}


_GUEST_EXTENSIONS: Final[tuple[type[x509.ExtensionType], ...]] = (
    x509.BasicConstraints,
    x509.KeyUsage,
    x509.SubjectAlternativeName,
    x509.ExtendedKeyUsage,
)


@dataclass(frozen=True, slots=True)
class Identity:
    """Whom a verified chain names. `fingerprint` is SHA-256 of the leaf's SPKI, `issuer` of its CA's (b"" when the root itself or
    nobody issued it); `claims` is None in login leaves."""

    role: Role
    peer: str
    organisation: str
    fingerprint: bytes
    claims: Claims | None
    not_after: datetime
    leaf_der: bytes = field(repr=False)
    not_before: datetime = _EPOCH
    issuer: bytes = b""

    @property
    def display_name(self) -> str:
        """The certified name for people: the technician's name, the device's label, or the peer id when nothing is certified."""
        match self.claims:
            case TechnicianClaims(name=name):
                return name
            case DeviceClaims(label=label):
                return label
            case _:
                return self.peer


@dataclass(frozen=True, slots=True)
class TrustAnchor:
    """A pinned root, and optionally the fingerprints (SHA-256 of SPKI) of the only CAs that may issue for each role."""

    root_der: bytes
    pins: Mapping[Role, frozenset[bytes]] = field(default_factory=dict)

    @classmethod
    def from_cas(cls, root_der: bytes, cas: Sequence[bytes], wall: datetime) -> "TrustAnchor":
        """Pin these CA certificates, each to the role that the root gave it.

        Raises:
            TrustError: one of them is not a valid CA of this root.
        """
        pins: dict[Role, frozenset[bytes]] = {}
        for der in cas:
            role, fingerprint = check_ca(der, root_der=root_der, wall=wall)
            pins[role] = pins.get(role, frozenset()) | {fingerprint}
        return cls(root_der, MappingProxyType(pins))


def check_chain(
    chain: Sequence[bytes],
    *,
    root_der: bytes,
    expected: Role,
    purpose: Purpose,
    wall: datetime,
    anchor: TrustAnchor | None = None,
    grace: timedelta = timedelta(0),
) -> Identity:
    """Verify a chain completely and say whom it names.

    Args:
        chain: DER certificates as they came: [leaf, issuing CA]; of the signer [leaf].
        root_der: the organisation's pinned root.
        expected: the role the other side must have.
        purpose: "session" for the sealed channel, "login" for the control link.
        wall: the time to judge validity by, with time zone.
        anchor: CA pins; its `root_der` must be the same root.
        grace: how long after its expiry the leaf is still accepted (only for asking the signer for a new one).

    Raises:
        TrustError: anything does not hold; its text is a sentence for people.
    """
    wall = in_utc(wall)
    if expected is Role.GUEST:
        raise TrustError("A guest's certificate is not one of this organisation.")
    if len(chain) != (1 if expected is Role.SIGNER else 2):
        raise TrustError(f"The {_NAMES[expected]}'s certificate did not come with the certificates it should come with.")
    try:
        return _check(list(chain), root_der, expected, purpose, wall, anchor, grace)
    # What the library raises while it parses extensions, names and keys that somebody else wrote.
    except (ValueError, TypeError, x509.DuplicateExtension, x509.UnsupportedGeneralNameType, UnsupportedAlgorithm) as error:
        raise TrustError(f"The {_NAMES[expected]}'s certificate is damaged and cannot be read.") from error


def check_guest(chain: Sequence[bytes], *, organisation: str, wall: datetime) -> Identity:
    """Judge the certificate that a guest issued to itself. It proves which key is at the other end and nothing else: who that is
    shows by the code (`protocol.guest`). So it is asked for where a guest is expected, and nowhere else.

    Returns:
        An identity of role GUEST. Id and label follow from the key, the group is the one of guests: nothing of it is certified.

    Raises:
        TrustError: not exactly of the guests' profile, not for this organisation, or not valid at `wall`.
    """
    wall = in_utc(wall)
    if len(chain) != 1:
        raise TrustError("A guest's certificate comes alone.")
    try:
        return _check_guest(chain[0], organisation, wall)
    except (ValueError, TypeError, x509.DuplicateExtension, x509.UnsupportedGeneralNameType, UnsupportedAlgorithm) as error:
        raise TrustError("The guest's certificate is damaged and cannot be read.") from error


def guest_peer(key: PublicKey) -> str:
    """The id of a guest: base32 of the first 10 bytes of its key's fingerprint."""
    return base64.b32encode(key.fingerprint[:10]).decode("ascii").lower()


def _check_guest(der: bytes, organisation: str, wall: datetime) -> Identity:
    leaf = load_certificate(der)
    _check_validity(leaf, "guest", wall, timedelta(0))
    role, peer, named = parse_san(_only_san(leaf))
    if role is not Role.GUEST or named != organisation:
        raise TrustError(f"This is the certificate of a {_NAMES[role]}, not of a guest of this organisation.")
    key = _key_of(leaf)
    if key.curve != "P-256" or peer != guest_peer(key):
        raise TrustError("The guest's certificate does not belong to its key.")
    try:
        leaf.verify_directly_issued_by(leaf)
    except InvalidSignature as error:
        raise TrustError("The guest's certificate was not signed by its own key.") from error
    if frozenset(_extension(leaf, x509.ExtendedKeyUsage)) != GUEST_USAGES or _extension(leaf, x509.BasicConstraints).ca:
        raise TrustError("The guest's certificate does not have the profile of one.")
    _check_key_usage(leaf, signs_certificates=False)
    if len(leaf.extensions) != len(_GUEST_EXTENSIONS) or not all(_has(leaf, kind) for kind in _GUEST_EXTENSIONS):
        raise TrustError("A guest's certificate must not say more than its profile does.")
    if leaf.not_valid_after_utc - leaf.not_valid_before_utc > GUEST_LIFE + BACKDATE:
        raise TrustError("The guest's certificate is valid for longer than any may be.")
    return Identity(
        role=Role.GUEST,
        peer=peer,
        organisation=organisation,
        fingerprint=key.fingerprint,
        claims=DeviceClaims(label=f"Guest {peer[:6]}", group=GUEST_GROUP),
        not_after=leaf.not_valid_after_utc,
        leaf_der=der,
        not_before=leaf.not_valid_before_utc,
    )


def check_ca(der: bytes, *, root_der: bytes, wall: datetime) -> tuple[Role, bytes]:
    """Verify a CA certificate; return its role and the SHA-256 of its SPKI.

    Raises:
        TrustError: not a CA of this organisation, not of this profile, or not valid at `wall`.
    """
    wall = in_utc(wall)
    try:
        ca, root = load_certificate(der), load_certificate(root_der)
        _check_validity(ca, "certificate authority", wall, timedelta(0))
        try:
            ca.verify_directly_issued_by(root)
        except (InvalidSignature, ValueError, TypeError) as error:
            raise TrustError("The certificate authority was not signed by this organisation's root.") from error
        return _role_of_ca(ca, organisation_id(root_der)), _key_of(ca).fingerprint
    except (ValueError, TypeError, x509.DuplicateExtension, x509.UnsupportedGeneralNameType, UnsupportedAlgorithm) as error:
        raise TrustError("The certificate authority's certificate is damaged and cannot be read.") from error


def names_in_leaf(der: bytes) -> tuple[Role, str, str]:
    """(role, peer, organisation) that a leaf *claims*. Nothing is verified: good for choosing the root to verify it by.

    Raises:
        TrustError: not a certificate with exactly one DNS name of this profile.
    """
    try:
        return parse_san(_only_san(load_certificate(der)))
    except (ValueError, TypeError, x509.DuplicateExtension, x509.UnsupportedGeneralNameType) as error:
        raise TrustError("The certificate is damaged and cannot be read.") from error


def organisation_name(root_der: bytes) -> str:
    """The organisation's own name for itself, from its root certificate.

    Raises:
        TrustError: not a root of this profile.
    """
    try:
        names = load_certificate(root_der).subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    except ValueError as error:
        raise TrustError("The root certificate cannot be read.") from error
    if len(names) != 1 or not isinstance(names[0].value, str):
        raise TrustError("The root certificate does not name its organisation.")
    return names[0].value


def _check(
    chain: list[bytes],
    root_der: bytes,
    expected: Role,
    purpose: Purpose,
    wall: datetime,
    anchor: TrustAnchor | None,
    grace: timedelta,
) -> Identity:
    name = _NAMES[expected]
    root = load_certificate(root_der)
    leaf, *issuers = [load_certificate(der) for der in chain]
    organisation = organisation_id(root_der)
    _check_validity(leaf, name, wall, grace)
    for issuer in issuers:
        _check_validity(issuer, f"{name}s' certificate authority", wall, grace)
    # Within the grace time the path is judged as of the last moment at which it was valid.
    moment = min(wall, *(certificate.not_valid_after_utc for certificate in (leaf, *issuers)))
    _check_path(leaf, issuers, root, name, moment)

    # The three checks of our own.
    role, peer, named = parse_san(_only_san(leaf))
    if role is not expected or named != organisation:
        raise TrustError(f"This is the certificate of a {_NAMES[role]}, not of a {name} of this organisation.")
    if issuers:
        _check_issuer(issuers[0], expected, organisation, anchor)
    _check_leaf_profile(leaf, expected, purpose)
    return Identity(
        role=role,
        peer=peer,
        organisation=organisation,
        fingerprint=_key_of(leaf).fingerprint,
        claims=_claims_of(leaf, expected, purpose),
        not_after=leaf.not_valid_after_utc,
        leaf_der=chain[0],
        not_before=leaf.not_valid_before_utc,
        issuer=_key_of(issuers[0]).fingerprint if issuers else b"",
    )


def _check_validity(certificate: x509.Certificate, name: str, wall: datetime, grace: timedelta) -> None:
    if wall < certificate.not_valid_before_utc:
        raise TrustError(
            f"The {name}'s certificate is not valid before {certificate.not_valid_before_utc:%Y-%m-%d %H:%M} UTC and it is "
            f"{wall:%Y-%m-%d %H:%M} here: check the clocks of both computers."
        )
    if wall > certificate.not_valid_after_utc + grace:
        raise TrustError(
            f"The {name}'s certificate expired on {certificate.not_valid_after_utc:%Y-%m-%d %H:%M} UTC and it is "
            f"{wall:%Y-%m-%d %H:%M} here: it must be renewed, or this computer's clock is wrong."
        )


def _check_path(
    leaf: x509.Certificate, issuers: list[x509.Certificate], root: x509.Certificate, name: str, moment: datetime
) -> None:
    # Extended key usages are checked exactly in `_check_leaf_profile` and `_role_of_ca`; the library would demand web ones.
    any_usage = (x509.ExtendedKeyUsage, verification.Criticality.AGNOSTIC, None)
    authorities = verification.ExtensionPolicy.webpki_defaults_ca().may_be_present(*any_usage)
    leaves = verification.ExtensionPolicy.webpki_defaults_ee().may_be_present(*any_usage)
    verifier = (
        verification.PolicyBuilder()
        .store(verification.Store([root]))
        .time(moment)
        .max_chain_depth(len(issuers))
        .extension_policies(ca_policy=authorities, ee_policy=leaves)
        .build_client_verifier()
    )
    try:
        verified = verifier.verify(leaf, issuers)
    except verification.VerificationError as error:
        raise TrustError(f"The {name}'s certificate was not issued by this organisation.") from error
    if verified.chain != [leaf, *issuers, root]:
        raise TrustError(f"The {name}'s certificate came with certificates that do not belong to it.")


def _check_issuer(ca: x509.Certificate, expected: Role, organisation: str, anchor: TrustAnchor | None) -> None:
    if _role_of_ca(ca, organisation) is not expected:
        raise TrustError(f"This certificate was not issued by the certificate authority for {_NAMES[expected]}s.")
    if anchor is not None and anchor.pins:
        if organisation_id(anchor.root_der) != organisation:
            raise TrustError("The pinned certificate authorities belong to another organisation.")
        if _key_of(ca).fingerprint not in anchor.pins.get(expected, frozenset()):
            raise TrustError(f"The certificate authority for {_NAMES[expected]}s is not the one that is pinned here.")


def _role_of_ca(ca: x509.Certificate, organisation: str) -> Role:
    """The role that the root certified this CA for: by its one permitted DNS subtree and its usages, which must agree."""
    basic = _extension(ca, x509.BasicConstraints)
    if not basic.ca or basic.path_length != 0 or _key_of(ca).curve != "P-256":
        raise TrustError("The certificate authority does not have the profile of one.")
    _check_key_usage(ca, signs_certificates=True)
    constraints = ca.extensions.get_extension_for_class(x509.NameConstraints) if _has(ca, x509.NameConstraints) else None
    if constraints is None or not constraints.critical or constraints.value.excluded_subtrees:
        raise TrustError("The certificate authority is not bound to the names of one role.")
    usages = frozenset(_extension(ca, x509.ExtendedKeyUsage))
    for role, expected in CA_USAGES.items():
        if constraints.value.permitted_subtrees == [x509.DNSName(subtree_of(role, organisation))] and usages == expected:
            return role
    raise TrustError("The certificate authority is not bound to the names and usages of one role.")


def _check_leaf_profile(leaf: x509.Certificate, role: Role, purpose: Purpose) -> None:
    name = _NAMES[role]
    wanted = LOGIN_USAGES if purpose == "login" else SESSION_USAGES.get(role)
    if wanted is None or frozenset(_extension(leaf, x509.ExtendedKeyUsage)) != wanted:
        raise TrustError(f"The {name}'s certificate is not meant for {'logging in' if purpose == 'login' else 'sessions'}.")
    if _extension(leaf, x509.BasicConstraints).ca or len(leaf.subject) != 0:
        raise TrustError(f"The {name}'s certificate does not have the profile of one.")
    _check_key_usage(leaf, signs_certificates=False)
    if _key_of(leaf).curve != "P-256":
        raise TrustError(f"The {name}'s key is of a kind that is not accepted: it must be an EC key on P-256.")
    life = leaf.not_valid_after_utc - leaf.not_valid_before_utc
    if life > LONGEST_LIFE[role, purpose] + BACKDATE:
        raise TrustError(f"The {name}'s certificate is valid for {life.days} days, longer than any may be.")


def _check_key_usage(certificate: x509.Certificate, *, signs_certificates: bool) -> None:
    usage = _extension(certificate, x509.KeyUsage)
    others = usage.content_commitment or usage.key_encipherment or usage.data_encipherment or usage.key_agreement
    if (
        others
        or usage.digital_signature is signs_certificates
        or usage.key_cert_sign is not signs_certificates
        or usage.crl_sign is not signs_certificates
    ):
        raise TrustError("The certificate's key may be used for other things than it should.")


def _claims_of(leaf: x509.Certificate, role: Role, purpose: Purpose) -> Claims | None:
    found = [extension for extension in leaf.extensions if extension.oid == OID_CLAIMS]
    if purpose == "login":
        if found:
            raise TrustError("A certificate for logging in must not carry claims.")
        return None
    if not found or found[0].critical or not isinstance(found[0].value, x509.UnrecognizedExtension):
        raise TrustError(f"The {_NAMES[role]}'s certificate does not say for whom it was made.")
    return decode_claims(found[0].value.value, role)


def _only_san(leaf: x509.Certificate) -> str:
    try:
        extension = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName)
    except x509.ExtensionNotFound as error:
        raise TrustError("The certificate has no name.") from error
    names = list(extension.value)
    if not extension.critical or len(names) != 1 or not isinstance(names[0], x509.DNSName):
        raise TrustError("The certificate must have exactly one name, of type DNS, and mark it critical.")
    return names[0].value


def _extension(certificate: x509.Certificate, kind: type[ExtensionT]) -> ExtensionT:
    try:
        return certificate.extensions.get_extension_for_class(kind).value
    except x509.ExtensionNotFound as error:
        raise TrustError(f"The certificate lacks {kind.__name__}, which its profile demands.") from error


def _has(certificate: x509.Certificate, kind: type[x509.ExtensionType]) -> bool:
    return any(isinstance(extension.value, kind) for extension in certificate.extensions)


def _key_of(certificate: x509.Certificate) -> PublicKey:
    key = certificate.public_key()
    if not isinstance(key, ec.EllipticCurvePublicKey):
        raise TrustError("The certificate's key is of a kind that is not accepted: it must be an EC key.")
    return PublicKey(key)
