"""The audit chain: what happened on a device, each record bound to all before it, and signed checkpoints of its head.

    hash(0)  = SHA-256("handrail audit v1")
    hash(n)  = SHA-256("handrail audit v1" NUL hash(n-1) MessagePack(record n, map keys sorted))

Over the hashes of the records stands a Merkle tree (`protocol.merkle`; the leaf of record n is hash(n)). A checkpoint says which
hash and which root the chain had at which length and is signed by the device's session key. The technician keeps it as a witness:
each later checkpoint must come with a proof that the chain only grew in between, and a single record can be shown to belong to it
without the others. Pure: no clock, no storage.
"""

import hashlib
import hmac
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from itertools import islice
from typing import Annotated, Final

import msgspec

from protocol.certificates import PrivateKey, PublicKey
from protocol.errors import TrustError
from protocol.merkle import check_consistency, check_inclusion, leaf_hash

CONTEXT: Final = b"handrail audit v1"
CHECKPOINT_CONTEXT: Final = b"handrail audit checkpoint v1\0"
CHECKPOINT_BYTES: Final = 4096
GENESIS: Final = hashlib.sha256(CONTEXT).digest()
LOOK_AHEAD: Final = 10_000

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
    """The head of one device's chain: record `sequence` has `hash` (of an empty chain: 0 and the genesis hash), and `root` is
    that of the tree over all hashes up to it."""

    organisation: Annotated[str, msgspec.Meta(max_length=16)]
    device: Annotated[str, msgspec.Meta(max_length=40)]
    sequence: Annotated[int, msgspec.Meta(ge=0)]
    hash: Hash
    at: float
    root: Annotated[bytes, msgspec.Meta(max_length=32)] = b""


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
        TrustError: a record is missing, out of order or was edited; the text names the first such record and says why.
    """
    following = iter(rows)
    for record, stored in following:
        sequence += 1
        digest = record_hash(head, record)
        if record.sequence != sequence or digest != stored:
            raise TrustError(f"The audit chain is broken at record {sequence}: {_why(record, stored, head, sequence, following)}")
        head = digest
    return sequence, head


def _why(record: Record, stored: bytes, head: bytes, sequence: int, following: Iterator[tuple[Record, bytes]]) -> str:
    """What probably happened to the first record that does not fit."""
    later = list(islice(following, LOOK_AHEAD))
    for other, digest in [(record, stored), *later]:
        moved = msgspec.structs.replace(other, sequence=sequence)
        if other.sequence != sequence and record_hash(head, moved) == digest:
            return f"the order was changed: it stands as record {other.sequence} now."
    if record.sequence < sequence:
        return f"record {record.sequence} stands here a second time."
    if any(other.sequence == sequence and record_hash(head, other) == digest for other, digest in later):
        return f"the order was changed: record {record.sequence} stands before it."
    if record.sequence > sequence:
        gone = record.sequence - sequence
        return f"it was deleted (record {record.sequence} came instead)." if gone == 1 else f"{gone} records were deleted here."
    if later and record_hash(stored, later[0][0]) == later[0][1]:
        return f"it was edited after it was written (record {later[0][0].sequence} still continues what it was)."
    return "it was edited after it was written, or it took the place of a record that was taken out."


def sign_checkpoint(key: PrivateKey, checkpoint: Checkpoint) -> bytes:
    """The checkpoint as it travels."""
    data = _ENCODER.encode(checkpoint)
    return _ENCODER.encode(SignedCheckpoint(data, key.sign(CHECKPOINT_CONTEXT + data)))


def read_checkpoint(data: bytes) -> Checkpoint:
    """What a checkpoint says, its signature unseen: for a device that compares with a note of its own.

    Raises:
        TrustError: too large, or not a checkpoint.
    """
    return msgspec.msgpack.decode(_signed(data).checkpoint, type=Checkpoint)


def open_checkpoint(data: bytes, key: PublicKey) -> Checkpoint:
    """Verify a checkpoint with the device's certified session key.

    Raises:
        TrustError: too large, not a checkpoint, or the signature does not hold.
    """
    signed = _signed(data)
    key.verify(signed.signature, CHECKPOINT_CONTEXT + signed.checkpoint)
    return msgspec.msgpack.decode(signed.checkpoint, type=Checkpoint)


def check_continues(old: Checkpoint, new: Checkpoint, proof: Sequence[bytes]) -> None:
    """Whether a later checkpoint of a device continues an earlier one, of which nothing was changed or taken away.

    Raises:
        TrustError: it does not, or the proof does not show it; the text says what that means.
    """
    if (old.organisation, old.device) != (new.organisation, new.device):
        raise TrustError("The two audit checkpoints are of different devices.")
    if not old.root:
        return  # made before checkpoints had a root: there is nothing that a proof could be held against
    since = f"(witnessed {moment(old.at)})"
    if new.sequence < old.sequence:
        raise TrustError(
            f"The audit chain was rolled back or cut short: it had {old.sequence} records {since} and has {new.sequence} now."
        )
    if new.sequence == old.sequence and not hmac.compare_digest(old.hash, new.hash):
        raise TrustError(f"The audit chain was written anew: its record {old.sequence} is another than the one {since}.")
    try:
        check_consistency(old.sequence, old.root, new.sequence, new.root, proof)
    except TrustError as error:
        raise TrustError(
            f"The audit chain was edited, cut short or rolled back before its record {old.sequence} {since}, and written anew "
            f"from there. {error}"
        ) from error


def check_included(record: Record, previous: bytes, proof: Sequence[bytes], checkpoint: Checkpoint) -> None:
    """Whether this record (after the hash `previous`) belongs to the chain of the checkpoint.

    Raises:
        TrustError: it does not; the text names it.
    """
    leaf = leaf_hash(record_hash(previous, record))
    try:
        check_inclusion(leaf, record.sequence - 1, checkpoint.sequence, proof, checkpoint.root)
    except TrustError as error:
        raise TrustError(f"Record {record.sequence} is not the one that the device signed for: it was edited. {error}") from error


def moment(at: float) -> str:
    """Seconds since 1970 as RFC 3339 in UTC; a number that is no time of this era as it is."""
    try:
        return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    except (ValueError, OverflowError, OSError):
        return f"{at!r} s"


def _signed(data: bytes) -> SignedCheckpoint:
    if len(data) > CHECKPOINT_BYTES:
        raise TrustError("The audit checkpoint is larger than one can be: it was not kept.")
    try:
        signed = msgspec.msgpack.decode(data, type=SignedCheckpoint)
        msgspec.msgpack.decode(signed.checkpoint, type=Checkpoint)
    except (ValueError, RecursionError) as error:
        raise TrustError("The audit checkpoint does not decode: it was not kept.") from error
    return signed
