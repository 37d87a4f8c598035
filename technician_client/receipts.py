"""The technician as a witness: what the agent said last in each session, its signed checkpoint above all, is kept.

A chain of audit records that was edited afterwards no longer has the hash that a kept checkpoint names (`protocol.audit`).
"""

import base64
import re
from dataclasses import dataclass
from pathlib import Path

import msgspec

from protocol.audit import open_checkpoint
from protocol.certificates import Identity, PublicKey
from protocol.errors import HandrailError, TrustError
from protocol.session import SessionEnded
from technician_client.private_files import write_private
from technician_client.verdicts import device_claims

_UNSAFE = re.compile(r"[^A-Za-z0-9_-]+")
RECEIPT_BYTES = 256 * 1024


@dataclass(frozen=True, slots=True)
class Kept:
    """Where the last words of a session were kept, and what was wrong with them ("" nothing)."""

    path: Path
    fault: str


def keep_last_words(directory: Path, identity: Identity, session_id: str, ended: SessionEnded, *, wall: float) -> Kept | None:
    """Write checkpoint and receipt of an ended session to a file of its own; None when the agent sent neither.

    Args:
        wall: seconds since 1970.

    Raises:
        PrivateFileError: the file cannot be written.
    """
    if not ended.checkpoint and not ended.receipt:
        return None
    fault = ""
    document: dict[str, object] = {
        "session": session_id,
        "device": identity.peer,
        "label": device_claims(identity).label,
        "ended_at": wall,
        "reason": ended.reason,
        "clean": ended.clean,
        "certificate": base64.b64encode(identity.leaf_der).decode(),
        "receipt": ended.receipt[:RECEIPT_BYTES].decode("utf-8", "replace"),
    }
    try:
        checkpoint = open_checkpoint(ended.checkpoint, PublicKey.of_certificate(identity.leaf_der))
        if (checkpoint.organisation, checkpoint.device) != (identity.organisation, identity.peer):
            raise TrustError("The audit checkpoint is of another device: it was not kept.")
        document["checkpoint"] = base64.b64encode(ended.checkpoint).decode()
        document["sequence"], document["hash"] = checkpoint.sequence, checkpoint.hash.hex()
    except HandrailError as error:
        fault = document["fault"] = str(error)
    name = f"{int(wall)}-{identity.peer}-{_UNSAFE.sub('_', session_id)[:40] or 'session'}.json"
    path = directory / name
    write_private(path, msgspec.json.format(msgspec.json.encode(document)))
    return Kept(path, fault)
