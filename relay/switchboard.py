"""What the relay does with each message of a logged-in link. Which role may send which is settled before (`protocol.link`)."""

import re
from dataclasses import dataclass

from protocol.errors import RefusalReason, Refused
from protocol.limits import LIMITS, Limits
from protocol.link_messages import (
    CodeRedeem,
    ColleaguesOnline,
    ColleaguesQuery,
    DeviceAsk,
    DevicesQuery,
    Done,
    Failed,
    HelpCancel,
    HelpCode,
    HelpRequest,
    LinkMessage,
    MailAck,
    MailSend,
    Role,
    TunnelOffer,
    UploadAsk,
    UploadTicket,
)
from relay.clock import Clock
from relay.codes import Code, CodeBook, CodeLocked, WrongCode
from relay.directory import Directory
from relay.enrolments import ANSWER_KIND, Enrolments
from relay.links import Link, LinkHub
from relay.mailbox import ENROLMENT, SIGNER, Letter, Mailbox, MailboxFull, recipient_of
from relay.metrics import Loss, Metrics, Refusal
from relay.store.database import StoreError
from relay.tickets import UploadTickets
from relay.tunnels import End, TooManyTunnels, TunnelTable

_ENROLMENT = re.compile(rf"{ENROLMENT}[0-9a-f]{{24}}")
_DRAINING = "The relay is stopping; try again in a minute."
# A guest's login is free, so what one login gets is not: whoever needs more codes begins anew, and is counted again.
CODES_OF_A_GUEST = 3
MOST_COLLEAGUES = 500


class TooManyCodes(Refused):
    """A guest has had as many codes as one may."""

    def __init__(self) -> None:
        super().__init__("This guest has asked for as many codes as one may; begin anew.", reason=RefusalReason.LIMIT)


