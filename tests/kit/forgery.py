"""Certificates that our own code would never issue: a real one as the template, any part of it changed, signed by a real key."""

import secrets
from datetime import datetime

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519

from protocol.certificates import PrivateKey

Value = tuple[x509.ExtensionType, bool] | None
AnyPublicKey = ec.EllipticCurvePublicKey | ed25519.Ed25519PublicKey


def forge(
    template: bytes,
    issuer: bytes,
    issuer_key: PrivateKey,
    *,
    change: dict[x509.ObjectIdentifier, Value] | None = None,
    subject: x509.Name | None = None,
    not_before: datetime | None = None,
    not_after: datetime | None = None,
    public_key: AnyPublicKey | None = None,
) -> bytes:
    """The template again, with some extensions replaced (None: left out, new ones: added) and signed by the issuer."""
    old, parent = x509.load_der_x509_certificate(template), x509.load_der_x509_certificate(issuer)
    changes = dict(change or {})
    key = public_key or old.public_key()
    assert isinstance(key, (ec.EllipticCurvePublicKey, ed25519.Ed25519PublicKey))
    builder = (
        x509.CertificateBuilder()
        .subject_name(old.subject if subject is None else subject)
        .issuer_name(parent.subject)
        .public_key(key)
        .serial_number(secrets.randbits(120) + 1)
        .not_valid_before(not_before or old.not_valid_before_utc)
        .not_valid_after(not_after or old.not_valid_after_utc)
    )
    authority_key = parent.public_key()
    assert isinstance(authority_key, ec.EllipticCurvePublicKey)
    authority = x509.AuthorityKeyIdentifier.from_issuer_public_key(authority_key)
    for extension in old.extensions:
        value: Value = changes.pop(extension.oid, (extension.value, extension.critical))
        if isinstance(extension.value, x509.AuthorityKeyIdentifier):
            value = (authority, False)
        elif isinstance(extension.value, x509.SubjectKeyIdentifier):
            value = (x509.SubjectKeyIdentifier.from_public_key(key), False)
        if value is not None:
            builder = builder.add_extension(*value)
    for left in changes.values():
        if left is not None:
            builder = builder.add_extension(*left)
    digest = hashes.SHA384() if issuer_key.public.curve == "P-384" else hashes.SHA256()
    return builder.sign(issuer_key.unwrap(), digest).public_bytes(serialization.Encoding.DER)
