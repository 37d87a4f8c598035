"""Commit, reveal and the short authentication string (SAS) that two people compare.

The technician commits to a nonce before it sees the agent's, so that whoever sits between them gets one guess in a million;
without the commitment a 20-bit string is ground in seconds (the idea of ZRTP, RFC 6189 section 4.4.1). The SAS is bound to the
TLS exporter (RFC 5705, RFC 8446 section 7.5) and to both certified keys.
"""

import hashlib
import hmac
from typing import Final

from protocol.errors import TrustError

NONCE_BYTES: Final = 32
EXPORTER_LABEL: Final = b"EXPORTER-handrail-sas-v1"
EXPORTER_BYTES: Final = 32
_COMMIT_PREFIX: Final = b"handrail commit v1\0"
_SAS_PREFIX: Final = b"handrail sas v1\0"


def commitment(nonce: bytes) -> bytes:
    """SHA-256 over a fixed prefix and the technician's nonce (32 bytes)."""
    return hashlib.sha256(_COMMIT_PREFIX + nonce).digest()


def check_commitment(commit: bytes, nonce: bytes) -> None:
    """Raises:
    TrustError: the revealed nonce is not the one committed to: somebody stands between the two.
    """
    if len(nonce) != NONCE_BYTES or not hmac.compare_digest(commit, commitment(nonce)):
        raise TrustError("the technician's revealed nonce does not match its commitment: the session was stopped")


def short_authentication_string(
    exporter: bytes, *, technician_nonce: bytes, agent_nonce: bytes, technician_key: bytes, agent_key: bytes
) -> str:
    """Six digits that are equal on both screens exactly when nobody stands between.

    Args:
        exporter: 32 bytes of the TLS exporter under `EXPORTER_LABEL`.
        technician_nonce, agent_nonce: 32 bytes each.
        technician_key, agent_key: SHA-256 of each leaf's SubjectPublicKeyInfo.
    """
    data = _SAS_PREFIX + technician_nonce + agent_nonce + technician_key + agent_key
    tag = hmac.new(exporter, data, hashlib.sha256).digest()
    return f"{int.from_bytes(tag[:8], 'big') % 1_000_000:06d}"
