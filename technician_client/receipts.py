"""The technician as a witness: what the agent said last in each session, its signed checkpoint above all, is kept.

The newest checkpoint of a device is *pinned*: the next one must come with a proof that the chain only grew in between
(`protocol.audit`). A chain that was edited, cut short or rolled back afterwards does not pass.
"""

import base64
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import msgspec

from hostio.private_files import PrivateFileError, read_private, write_private
from protocol.audit import Checkpoint, Record, check_continues, moment, open_checkpoint
from protocol.audit_export import Witness
from protocol.certificates import Identity, PublicKey
from protocol.errors import HandrailError, TrustError
from protocol.session import SessionEnded
from technician_client.verdicts import device_claims

_UNSAFE = re.compile(r"[^A-Za-z0-9_-]+")
_NAME = re.compile(r"^(?P<at>[0-9]{1,12})-[a-z0-9]{1,40}-(?P<session>[A-Za-z0-9_-]{1,40})\.json\Z")
RECEIPT_BYTES = 256 * 1024
FILE_BYTES = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Kept:
    """Where the last words of a session were kept, and what was wrong with them ("" nothing)."""

    path: Path
    fault: str


class LastWords(msgspec.Struct, frozen=True, omit_defaults=True):
    """One file of the receipts' directory. Byte strings are base64 (`proof`: hex). `checkpoint` "" when none was good; `fault` is
    what was wrong. `pinned` is the record up to which an earlier checkpoint was held against this one by `proof`."""

    session: str
    device: str
    label: str
    ended_at: float
    reason: str
    clean: bool
    certificate: str
    receipt: str
    checkpoint: str = ""
    sequence: int = 0
    hash: str = ""
    root: str = ""
    pinned: int = 0
    proof: list[str] = []
    fault: str = ""

    def signed(self) -> Checkpoint | None:
        """The checkpoint, its signature verified again; None when none was kept.

        Raises:
            TrustError: the file was changed.
        """
        if not self.checkpoint:
            return None
        try:
            key = PublicKey.of_certificate(base64.b64decode(self.certificate, validate=True))
            return open_checkpoint(base64.b64decode(self.checkpoint, validate=True), key)
        except ValueError as error:
            raise TrustError(f"The kept checkpoint of session {self.session} does not read: {error}.") from error

    def records(self) -> list[Record]:
        """The records that the receipt repeats; none when it is no receipt."""
        try:
            return msgspec.json.decode(self.receipt, type=_Receipt).records
        except (ValueError, RecursionError):
            return []


class _Receipt(msgspec.Struct):
    records: Annotated[list[Record], msgspec.Meta(max_length=1000)] = []


def keep_last_words(
    directory: Path, identity: Identity, session_id: str, ended: SessionEnded, *, wall: float, pin: Checkpoint | None = None
) -> Kept | None:
    """Write checkpoint and receipt of an ended session to a file of its own; None when the agent sent neither.

    Args:
        wall: seconds since 1970.
        pin: the newest checkpoint of this device when the session began, which the agent was told of.

    Raises:
        PrivateFileError: the file cannot be written.
    """
    if not ended.checkpoint and not ended.receipt:
        return None
    words = LastWords(
        session=session_id,
        device=identity.peer,
        label=device_claims(identity).label,
        ended_at=wall,
        reason=ended.reason,
        clean=ended.clean,
        certificate=base64.b64encode(identity.leaf_der).decode(),
        receipt=ended.receipt[:RECEIPT_BYTES].decode("utf-8", "replace"),
    )
    try:
        checkpoint = open_checkpoint(ended.checkpoint, PublicKey.of_certificate(identity.leaf_der))
        if (checkpoint.organisation, checkpoint.device) != (identity.organisation, identity.peer):
            raise TrustError("The audit checkpoint is of another device: it was not kept.")
        words = msgspec.structs.replace(
            words,
            checkpoint=base64.b64encode(ended.checkpoint).decode(),
            sequence=checkpoint.sequence,
            hash=checkpoint.hash.hex(),
            root=checkpoint.root.hex(),
            pinned=0 if pin is None else pin.sequence,
            proof=[node.hex() for node in ended.proof],
        )
        if pin is not None:
            check_continues(pin, checkpoint, ended.proof)
    except HandrailError as error:
        words = msgspec.structs.replace(words, fault=str(error))
    path = directory / f"{int(wall)}-{identity.peer}-{session_in_name(session_id)}.json"
    write_private(path, msgspec.json.format(msgspec.json.encode(words)))
    return Kept(path, words.fault)


