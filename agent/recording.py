"""What one session leaves behind: records in the audit chain, a signed checkpoint for the technician, a receipt for the user."""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

import msgspec

from agent.audit import Audit, Receipt, moment, save_receipt
from agent.errors import AuditUnavailable
from agent.keys import DeviceKeys
from agent.settings import AgentSettings
from agent.status import StatusBoard
from protocol.certificates import Identity

_LOGGER = logging.getLogger(__name__)
REASON_CHARS = 200


@dataclass(frozen=True, slots=True)
class Leaving:
    """What a session leaves: both go to the technician in its last message; `path` is the text that the user keeps ("": it could
    not be written)."""

    checkpoint: bytes = b""
    receipt: bytes = b""
    path: str = ""


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
        """One record.

        Raises:
            AuditUnavailable: it could not be written; what was to be recorded must not happen.
        """
        try:
            self._audit.record(action, detail, session=self._session, at=self._wall().timestamp())
        except AuditUnavailable as error:
            self._board.set_audit(str(error))
            raise
        self._board.set_audit("")

    def write_anyway(self, action: str, detail: dict[str, str | int | bool]) -> None:
        """A record of something that only takes away: it happens even when it cannot be written down."""
        try:
            self.write(action, detail)
        except AuditUnavailable as error:
            _LOGGER.error("%s", error)

    def close(
        self, identity: Identity, *, tier: int, asked_for: str, unattended: bool, opened_at: float, because: str
    ) -> Leaving:
        """Write the end, and make checkpoint and receipt. A disk that takes nothing costs the receipt, not the end."""
        self.write_anyway("session ended", {"reason": because[:REASON_CHARS]})
        wall = self._wall().timestamp()
        sequence, head = self._audit.head
        keys = self._keys
        checkpoint = self._audit.checkpoint(keys.key, organisation=keys.organisation, device=keys.peer, at=wall)
        try:
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
                records=self._audit.records(self._session),
                audit_sequence=sequence,
                audit_hash=head.hex(),
            )
            path = save_receipt(self._settings.receipts, receipt)
        except AuditUnavailable as error:
            _LOGGER.error("%s", error)
            return Leaving(checkpoint)
        return Leaving(checkpoint, msgspec.json.encode(receipt), str(path))
