"""The relay's own TLS key: a self-signed certificate, the pin of its public key, the server's context.

This TLS only keeps strangers from watching links; sessions are sealed end to end inside it by keys the relay does not have.
"""

import hashlib
import os
import ssl
from datetime import datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

LIFETIME = timedelta(days=3650)


class TlsError(Exception):
    """Certificate or key cannot be used; the text says what to do."""


def self_signed(hosts: list[str], wall: datetime) -> tuple[bytes, bytes]:
    """A P-256 key and a certificate for `hosts` (names or addresses), valid for ten years: peers pin its key, not its date.

    Returns:
        certificate and key, both PEM.
    """
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "handrail relay")])
    names = [_general_name(host) for host in dict.fromkeys(hosts)]
    usage = x509.KeyUsage(True, False, False, False, False, True, False, False, False)
    certificate = (
        x509.CertificateBuilder(subject_name=name, issuer_name=name, public_key=key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(wall - timedelta(days=1))
        .not_valid_after(wall + LIFETIME)
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(usage, critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem_key = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return certificate.public_bytes(Encoding.PEM), pem_key


def _general_name(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ip_address(host))
    except ValueError:
        return x509.DNSName(host)


def spki_pin(certificate_pem: bytes) -> str:
    """Hex SHA-256 of the certificate's public key (SPKI DER): what peers pin.

    Raises:
        TlsError: not a PEM certificate.
    """
    try:
        certificate = x509.load_pem_x509_certificate(certificate_pem)
    except ValueError as error:
        raise TlsError(f"The certificate file holds no PEM certificate ({error}).") from error
    spki = certificate.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return hashlib.sha256(spki).hexdigest()


def read_pin(certificate: Path) -> str:
    """`spki_pin` of a file.

    Raises:
        TlsError: it cannot be read or holds no certificate.
    """
    try:
        return spki_pin(certificate.read_bytes())
    except OSError as error:
        raise TlsError(f"The certificate {certificate} cannot be read: {error.strerror}.") from error


def server_context(certificate: Path, key: Path) -> ssl.SSLContext:
    """TLS 1.2 or newer with this certificate.

    Raises:
        TlsError: a file is missing or does not fit.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(["http/1.1"])
    # Peers keep one link for hours and resume nothing: tickets would only be made, sent and cached.
    context.num_tickets = 0
    context.options |= ssl.OP_NO_TICKET
    try:
        context.load_cert_chain(certificate, key)
    except (OSError, ssl.SSLError) as error:
        raise TlsError(
            f"TLS files {certificate} and {key} cannot be used ({error}); check the paths, and that they fit."
        ) from error
    return context


def write_private(path: Path, data: bytes) -> None:
    """Write a new file that only its owner can read. An existing one is never overwritten.

    Raises:
        FileExistsError: it exists.
        OSError: it cannot be written.
    """
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)