@dataclass(frozen=True, slots=True)
class ReceiptName:
    """What the name of a kept file tells: when the session ended (seconds since 1970), and its id as `session_in_name`."""

    ended_at: float
    session: str


def session_in_name(session: str) -> str:
    """A session's id as it stands in the name of a file."""
    return _UNSAFE.sub("_", session)[:40] or "session"


def receipt_name(path: Path) -> ReceiptName | None:
    """Of a file that `keep_last_words` has written; None: it has another name."""
    found = _NAME.match(path.name)
    return None if found is None else ReceiptName(float(found["at"]), found["session"])


def newest_pin(directory: Path, device: str) -> Checkpoint | None:
    """The checkpoint of a device that covers most records, among those with which nothing was wrong. Files that do not read are
    passed over: `check_kept` names them. Blocking."""
    found: list[LastWords] = []
    for path in sorted(directory.glob(f"*-{_UNSAFE.sub('_', device)}-*.json")):
        try:
            words = read_words(path)
        except (TrustError, PrivateFileError):
            continue
        if not words.fault and words.device == device and words.checkpoint:
            found.append(words)
    # What a file says that its checkpoint covers decides the order only, so that one signature is verified and not all: whoever
    # raises that number brings nothing into force, and whoever lowers it could as well delete the file.
    found.sort(key=lambda words: words.sequence, reverse=True)
    newest: Checkpoint | None = None
    for words in found:
        if newest is not None and newest.sequence >= words.sequence:
            break
        try:
            checkpoint = words.signed()
        except TrustError:
            continue
        if checkpoint is not None and (newest is None or checkpoint.sequence > newest.sequence):
            newest = checkpoint
    return newest


def read_words(path: Path) -> LastWords:
    """One kept file.

    Raises:
        TrustError: it was changed and does not read. PrivateFileError: it cannot be read.
    """
    try:
        return msgspec.json.decode(read_private(path, FILE_BYTES, secret=False), type=LastWords)
    except (ValueError, RecursionError) as error:
        raise TrustError(f"{path} was changed: it does not read ({error}).") from error
    except FileNotFoundError as error:
        raise PrivateFileError(f"{path} is gone.") from error


def kept_words(directory: Path, device: str = "") -> Iterator[tuple[Path, LastWords]]:
    """Every kept file (of one device, by id), oldest first; raises as `read_words`."""
    found = [(path, read_words(path)) for path in directory.glob("*.json")]
    for path, words in sorted(found, key=lambda item: (item[1].ended_at, item[0].name)):
        if not device or words.device == device:
            yield path, words


def witnesses(directory: Path, device: str) -> list[Witness]:
    """What is kept here of a device's chain, for `protocol.audit_export.check`.

    Raises:
        TrustError: a kept file was changed.
    """
    found = []
    for path, words in kept_words(directory, device):
        checkpoint = words.signed()
        if checkpoint is not None:
            name = f"the checkpoint in {path.name}"
            found.append(Witness(name, checkpoint.at, checkpoint.sequence, checkpoint.hash, words.records()))
    return found


def check_kept(directory: Path, device: str) -> list[Checkpoint]:
    """Hold everything that is kept of a device against each other: signatures, proofs, sizes.

    Returns:
        The checkpoints, oldest first.

    Raises:
        TrustError: something does not fit; the text names the first file that does not.
    """
    by_size: dict[int, Checkpoint] = {}
    kept: list[Checkpoint] = []
    for path, words in kept_words(directory, device):
        try:
            checkpoint = words.signed()
            if words.fault:
                raise TrustError(words.fault)
            if checkpoint is None:
                continue
            pin = by_size.get(words.pinned)
            if words.pinned and pin is not None:
                check_continues(pin, checkpoint, [bytes.fromhex(node) for node in words.proof])
            same = by_size.setdefault(checkpoint.sequence, checkpoint)
            check_continues(same, checkpoint, [])
        except (TrustError, ValueError) as error:
            raise TrustError(f"{path.name}, session {words.session} of {moment(words.ended_at)}: {error}") from error
        kept.append(checkpoint)
    return kept
