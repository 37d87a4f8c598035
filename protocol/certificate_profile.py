"""What every certificate of an organisation looks like (security.md section 3): names, object identifiers, lives and claims.

All identifiers of ours lie under 2.25.<UUID> (ITU-T X.667), which needs no registration:
    .1.1  extended key usage: device        .1.2  technician        .1.3  login (to the relay)        .1.4  guest
    .2    claims extension (non-critical): a DER OCTET STRING that holds one MessagePack map, `DeviceClaims` or `TechnicianClaims`
"""

import re
from datetime import UTC, datetime, timedelta
from typing import Annotated, Final
from uuid import UUID

import msgspec
from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat import asn1
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.x509.oid import ExtendedKeyUsageOID

from protocol.errors import LocalProtocolError, TrustError
from protocol.link_messages import Role

_ARC: Final = f"2.25.{UUID('c4ed2195-b1d9-43bc-bab4-646405c418b8').int}"
OID_DEVICE: Final = x509.ObjectIdentifier(f"{_ARC}.1.1")
OID_TECHNICIAN: Final = x509.ObjectIdentifier(f"{_ARC}.1.2")
OID_LOGIN: Final = x509.ObjectIdentifier(f"{_ARC}.1.3")
OID_GUEST: Final = x509.ObjectIdentifier(f"{_ARC}.1.4")
OID_CLAIMS: Final = x509.ObjectIdentifier(f"{_ARC}.2")

MAX_CERTIFICATE: Final = 4096
MAX_CLAIMS: Final = 2048

# Clocks differ: a certificate is valid from a little before it was made.
BACKDATE: Final = timedelta(minutes=15)
ROOT_LIFE: Final = timedelta(days=3653)
CA_LIFE: Final = timedelta(days=366)
GUEST_LIFE: Final = timedelta(hours=2)
LONGEST_LIFE: Final[dict[tuple[Role, str], timedelta]] = {
    (Role.DEVICE, "session"): timedelta(days=90),
    (Role.TECHNICIAN, "session"): timedelta(days=7),
    (Role.DEVICE, "login"): timedelta(days=90),
    (Role.TECHNICIAN, "login"): timedelta(days=90),
    (Role.SIGNER, "login"): timedelta(days=90),
}

# The label of the SAN that belongs to each role: <peer>.<this>.<organisation>.handrail.invalid
ROLE_LABELS: Final[dict[Role, str]] = {
    Role.DEVICE: "device",
    Role.TECHNICIAN: "tech",
    Role.SIGNER: "signer",
    Role.GUEST: "guest",
}
SIGNER_PEER: Final = "signer"
# Nobody certifies a guest: this is what it is called, and whose policy it follows, whatever its certificate says.
GUEST_GROUP: Final = "guest"
GUEST_NAME: Final = "Handrail guest"

SESSION_USAGES: Final[dict[Role, frozenset[x509.ObjectIdentifier]]] = {
    Role.DEVICE: frozenset({ExtendedKeyUsageOID.SERVER_AUTH, OID_DEVICE}),
    Role.TECHNICIAN: frozenset({ExtendedKeyUsageOID.CLIENT_AUTH, OID_TECHNICIAN}),
}
LOGIN_USAGES: Final = frozenset({OID_LOGIN})
GUEST_USAGES: Final = frozenset({ExtendedKeyUsageOID.SERVER_AUTH, OID_GUEST})
CA_USAGES: Final[dict[Role, frozenset[x509.ObjectIdentifier]]] = {
    role: usages | LOGIN_USAGES for role, usages in SESSION_USAGES.items()
}

PEER_ID: Final = re.compile(r"[a-z0-9]{1,40}")
_SAN: Final = re.compile(r"(?:([a-z0-9]{1,40})\.(device|tech|guest)|(signer))\.([0-9a-f]{16})\.handrail\.invalid")
_LABELLED: Final = {label: role for role, label in ROLE_LABELS.items()}

Name = Annotated[str, msgspec.Meta(min_length=1, max_length=100)]
GroupName = Annotated[str, msgspec.Meta(min_length=1, max_length=60)]


class DeviceClaims(msgspec.Struct, frozen=True):
    """What the organisation says about a device: its name for people, and the group whose policy it follows."""

    label: Name
    group: GroupName


class TechnicianClaims(msgspec.Struct, frozen=True):
    """What the organisation says about a technician. `tier` is 1-3; `groups` are the device groups (empty: all) they work for."""

    name: Name
    tier: Annotated[int, msgspec.Meta(ge=1, le=3)]
    groups: Annotated[list[GroupName], msgspec.Meta(max_length=32)] = []


