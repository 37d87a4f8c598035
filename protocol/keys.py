"""Opaque key types: EC keys that cannot be printed, pickled or compared carelessly.

Only P-256 (leaves, CAs) and P-384 (organisation roots) exist here. Signatures are deterministic ECDSA (RFC 6979), DER encoded,
with SHA-256 on P-256 and SHA-384 on P-384.

Encrypted keys are PEM blocks of our own, because the library's PKCS#8 encryption derives its key by only 2,048 rounds of PBKDF2:

    -----BEGIN HANDRAIL ENCRYPTED KEY-----
    base64 of: version 0x01 | log2(N) of scrypt, one byte | salt, 32 bytes | AES-256-GCM ciphertext and tag of the PKCS#8 DER
    -----END HANDRAIL ENCRYPTED KEY-----

    scrypt (RFC 7914): r = 8, p = 1, 44 bytes out: 32 bytes of AES key, 12 bytes of nonce. The first 34 bytes are associated data.
"""

import base64
import binascii
import hmac
from typing import Final, Literal, NoReturn, final

from cryptography import x509
from cryptography.exceptions import InvalidSignature, InvalidTag, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

from protocol.errors import LocalProtocolError, TrustError

Curve = Literal["P-256", "P-384"]

MAX_KEY_FILE: Final = 16 * 1024
MAX_SIGNATURE: Final = 256

_BEGIN: Final = b"-----BEGIN HANDRAIL ENCRYPTED KEY-----"
_END: Final = b"-----END HANDRAIL ENCRYPTED KEY-----"
_VERSION: Final = 1
_SALT_BYTES: Final = 32
_HEADER_BYTES: Final = 2 + _SALT_BYTES
_LOG_N: Final = 16
_LARGEST_LOG_N: Final = 20


@final
class PublicKey:
    """An EC public key. Equality takes constant time; hashable by its SPKI."""

    __slots__ = ("_key", "_spki")

    def __init__(self, key: ec.EllipticCurvePublicKey) -> None:
        """Wrap a key of the `cryptography` library.

        Raises:
            TrustError: neither P-256 nor P-384.
        """
        if not isinstance(key.curve, (ec.SECP256R1, ec.SECP384R1)):
            raise TrustError("This key is of a kind that is not accepted: use an EC key on P-256 or P-384.")
        self._key = key
        self._spki = key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)

    @classmethod
    def from_spki(cls, der: bytes) -> "PublicKey":
        """Read a SubjectPublicKeyInfo (DER).

        Raises:
            TrustError: not a public key, or not on P-256 or P-384.
        """
        if len(der) > MAX_KEY_FILE:
            raise TrustError("This public key is far too long to be one.")
        try:
            key = serialization.load_der_public_key(der)
        except (ValueError, UnsupportedAlgorithm) as error:
            raise TrustError("This is not a public key that can be read (SubjectPublicKeyInfo, DER).") from error
        if not isinstance(key, ec.EllipticCurvePublicKey):
            raise TrustError("This key is of a kind that is not accepted: use an EC key on P-256 or P-384.")
        return cls(key)

    @classmethod
    def of_certificate(cls, der: bytes) -> "PublicKey":
        """The subject's key of a certificate. Nothing is verified: ask only about one that `check_chain` accepted.

        Raises:
            TrustError: not a certificate, or a key that is not on P-256 or P-384.
        """
        if len(der) > MAX_KEY_FILE:
            raise TrustError("The certificate is far too long to be one.")
        try:
            key = x509.load_der_x509_certificate(der).public_key()
        except (ValueError, TypeError, UnsupportedAlgorithm, x509.InvalidVersion) as error:
            raise TrustError("The certificate cannot be read.") from error
        if not isinstance(key, ec.EllipticCurvePublicKey):
            raise TrustError("This key is of a kind that is not accepted: use an EC key on P-256 or P-384.")
        return cls(key)

    @property
    def curve(self) -> Curve:
        """The curve's NIST name."""
        return "P-256" if isinstance(self._key.curve, ec.SECP256R1) else "P-384"

    @property
    def spki(self) -> bytes:
        """SubjectPublicKeyInfo, DER."""
        return self._spki

    @property
    def fingerprint(self) -> bytes:
        """SHA-256 of the SPKI, 32 bytes."""
        return _sha256(self._spki)

    def verify(self, signature: bytes, data: bytes) -> None:
        """Check a signature made by `PrivateKey.sign`.

        Raises:
            TrustError: the signature is not one of this key over this data.
        """
        if len(signature) > MAX_SIGNATURE:
            raise TrustError("The signature is too long to be one.")
        try:
            self._key.verify(signature, data, ec.ECDSA(_hash_of(self._key.curve)))
        except InvalidSignature as error:
            raise TrustError("The signature does not belong to this key and this text.") from error

    def unwrap(self) -> ec.EllipticCurvePublicKey:
        """The library's key, for code in `protocol/` that builds certificates."""
        return self._key

    def __eq__(self, other: object) -> bool:
        return isinstance(other, PublicKey) and hmac.compare_digest(self._spki, other._spki)

    def __hash__(self) -> int:
        return hash(self._spki)

    def __repr__(self) -> str:
        return f"<PublicKey {self.curve} {self.fingerprint.hex()[:16]}>"


