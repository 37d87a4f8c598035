"""The audit chain for others: exported as a file that they can check; and checked here against everything kept beside it."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path

import msgspec

from agent.audit import CHECKPOINT_SUFFIX, RECEIPT_WRITTEN, Audit, Receipt, receipt_text
from agent.errors import AuditUnavailable, NotEnrolled
from agent.keys import DeviceKeys
from agent.receipts import RATING
from protocol.audit import GENESIS, Checkpoint, Record, open_checkpoint, sign_checkpoint
from protocol.audit_export import Header, encode_line, exported
from protocol.errors import TrustError
from protocol.printable import printable

RECEIPT_BYTES = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Sound:
    """A chain in which nothing was found. `receipts`: how many of the user's receipts agreed with it; `gone`: how many that were
    written are not here any more, which is the user's to decide."""

    records: int
    receipts: int
    gone: int = 0


def open_chain(path: Path) -> Audit:
    """The chain of this home, for reading.

    Raises:
        NotEnrolled: nothing was ever recorded here. AuditUnavailable: it cannot be read.
    """
    if not path.exists():
        note = path.with_suffix(CHECKPOINT_SUFFIX)
        if note.exists():
            raise TrustError(f"The audit chain {path} was taken away: {note} shows that there was one.")
        raise NotEnrolled(f"There is no audit record {path} yet: no agent has run in this home.")
    return Audit(path, read_only=True)


def verify(audit: Audit, receipts: Path, keys: DeviceKeys | None) -> Sound:
    """Check the chain against itself, the checkpoint beside it, and the receipts that the user keeps.

    Args:
        keys: the device's; None where there is no identity (then the checkpoint's signature is not judged).

    Raises:
        TrustError: the text names the first record that does not fit, and what probably happened.
    """
    count = audit.verify()
    noted = audit.noted_checkpoint()
    if noted is not None and keys is not None and noted.device == keys.peer:  # else it is of an earlier identity of this computer
        open_checkpoint(audit.noted_bytes(), keys.key.public)
    written = {str(record.detail.get("session")): record for record, _ in audit.rows() if record.action == RECEIPT_WRITTEN}
    agreed = 0
    for name, receipt in kept_receipts(receipts):
        fault = audit.held_against(receipt.audit_sequence, bytes.fromhex(receipt.audit_hash), f"the receipt {name}")
        if fault:
            raise TrustError(_where(audit, receipt) or fault)
        now = {record.sequence: record for record in audit.records(receipt.session, limit=-1)}
        if any(now.get(record.sequence) != record for record in receipt.records):
            raise TrustError(
                f"The receipt {name} was changed: it tells of records otherwise than the audit chain, which is whole up to there."
            )
        _check_files(receipts / name, receipt, written.pop(receipt.session, None))
        agreed += 1
    return Sound(count, agreed, len(written))


def _check_files(path: Path, receipt: Receipt, written: Record | None) -> None:
    """Hold a receipt's two files against the record of their writing (None: of a time when there was none).

    Raises:
        TrustError: one of them is another now; the text says what differs. AuditUnavailable: one cannot be read.
    """
    if written is None:
        return
    if _digest(path) not in (None, written.detail.get("data")):
        raise TrustError(f"The receipt {path.name} was changed: it is not the file of which record {written.sequence} tells.")
    text = path.with_suffix(".txt")
    if _digest(text) in (None, written.detail.get("text")):
        return
    with text.open("rb") as file:
        now = file.read(RECEIPT_BYTES).decode("utf-8", "replace").splitlines()
    for number, (line, was) in enumerate(zip_longest(now, receipt_text(receipt).splitlines()), start=1):
        if line != was:
            raise TrustError(_changed_line(text.name, number, line, was))
    raise TrustError(f"The receipt {text.name} was changed: it is not the file of which record {written.sequence} tells.")


def _changed_line(name: str, number: int, line: str | None, was: str | None) -> str:
    """What differs in one line of a receipt; None: there is, or was, no such line."""
    before = "" if was is None else was.strip()
    if line is None:
        return f"The receipt {name} was changed: line {number} is gone, where it said “{before}”."
    now = printable(line.strip())
    if was is None:
        return f"The receipt {name} was changed: line {number} says “{now}”, where nothing stood there."
    return f"The receipt {name} was changed: line {number} says “{now}”, where it said “{before}”."


def _digest(path: Path) -> str | None:
    """SHA-256 of a file as hex digits, None when it is not there."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise AuditUnavailable(f"The receipt {path} cannot be read: {error.strerror or error}.") from error


def kept_receipts(directory: Path) -> Iterator[tuple[str, Receipt]]:
    """The user's receipts, oldest first.

    Raises:
        TrustError: one was damaged. AuditUnavailable: one cannot be read.
    """
    try:
        for path in sorted(path for path in directory.glob("*.json") if not path.name.endswith(RATING)):
            with path.open("rb") as file:
                data = file.read(RECEIPT_BYTES)
            try:
                receipt = msgspec.json.decode(data, type=Receipt)
                bytes.fromhex(receipt.audit_hash)
            except (ValueError, RecursionError) as error:
                raise TrustError(f"The receipt {path} was changed: it does not read ({error}).") from error
            yield path.name, receipt
    except OSError as error:
        raise AuditUnavailable(f"The receipts in {directory} cannot be read: {error.strerror or error}.") from error


def _where(audit: Audit, receipt: Receipt) -> str:
    """Which record of a receipt is another in the chain by now; "" when they are all the same."""
    now = {record.sequence: record for record, _ in audit.rows()}
    for record in receipt.records:
        found = now.get(record.sequence)
        if found is not None and found != record:
            return (
                f"Record {record.sequence} of the audit chain is another than in the receipt of {receipt.opened_at}: it was "
                "edited, and the chain written anew from there."
            )
    return ""


def export(audit: Audit, keys: DeviceKeys, *, session: str, at: float) -> Iterator[bytes]:
    """The lines of an exported file (`protocol.audit_export`): every record, or those of one session with their proofs.

    Args:
        session: "" for every record.
        at: now, seconds since 1970.

    Raises:
        TrustError: the chain does not hold: what does not fit is not signed again.
    """
    audit.verify()
    sequence, head = audit.head
    signed = sign_checkpoint(keys.key, Checkpoint(keys.organisation, keys.peer, sequence, head, at, audit.root))
    yield encode_line(
        Header(
            organisation=keys.organisation,
            device=keys.peer,
            chain=keys.chain,
            checkpoint=signed,
            whole=not session,
            session=session,
        )
    )
    previous = GENESIS
    for record, digest in audit.rows():
        if not session:
            yield encode_line(exported(record, digest))
        elif record.session == session:
            yield encode_line(exported(record, digest, previous, audit.proof_of(record.sequence)))
        previous = digest


def line_of(record: Record) -> str:
    """A record in one line for people; the caller makes it printable."""
    detail = ", ".join(f"{name} {value}" for name, value in sorted(record.detail.items()))
    return f"{record.action}{': ' if detail else ''}{detail}"
