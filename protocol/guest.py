"""How a guest and a technician prove to each other that both know the secret half of one code: SPAKE2 (RFC 9382's idea), bound to
the sealed channel between them.

The ids of the exchange are hashes of both certificates, and each side confirms the key over keying material of their one TLS
connection. So whoever sits in between, with a connection of its own to each side, cannot pass the exchange on: it has to guess
the secret, once. A wrong guess burns the code on both sides (`agent.guest`, `technician_client.spent`).

    guest       -> technician   share
    technician  -> guest        share, confirmation: the technician proves itself first
    guest       -> technician   confirmation

The arithmetic is that of the `spake2` package (Ed25519 group), which does not run in constant time: good for secrets that are
used once and live for ten minutes, and for nothing else. It is imported here and nowhere else, and only when a guest is there:
loading it computes for a tenth of a second.
"""

import hashlib
import hmac
from collections.abc import Callable
from typing import Final

from protocol.errors import LocalProtocolError, TrustError
from protocol.messages.base import Sender

EXPORTER_LABEL: Final = b"EXPORTER-handrail-guest-v1"
EXPORTER_BYTES: Final = 32
SHARE_BYTES: Final = 33
CONFIRMATION_BYTES: Final = 32
WRONG_CODE: Final = (
    "The eight characters of the code were not the ones on the guest's screen, or somebody stands in between. Nothing was shown, "
    "and the code is void: ask for a new one."
)

_CONFIRM: Final = b"handrail guest confirm v1\0"
_SIDES: Final = (Sender.TECHNICIAN, Sender.AGENT)


class GuestExchange:
    """One side of one exchange. Use it once: `share` goes out, `meet` takes the other's, then confirmations are compared.

    Args:
        side: TECHNICIAN or AGENT (the guest).
        secret: the eight characters, canonical.
        technician_leaf, guest_leaf: both certificates of the channel, DER.
    """

    def __init__(
        self, side: Sender, secret: str, *, technician_leaf: bytes, guest_leaf: bytes, random_bytes: Callable[[int], bytes]
    ) -> None:
        from spake2 import SPAKE2_A, SPAKE2_B

        if side not in _SIDES or not secret:
            raise LocalProtocolError("an exchange has a technician's and a guest's side, and a secret")
        self._side = side
        ids = identities(technician_leaf, guest_leaf)
        kind = SPAKE2_A if side is Sender.TECHNICIAN else SPAKE2_B
        self._exchange = kind(secret.encode("ascii"), idA=ids[0], idB=ids[1], entropy_f=random_bytes)
        self.share: bytes = self._exchange.start()
        self._key: bytes | None = None

    def meet(self, share: bytes, exporter: bytes) -> None:
        """Take the other side's share.

        Args:
            exporter: `EXPORTER_BYTES` of the TLS exporter under `EXPORTER_LABEL`.

        Raises:
            TrustError: it is no share of the other side.
            LocalProtocolError: a second one.
        """
        from spake2 import SPAKEError
        from spake2.ed25519_basic import NotOnCurve

        if self._key is not None:
            raise LocalProtocolError("an exchange takes one share")
        self._key = b""  # whatever comes of it, there is no second attempt
        if len(share) != SHARE_BYTES:
            raise TrustError(WRONG_CODE)
        try:
            key = self._exchange.finish(share)
        except (SPAKEError, NotOnCurve, ValueError) as error:
            raise TrustError(WRONG_CODE) from error
        self._key = hmac.digest(key, _CONFIRM + bound_to(exporter), "sha256")

    @property
    def confirmation(self) -> bytes:
        """What proves to the other side that this one knows the secret.

        Raises:
            LocalProtocolError: the other side's share has not come.
        """
        return self._confirmation_of(self._side)

    def check(self, confirmation: bytes) -> None:
        """Compare the other side's confirmation, in constant time.

        Raises:
            TrustError: it does not know the secret, or is not at the other end of this channel.
            LocalProtocolError: its share has not come.
        """
        other = Sender.AGENT if self._side is Sender.TECHNICIAN else Sender.TECHNICIAN
        if not same(confirmation, self._confirmation_of(other)):
            raise TrustError(WRONG_CODE)

    def _confirmation_of(self, side: Sender) -> bytes:
        if not self._key:
            raise LocalProtocolError("the other side's share has not come")
        return hmac.digest(self._key, side.value.encode("ascii"), "sha256")


def identities(technician_leaf: bytes, guest_leaf: bytes) -> tuple[bytes, bytes]:
    """Who the two sides are: SHA-256 of each certificate."""
    return hashlib.sha256(technician_leaf).digest(), hashlib.sha256(guest_leaf).digest()


def bound_to(exporter: bytes) -> bytes:
    """What ties the confirmations to one TLS connection."""
    return exporter


def same(one: bytes, other: bytes) -> bool:
    """Whether two confirmations are equal, in constant time."""
    return hmac.compare_digest(one, other)