Claims = DeviceClaims | TechnicianClaims

_ENCODER: Final = msgspec.msgpack.Encoder(order="deterministic")
_DECODERS: Final[dict[Role, msgspec.msgpack.Decoder[DeviceClaims] | msgspec.msgpack.Decoder[TechnicianClaims]]] = {
    Role.DEVICE: msgspec.msgpack.Decoder(DeviceClaims),
    Role.TECHNICIAN: msgspec.msgpack.Decoder(TechnicianClaims),
}


def encode_claims(claims: Claims) -> bytes:
    """The value of the claims extension.

    Raises:
        LocalProtocolError: a text is empty, too long or holds control characters, or the tier is not 1-3.
    """
    role = Role.DEVICE if isinstance(claims, DeviceClaims) else Role.TECHNICIAN
    value = asn1.encode_der(_ENCODER.encode(claims))
    try:
        decode_claims(value, role)  # what we issue is what we would accept
    except TrustError as error:
        raise LocalProtocolError(f"These claims cannot be certified: {error}") from error
    return value


def decode_claims(value: bytes, role: Role) -> Claims:
    """Read the claims extension of a leaf of this role.

    Raises:
        TrustError: not claims of this role, or texts that could deceive a reader (control or formatting characters).
    """
    if len(value) > MAX_CLAIMS:
        raise TrustError("The certificate's claims are too long.")
    try:
        claims: Claims = _DECODERS[role].decode(asn1.decode_der(bytes, value))
    except (ValueError, RecursionError, KeyError) as error:
        raise TrustError("The certificate's claims cannot be read.") from error
    texts = [claims.label, claims.group] if isinstance(claims, DeviceClaims) else [claims.name, *claims.groups]
    for text in texts:
        if not text.isprintable() or text != text.strip():
            raise TrustError("A name in the certificate holds characters that cannot be shown, or blanks around it.")
    return claims


def san_of(role: Role, peer: str, organisation: str) -> str:
    """The one DNS name of a leaf. `peer` is ignored for the signer, of which each organisation has one name.

    Raises:
        LocalProtocolError: `peer` is not 1-40 characters of a-z and 0-9.
    """
    if role is Role.SIGNER:
        return f"signer.{organisation}.handrail.invalid"
    if PEER_ID.fullmatch(peer) is None:
        raise LocalProtocolError("A peer id is 1 to 40 characters of a-z and 0-9.")
    return f"{peer}.{subtree_of(role, organisation)}"


def subtree_of(role: Role, organisation: str) -> str:
    """The DNS subtree that the CA of this role may issue in."""
    return f"{ROLE_LABELS[role]}.{organisation}.handrail.invalid"


def parse_san(name: str) -> tuple[Role, str, str]:
    """(role, peer, organisation) of a leaf's DNS name.

    Raises:
        TrustError: not a name of this profile.
    """
    match = _SAN.fullmatch(name)
    if match is None:
        raise TrustError("The certificate's name is not one that an organisation of Handrail gives.")
    peer, label, signer, organisation = match.groups()
    if signer is not None:
        return Role.SIGNER, SIGNER_PEER, organisation
    return _LABELLED[label], peer, organisation


def load_certificate(der: bytes) -> x509.Certificate:
    """Parse one certificate; nothing is verified.

    Raises:
        TrustError: too long, or not a certificate.
    """
    if len(der) > MAX_CERTIFICATE:
        raise TrustError(f"The certificate is longer than {MAX_CERTIFICATE} bytes.")
    try:
        return x509.load_der_x509_certificate(der)
    except (ValueError, x509.InvalidVersion) as error:
        raise TrustError("The certificate cannot be read.") from error


def organisation_id(root_der: bytes) -> str:
    """16 hex digits: the first 8 bytes of SHA-256 of the root's SPKI.

    Raises:
        TrustError: not a certificate.
    """
    try:
        spki = (
            load_certificate(root_der)
            .public_key()
            .public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
        )
    except (ValueError, UnsupportedAlgorithm) as error:
        raise TrustError("The root certificate's key cannot be read.") from error
    digest = hashes.Hash(hashes.SHA256())
    digest.update(spki)
    return digest.finalize()[:8].hex()


def in_utc(wall: datetime) -> datetime:
    """`wall` in UTC, whole seconds.

    Raises:
        LocalProtocolError: `wall` has no time zone, so that nobody knows what it means.
    """
    if wall.tzinfo is None:
        raise LocalProtocolError("A wall time needs its time zone.")
    return wall.astimezone(UTC).replace(microsecond=0)
