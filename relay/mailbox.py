"""Documents that wait for a peer until it acknowledges them. The relay cannot tell what they say: they are signed or sealed.

Bounds: per recipient (documents and bytes), per sender, per document, and by age. In flight to one link at a time are at most
`WINDOW`, so that a slow peer is never flooded; what was not acknowledged is delivered again on the next link.
"""

from collections.abc import Callable
from dataclasses import dataclass

from sqlalchemy import delete, func, select

from protocol.errors import RefusalReason, Refused
from protocol.limits import LIMITS, Limits
from protocol.link_messages import MailDeliver
from relay.clock import Clock
from relay.config import Bounds
from relay.links import Link, LinkHub
from relay.metrics import Loss, Metrics, Refusal
from relay.store.database import Database
from relay.store.models import Mail

WINDOW = 16
SIGNER = "signer"
ENROLMENT = "enrolment"


class MailboxFull(Refused):
    """The recipient's or the sender's bound of waiting documents is reached; counted by the mailbox."""

    def __init__(self, text: str) -> None:
        super().__init__(text, reason=RefusalReason.LIMIT)


@dataclass(frozen=True, slots=True)
class Letter:
    """A document on its way: who sends it to whom within one organisation."""

    organisation: str
    recipient: str
    sender: str
    kind: str
    body: bytes


class Mailbox:
    """Stores, delivers, forgets."""

    def __init__(
        self,
        database: Database,
        hub: LinkHub,
        metrics: Metrics,
        clock: Clock,
        random_bytes: Callable[[int], bytes],
        bounds: Bounds,
        limits: Limits = LIMITS,
    ) -> None:
        self._database = database
        self._hub = hub
        self._metrics = metrics
        self._clock = clock
        self._random_bytes = random_bytes
        self._bounds = bounds
        self._limits = limits

    async def store(self, letter: Letter) -> None:
        """Keep a document and deliver it if its recipient is there.

        Raises:
            Refused: LIMIT; nothing was kept.
        """
        if len(letter.body) > self._limits.mailbox_document_bytes:
            self._full(f"A document may have at most {self._limits.mailbox_document_bytes} bytes.")
        async with self._database.writing() as session:
            same = Mail.organisation == letter.organisation
            count, size = (
                await session.execute(
                    select(func.count(), func.coalesce(func.sum(Mail.size), 0)).where(same, Mail.recipient == letter.recipient)
                )
            ).one()
            from_sender = await session.scalar(select(func.count()).where(same, Mail.sender == letter.sender))
            self._check(letter, count, size + len(letter.body), from_sender or 0)
            mail = Mail(
                id=self._random_bytes(16).hex(),
                organisation=letter.organisation,
                recipient=letter.recipient,
                sender=letter.sender,
                kind=letter.kind,
                body=letter.body,
                size=len(letter.body),
                created_at=self._clock.wall(),
            )
            session.add(mail)
        self._metrics.mail.labels("stored").inc()
        await self.deliver(letter.organisation, letter.recipient)

    def _check(self, letter: Letter, count: int, size: int, from_sender: int) -> None:
        to_signer = letter.recipient == SIGNER
        most = self._bounds.mailbox_documents_signer if to_signer else self._limits.mailbox_documents
        if count >= most or size > self._bounds.mailbox_bytes:
            self._full("The mailbox of the recipient is full until it has been online; try again later.")
        if letter.sender != SIGNER and from_sender >= self._bounds.mailbox_documents_per_sender:
            self._full("Too many documents of yours still wait; try again when their recipients have been online.")

    def _full(self, text: str) -> None:
        self._metrics.refuse(Refusal.MAILBOX_FULL)
        raise MailboxFull(text)

    async def deliver(self, organisation: str, recipient: str) -> None:
        """Hand the recipient's oldest link what waits and is not in flight to it already."""
        if self._hub.reader(organisation, recipient) is None:
            return
        async with self._database.reading() as session:
            waiting = list(
                await session.scalars(
                    select(Mail)
                    .where(Mail.organisation == organisation, Mail.recipient == recipient)
                    .order_by(Mail.number)
                    .limit(WINDOW)
                )
            )
        # Looked up again: links come and go while the database answers.
        link = self._hub.reader(organisation, recipient)
        if link is None:
            return
        for mail in waiting:
            if mail.id not in link.in_flight:
                link.in_flight.add(mail.id)
                link.post(MailDeliver(mail.id, mail.sender, mail.kind, mail.body))
                self._metrics.mail.labels("delivered").inc()

    async def acknowledge(self, link: Link, mail: str) -> None:
        """The peer has dealt with a document of its own mailbox; any other id changes nothing."""
        recipient = recipient_of(link)
        link.in_flight.discard(mail)
        async with self._database.writing() as session:
            result = await session.execute(
                delete(Mail)
                .where(Mail.id == mail, Mail.organisation == link.organisation, Mail.recipient == recipient)
                .returning(Mail.number)
            )
            gone = len(result.all())
        if gone:
            self._metrics.mail.labels("acknowledged").inc()
        await self.deliver(link.organisation, recipient)

    async def expire(self) -> int:
        """Forget what is older than the limit; how many."""
        oldest = self._clock.wall() - self._limits.mailbox_seconds
        async with self._database.writing() as session:
            result = await session.execute(delete(Mail).where(Mail.created_at < oldest).returning(Mail.number))
            gone = len(result.all())
        self._metrics.lose(Loss.MAIL_EXPIRED, gone)
        return gone


def recipient_of(link: Link) -> str:
    """The name of a link's own mailbox."""
    return SIGNER if link.role.value == SIGNER else link.peer
