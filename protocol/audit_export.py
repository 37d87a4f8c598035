"""An audit chain, or the records of one session, as a file that somebody else can check.

JSON lines (UTF-8). The first is the `Header`, each other one a `Line`. A *whole* file holds every record of the chain up to the
checkpoint in the header; another one holds some records, each with the hash before it and the proof that it belongs to the
checkpoint's tree. Byte strings are base64 in the header and hex in the lines.

What such a file proves: the device signed for these records. That it did not sign for others before, only a checkpoint that
somebody kept shows; `check` takes those as witnesses. Pure: lines come in, a verdict goes out.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Annotated, Final, Literal

import msgspec

from protocol.audit import GENESIS, Checkpoint, Detail, Record, check_chain, check_included, moment, open_checkpoint, record_hash
from protocol.certificate_profile import load_certificate
from protocol.certificates import Identity, PublicKey, Role
from protocol.certificates import check_chain as check_certificates
from protocol.errors import TrustError
from protocol.merkle import PROOF_HASHES, Frontier, leaf_hash
from protocol.printable import printable

SUFFIX: Final = ".audit"
LINE_BYTES: Final = 64 * 1024
Hex = Annotated[str, msgspec.Meta(pattern=r"^[0-9a-f]{64}\Z")]


class Header(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The first line. `chain` is the device's [leaf, CA] (DER); `checkpoint` the signed one; `session` "" for every record."""

    format: Literal["handrail audit 1"] = "handrail audit 1"
    organisation: Annotated[str, msgspec.Meta(max_length=16)]
    device: Annotated[str, msgspec.Meta(max_length=40)]
    chain: Annotated[list[Annotated[bytes, msgspec.Meta(max_length=4096)]], msgspec.Meta(min_length=2, max_length=2)]
    checkpoint: Annotated[bytes, msgspec.Meta(max_length=4096)]
    whole: bool
    session: Annotated[str, msgspec.Meta(max_length=200)] = ""


class Line(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, omit_defaults=True):
    """One record. `hash` is its own; `previous` and `proof` stand in files that are not whole."""

    sequence: Annotated[int, msgspec.Meta(ge=1, le=2**62)]
    at: float
    session: str
    action: str
    detail: Detail
    hash: Hex
    previous: Hex = ""
    proof: Annotated[list[Hex], msgspec.Meta(max_length=PROOF_HASHES)] = []

    def record(self) -> Record:
        """The record as it stands in the chain."""
        return Record(self.sequence, self.at, self.session, self.action, self.detail)


