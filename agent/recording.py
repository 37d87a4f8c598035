"""What one session leaves behind: records in the audit chain, a signed checkpoint and the proof that the chain only grew for the
technician, a receipt for the user."""

import hashlib
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

import msgspec

from agent.audit import RECEIPT_WRITTEN, Audit, Receipt, receipt_files, save_receipt
from agent.errors import AuditUnavailable
from agent.keys import DeviceKeys
from agent.receipts import ReceiptEvent
from agent.settings import AgentSettings
from agent.status import StatusBoard
from protocol.audit import moment
from protocol.certificates import Identity
from protocol.errors import TrustError

_LOGGER = logging.getLogger(__name__)
REASON_CHARS = 320


@dataclass(frozen=True, slots=True)
class Leaving:
    """What a session leaves: checkpoint, receipt and proof go to the technician in its last message; `path` is the text that the
    user keeps ("": it could not be written)."""

    checkpoint: bytes = b""
    receipt: bytes = b""
    path: str = ""
    proof: Sequence[bytes] = ()


class SessionRecord:
    """Writes the records of one session."""

    def __init__(
        self,
        session: str,
        *,
        audit: Audit,
        board: StatusBoard,
        keys: DeviceKeys,
        settings: AgentSettings,
        wall: Callable[[], datetime],
    ) -> None:
        self._session = session
        self._audit = audit
        self._board = board
        self._keys = keys
        self._settings = settings
        self._wall = wall

    def write(self, action: str, detail: dict[str, str | int | bool]) -> None:
        """One record. The person at this computer is told of it at once: nothing is kept that was not shown.

        Raises:
            AuditUnavailable: it could not be written; what was to be recorded must not happen.
        """
        at = self._wall().timestamp()
        try:
            self._audit.record(action, detail, session=self._session, at=at)
        except AuditUnavailable as error:
            self._board.set_audit(str(error))
            raise
        self._board.set_audit("")
        self._board.note(self._session, ReceiptEvent(at, action, dict(detail)))

    def write_anyway(self, action: str, detail: dict[str, str | int | bool]) -> None:
        """A record of something that only takes away: it happens even when it cannot be written down."""
        try:
            self.write(action, detail)
        except AuditUnavailable as error:
            _LOGGER.error("%s", error)

    def close(
        self,
        identity: Identity,
        *,
        tier: int,
        asked_for: str,
        unattended: bool,
        opened_at: float,
        because: str,
        witness: int = 0,
    ) -> Leaving:
        """Write the end, and make checkpoint, proof and receipt. A disk that takes nothing costs the receipt, not the end.

        Args: witness: how many records the technician says to have seen before.
        """
        if witness > self._audit.head[0]:
            # Theirs to prove; here it is only written down that somebody has seen more of this chain than there is.
            self.write_anyway("audit chain is shorter than its witness says", {"witness": witness})
            witness = 0
        self.write_anyway("session ended", {"reason": because[:REASON_CHARS]})
        wall = self._wall().timestamp()
        sequence, head = self._audit.head
        keys = self._keys
        checkpoint, proof = b"", []
        try:
            checkpoint = self._audit.checkpoint(keys.key, organisation=keys.organisation, device=keys.peer, at=wall)
            proof = self._audit.proof_since(witness)
            records = self._audit.records(self._session)
            receipt = Receipt(
                session=self._session,
                device=keys.label,
                organisation=keys.organisation_name,
                technician=identity.display_name,
                technician_id=identity.peer,
                tier=tier,
                reason=asked_for,
                unattended=unattended,
                opened_at=moment(opened_at),
                ended_at=moment(wall),
                ended_because=because[:REASON_CHARS],
                records=records,
                audit_sequence=sequence,
                audit_hash=head.hex(),
                left_out=self._audit.count(self._session) - len(records),
            )
            path = save_receipt(self._settings.receipts, receipt)
            self._vouch_for(receipt, wall)
        except (AuditUnavailable, TrustError) as error:
            _LOGGER.error("%s", error)
            return Leaving(checkpoint, proof=proof)
        return Leaving(checkpoint, msgspec.json.encode(receipt), str(path), proof)

    def _vouch_for(self, receipt: Receipt, at: float) -> None:
        """Write down what the two files of the receipt are, and sign the chain with that in it. It belongs to no session: the
        session's own records are in the receipt."""
        data, text = (hashlib.sha256(content).hexdigest() for content in receipt_files(receipt))
        self._audit.record(RECEIPT_WRITTEN, {"session": receipt.session, "data": data, "text": text}, at=at)
        keys = self._keys
        self._audit.checkpoint(keys.key, organisation=keys.organisation, device=keys.peer, at=at)


def note_fault(audit: Audit, board: StatusBoard, wall: float) -> None:
    """When the chain does not fit the checkpoint beside it: say so in the chain itself, in the status and in the log. The agent
    goes on, since somebody may need help on this computer; technicians who were here before will see it as well.

    Raises:
        AuditUnavailable: the chain cannot be written.
    """
    fault = audit.fault
    if fault:
        _LOGGER.error("%s", fault)
        audit.record("audit chain does not fit its checkpoint", {"fault": fault}, at=wall)
        board.set_audit(fault)
