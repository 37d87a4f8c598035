"""The signer's side of approvals that travel: it keeps what one approver has signed, hands it to the others, and adds their
signatures, until the publisher takes it. It decides nothing: whatever it is sent is judged by `proposals.judge`.
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import msgspec

from hostio.private_files import read_private, write_private
from protocol.approvals import (
    MAX_PACKED,
    ApprovalRequest,
    Ended,
    How,
    Looked,
    Outcome,
    Proposal,
    decode_request,
    make_answer,
    pack,
    unpack,
)
from protocol.certificates import PrivateKey, PublicKey
from protocol.documents import request_digest
from protocol.errors import RefusalReason, Refused, RemoteProtocolError, TrustError
from technician_client.organisation.proposals import TRAVELLING, Judged, digest_of, judge, key_ids, proposal_of
from technician_client.organisation.record import OrganisationRecord
from technician_client.organisation.repository import Repository
from technician_client.organisation.rotation import tuf_key
from technician_client.organisation.spool import Spool

KEPT_ENDED: Final = 100
OLDEST_SECONDS: Final = 15 * 86400.0
"""The relay forgets mail after fourteen days: an older request was kept by somebody."""
AHEAD_SECONDS: Final = 600.0
OPEN_SHARES: Final = 8
KEPT_ANSWERS: Final = 32
_LEDGER_BYTES = 256 * 1024


class ApprovalDesk:
    """Answers requests about approvals, one at a time. Blocking."""

    def __init__(
        self, record: OrganisationRecord, repository: Repository, spool: Spool, ledger: Path, key: PrivateKey, leaf: bytes
    ) -> None:
        """Args:
        ledger: the file that remembers what ended. key, leaf: the signer's login key and certificate, which sign answers.
        """
        self._record = record
        self._repository = repository
        self._spool = spool
        self._ledger = ledger
        self._key = key
        self._leaf = leaf
        self._open: dict[tuple[bytes, bytes], list[bytes]] = {}
        self._given: dict[bytes, bytes] = {}

    def answer(self, document: bytes, wall: datetime) -> tuple[bytes, str]:
        """Answer a request document.

        Returns:
            The answer, and a line for a person ("": nothing worth telling).

        Raises:
            RemoteProtocolError: the bytes are no such request; there is nobody to answer.
        """
        known = self._given.get(request_digest(document))
        if known is not None:  # mail may come twice, and a part counts once
            return known, ""
        try:
            request = decode_request(document)
            if request.action == "share" and request.part < request.parts:
                self._judge_asker(request, wall)
                self._collect(request)
                return self._say(document, "part", "", wall), ""
            text, body, line = self._act(request, wall)
        except RemoteProtocolError:
            raise
        except (TrustError, Refused) as error:
            return self._say(document, "refused", str(error), wall), f"Refused a request about approvals: {error}"
        return self._say(document, "done", text, wall, body), line

    def _say(self, document: bytes, outcome: Outcome, text: str, wall: datetime, body: bytes = b"") -> bytes:
        answer = make_answer(document, outcome, text, key=self._key, leaf=self._leaf, issued=wall.timestamp(), body=body)
        while len(self._given) >= KEPT_ANSWERS:
            del self._given[next(iter(self._given))]
        self._given[request_digest(document)] = answer
        return answer

    def _judge_asker(self, request: ApprovalRequest, wall: datetime) -> str:
        """The id of the asker's key.

        Raises:
            Refused: it may not sign for the role, or the request is too old. TrustError: for another organisation.
        """
        if request.organisation != self._record.organisation:
            raise TrustError("This request is meant for another organisation.")
        if request.role not in TRAVELLING:
            raise TrustError(f"Decisions about {request.role} are not mailed; its key holders sign where they meet.")
        if not wall.timestamp() - OLDEST_SECONDS <= request.at <= wall.timestamp() + AHEAD_SECONDS:
            made = datetime.fromtimestamp(min(max(request.at, 0.0), 4e9), UTC)
            raise Refused(
                f"The request was made on {made:%Y-%m-%d %H:%M} UTC by its own clock: it is too old, or a clock is wrong.",
                reason=RefusalReason.EXPIRED,
            )
        key = tuf_key(PublicKey.from_spki(request.key)).keyid
        if key not in key_ids(self._repository, request.role):
            raise Refused(
                f"This key does not sign for {request.role} (any more): the organisation's published files do not name it.",
                reason=RefusalReason.NOT_ON_LIST,
            )
        return key

    def _act(self, request: ApprovalRequest, wall: datetime) -> tuple[str, bytes, str]:
        """(text for the asker, body, line for whoever watches the signer)."""
        key = self._judge_asker(request, wall)
        self._drop_expired(request.role, wall)
        if request.action == "look":
            return "", pack(self._looked(request.role)), ""
        if request.action == "withdraw":
            return self._withdraw(request, key, wall)
        packed = self._collect(request)
        proposal = unpack(packed, Proposal)
        if proposal.role != request.role:
            raise TrustError("The request speaks of another role than what it brings.")
        judged = judge(proposal, self._repository, wall)
        if key not in judged.signed:
            raise TrustError("Whoever sends a decision must have signed it.")
        return self._keep(judged, wall)

    def _collect(self, request: ApprovalRequest) -> bytes:
        """Parts come in order, one request after the other; the whole once the last is there (else b"")."""
        name = (request.key, request.nonce)
        if request.part == 1:
            while len(self._open) >= OPEN_SHARES:
                del self._open[next(iter(self._open))]
            self._open[name] = []
        parts = self._open.get(name)
        if parts is None or len(parts) != request.part - 1:
            raise Refused("A part of the decision is missing. Send it again.", reason=RefusalReason.INVALID)
        parts.append(request.body)
        if request.part < request.parts:
            return b""
        del self._open[name]
        packed = b"".join(parts)
        if len(packed) > MAX_PACKED:
            raise Refused("The decision is larger than what is mailed.", reason=RefusalReason.LIMIT)
        return packed

    def _keep(self, judged: Judged, wall: datetime) -> tuple[str, bytes, str]:
        """Lay a proposal into the spool, or add its signatures to the one that waits there."""
        role = judged.role
        for ended in self._ended():
            if ended.digest == judged.digest:
                when = datetime.fromtimestamp(ended.at, UTC)
                raise Refused(
                    f"This decision about {role} was {ended.how} on {when:%Y-%m-%d %H:%M} UTC: it is not taken up again.",
                    reason=RefusalReason.REVOKED,
                )
        metadata, ends = judged.metadata, dict[Path, bytes]()
        if self._spool.candidate(role) is not None:
            waiting = self._spool.newest(role)
            if digest_of(waiting) == judged.digest:
                for key, signature in waiting.signatures.items():
                    metadata.signatures.setdefault(key, signature)
            elif set(waiting.signatures) <= set(judged.signed):
                version = waiting.signed.version
                ends = {self._ledger: self._ending(role, version, digest_of(waiting), "replaced", judged.signed, wall)}
            else:
                who = self._who(sorted(set(waiting.signatures)))
                raise Refused(
                    f"Another decision about {role} waits already, signed by {who}. Countersign it or have it withdrawn first "
                    "(handrail org approvals), then make yours again.",
                    reason=RefusalReason.BUSY,
                )
        self._spool.put(role, metadata.to_bytes(), judged.targets, ends)  # what it replaces ends with it, or neither happens
        missing = self._spool.missing(role)
        who = self._who(sorted(metadata.signatures))
        state = f"{missing} more signature(s) needed" if missing else "it is published now"
        line = f"{role} version {judged.version}, signed by {who}, came by mail: {state}."
        return (state, msgspec.msgpack.encode(missing), line)

    def _withdraw(self, request: ApprovalRequest, key: str, wall: datetime) -> tuple[str, bytes, str]:
        role, data = request.role, self._spool.candidate(request.role)
        waiting = self._spool.newest(role) if data is not None else None
        if data is None or waiting is None or digest_of(waiting) != request.body:
            raise Refused(f"That decision about {role} does not wait (any more).", reason=RefusalReason.NOT_FOUND)
        if key not in waiting.signatures:
            raise Refused("Only who has signed a decision withdraws it.", reason=RefusalReason.NOT_ON_LIST)
        self._end(role, waiting.signed.version, digest_of(waiting), "withdrawn", [key], wall)
        self._spool.taken(role, data)
        text = f"{role} version {waiting.signed.version} was withdrawn"
        return f"{text}.", b"", f"{text} by {self._who([key])}."

    def _looked(self, role: str) -> Looked:
        ended = [entry for entry in self._ended() if entry.role == role][-20:]
        waits = self._spool.candidate(role) is not None
        return Looked(proposal_of(self._spool, self._repository, role) if waits else None, ended)

    def _drop_expired(self, role: str, wall: datetime) -> None:
        data = self._spool.candidate(role)
        if data is None:
            return
        waiting = self._spool.newest(role)
        if waiting.signed.expires.astimezone(UTC) <= wall:
            self._end(role, waiting.signed.version, digest_of(waiting), "expired", sorted(waiting.signatures), wall)
            self._spool.taken(role, data)

    # -- what ended

    def _ended(self) -> list[Ended]:
        try:
            return msgspec.json.decode(read_private(self._ledger, _LEDGER_BYTES, secret=False), type=list[Ended])
        except FileNotFoundError:
            return []
        except (ValueError, RecursionError) as error:
            raise TrustError(f"{self._ledger} is damaged ({error}). Restore it from your backup, or remove it.") from error

    def _end(self, role: str, version: int, digest: bytes, how: How, keys: Sequence[str], wall: datetime) -> None:
        write_private(self._ledger, self._ending(role, version, digest, how, keys, wall))

    def _ending(self, role: str, version: int, digest: bytes, how: How, keys: Sequence[str], wall: datetime) -> bytes:
        """The ledger with one entry more."""
        entry = Ended(role, version, digest, how, self._who(list(keys))[:100], wall.timestamp())
        return msgspec.json.encode([*self._ended(), entry][-KEPT_ENDED:])

    def _who(self, keys: Sequence[str]) -> str:
        return ", ".join(self._record.holders.get(key, key[:8]) for key in keys)
