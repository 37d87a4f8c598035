"""The audit chain: what happened on a device, each record bound to all before it, and signed checkpoints of its head.

    hash(0)  = SHA-256("handrail audit v1")
    hash(n)  = SHA-256("handrail audit v1" NUL hash(n-1) MessagePack(record n, map keys sorted))

A checkpoint says which hash the chain had at which length and is signed by the device's session key. The technician keeps it as a
witness: a chain whose record n does not have the witnessed hash was edited after that session. Pure: no clock, no storage.
"""

import hashlib
from collections.abc import Iterable
from typing import Annotated, Final

import msgspec

from protocol.certificates import PrivateKey, PublicKey
from protocol.errors import TrustError

CONTEXT: Final = b"handrail audit v1"
CHECKPOINT_CONTEXT: Final = b"handrail audit checkpoint v1\0"
CHECKPOINT_BYTES: Final = 4096
GENESIS: Final = hashlib.sha256(CONTEXT).digest()

Hash = Annotated[bytes, msgspec.Meta(min_length=32, max_length=32)]
Detail = dict[str, str | int | bool]


class Record(msgspec.Struct, frozen=True):
    """One thing that happened. `sequence` counts from 1; `at` is seconds since 1970; `session` is "" outside any session."""

    sequence: int
    at: float
    session: str
    action: str
    detail: Detail


class Checkpoint(msgspec.Struct, frozen=True):
    """The head of one device's chain: record `sequence` has `hash` (of an empty chain: 0 and the genesis hash)."""

    organisation: Annotated[str, msgspec.Meta(max_length=16)]
    device: Annotated[str, msgspec.Meta(max_length=40)]
    sequence: Annotated[int, msgspec.Meta(ge=0)]
    hash: Hash
    at: float


class SignedCheckpoint(msgspec.Struct, frozen=True):
    """What travels in `session.end`: the checkpoint's own bytes and an ECDSA signature (DER) over context and bytes."""

    checkpoint: bytes
    signature: Annotated[bytes, msgspec.Meta(max_length=256)]


_ENCODER: Final = msgspec.msgpack.Encoder(order="deterministic")


def record_hash(previous: bytes, record: Record) -> bytes:
    """The hash of `record` when the one before it has the hash `previous`."""
    return hashlib.sha256(b"\0".join((CONTEXT, previous + _ENCODER.encode(record)))).digest()


def check_chain(rows: Iterable[tuple[Record, bytes]], *, sequence: int = 0, head: bytes = GENESIS) -> tuple[int, bytes]:
    """Check records with their stored hashes, beginning after (`sequence`, `head`); return the new head.

    Raises:
        TrustError: a record is missing, out of order or was edited; the text names the first such record.
    """
    for record, stored in rows:
        sequence += 1
        if record.sequence != sequence:
            raise TrustError(f"The audit chain is broken: record {sequence} is missing (record {record.sequence} came instead).")
        head = record_hash(head, record)
        if head != stored:
            raise TrustError(f"The audit chain is broken at record {sequence}: it was changed after it was written.")
    return sequence, head


def sign_checkpoint(key: PrivateKey, checkpoint: Checkpoint) -> bytes:
    """The checkpoint as it travels."""
    data = _ENCODER.encode(checkpoint)
    return _ENCODER.encode(SignedCheckpoint(data, key.sign(CHECKPOINT_CONTEXT + data)))


def open_checkpoint(data: bytes, key: PublicKey) -> Checkpoint:
    """Verify a checkpoint with the device's certified session key.

    Raises:
        TrustError: too large, not a checkpoint, or the signature does not hold.
    """
    if len(data) > CHECKPOINT_BYTES:
        raise TrustError("The audit checkpoint is larger than one can be: it was not kept.")
    try:
        signed = msgspec.msgpack.decode(data, type=SignedCheckpoint)
        key.verify(signed.signature, CHECKPOINT_CONTEXT + signed.checkpoint)
        return msgspec.msgpack.decode(signed.checkpoint, type=Checkpoint)
    except ValueError as error:
        raise TrustError("The audit checkpoint does not decode: it was not kept.") from error
