"""An approver's side of approvals that travel: send what was signed here to the organisation's signer, and see what others have
sent. Blocking. Everything that comes back is judged here before it is shown.
"""

import os
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

import msgspec

from hostio.enrolment import exchange
from hostio.relay_http import RelayHttp
from protocol.approvals import (
    MAX_BODY,
    MAX_PARTS,
    Action,
    ApprovalAnswer,
    Ended,
    Looked,
    judge_answer,
    make_request,
    pack,
    unpack,
)
from protocol.certificates import PrivateKey
from protocol.errors import RefusalReason, Refused, TrustError
from technician_client.organisation.proposals import Judged, digest_of, judge, proposal_of
from technician_client.organisation.record import OrganisationRecord
from technician_client.organisation.repository import Repository
from technician_client.organisation.spool import Spool

WAIT_SECONDS = 60.0
Exchange = Callable[[bytes], bytes]


@dataclass(frozen=True, slots=True)
class Waits:
    """What a look found: a proposal that holds (None: nothing waits), what ended lately, and, where something came that does not
    hold, why."""

    judged: Judged | None
    ended: tuple[Ended, ...]
    problem: str = ""


def through_relay(
    http: RelayHttp,
    record: OrganisationRecord,
    wall: Callable[[], datetime],
    on_progress: Callable[[str], None],
    wait_seconds: float = WAIT_SECONDS,
) -> Exchange:
    """Carries request documents to the signer's mailbox and waits for each answer; raises as `exchange`."""

    def carry(document: bytes) -> bytes:
        return exchange(http, record.organisation, "approval", "", document, wall, wait_seconds, on_progress)

    return carry


class Mailing:
    """Requests of one key holder."""

    def __init__(
        self,
        record: OrganisationRecord,
        repository: Repository,
        carry: Exchange,
        wall: Callable[[], datetime],
        random_bytes: Callable[[int], bytes] = os.urandom,
    ) -> None:
        """Args:
        repository: what is published, up to date (`mirroring.refresh_published`).
        """
        self._record = record
        self._repository = repository
        self._carry = carry
        self._wall = wall
        self._random_bytes = random_bytes

    def look(self, role: str, key: PrivateKey) -> Waits:
        """What waits for signatures of a role.

        Raises:
            Refused: this key does not sign for the role. TrustError: the answer was changed, or answers another question.
            Unavailable: the relay or the signer does not answer.
        """
        answer = self._ask("look", role, key)
        looked = unpack(answer.body, Looked)
        ended = tuple(entry for entry in looked.ended if entry.role == role)
        if looked.proposal is None:
            return Waits(None, ended)
        if looked.proposal.role != role:
            return Waits(None, ended, "What came belongs to another role.")
        try:
            judged = judge(looked.proposal, self._repository, self._wall())
        except TrustError as error:
            return Waits(None, ended, str(error))
        if any(entry.digest == judged.digest for entry in ended):
            return Waits(None, ended, f"Version {judged.version} of {role} was withdrawn or replaced.")
        return Waits(judged, ended)

    def share(self, spool: Spool, role: str, key: PrivateKey) -> int:
        """Send what waits in this computer's spool, with its signatures; how many are still missing.

        Raises:
            Refused: the signer does not take it; the text says why. Others as `look`.
        """
        packed = pack(proposal_of(spool, self._repository, role))
        bodies = [packed[start : start + MAX_BODY] for start in range(0, len(packed), MAX_BODY)]
        assert len(bodies) <= MAX_PARTS
        nonce = self._random_bytes(32)
        said = b""
        for number, body in enumerate(bodies, 1):
            said = self._ask("share", role, key, body=body, nonce=nonce, part=number, parts=len(bodies)).body
        try:
            return msgspec.msgpack.decode(said, type=int)
        except ValueError as error:
            raise TrustError(f"The signer's answer cannot be read: {error}.") from error

    def withdraw(self, role: str, key: PrivateKey, digest: bytes) -> str:
        """Take back a decision that waits and that this key has signed; what the signer says. Raises as `share`."""
        return self._ask("withdraw", role, key, body=digest).text

    def _ask(
        self, action: Action, role: str, key: PrivateKey, *, body: bytes = b"", nonce: bytes = b"", part: int = 1, parts: int = 1
    ) -> ApprovalAnswer:
        document = make_request(
            key,
            action,
            organisation=self._record.organisation,
            role=role,
            at=self._wall().timestamp(),
            nonce=nonce or self._random_bytes(32),
            part=part,
            parts=parts,
            body=body,
        )
        answer = judge_answer(self._carry(document), document=document, root_der=self._record.root, wall=self._wall())
        if answer.outcome == "refused":
            raise Refused(answer.text, reason=RefusalReason.INVALID)
        return answer


def take(spool: Spool, judged: Judged) -> None:
    """Lay a judged proposal into this computer's spool, so that it can be shown and countersigned here."""
    if spool.candidate(judged.role) is not None and digest_of(spool.newest(judged.role)) == judged.digest:
        mine = spool.newest(judged.role).signatures
        for key, signature in mine.items():
            judged.metadata.signatures.setdefault(key, signature)
    spool.put(judged.role, judged.metadata.to_bytes(), judged.targets)