@dataclass(frozen=True, slots=True)
class Witness:
    """Something that was kept outside of the device: at record `sequence` the chain had `hash`. `records` are those that came
    with it (a receipt's), `name` says what it is, `at` when it was signed (seconds since 1970)."""

    name: str
    at: float
    sequence: int
    hash: bytes
    records: Sequence[Record] = ()


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a file that holds shows. `records`: how many were checked; `agreed`: how many witnesses spoke for it; `newer`: how
    many were made after it and say nothing about it."""

    identity: Identity
    checkpoint: Checkpoint
    whole: bool
    records: int
    agreed: int
    newer: int


_HEADERS: Final = msgspec.json.Decoder(Header)
_LINES: Final = msgspec.json.Decoder(Line)


def encode_line(line: Header | Line) -> bytes:
    """One line, its newline included."""
    return msgspec.json.encode(line) + b"\n"


def exported(record: Record, digest: bytes, previous: bytes = b"", proof: Sequence[bytes] = ()) -> Line:
    """A record as a line."""
    return Line(
        sequence=record.sequence,
        at=record.at,
        session=record.session,
        action=record.action,
        detail=record.detail,
        hash=digest.hex(),
        previous=previous.hex(),
        proof=[node.hex() for node in proof],
    )


def decode_header(line: bytes) -> Header:
    """Read the first line.

    Raises:
        TrustError: this is no such file.
    """
    try:
        if len(line) > LINE_BYTES:
            raise TrustError("This file is no exported audit chain: its first line is too long.")
        return _HEADERS.decode(line)
    except (ValueError, RecursionError) as error:
        raise TrustError(f"This file is no exported audit chain: {error}.") from error


def decode_lines(lines: Iterable[bytes]) -> Iterator[Line]:
    """Read the other lines, one by one.

    Raises:
        TrustError: one does not read; the text says which.
    """
    for number, line in enumerate(lines, 2):
        try:
            if len(line) > LINE_BYTES:
                raise TrustError(f"Line {number} of the file is too long for a record.")
            yield _LINES.decode(line)
        except (ValueError, RecursionError) as error:
            raise TrustError(f"Line {number} of the file is no record: {error}.") from error


def check_header(header: Header, *, root_der: bytes) -> tuple[Identity, Checkpoint]:
    """Whose file this is: certificates lead to the organisation's root, and the checkpoint is signed by that device. Dates are
    not judged: a file may be older than today's certificates.

    Raises:
        TrustError: it is not what it says it is.
    """
    try:
        wall = load_certificate(header.chain[0]).not_valid_before_utc
    except ValueError as error:
        raise TrustError(f"The certificate in the file does not read: {error}.") from error
    identity = check_certificates(header.chain, root_der=root_der, expected=Role.DEVICE, purpose="session", wall=wall)
    checkpoint = open_checkpoint(header.checkpoint, PublicKey.of_certificate(header.chain[0]))
    names = {(identity.organisation, identity.peer), (header.organisation, header.device)}
    if names != {(checkpoint.organisation, checkpoint.device)}:
        raise TrustError("The file, its certificate and its checkpoint name different devices.")
    return identity, checkpoint


def check(lines: Iterable[bytes], *, root_der: bytes, witnesses: Callable[[str], Sequence[Witness]]) -> Verdict:
    """Check a whole file against itself and against what others kept.

    Args:
        lines: with or without their newlines.
        witnesses: those of a device, by peer id.

    Raises:
        TrustError: something does not fit; the text explains the first record that does not.
    """
    following = iter(lines)
    header = decode_header(next(following, b""))
    identity, checkpoint = check_header(header, root_der=root_der)
    kept = sorted(witnesses(identity.peer), key=lambda witness: witness.sequence)
    rest = decode_lines(following)
    count, agreed = _check_whole(rest, checkpoint, kept) if header.whole else _check_some(rest, header, checkpoint, kept)
    newer = sum(witness.sequence > checkpoint.sequence for witness in kept)
    return Verdict(identity, checkpoint, header.whole, count, agreed, newer)


def _check_whole(lines: Iterator[Line], checkpoint: Checkpoint, witnesses: Sequence[Witness]) -> tuple[int, int]:
    tree = Frontier()
    heads = {0: GENESIS}
    wanted = {witness.sequence for witness in witnesses}
    spoken = {record.sequence: (record, witness) for witness in witnesses for record in witness.records}

    differs: list[tuple[Record, Record, Witness]] = []

    def rows() -> Iterator[tuple[Record, bytes]]:
        head, intact = GENESIS, True
        for line in lines:
            record, digest = line.record(), bytes.fromhex(line.hash)
            tree.append(leaf_hash(digest))
            if record.sequence in wanted:
                heads[record.sequence] = digest
            yield record, digest
            # What a receipt says counts only as far as the file goes with itself: else the file itself was edited.
            intact = intact and record_hash(head, record) == digest
            head, told = digest, spoken.get(record.sequence)
            if intact and told is not None and told[0] != record:
                differs.append((record, *told))

    count, head = check_chain(rows())
    if count < checkpoint.sequence:
        raise TrustError(f"The file was cut short: it ends at record {count}, and the device signed for {checkpoint.sequence}.")
    if (count, head, tree.root()) != (checkpoint.sequence, checkpoint.hash, checkpoint.root):
        raise TrustError(f"The {count} records of the file are not the {checkpoint.sequence} that the device signed for.")
    if differs:
        raise TrustError(_difference(*differs[0], heads))
    return count, _check_heads(heads, checkpoint, witnesses)


def _difference(record: Record, told: Record, witness: Witness, heads: dict[int, bytes]) -> str:
    """Why a record is another here than in a receipt: its chain was written anew, or, where that has the hash that the device
    signed for then, the receipt was changed."""
    both = f"There it says: {_words(told)}. Here: {_words(record)}."
    if heads.get(witness.sequence) == witness.hash:
        return (
            f"The receipt beside {witness.name} was changed where it is kept: its record {record.sequence} is not the one "
            f"that the device signed for. {both}"
        )
    return (
        f"Record {record.sequence} is another than the one in {witness.name}: it was edited, and the chain written anew from "
        f"there. {both}"
    )


def _check_heads(heads: dict[int, bytes], checkpoint: Checkpoint, witnesses: Sequence[Witness]) -> int:
    """Hold kept checkpoints against the chain, the oldest first; returns how many agreed."""
    agreed = last = 0
    for witness in witnesses:
        if witness.sequence > checkpoint.sequence:
            if witness.at < checkpoint.at:
                raise TrustError(
                    f"The chain was rolled back or cut short: {witness.name} of {moment(witness.at)} saw record "
                    f"{witness.sequence}, and the device signed for only {checkpoint.sequence} records later, on "
                    f"{moment(checkpoint.at)}."
                )
            continue  # kept after this file was made: it says nothing about it
        if heads.get(witness.sequence) != witness.hash:
            raise TrustError(
                f"The chain was written anew: its record {witness.sequence} is another than the one that {witness.name} of "
                f"{moment(witness.at)} saw. The first record that does not fit is one of {last + 1} to {witness.sequence}."
            )
        agreed, last = agreed + 1, witness.sequence
    return agreed


def _check_some(lines: Iterator[Line], header: Header, checkpoint: Checkpoint, witnesses: Sequence[Witness]) -> tuple[int, int]:
    count, agreed, before = 0, 0, 0
    heads = {witness.sequence: witness for witness in witnesses}
    for line in lines:
        if line.sequence <= before:
            raise TrustError(f"Record {line.sequence} stands after record {before}: the order was changed.")
        if header.session and line.session != header.session:
            raise TrustError(f"Record {line.sequence} belongs to another session than the file says.")
        record, previous = line.record(), bytes.fromhex(line.previous)
        check_included(record, previous, [bytes.fromhex(node) for node in line.proof], checkpoint)
        if record_hash(previous, record).hex() != line.hash:
            raise TrustError(f"Record {line.sequence} does not have the hash that stands beside it: the file was edited.")
        witness = heads.get(line.sequence)
        if witness is not None and witness.hash != record_hash(previous, record):
            raise TrustError(f"Record {line.sequence} is another than the one that {witness.name} of {moment(witness.at)} saw.")
        count, agreed, before = count + 1, agreed + (witness is not None), line.sequence
    return count, agreed


def _words(record: Record) -> str:
    detail = ", ".join(f"{name} {value}" for name, value in sorted(record.detail.items()))
    text = f"{moment(record.at)} {record.action}" + (f" ({detail})" if detail else "")
    return printable(text)[:400]