@final
class PrivateKey:
    """An EC private key: it signs, and is written out only on purpose. It has no equality, no useful `repr` and no pickle."""

    __slots__ = ("_key", "_public")

    def __init__(self, key: ec.EllipticCurvePrivateKey) -> None:
        """Wrap a key of the `cryptography` library.

        Raises:
            TrustError: neither P-256 nor P-384.
        """
        self._public = PublicKey(key.public_key())
        self._key = key

    @classmethod
    def generate(cls, curve: Curve = "P-256") -> "PrivateKey":
        """A new key from the randomness of the crypto library."""
        return cls(ec.generate_private_key(ec.SECP384R1() if curve == "P-384" else ec.SECP256R1()))

    @classmethod
    def from_pem(cls, data: bytes, passphrase: bytes | None = None) -> "PrivateKey":
        """Read what `to_pem` or `to_encrypted_pem` wrote.

        Raises:
            TrustError: not such a key, a wrong passphrase, or a passphrase is needed and none was given.
        """
        if len(data) > MAX_KEY_FILE:
            raise TrustError("This key file is far too long to be one.")
        if _BEGIN in data:
            if passphrase is None:
                raise TrustError("This key is encrypted: its passphrase is needed.")
            return cls._from_der(_open_key(data, passphrase))
        if b"ENCRYPTED" in data:
            raise TrustError("This key file is encrypted in a way that Handrail does not use; it was not written by Handrail.")
        try:
            key = serialization.load_pem_private_key(data, None)
        except (ValueError, TypeError, UnsupportedAlgorithm) as error:
            raise TrustError("This is not a private key file that can be read (PEM, EC).") from error
        return cls._accept(key)

    @classmethod
    def _from_der(cls, der: bytes) -> "PrivateKey":
        try:
            key = serialization.load_der_private_key(der, None)
        except (ValueError, TypeError, UnsupportedAlgorithm) as error:
            raise TrustError("The decrypted key file does not hold a private key.") from error
        return cls._accept(key)

    @classmethod
    def _accept(cls, key: object) -> "PrivateKey":
        if not isinstance(key, ec.EllipticCurvePrivateKey):
            raise TrustError("This key is of a kind that is not accepted: use an EC key on P-256 or P-384.")
        return cls(key)

    @property
    def public(self) -> PublicKey:
        """The public half."""
        return self._public

    def sign(self, data: bytes) -> bytes:
        """ECDSA over `data`, DER; SHA-256 on P-256, SHA-384 on P-384; deterministic."""
        return self._key.sign(data, ec.ECDSA(_hash_of(self._key.curve), deterministic_signing=True))

    def to_pem(self) -> bytes:
        """PKCS#8 PEM **without encryption**: for files that nobody else can read."""
        return self._key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )

    def to_encrypted_pem(self, passphrase: bytes) -> bytes:
        """The encrypted PEM block of this module's docstring.

        Raises:
            LocalProtocolError: the passphrase is empty.
        """
        if not passphrase:
            raise LocalProtocolError("An empty passphrase protects nothing: choose one.")
        plain = self._key.private_bytes(
            serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        # The salt alone is random; key and nonce follow from it, so that a nonce can never come twice under one key.
        header = bytes([_VERSION, _LOG_N]) + AESGCM.generate_key(bit_length=8 * _SALT_BYTES)
        key, nonce = _stretch(passphrase, header)
        body = base64.b64encode(header + AESGCM(key).encrypt(nonce, plain, header))
        lines = [body[start : start + 64] for start in range(0, len(body), 64)]
        return b"\n".join([_BEGIN, *lines, _END, b""])

    def derive(self, purpose: bytes) -> bytes:
        """32 bytes that only the holder of this key can make, other ones for each purpose: HKDF-SHA-256 (RFC 5869) of the secret
        scalar with the purpose as info."""
        size = (self._key.key_size + 7) // 8
        scalar = self._key.private_numbers().private_value.to_bytes(size, "big")
        return HKDF(hashes.SHA256(), 32, None, b"handrail " + purpose).derive(scalar)

    def unwrap(self) -> ec.EllipticCurvePrivateKey:
        """The library's key, for code in `protocol/` that issues certificates or opens channels."""
        return self._key

    def __repr__(self) -> str:
        return f"<PrivateKey {self._public.curve} of {self._public.fingerprint.hex()[:16]}>"

    def __reduce__(self) -> NoReturn:
        raise LocalProtocolError("A private key is never pickled or copied: write it with to_encrypted_pem().")


def _open_key(data: bytes, passphrase: bytes) -> bytes:
    """The PKCS#8 DER inside an encrypted block."""
    _, _, rest = data.partition(_BEGIN)
    body, end, _ = rest.partition(_END)
    try:
        sealed = base64.b64decode(b"".join(body.split()), validate=True)
    except (binascii.Error, ValueError):
        sealed = b""
    if not end or len(sealed) <= _HEADER_BYTES or sealed[0] != _VERSION or not 10 <= sealed[1] <= _LARGEST_LOG_N:
        raise TrustError("This encrypted key file is damaged, or was written by a newer version.")
    header = sealed[:_HEADER_BYTES]
    key, nonce = _stretch(passphrase, header)
    try:
        return AESGCM(key).decrypt(nonce, sealed[_HEADER_BYTES:], header)
    except InvalidTag as error:
        raise TrustError("The passphrase is wrong, or the key file is damaged.") from error


def _stretch(passphrase: bytes, header: bytes) -> tuple[bytes, bytes]:
    derived = Scrypt(salt=header[2:_HEADER_BYTES], length=44, n=1 << header[1], r=8, p=1).derive(passphrase)
    return derived[:32], derived[32:]


def _hash_of(curve: ec.EllipticCurve) -> hashes.SHA256 | hashes.SHA384:
    return hashes.SHA256() if isinstance(curve, ec.SECP256R1) else hashes.SHA384()


def _sha256(data: bytes) -> bytes:
    digest = hashes.Hash(hashes.SHA256())
    digest.update(data)
    return digest.finalize()