@dataclass(frozen=True, slots=True)
class Switchboard:
    """Requests in, answers onto the link they came from (and offers onto the other end's)."""

    hub: LinkHub
    codes: CodeBook
    tunnels: TunnelTable
    directory: Directory
    mailbox: Mailbox
    enrolments: Enrolments
    uploads: UploadTickets
    metrics: Metrics
    clock: Clock
    limits: Limits = LIMITS

    async def handle(self, link: Link, message: LinkMessage, *, draining: bool = False) -> None:
        """Carry out one request; a refusal becomes `Failed` on the same link."""
        try:
            await self._handle(link, message, draining)
        except Refused as error:
            self._count(error)
            self._fail(link, message, error.reason, str(error))
        except StoreError as error:
            self.metrics.lose(Loss.INTERNAL_ERROR)
            self._fail(link, message, RefusalReason.BUSY, str(error))

    def _fail(self, link: Link, message: LinkMessage, reason: RefusalReason, text: str) -> None:
        request = getattr(message, "request", None)
        if request is not None:
            link.post(Failed(request, reason, text[:200]))

    async def _handle(self, link: Link, message: LinkMessage, draining: bool) -> None:
        match message:
            case HelpRequest() | CodeRedeem() | DeviceAsk() if draining:
                raise Refused(_DRAINING, reason=RefusalReason.SHUTTING_DOWN)
            case HelpRequest():
                self._help(link, message)
            case HelpCancel(request=request):
                if self.codes.cancel(link.organisation, link.peer, request):
                    self.metrics.codes.labels("cancelled").inc()
                    self.hub.mark(link.organisation, link.peer)
                link.post(Done(request))
            case CodeRedeem():
                self._redeem(link, message)
            case DeviceAsk():
                await self._ask(link, message)
            case DevicesQuery():
                link.watching = True
                link.post(await self.directory.page(link.organisation, message))
            case ColleaguesQuery(request=request):
                others = [peer for peer in self.hub.technicians(link.organisation) if peer != link.peer]
                link.post(ColleaguesOnline(request, others[:MOST_COLLEAGUES]))
            case MailSend():
                await self._mail(link, message)
            case MailAck(mail=mail):
                await self.mailbox.acknowledge(link, mail)
            case UploadAsk(request=request):
                ticket = self.uploads.issue(link.organisation, self.clock.now())
                link.post(UploadTicket(request, ticket, self.uploads.seconds))
            case _:
                raise AssertionError(f"{type(message).__name__} passed the link but has no meaning here")

    def _count(self, error: Refused) -> None:
        """Each refusal once, by the name that says most."""
        match error:
            case WrongCode():
                self.metrics.refuse(Refusal.CODE_WRONG)
            case CodeLocked(organisation=True):
                self.metrics.refuse(Refusal.CODE_LOCKED_ORGANISATION)
            case CodeLocked():
                self.metrics.refuse(Refusal.CODE_LOCKED_TECHNICIAN)
            case TooManyTunnels(of=None):
                self.metrics.refuse(Refusal.TUNNELS)
            case TooManyTunnels(of=End.TECHNICIAN):
                self.metrics.refuse(Refusal.TUNNELS_OF_TECHNICIAN)
            case TooManyTunnels():
                self.metrics.refuse(Refusal.TUNNELS_OF_DEVICE)
            case TooManyCodes():
                self.metrics.refuse(Refusal.GUEST_CODES)
            case MailboxFull():
                pass  # by the mailbox, which also has other callers
            case Refused(reason=RefusalReason.SHUTTING_DOWN):
                self.metrics.refuse(Refusal.DRAINING)
            case _:
                self.metrics.refuse(Refusal.REQUEST)

    def _help(self, link: Link, message: HelpRequest) -> None:
        if link.role is Role.GUEST:
            if link.codes >= CODES_OF_A_GUEST:
                raise TooManyCodes
            link.codes += 1
        now, wall = self.clock.now(), self.clock.wall()
        code = self.codes.issue(
            link.organisation,
            link.peer,
            message.request,
            message.text,
            now=now,
            wall=wall,
            tier=message.tier,
            peer=message.peer,
        )
        self.metrics.codes.labels("issued").inc()
        link.post(HelpCode(message.request, code.code, self.limits.code_seconds))
        self.hub.mark(link.organisation, link.peer)

    def _redeem(self, link: Link, message: CodeRedeem) -> None:
        code = self.codes.look(link.organisation, link.peer, message.code, self.clock.now())
        device = self.hub.behind_code(link.organisation, code.device)
        if device is None:
            raise Refused(
                "The code is right, but its device has just lost its connection; ask the user, and try the same code again.",
                reason=RefusalReason.OFFLINE,
            )
        self._offer(link, device, message.request, code)
        self.codes.consume(code)
        self.metrics.codes.labels("redeemed").inc()
        self.hub.mark(link.organisation, code.device)

    async def _ask(self, link: Link, message: DeviceAsk) -> None:
        device = self.hub.device(link.organisation, message.device)
        if device is None:
            if not await self.directory.device(link.organisation, message.device):
                raise Refused(
                    "This relay knows no such device in your organisation; check its id.", reason=RefusalReason.NOT_FOUND
                )
            raise Refused("The device is not connected to the relay now.", reason=RefusalReason.OFFLINE)
        self._offer(link, device, message.request, None)

    def _offer(self, technician: Link, device: Link, request: int, code: Code | None) -> None:
        now = self.clock.now()
        offer = self.tunnels.offer(technician.organisation, technician.peer, device.peer, now)
        by_code = code is not None
        theirs = code.request if code is not None else 0
        seconds = self.limits.ticket_seconds
        device.post(TunnelOffer(theirs, offer.tickets[End.DEVICE], technician.peer, technician.label, by_code, seconds))
        technician.post(TunnelOffer(request, offer.tickets[End.TECHNICIAN], device.peer, device.label, by_code, seconds))

    async def _mail(self, link: Link, message: MailSend) -> None:
        recipient = message.recipient
        if link.role is Role.SIGNER and message.kind == ANSWER_KIND and _ENROLMENT.fullmatch(recipient):
            if not await self.enrolments.answer(link.organisation, recipient, message.body):
                raise Refused("There is no such enrolment any more.", reason=RefusalReason.NOT_FOUND)
        elif recipient != SIGNER and not await self.directory.knows(link.organisation, recipient):
            raise Refused("No peer of this id has ever been here in your organisation.", reason=RefusalReason.NOT_FOUND)
        else:
            await self.mailbox.store(Letter(link.organisation, recipient, recipient_of(link), message.kind, message.body))
        link.post(Done(message.request))
