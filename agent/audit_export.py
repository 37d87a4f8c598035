"""The audit chain for others: exported as a file that they can check; and checked here against everything kept beside it."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import msgspec

from agent.audit import CHECKPOINT_SUFFIX, Audit, Receipt
from agent.errors import AuditUnavailable, NotEnrolled
from agent.keys import DeviceKeys
from protocol.audit import GENESIS, Checkpoint, Record, open_checkpoint, sign_checkpoint
from protocol.audit_export import Header, encode_line, exported
from protocol.errors import TrustError

RECEIPT_BYTES = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Sound:
    """A chain in which nothing was found. `receipts`: how many of the user's receipts agreed with it."""

    records: int
    receipts: int


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
    agreed = 0
    for name, receipt in kept_receipts(receipts):
        fault = audit.held_against(receipt.audit_sequence, bytes.fromhex(receipt.audit_hash), f"the receipt {name}")
        if fault:
            raise TrustError(_where(audit, receipt) or fault)
        now = {record.sequence: record for record in audit.records(receipt.session)}
        if any(now.get(record.sequence) != record for record in receipt.records):
            raise TrustError(
                f"The receipt {name} was changed: it tells of records otherwise than the audit chain, which is whole up to there."
            )
        agreed += 1
    return Sound(count, agreed)


def kept_receipts(directory: Path) -> Iterator[tuple[str, Receipt]]:
    """The user's receipts, oldest first.

    Raises:
        TrustError: one was damaged. AuditUnavailable: one cannot be read.
    """
    try:
        for path in sorted(directory.glob("*.json")):
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
