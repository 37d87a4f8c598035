"""Certificates of an organisation: issuing them, asking for them (PKCS#10), and the names of everything that judges them.

    root (P-384, 10 years, offline)
    ├── device CA      (P-256, 1 year)  ──  device leaves (session), device login leaves
    ├── technician CA  (P-256, 1 year)  ──  technician leaves (session), technician login leaves
    └── signer login leaf
    guest: a certificate of its own making (`issue_guest_certificate`), believed by nobody but whoever expects a guest

`protocol.keys` holds the keys, `protocol.certificate_profile` names and claims, `protocol.chain` the judging; all of it can be
imported from here. Certificates are DER `bytes` everywhere. `wall` is a `datetime` with time zone; `random_bytes(n)` makes the
serial numbers.
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from protocol.certificate_profile import (
    BACKDATE,
    CA_LIFE,
    CA_USAGES,
    GUEST_LIFE,
    GUEST_NAME,
    GUEST_USAGES,
    LOGIN_USAGES,
    LONGEST_LIFE,
    OID_CLAIMS,
    ROOT_LIFE,
    SESSION_USAGES,
    SIGNER_PEER,
    Claims,
    DeviceClaims,
    TechnicianClaims,
    encode_claims,
    in_utc,
    load_certificate,
    organisation_id,
    san_of,
    subtree_of,
)
from protocol.chain import (
    Identity,
    Purpose,
    TrustAnchor,
    check_ca,
    check_chain,
    check_guest,
    guest_peer,
    names_in_leaf,
    organisation_name,
)
from protocol.errors import LocalProtocolError, TrustError
from protocol.keys import Curve, PrivateKey, PublicKey
from protocol.link_messages import Role

__all__ = [
    "Claims",
    "Curve",
    "DeviceClaims",
    "Identity",
    "PrivateKey",
    "PublicKey",
    "Purpose",
    "Role",
    "TechnicianClaims",
    "TrustAnchor",
    "check_ca",
    "check_chain",
    "check_guest",
    "guest_peer",
    "issue_ca",
    "issue_device_leaf",
    "issue_guest_certificate",
    "issue_login_leaf",
    "issue_root",
    "issue_signer_login_leaf",
    "issue_technician_leaf",
    "make_request",
    "names_in_leaf",
    "organisation_id",
    "organisation_name",
    "read_request",
]

RandomBytes = Callable[[int], bytes]

MAX_REQUEST: Final = 4096
LOGIN_LIFE: Final = timedelta(days=90)


def issue_root(key: PrivateKey, *, name: str, wall: datetime, random_bytes: RandomBytes) -> bytes:
    """A self-signed root. `key` is on P-384; `name` (1-64 printable characters) is how the organisation calls itself.

    Raises:
        LocalProtocolError: the name or the key's curve is not as above.
    """
    if key.public.curve != "P-384":
        raise LocalProtocolError("The organisation's root needs a key on P-384.")
    if not 1 <= len(name) <= 64 or not name.isprintable() or name != name.strip():
        raise LocalProtocolError("An organisation's name is 1 to 64 printable characters, without blanks around it.")
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    start = in_utc(wall)
    builder = _builder(subject, subject, key.public, start, start + ROOT_LIFE, random_bytes)
    builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=1), critical=True)
    builder = builder.add_extension(_key_usage(signs_certificates=True), critical=True)
    builder = builder.add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public.unwrap()), critical=False)
    return _sign(builder, key)


def issue_ca(
    role: Role,
    *,
    ca_key: PublicKey,
    root_der: bytes,
    root_key: PrivateKey,
    wall: datetime,
    random_bytes: RandomBytes,
    lifetime: timedelta = CA_LIFE,
) -> bytes:
    """A CA for devices or technicians, signed by the root and bound to that role's names and usages.

    Raises:
        LocalProtocolError: there is no CA for this role, or a key is of the wrong kind or not the root's.
        TrustError: `root_der` cannot be read.
    """
    if role not in CA_USAGES:
        raise LocalProtocolError("Only devices and technicians have a certificate authority; the root vouches for the signer.")
    if ca_key.curve != "P-256":
        raise LocalProtocolError("A certificate authority needs a key on P-256.")
    organisation = organisation_id(root_der)
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"Handrail {role.value} CA {organisation}")])
    builder = _issued_by(root_der, root_key, subject, ca_key, lifetime, wall, random_bytes)
    builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
    builder = builder.add_extension(_key_usage(signs_certificates=True), critical=True)
    builder = builder.add_extension(
        x509.NameConstraints(permitted_subtrees=[x509.DNSName(subtree_of(role, organisation))], excluded_subtrees=None),
        critical=True,
    )
    builder = builder.add_extension(_usages(CA_USAGES[role]), critical=False)
    builder = builder.add_extension(x509.SubjectKeyIdentifier.from_public_key(ca_key.unwrap()), critical=False)
    return _sign(builder, root_key)


def issue_device_leaf(
    peer: str,
    public_key: PublicKey,
    claims: DeviceClaims,
    *,
    ca_der: bytes,
    ca_key: PrivateKey,
    lifetime: timedelta,
    wall: datetime,
    random_bytes: RandomBytes,
) -> bytes:
    """A device's certificate for sessions, at most 90 days and never beyond its CA's own life.

    Raises:
        LocalProtocolError: an argument is outside the profile.
        TrustError: `ca_der` is not the device CA of an organisation.
    """
    return _issue_leaf(Role.DEVICE, "session", peer, public_key, claims, ca_der, ca_key, lifetime, wall, random_bytes)


def issue_technician_leaf(
    peer: str,
    public_key: PublicKey,
    claims: TechnicianClaims,
    *,
    ca_der: bytes,
    ca_key: PrivateKey,
    lifetime: timedelta,
    wall: datetime,
    random_bytes: RandomBytes,
) -> bytes:
    """A technician's certificate for sessions, at most 7 days (the signer gives at most 12 hours) and never beyond its CA's life.

    Raises:
        LocalProtocolError: an argument is outside the profile.
        TrustError: `ca_der` is not the technician CA of an organisation.
    """
    return _issue_leaf(Role.TECHNICIAN, "session", peer, public_key, claims, ca_der, ca_key, lifetime, wall, random_bytes)


def issue_login_leaf(
    role: Role,
    peer: str,
    public_key: PublicKey,
    *,
    ca_der: bytes,
    ca_key: PrivateKey,
    wall: datetime,
    random_bytes: RandomBytes,
    lifetime: timedelta = LOGIN_LIFE,
) -> bytes:
    """A device's or technician's certificate for the link to the relay: the same name, a key of its own, no claims.

    Raises:
        LocalProtocolError: an argument is outside the profile.
        TrustError: `ca_der` is not the CA of this role.
    """
    return _issue_leaf(role, "login", peer, public_key, None, ca_der, ca_key, lifetime, wall, random_bytes)


def issue_signer_login_leaf(
    public_key: PublicKey,
    *,
    root_der: bytes,
    root_key: PrivateKey,
    wall: datetime,
    random_bytes: RandomBytes,
    lifetime: timedelta = LOGIN_LIFE,
) -> bytes:
    """The signer's certificate for the link to the relay, issued by the root itself.

    Raises:
        LocalProtocolError: an argument is outside the profile.
        TrustError: `root_der` cannot be read.
    """
    return _issue_leaf(Role.SIGNER, "login", SIGNER_PEER, public_key, None, root_der, root_key, lifetime, wall, random_bytes)


def issue_guest_certificate(
    key: PrivateKey, *, organisation: str, wall: datetime, random_bytes: RandomBytes, lifetime: timedelta = GUEST_LIFE
) -> bytes:
    """What a device that is not enrolled calls itself towards `organisation` (its id), by its own key, for two hours at most.

    Raises:
        LocalProtocolError: the key is not on P-256, or the life is longer.
    """
    if key.public.curve != "P-256" or not timedelta(0) < lifetime <= GUEST_LIFE:
        raise LocalProtocolError("A guest's certificate is for a key on P-256 and lives for at most two hours.")
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, GUEST_NAME)])
    start = in_utc(wall)
    builder = _builder(name, name, key.public, start, start + lifetime, random_bytes)
    builder = builder.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
    builder = builder.add_extension(_key_usage(signs_certificates=False), critical=True)
    names = x509.SubjectAlternativeName([x509.DNSName(san_of(Role.GUEST, guest_peer(key.public), organisation))])
    builder = builder.add_extension(names, critical=True)
    builder = builder.add_extension(_usages(GUEST_USAGES), critical=False)
    return _sign(builder, key)


def make_request(key: PrivateKey, peer_hint: str = "") -> bytes:
    """A certificate signing request (PKCS#10, DER), signed by its own key. `peer_hint` (<= 64 characters) is never believed.

    Raises:
        LocalProtocolError: the key is not on P-256, or the hint is too long.
    """
    if key.public.curve != "P-256":
        raise LocalProtocolError("Certificates are asked for with a key on P-256.")
    if len(peer_hint) > 64:
        raise LocalProtocolError("The hint in a request is at most 64 characters.")
    names = [x509.NameAttribute(NameOID.COMMON_NAME, peer_hint)] if peer_hint else []
    builder = x509.CertificateSigningRequestBuilder().subject_name(x509.Name(names))
    request = builder.sign(key.unwrap(), hashes.SHA256(), ecdsa_deterministic=True)
    return request.public_bytes(serialization.Encoding.DER)


def read_request(der: bytes) -> PublicKey:
    """The public key that a request asks a certificate for. Everything else in the request is ignored.

    Raises:
        TrustError: too long, unreadable, not signed by its own key, or a key that is not EC on P-256.
    """
    if len(der) > MAX_REQUEST:
        raise TrustError(f"The certificate request is longer than {MAX_REQUEST} bytes.")
    try:
        request = x509.load_der_x509_csr(der)
        key = request.public_key()
        if not isinstance(key, ec.EllipticCurvePublicKey):
            raise TrustError("The certificate request's key is not an EC key on P-256.")
        valid = request.is_signature_valid
    except (ValueError, TypeError, UnsupportedAlgorithm, InvalidSignature, x509.InvalidVersion) as error:
        raise TrustError("The certificate request cannot be read (PKCS#10, DER).") from error
    public = PublicKey(key)
    if public.curve != "P-256":
        raise TrustError("The certificate request's key is not an EC key on P-256.")
    if not valid:
        raise TrustError("The certificate request was not signed by the key that it is for.")
    return public


def _issue_leaf(
    role: Role,
    purpose: Purpose,
    peer: str,
    public_key: PublicKey,
    claims: Claims | None,
    issuer_der: bytes,
    issuer_key: PrivateKey,
    lifetime: timedelta,
    wall: datetime,
    random_bytes: RandomBytes,
) -> bytes:
    if (role, purpose) not in LONGEST_LIFE:
        raise LocalProtocolError(f"Nobody issues a {purpose} certificate to a {role.value}.")
    if not timedelta(0) < lifetime <= LONGEST_LIFE[role, purpose]:
        longest = LONGEST_LIFE[role, purpose]
        raise LocalProtocolError(f"A {role.value}'s {purpose} certificate lives for at most {longest.days} days.")
    if public_key.curve != "P-256":
        raise LocalProtocolError("Certificates for sessions and logins need a key on P-256.")
    organisation = _organisation_of_issuer(role, issuer_der)
    builder = _issued_by(issuer_der, issuer_key, x509.Name([]), public_key, lifetime, wall, random_bytes)
    builder = builder.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
    builder = builder.add_extension(_key_usage(signs_certificates=False), critical=True)
    san = x509.SubjectAlternativeName([x509.DNSName(san_of(role, peer, organisation))])
    builder = builder.add_extension(san, critical=True)
    usages = LOGIN_USAGES if purpose == "login" else SESSION_USAGES[role]
    builder = builder.add_extension(_usages(usages), critical=False)
    builder = builder.add_extension(x509.SubjectKeyIdentifier.from_public_key(public_key.unwrap()), critical=False)
    if claims is not None:
        builder = builder.add_extension(x509.UnrecognizedExtension(OID_CLAIMS, encode_claims(claims)), critical=False)
    return _sign(builder, issuer_key)


def _organisation_of_issuer(role: Role, issuer_der: bytes) -> str:
    """The organisation in the issuing CA's name constraint; the signer's issuer is the root itself.

    Raises:
        TrustError: the CA is not one of this role.
    """
    if role is Role.SIGNER:
        return organisation_id(issuer_der)
    try:
        constraints = load_certificate(issuer_der).extensions.get_extension_for_class(x509.NameConstraints).value
    except (ValueError, x509.ExtensionNotFound, x509.DuplicateExtension, x509.UnsupportedGeneralNameType) as error:
        raise TrustError("The issuing certificate is not one of a certificate authority of an organisation.") from error
    for subtree in constraints.permitted_subtrees or ():
        organisation = str(subtree.value).split(".")[1:2]
        if organisation and subtree == x509.DNSName(subtree_of(role, organisation[0])):
            return organisation[0]
    raise TrustError(f"The issuing certificate is not the one of the certificate authority for {role.value}s.")


def _issued_by(
    issuer_der: bytes,
    issuer_key: PrivateKey,
    subject: x509.Name,
    public_key: PublicKey,
    lifetime: timedelta,
    wall: datetime,
    random_bytes: RandomBytes,
) -> x509.CertificateBuilder:
    issuer = load_certificate(issuer_der)
    key = issuer.public_key()
    if not isinstance(key, ec.EllipticCurvePublicKey) or PublicKey(key) != issuer_key.public:
        raise LocalProtocolError("The issuing key does not belong to the issuing certificate.")
    start = in_utc(wall)
    # RFC 5280 does not ask for nested lives, but a leaf that outlives its CA is only a surprise in waiting.
    end = min(start + lifetime, issuer.not_valid_after_utc)
    if end <= start:
        raise LocalProtocolError(
            f"The issuing certificate expired on {issuer.not_valid_after_utc:%Y-%m-%d}: renew it before issuing with it."
        )
    builder = _builder(subject, issuer.subject, public_key, start, end, random_bytes)
    authority = x509.AuthorityKeyIdentifier.from_issuer_public_key(key)
    return builder.add_extension(authority, critical=False)


def _builder(
    subject: x509.Name, issuer: x509.Name, key: PublicKey, start: datetime, end: datetime, random_bytes: RandomBytes
) -> x509.CertificateBuilder:
    # 127 random bits and a leading one: positive, never zero, 16 bytes.
    serial = int.from_bytes(random_bytes(16), "big") >> 1 | 1 << 126
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.unwrap())
        .serial_number(serial)
        .not_valid_before(start - BACKDATE)
        .not_valid_after(end)
    )


def _sign(builder: x509.CertificateBuilder, key: PrivateKey) -> bytes:
    digest = hashes.SHA384() if key.public.curve == "P-384" else hashes.SHA256()
    return builder.sign(key.unwrap(), digest, ecdsa_deterministic=True).public_bytes(serialization.Encoding.DER)


def _key_usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        encipher_only=False,
        decipher_only=False,
    )


def _usages(usages: frozenset[x509.ObjectIdentifier]) -> x509.ExtendedKeyUsage:
    return x509.ExtendedKeyUsage(sorted(usages, key=lambda usage: usage.dotted_string))
