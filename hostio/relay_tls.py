"""Whose TLS key answers for the relay: the one that was pinned, or one that the system's certificate authorities vouch for.

The pin (hex SHA-256 of the SubjectPublicKeyInfo, `relay_spki` of a bundle) is compared inside the handshake, before a byte of
ours is sent, whichever library dials: asyncio by way of `ssl.SSLObject`, `http.client` by way of `ssl.SSLSocket`.
"""

import hmac
import ssl

from protocol.errors import TrustError
from protocol.relay_address import parse_pin, spki_sha256


class PinMismatch(ssl.SSLError):
    """The relay's TLS key is not the pinned one. An `OSError`, so that event loops and `http.client` tidy up and pass it on."""


def tls_context(spki: str) -> ssl.SSLContext:
    """A client context that accepts exactly the key whose SPKI hashes to `spki`, or, when it is "", what the system's certificate
    authorities vouch for.

    Raises:
        RelayAddressError: the pin is not 64 hex digits.
    """
    pin = parse_pin(spki)
    if not pin:
        context = ssl.create_default_context()
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        return context

    class PinnedObject(ssl.SSLObject):
        def do_handshake(self) -> None:
            super().do_handshake()
            _compare(self.getpeercert(binary_form=True), pin)

    class PinnedSocket(ssl.SSLSocket):
        def do_handshake(self, block: bool = False) -> None:
            super().do_handshake(block)
            _compare(self.getpeercert(binary_form=True), pin)

    context = unjudged_context()
    context.sslobject_class, context.sslsocket_class = PinnedObject, PinnedSocket
    return context


def unjudged_context() -> ssl.SSLContext:
    """A client context that accepts every key: for whoever compares it himself, before anything is sent."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE  # the pin is the check; a self-signed relay has nothing else to show
    return context


def wrong_key(origin: str) -> TrustError:
    """What to say of a relay at `origin` after `PinMismatch`."""
    return TrustError(
        f"{origin} does not hold the key that was pinned for the relay. Either somebody sits in between, or the relay was given "
        "a new key: ask your administrator, and do not go on. Nothing was sent."
    )


def untrusted(origin: str, error: ssl.SSLCertVerificationError) -> TrustError:
    """What to say of a relay at `origin` for which no authority vouches."""
    return TrustError(
        f"{origin} shows a certificate that this computer does not trust ({error.verify_message}). Check this computer's clock; "
        "a relay with a certificate of its own needs its pin, which `handrail-relay init` printed."
    )


def _compare(certificate: bytes | None, pin: bytes) -> None:
    if certificate is None or not hmac.compare_digest(spki_sha256(certificate), pin):
        raise PinMismatch("the relay's TLS key is not the pinned one")
